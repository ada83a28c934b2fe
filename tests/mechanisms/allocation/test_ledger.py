"""Replaying the ledger gives the last word about each row, and every disagreement is named."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serai.mechanisms.allocation.claims import UnitState
from serai.mechanisms.allocation.ledger import FREE, Bucket, Content, Difference, Line, Place, Unit, differences, replay

CLAIM = UUID(int=7)
AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
HELD = Unit(UnitState.HELD, CLAIM, AT)

UNIT_LINES = st.tuples(st.lists(st.integers(0, 5), min_size=1, max_size=4, unique=True), st.sampled_from([FREE, HELD]))
BUCKET_LINES = st.tuples(st.integers(0, 3), st.builds(Bucket, st.integers(0, 9)))


@given(st.lists(st.one_of(UNIT_LINES, BUCKET_LINES), max_size=30))
def test_replay_is_the_last_line_of_each_row(drawn: list[tuple[list[int] | int, Content]]) -> None:
    lines = []
    for number, (where, after) in enumerate(drawn, start=1):
        places = tuple(Place(1, key) for key in where) if isinstance(where, list) else (Place(1, 9, where),)
        lines.append(Line(number, "move", places, after))
    rows = replay(lines)
    for place in {place for line in lines for place in line.places}:
        assert rows[place] == next(line.after for line in reversed(lines) if place in line.places)
    assert not list(differences(rows, rows))


def test_lines_of_one_row_out_of_order_are_refused() -> None:
    line = Line(2, "hold", (Place(1, 1),), HELD)
    with pytest.raises(AssertionError, match="line 1 comes after 2"):
        replay([line, Line(1, "create", (Place(1, 1),), FREE)])


def test_a_unit_is_no_bucket() -> None:
    with pytest.raises(AssertionError, match="at pool 1, unit 1"):
        replay([Line(1, "create", (Place(1, 1),), Bucket(3))])


def test_differences_come_in_order_and_read_like_a_sentence() -> None:
    seat, other, hall = Place(1, 4), Place(1, 5), Place(2, 1, 3)
    found = list(differences({hall: Bucket(5, 1, 2, 1), seat: HELD}, {hall: Bucket(5), other: FREE, seat: FREE}))
    assert [str(difference) for difference in found] == [
        f"pool 1, unit 4: the table has held by claim {CLAIM} until 2026-11-24T12:00:00+00:00, the ledger free",
        "pool 1, unit 5: the table has no such row, the ledger free",
        "pool 2, counter 1, bucket 3: the table has 2 held and 1 sold of 5+1, the ledger 0 held and 0 sold of 5+0",
    ]
    assert found[1] == Difference(other, None, FREE)


def test_room_is_what_is_left() -> None:
    assert Bucket(capacity=10, overbook=2, held=3, sold=4).room == 5
