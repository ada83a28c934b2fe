"""Sets and counters that have converged, and those that have not."""

from itertools import combinations

import pytest
from tests.simulation.checkers.histories import LOST, REFUSED, at_once, in_turn, op

from serai.simulation.chance import Seeded
from serai.simulation.checkers.convergence import (
    Add,
    Increment,
    Remove,
    check_counter,
    check_set,
    possible_counts,
)
from serai.simulation.history import Operation
from serai.simulation.violations import Violation

REMOVED_AFTER = in_turn((Add(1), None), (Remove(1), True))
REMOVED_UNSEEN = in_turn((Add(1), None), (Remove(1), False))
REMOVED_BEFORE = in_turn((Remove(1), True), (Add(1), None))
BESIDE = at_once((Add(1), None), (Remove(1), True))
ADDED_AGAIN = in_turn((Add(1), None), (Remove(1), True), (Add(1), None))


@pytest.mark.parametrize(
    ("history", "final"),
    [
        (in_turn((Add(1), None), (Add(2), None)), {1, 2}),
        ([op(Add(1), 0, 0, LOST)], {1}),
        ([op(Add(1), 0, 0, LOST)], set()),
        ([op(Add(1), 0, 1, REFUSED)], set()),
        (REMOVED_AFTER, set()),
        (REMOVED_UNSEEN, {1}),
        (BESIDE, set()),
        (ADDED_AGAIN, {1}),
        ([op(Add(1), 0, 1), op(Remove(1), 2, 2, LOST)], set()),
        ([op(Add(1), 0, 1), op(Remove(1), 2, 2, LOST)], {1}),
        ([op(Add(1), 0, 1), op(Remove(1), 2, 3, REFUSED)], {1}),
    ],
)
def test_sets_that_are_explained(history: list[Operation], final: set[int]) -> None:
    check_set(history, {"a": final, "b": set(final)})


@pytest.mark.parametrize(
    ("history", "final", "words"),
    [
        (in_turn((Add(1), None), (Add(2), None)), {2}, "a has lost 1"),
        ([op(Add(1), 0, 1, REFUSED)], {1}, "a holds 1: never added"),
        ([], {5}, "a holds 5"),
        (REMOVED_AFTER, {1}, "a holds 1"),
        (REMOVED_UNSEEN, set(), "a has lost 1"),
        (REMOVED_BEFORE, set(), "a has lost 1"),
        (ADDED_AGAIN, set(), "a has lost 1"),
        ([op(Add(1), 0, 1), op(Remove(1), 2, 3, REFUSED)], set(), "a has lost 1"),
    ],
)
def test_sets_that_are_not(history: list[Operation], final: set[int], words: str) -> None:
    with pytest.raises(Violation, match=words) as raised:
        check_set(history, {"a": final})
    assert raised.value.kind == "set"


def test_replicas_must_be_equal() -> None:
    history = [op(Add(number), 0, 0, LOST) for number in range(30)]
    with pytest.raises(Violation, match=r"a and c differ: only the one holds nothing, only the other 7"):
        check_set(history, {"a": {1}, "b": {1}, "c": {1, 7}})
    with pytest.raises(Violation, match=r"0, 1, 10, 11, 12, 13, 14, 15, 16, 17 and 20 more"):
        check_set(history, {"a": set(), "b": set(range(30))})
    with pytest.raises(Violation, match="a and b differ: 1 and 2"):
        check_counter([], {"a": 1, "b": 2})
    with pytest.raises(AssertionError, match="no replica"):
        check_set([], {})


COUNTS = [op(Increment(5), 0, 1), op(Increment(-2), 2, 2, LOST), op(Increment(9), 3, 4, REFUSED)]


@pytest.mark.parametrize("final", [5, 3])
def test_counters_that_are_explained(final: int) -> None:
    check_counter(COUNTS, {"a": final, "b": final})


@pytest.mark.parametrize("final", [0, 4, 12, 14])
def test_counters_that_are_not(final: int) -> None:
    with pytest.raises(Violation, match=f"a counts {final}; .* make 3 to 5"):
        check_counter(COUNTS, {"a": final})


def test_possible_counts_are_all_sums() -> None:
    chance = Seeded("counts")
    for _ in range(100):
        history = [
            op(Increment(chance.below(9) - 4), number, number + 1, chance.pick((None, LOST, REFUSED)))
            for number in range(6)
        ]
        sure = sum(one.call.by for one in history if one.outcome.value == "ok")  # type: ignore[attr-defined]
        open_ = [one.call.by for one in history if one.outcome.value == "unknown"]  # type: ignore[attr-defined]
        sums = {sure + sum(chosen) for count in range(len(open_) + 1) for chosen in combinations(open_, count)}
        assert possible_counts(history) == sums
