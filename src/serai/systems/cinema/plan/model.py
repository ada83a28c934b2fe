"""The words of a seating plan, and which seats are neighbours.

A plan is a value: once a show has been made from it, it never changes; an edit makes another plan. So the key of a
seat (its place in document order, 1..n) may name a row in the database for ever, and two seats can never swap names.
Coordinates are absolute pixels, x to the right and y away from the screen, whatever nesting the document used.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from math import hypot
from statistics import median_low

SEATS_MAX = 5_000
ROWS_MAX = 500
ZONES_MAX = 50
AREAS_MAX = 500
CATEGORIES_MAX = 50
POINTS_MAX = 200
TEXT_CHARS_MAX = 190
"""The longest name, label or seat id; pretix stores seat ids in 190 characters."""
COORDINATE_PX_MAX = 100_000

SEAT_RADIUS_PX = 10.0
TEXT_SIZE_PX = 16.0
AISLE_PITCHES = 1.5
"""A gap of more than this many usual seat distances is an aisle: nobody sits together across it."""
ROW_GAPS_MIN = 3
"""A row with fewer gaps than this cannot tell an aisle by itself and asks the zone for the usual distance."""

_ACCESSIBLE_WORDS = ("wheelchair", "accessible", "rollstuhl", "fauteuil roulant", "silla de ruedas", "車椅子", "♿")


@dataclass(frozen=True, slots=True)
class Point:
    """A position in pixels."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Category:
    """A price level. Prices belong to the show; the plan knows only the name and the colour (CSS, or empty)."""

    name: str
    color: str = ""

    @property
    def accessible(self) -> bool:
        """Whether its places are for wheelchairs: its name says so, since the document has no field for it."""
        return is_accessible(self.name)


def is_accessible(category: str) -> bool:
    """Whether the category's name marks wheelchair places. The mark survives a round trip through other editors."""
    folded = category.casefold()
    return any(word in folded for word in _ACCESSIBLE_WORDS)


@dataclass(frozen=True, slots=True)
class Seat:
    """One place that can be sold. `key` is dense, 1..n in document order; `guid` is the document's own unique id."""

    key: int
    guid: str
    row: str
    number: str
    category: str
    x: float
    y: float
    radius: float = SEAT_RADIUS_PX
    start_direction: str | None = None
    uuid: str | None = None

    @property
    def accessible(self) -> bool:
        """Whether it is a wheelchair place."""
        return is_accessible(self.category)


@dataclass(frozen=True, slots=True)
class Row:
    """Seats side by side, in order from one end to the other. `origin` is where the document anchors the row."""

    label: str
    seats: tuple[Seat, ...]
    origin: Point = field(default_factory=lambda: Point(0, 0))
    number_position: str | None = None
    """Where the row's label is drawn: 'start', 'end', 'both' or nowhere."""
    spoken: str | None = None
    """The row's name in sentences ('Row %s'); pretix calls it row_label."""
    seat_spoken: str | None = None
    """A seat's name in sentences ('Sofa %s'); pretix calls it seat_label."""
    uuid: str | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """Words drawn inside an area; the position is relative to the area."""

    text: str
    position: Point
    color: str = ""
    size: float = TEXT_SIZE_PX


@dataclass(frozen=True, slots=True)
class Area:
    """Something drawn that nobody sits on: the screen, a bar, a door. Its shape uses only the measures that fit it."""

    shape: str | None
    position: Point
    color: str = ""
    border_color: str = ""
    rotation: float = 0
    extent: Point | None = None
    """Width and height of a rectangle, the two radii of an ellipse, or twice the radius of a circle."""
    points: tuple[Point, ...] = ()
    text: Text | None = None
    uuid: str | None = None


@dataclass(frozen=True, slots=True)
class Zone:
    """A part of the hall, such as the stalls or a balcony."""

    name: str
    rows: tuple[Row, ...]
    areas: tuple[Area, ...] = ()
    origin: Point = field(default_factory=lambda: Point(0, 0))
    zone_id: str | None = None
    uuid: str | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """Neighbouring seats between two aisles or row ends, in order. Blocks of rows n and n+1 of a zone are adjacent."""

    zone: int
    row: int
    keys: tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """A whole hall. Its seats carry the keys 1..n in document order."""

    name: str
    categories: tuple[Category, ...]
    zones: tuple[Zone, ...]
    width: int
    height: int

    def __post_init__(self) -> None:
        assert [seat.key for seat in self.seats] == list(range(1, len(self.seats) + 1)), "seat keys are not dense"
        assert len(self.seats) <= SEATS_MAX, f"{len(self.seats)} seats; the limit is {SEATS_MAX}"

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """Every row, in document order."""
        return tuple(row for zone in self.zones for row in zone.rows)

    @cached_property
    def seats(self) -> tuple[Seat, ...]:
        """Every seat; the seat with key k stands at index k - 1."""
        return tuple(seat for row in self.rows for seat in row.seats)

    def seat(self, key: int) -> Seat:
        """The seat with that key, which must be one of the plan's."""
        assert 1 <= key <= len(self.seats), f"no seat {key} in a plan of {len(self.seats)}"
        return self.seats[key - 1]

    @cached_property
    def by_guid(self) -> dict[str, Seat]:
        """Seats by the document's id, to carry something from one version of a plan to the next."""
        return {seat.guid: seat for seat in self.seats}

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """Every run of neighbours, cut at aisles; each seat is in exactly one."""
        found = []
        row_no = 0
        for zone_no, zone in enumerate(self.zones):
            pitch = _usual(gap for row in zone.rows for gap in _gaps(row))
            for row in zone.rows:
                found += [Block(zone_no, row_no, keys) for keys in _cut(row, pitch)]
                row_no += 1
        assert sum(len(block.keys) for block in found) == len(self.seats)
        return tuple(found)


def _gaps(row: Row) -> list[float]:
    """Distances between consecutive seats."""
    return [hypot(b.x - a.x, b.y - a.y) for a, b in zip(row.seats, row.seats[1:], strict=False)]


def _usual(gaps: Iterable[float]) -> float:
    """The distance of two ordinary neighbours: the lower median, so that many aisles do not become the norm."""
    listed = sorted(gaps)
    return median_low(listed) if listed else 0.0


def _cut(row: Row, zone_pitch: float) -> list[tuple[int, ...]]:
    """The row's keys, cut at aisles."""
    gaps = _gaps(row)
    pitch = _usual(gaps) if len(gaps) >= ROW_GAPS_MIN else zone_pitch
    pieces: list[list[int]] = []
    for place, seat in enumerate(row.seats):
        if place == 0 or gaps[place - 1] > pitch * AISLE_PITCHES:
            pieces.append([])
        pieces[-1].append(seat.key)
    return [tuple(piece) for piece in pieces]
