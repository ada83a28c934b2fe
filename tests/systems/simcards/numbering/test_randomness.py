"""The tests of chance pass fair numbers and fail a seller in order; their p-values are p-values."""

from random import Random as Seeded

import pytest

from serai.systems.simcards.numbering import randomness
from serai.systems.simcards.numbering.randomness import (
    ALARM,
    SAMPLE_MIN,
    binomial_tail,
    chi_square_tail,
    in_order,
    judge,
)

SIZE = 7_919_900


def fair(seed: int, count: int = 1000) -> list[int]:
    return Seeded(seed).sample(range(SIZE), count)


def test_fair_numbers_pass() -> None:
    assert [test.name for test in judge(fair(1), SIZE) if not test.passed] == []


def test_p_values_of_fair_numbers_are_uniform() -> None:
    outcomes = [judge(fair(seed, SAMPLE_MIN), SIZE) for seed in range(200)]
    for number in range(3):  # the game's wins are counts: its p-value is coarse, and an upper bound
        low = sum(tests[number].p < 0.1 for tests in outcomes)
        assert 6 <= low <= 38, outcomes[0][number].name
    assert sum(not tests[3].passed for tests in outcomes) <= 2


def test_a_seller_in_order_loses() -> None:
    failed = {test.name: test.p for test in judge(in_order(1000, SIZE), SIZE) if not test.passed}
    assert failed.keys() == {"chi-square of places", "serial correlation", "next-number game"}
    assert max(failed.values()) < 1e-12


@pytest.mark.parametrize(
    ("numbers", "name"),
    [
        ([place // 10 * 10 for place in fair(2)], "chi-square of last digits"),
        ([place // 2 for place in fair(3)], "chi-square of places"),
        ([(7 * SIZE // 64 * turn) % SIZE for turn in range(1000)], "next-number game"),
        (sorted(fair(4)), "serial correlation"),
    ],
)
def test_each_test_can_fail(numbers: list[int], name: str) -> None:
    assert name in {test.name for test in judge(numbers, SIZE) if test.p < ALARM}


def test_tails_are_those_of_the_tables() -> None:
    # Abramowitz and Stegun, table 26.8: chi-square with p = 0.05 and 0.001.
    for value, freedom, p in ((16.919, 9, 0.05), (27.877, 9, 0.001), (82.529, 63, 0.05), (103.442, 63, 0.001)):
        assert chi_square_tail(value, freedom) == pytest.approx(p, rel=1e-3)
    assert chi_square_tail(0, 9) == 1.0
    assert binomial_tail(0, 10, 0.5) == 1.0
    assert binomial_tail(10, 10, 0.5) == pytest.approx(0.5**10)
    assert binomial_tail(6, 10, 0.5) == pytest.approx(386 / 1024)


def test_the_report_says_what_was_measured() -> None:
    document = [test.json() for test in judge(fair(5), SIZE)]
    assert [*document[0]] == ["name", "statistic", "p", "passed", "said"]
    assert "luck alone names 16" in randomness.game(fair(5), SIZE).said
