"""How goods move: every kind of movement as a row of a table, and its lines, which sum to zero by construction.

A leg takes goods from one place to another, so it is two lines, one of each sign: nothing can be made or lost, it can
only be somewhere. Legs of one product between the same places are summed first, so two lines of one SKU are judged
together.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from serai.systems.stock.model import NO_BATCH, QUANTITY_MAX, REAL, LevelKey, Place

LEGS_MAX = 1_000
"""Legs of one movement: more than a request has lines, since a line may be taken from several batches."""


class Kind(StrEnum):
    """Why goods move."""

    RECEIVE = "receive"
    SELL = "sell"
    RETURN = "return"
    TRANSFER = "transfer"
    DISPATCH = "dispatch"
    ARRIVE = "arrive"
    LOSE = "lose"
    ADJUST = "adjust"
    COUNT = "count"
    SCRAP = "scrap"
    CORRECT = "correct"


Places = frozenset[Place]

_TRANSIT: Places = frozenset({Place.IN_TRANSIT})
_ADJUSTMENT: Places = frozenset({Place.ADJUSTMENT})

ROUTES: Mapping[Kind, tuple[Places, Places]] = {
    Kind.RECEIVE: (frozenset({Place.SUPPLIER}), REAL),
    Kind.SELL: (REAL, frozenset({Place.CUSTOMER})),
    Kind.RETURN: (frozenset({Place.CUSTOMER}), REAL),
    Kind.TRANSFER: (REAL, REAL),
    Kind.DISPATCH: (REAL, _TRANSIT),
    Kind.ARRIVE: (_TRANSIT, REAL),
    Kind.LOSE: (_TRANSIT, _ADJUSTMENT),
    Kind.ADJUST: (_ADJUSTMENT, REAL),
    Kind.COUNT: (_ADJUSTMENT, REAL),
    Kind.SCRAP: (REAL, frozenset({Place.SCRAP})),
}
"""From where to where each kind leads. A correction leads wherever the movement that it takes back came from."""

SIGNED = frozenset({Kind.ADJUST, Kind.COUNT})
"""Kinds whose quantity may be negative: less was found than was written down."""

BY_HAND = frozenset({Kind.RECEIVE, Kind.SELL, Kind.RETURN, Kind.TRANSFER, Kind.ADJUST, Kind.SCRAP})
"""Kinds that people post as such. The others are steps of a transfer or a stock-take, or take something back."""

CORRECTABLE = BY_HAND
"""What may be taken back by itself; the rest is put right by the flow it belongs to."""


def leads(kind: Kind, source: Place, target: Place) -> bool:
    """Whether a movement of this kind may go from one kind of place to another."""
    sources, targets = ROUTES[kind]
    return source in sources and target in targets


@dataclass(frozen=True, slots=True)
class Leg:
    """So much of a product, or of one batch of it, from one place to another, by their numbers."""

    product_no: int
    batch_no: int
    from_no: int
    to_no: int
    quantity: int
    cost_minor: int | None = None
    """Of all of it, where it was bought."""
    serials: tuple[str, ...] = ()

    def reversed(self) -> "Leg":
        """The way back."""
        return replace(self, from_no=self.to_no, to_no=self.from_no)


@dataclass(frozen=True, slots=True)
class Posting:
    """A movement to be written: its legs and why."""

    movement_id: UUID
    kind: Kind
    legs: tuple[Leg, ...]
    actor: str
    reason: str = ""
    reference: str = ""
    at: datetime | None = None
    """When it happened; None: now."""
    corrects: UUID | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One side of a leg: a change of one level. `level` is what was on hand after it, where there are levels."""

    key: LevelKey
    quantity: int
    cost_minor: int | None = None
    serials: tuple[str, ...] = ()
    level: int | None = None


def summed(legs: Iterable[Leg]) -> tuple[Leg, ...]:
    """Legs of one product and batch between the same places as one; their order is that of the first of each."""
    found: dict[tuple[int, int, int, int], Leg] = {}
    for leg in legs:
        key = (leg.product_no, leg.batch_no, leg.from_no, leg.to_no)
        was = found.get(key)
        found[key] = leg if was is None else _together(was, leg)
    return tuple(leg for leg in found.values() if leg.quantity)


def _together(one: Leg, other: Leg) -> Leg:
    costs = [leg.cost_minor for leg in (one, other) if leg.cost_minor is not None]
    return replace(
        one,
        quantity=one.quantity + other.quantity,
        cost_minor=sum(costs) if costs else None,
        serials=one.serials + other.serials,
    )


def lines_of(legs: Sequence[Leg]) -> tuple[Line, ...]:
    """Two lines a leg, in order. They sum to zero for each product and batch."""
    assert 1 <= len(legs) <= LEGS_MAX, f"{len(legs)} legs"
    lines: list[Line] = []
    for leg in legs:
        assert leg.quantity != 0 and abs(leg.quantity) <= QUANTITY_MAX, f"a leg of {leg.quantity}"
        assert leg.from_no != leg.to_no, f"a leg from {leg.from_no} to itself"
        cost = leg.cost_minor
        lines.append(Line(LevelKey(leg.from_no, leg.product_no, leg.batch_no), -leg.quantity, cost, leg.serials))
        lines.append(Line(LevelKey(leg.to_no, leg.product_no, leg.batch_no), leg.quantity, cost, leg.serials))
    assert conserves(lines), "lines of a movement sum to zero"
    return tuple(lines)


def conserves(lines: Iterable[Line]) -> bool:
    """Whether the lines only move things: each product and batch sums to zero."""
    sums: dict[tuple[int, int], int] = {}
    for line in lines:
        of = (line.key.product_no, line.key.batch_no)
        sums[of] = sums.get(of, 0) + line.quantity
    return not any(sums.values())


def deltas_of(movements: Iterable[Sequence[Line]], with_levels: Iterable[int]) -> dict[LevelKey, int]:
    """What all these lines together change at each level of the locations that have levels; 0 stays in."""
    counted = frozenset(with_levels)
    deltas: dict[LevelKey, int] = {}
    for lines in movements:
        for line in lines:
            if line.key.location_no in counted:
                deltas[line.key] = deltas.get(line.key, 0) + line.quantity
    return deltas


def with_levels(movements: Sequence[Sequence[Line]], after: Mapping[LevelKey, int]) -> list[tuple[Line, ...]]:
    """The lines, each told what was on hand after it, from what was on hand after all of them."""
    running = dict(after)
    told: list[tuple[Line, ...]] = []
    for lines in reversed(movements):
        back: list[Line] = []
        for line in reversed(lines):
            level = running.get(line.key)
            back.append(replace(line, level=level))
            if level is not None:
                running[line.key] = level - line.quantity
        told.append(tuple(reversed(back)))
    return told[::-1]


def bases(keys: Iterable[LevelKey]) -> set[LevelKey]:
    """The level of the product itself beside each level of a batch: locked with it, so that sums are of one moment."""
    return {LevelKey(key.location_no, key.product_no) for key in keys if key.batch_no != NO_BATCH}
