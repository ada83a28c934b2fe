"""Generated halls look like halls: nobody sits on another, everyone is on the page, names are unique."""

from collections import Counter
from math import hypot

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serai.systems.cinema.plan import Plan, classic, stadium, studio
from serai.systems.cinema.plan.generate import row_letter

HALLS = [
    classic(),
    stadium(),
    studio(),
    classic(rows=3, seats=6),
    stadium(rows=4, first=8, growth=0),
    studio(rows=2, sofas=2),
]


@pytest.mark.parametrize("plan", HALLS, ids=lambda plan: f"{plan.name} {len(plan.seats)}")
def test_seats_do_not_overlap_and_lie_on_the_page(plan: Plan) -> None:
    for one in plan.seats:
        assert one.radius <= one.x <= plan.width - one.radius
        assert one.radius <= one.y <= plan.height - one.radius
        others = (other for other in plan.seats if other.key > one.key)
        assert all(hypot(one.x - other.x, one.y - other.y) >= one.radius + other.radius for other in others)


@pytest.mark.parametrize("plan", HALLS, ids=lambda plan: f"{plan.name} {len(plan.seats)}")
def test_every_seat_has_its_own_name(plan: Plan) -> None:
    assert max(Counter((seat.row, seat.number) for seat in plan.seats).values()) == 1
    assert len(plan.by_guid) == len(plan.seats)
    assert {seat.category for seat in plan.seats} == {category.name for category in plan.categories}


def test_halls_have_aisles_and_wheelchair_places() -> None:
    for plan, most in ((classic(), 12), (stadium(), 20), (studio(), 2)):
        assert any(seat.accessible for seat in plan.seats)
        assert 1 < max(len(block.keys) for block in plan.blocks) <= most


def test_rows_are_lettered_without_look_alikes() -> None:
    names = [row_letter(place) for place in range(100)]
    assert names[:10] == ["A", "B", "C", "D", "E", "F", "G", "H", "J", "K"]
    assert names[23:26] == ["Z", "AA", "AB"]
    assert len(set(names)) == 100


@given(rows=st.integers(3, 30), seats=st.integers(6, 40), wheelchairs=st.integers(0, 3))
def test_any_classic_hall_is_a_plan(rows: int, seats: int, wheelchairs: int) -> None:
    plan = classic(rows=rows, seats=seats, wheelchairs=wheelchairs)
    assert sum(seat.accessible for seat in plan.seats) == wheelchairs
    assert len(plan.rows) == rows
