"""Room over buckets: beside a twin that hands it out one by one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serai.mechanisms.allocation.spread import TooSmall, overbooked, spread

TAKEN = st.lists(st.integers(0, 40), min_size=1, max_size=12)


def naive(total: int, taken: list[int]) -> tuple[int, ...]:
    """One place at a time, to the bucket with the least free room; the first of equals."""
    rooms = list(taken)
    for _ in range(total - sum(taken)):
        free = [room - used for room, used in zip(rooms, taken, strict=True)]
        rooms[free.index(min(free))] += 1
    return tuple(rooms)


@given(TAKEN, st.integers(0, 200))
def test_spread_is_its_naive_twin(taken: list[int], free: int) -> None:
    assert spread(sum(taken) + free, taken) == naive(sum(taken) + free, taken)


@given(TAKEN, st.integers(1, 40))
def test_what_is_taken_cannot_be_shrunk_away(taken: list[int], less: int) -> None:
    with pytest.raises(TooSmall, match=f"{sum(taken)} are taken"):
        spread(sum(taken) - less, taken)


@given(TAKEN, st.data())
def test_overbooking_is_a_part_of_the_room(rooms: list[int], data: st.DataObject) -> None:
    overbook = data.draw(st.integers(0, sum(rooms)))
    parts = overbooked(rooms, overbook)
    assert sum(parts) == overbook
    assert all(0 <= part <= room for part, room in zip(parts, rooms, strict=True))


def test_no_overbooking_beyond_the_room() -> None:
    with pytest.raises(AssertionError, match="7 of 6"):
        overbooked([3, 3], 7)
