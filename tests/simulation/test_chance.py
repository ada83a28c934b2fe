"""Chance is the same on every Python, uniform, and split into streams that do not disturb each other."""

from collections import Counter
from hashlib import shake_128

import pytest

from serai.simulation.chance import Seeded


def test_the_words_are_those_of_the_standard() -> None:
    block = shake_128(b"7#0").digest(8 * 512)
    chance = Seeded(7)
    assert [chance.word() for _ in range(2)] == [
        int.from_bytes(block[-8:], "little"),
        int.from_bytes(block[-16:-8], "little"),
    ]


def test_a_seed_means_the_same_everywhere() -> None:
    """Written down once; a change here changes the meaning of every seed that anybody has noted."""
    chance = Seeded(1)
    drawn = (chance.word(), chance.unit(), chance.below(10), chance.below(10**30), chance.token(5).hex())
    assert drawn == PINNED
    assert chance.shuffled(range(6)) == PINNED_ORDER


PINNED = (7434922432054306062, 0.5682730910029428, 3, 412264042696416489623052008254, "a0b2e98342")
PINNED_ORDER = [5, 3, 4, 0, 2, 1]


def test_a_split_stream_depends_on_its_name_alone() -> None:
    used, fresh = Seeded(3), Seeded(3)
    used.word()
    assert used.split("a").word() == fresh.split("a").word()
    assert fresh.split("a").word() != fresh.split("b").word()


def test_numbers_are_uniform() -> None:
    chance = Seeded("uniform")
    counts = Counter(chance.below(7) for _ in range(14_000))
    assert counts.keys() == set(range(7))
    assert all(1_800 < count < 2_200 for count in counts.values())
    values = [chance.unit() for _ in range(10_000)]
    assert 0 <= min(values) < 0.001
    assert 0.999 < max(values) < 1
    orders = Counter(tuple(chance.shuffled("abc")) for _ in range(6_000))
    assert len(orders) == 6
    assert all(850 < count < 1_150 for count in orders.values())


def test_a_wide_bound_is_drawn_from_enough_bits() -> None:
    chance = Seeded(5)
    values = [chance.below(1 << 200) for _ in range(200)]
    assert max(values).bit_length() > 195
    assert len({value % 1000 for value in values}) > 150


def test_a_share_of_nothing_draws_nothing() -> None:
    one, other = Seeded(9), Seeded(9)
    assert not any(one.happens(0.0) for _ in range(10))
    assert one.word() == other.word()
    assert all(one.happens(1.0) for _ in range(100))


@pytest.mark.parametrize("bound", [0, -1])
def test_an_empty_range_is_refused(bound: int) -> None:
    with pytest.raises(AssertionError, match="no integer"):
        Seeded(1).below(bound)
