"""Seats have dense keys and neighbours end at aisles."""

from hypothesis import given
from hypothesis import strategies as st

from serai.systems.cinema.plan import Category, Plan, Row, Seat, Zone


def row_plan(*rows: list[float]) -> Plan:
    """A one-zone plan with seats at these x positions."""
    made, key = [], 0
    for place, xs in enumerate(rows):
        label = chr(65 + place)
        seats = [Seat(key + n, f"{label}-{n}", label, str(n), "Standard", x, place * 30.0) for n, x in enumerate(xs, 1)]
        made.append(Row(label, tuple(seats)))
        key += len(xs)
    return Plan("Hall", (Category("Standard"),), (Zone("Stalls", tuple(made)),), 500, 500)


def lengths(plan: Plan) -> list[int]:
    return [len(block.keys) for block in plan.blocks]


def test_a_row_without_a_wide_gap_is_one_block() -> None:
    assert lengths(row_plan([0, 25, 50, 75])) == [4]


def test_a_wide_gap_is_an_aisle() -> None:
    assert lengths(row_plan([0, 25, 50, 110, 135])) == [3, 2]


def test_sofas_stay_pairs_although_every_second_gap_is_wide() -> None:
    assert lengths(row_plan([0, 25, 75, 100, 150, 175])) == [2, 2, 2]


def test_a_short_row_asks_its_zone_what_an_aisle_is() -> None:
    assert lengths(row_plan([0, 25, 50, 75], [0, 300])) == [4, 1, 1]


def test_a_row_with_its_own_wider_pitch_has_no_aisle() -> None:
    assert lengths(row_plan([0, 25, 50, 75, 100], [0, 60, 120, 180])) == [5, 4]


@given(st.lists(st.lists(st.integers(1, 200), max_size=12), min_size=1, max_size=8))
def test_blocks_hold_every_seat_once_in_order(steps: list[list[int]]) -> None:
    plan = row_plan(*[[float(sum(row[: n + 1])) for n in range(len(row))] for row in steps])
    assert [key for block in plan.blocks for key in block.keys] == [seat.key for seat in plan.seats]
    assert all(plan.seat(seat.key) is seat and plan.by_guid[seat.guid] is seat for seat in plan.seats)


def test_a_category_says_by_its_name_that_it_is_accessible() -> None:
    assert Category("Wheelchair places").accessible
    assert Category("ROLLSTUHLPLATZ").accessible
    assert not Category("Premium").accessible
