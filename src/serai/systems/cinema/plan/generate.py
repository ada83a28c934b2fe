"""Draws believable auditoriums: the editor's "new plan" and the demo's halls.

Each function is a few numbers in and a complete plan out, with the screen at the top, rows lettered from the front
(without I and O, which read as 1 and 0), seats numbered from the left, and wheelchair places beside an aisle.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, cos, sin

from serai.systems.cinema.plan.model import ROWS_MAX, SEATS_MAX, Area, Category, Plan, Point, Row, Seat, Text, Zone

STANDARD = Category("Standard", "#5b7fd1")
PREMIUM = Category("Premium", "#b8862b")
WHEELCHAIR = Category("Wheelchair", "#2f9e6e")
SOFA = Category("Sofa", "#a8577e")

SEAT_PITCH_PX = 26.0
ROW_PITCH_PX = 32.0
AISLE_PX = 34.0
MARGIN_PX = 60.0
SCREEN_PX = 10.0
SCREEN_GAP_PX = 70.0
PLACE_PITCH_PX = 38.0
"""A wheelchair takes about one and a half seats."""

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"


def row_letter(place: int) -> str:
    """The name of the row at `place`, from 0: A, B, ... Z without I and O, then AA, AB, ..."""
    assert 0 <= place < len(_LETTERS) * (len(_LETTERS) + 1), f"no letters for row {place}"
    tens, ones = divmod(place, len(_LETTERS))
    return (_LETTERS[tens - 1] if tens else "") + _LETTERS[ones]


@dataclass(frozen=True, slots=True)
class _Spot:
    """A seat before it has a key."""

    row: str
    number: int
    category: Category
    x: float
    y: float
    radius: float = 10.0


def classic(name: str = "Classic hall", *, rows: int = 12, seats: int = 18, wheelchairs: int = 2) -> Plan:
    """Straight rows with two aisles, a premium middle from two thirds back, wheelchair places in the last row."""
    assert 3 <= rows <= ROWS_MAX and seats >= 6 and rows * seats <= SEATS_MAX
    wing = seats // 4
    premium = range(ceil(rows * 0.55), rows - 1)
    spots = []
    for place in range(rows):
        y = _row_y(place)
        for number in range(1, seats + 1):
            middle = wing < number <= seats - wing
            if place == rows - 1 and _gives_way(number, wing, wheelchairs):
                continue
            category = PREMIUM if place in premium and middle else STANDARD
            aisles = (number > wing) + (number > seats - wing)
            spots.append(
                _Spot(row_letter(place), number, category, (number - 1) * SEAT_PITCH_PX + aisles * AISLE_PX, y)
            )
    spots += _places(wheelchairs, row_letter(rows - 1), (wing - 1) * SEAT_PITCH_PX, _row_y(rows - 1))
    return _plan(name, spots)


def _gives_way(number: int, wing: int, wheelchairs: int) -> bool:
    """Whether this seat of the last row's left wing makes room for wheelchair places."""
    return wheelchairs > 0 and number <= wing


def _places(count: int, row: str, end: float, y: float) -> list[_Spot]:
    """Wheelchair places up to an aisle at `end`, numbered W1.. from the left by taking negative numbers."""
    first = end - (count - 1) * PLACE_PITCH_PX
    return [
        _Spot(row, -place, WHEELCHAIR, first + (place - 1) * PLACE_PITCH_PX, y, 13.0) for place in range(1, count + 1)
    ]


def stadium(
    name: str = "Grand hall", *, rows: int = 14, first: int = 18, growth: int = 1, wheelchairs: int = 4
) -> Plan:
    """Curved rows that grow towards the back, cut by two radial aisles; wheelchair places in a row of their own."""
    assert 4 <= rows < ROWS_MAX and first >= 8
    near = first * SEAT_PITCH_PX * 1.4
    spots = []
    for place in range(rows):
        count = first + growth * place
        spots += _arc(row_letter(place), count, near + place * ROW_PITCH_PX, _stadium_category(place, rows))
    back = near + rows * ROW_PITCH_PX + 8
    spots += [
        _Spot(row_letter(rows), -number, WHEELCHAIR, (number - (wheelchairs + 1) / 2) * PLACE_PITCH_PX, back, 13.0)
        for number in range(1, wheelchairs + 1)
    ]
    assert len(spots) <= SEATS_MAX, f"{len(spots)} seats; the limit is {SEATS_MAX}"
    return _plan(name, spots)


def _stadium_category(place: int, rows: int) -> Category:
    return PREMIUM if rows * 0.5 <= place < rows * 0.8 else STANDARD


def _arc(row: str, count: int, radius: float, category: Category) -> list[_Spot]:
    """One curved row around a point before the screen, left to right, with two aisles."""
    step = SEAT_PITCH_PX / radius
    aisle = AISLE_PX / radius
    wing = count // 4
    spots = []
    for number in range(1, count + 1):
        aisles = (number > wing) + (number > count - wing) - 1
        angle = (number - (count + 1) / 2) * step + aisles * aisle
        outer = category if wing < number <= count - wing else STANDARD
        spots.append(_Spot(row, number, outer, radius * sin(angle), radius * cos(angle)))
    return spots


def studio(name: str = "Studio", *, rows: int = 5, sofas: int = 5, wheelchairs: int = 1) -> Plan:
    """A small house of two-seat sofas, with armchair-like gaps between them and a wheelchair place in front."""
    assert 2 <= rows <= 24 and 2 <= sofas <= 20
    spots = []
    for place in range(rows):
        # Every other row is shifted by half a sofa, so that people look between the heads before them.
        shift = (SEAT_PITCH_PX + AISLE_PX) / 2 * (place % 2)
        for number in range(1, 2 * sofas + 1):
            sofa = (number - 1) // 2
            x = shift + (number - 1) * SEAT_PITCH_PX + sofa * AISLE_PX * 0.8
            spots.append(_Spot(row_letter(place + 1), number, SOFA, x, _row_y(place + 1) + place * 8))
    spots += _places(wheelchairs, "A", (wheelchairs - 1) * PLACE_PITCH_PX, _row_y(0))
    return _plan(name, spots)


def _row_y(place: int) -> float:
    return place * ROW_PITCH_PX


def _plan(name: str, spots: Iterable[_Spot]) -> Plan:
    """Moves the spots into the page, names the seats, and adds the screen and the category list."""
    listed = list(spots)
    left, top = min(spot.x for spot in listed), min(spot.y for spot in listed)
    width = max(spot.x for spot in listed) - left
    shift = Point(MARGIN_PX - left, MARGIN_PX + SCREEN_GAP_PX - top)
    rows: dict[str, list[_Spot]] = {}
    for spot in listed:
        rows.setdefault(spot.row, []).append(spot)
    made: list[Row] = []
    key = 0
    for label, members in sorted(rows.items(), key=lambda item: min(spot.y for spot in item[1])):
        ordered = sorted(members, key=lambda spot: spot.x)
        made.append(
            Row(label, tuple(_seat(key + n, spot, shift) for n, spot in enumerate(ordered, 1)), number_position="both")
        )
        key += len(ordered)
    used = {spot.category.name for spot in listed}
    categories = tuple(category for category in (STANDARD, PREMIUM, SOFA, WHEELCHAIR) if category.name in used)
    height = max(spot.y for spot in listed) - top + 2 * MARGIN_PX + SCREEN_GAP_PX
    zone = Zone("Auditorium", tuple(made), (_screen(width),), zone_id="auditorium")
    return Plan(name, categories, (zone,), ceil(width + 2 * MARGIN_PX), ceil(height))


def _seat(key: int, spot: _Spot, shift: Point) -> Seat:
    number = str(spot.number) if spot.number > 0 else f"W{-spot.number}"
    return Seat(
        key=key,
        guid=f"{spot.row}-{number}",
        row=spot.row,
        number=number,
        category=spot.category.name,
        x=round(spot.x + shift.x, 3),
        y=round(spot.y + shift.y, 3),
        radius=spot.radius,
    )


def _screen(width: float) -> Area:
    """A thin bar as wide as the seats, with its word."""
    words = Text("SCREEN", Point(round(width / 2, 3), -10.0), "#6b7280", 14)
    return Area(
        "rectangle",
        Point(MARGIN_PX, MARGIN_PX - 20),
        color="#d1d5db",
        border_color="#9ca3af",
        extent=Point(round(width, 3), SCREEN_PX),
        text=words,
    )
