"""The ledger: replaying its lines from the first rebuilds every unit and every counter exactly.

It prevents quiet drift: a row that changed without a line, or a line without its change, shows up as a difference
between what the lines say and what the tables hold. A line says what a row became, and its number is drawn while that
row is locked; so the last line of a row must be the row.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from serai.mechanisms.allocation.claims import UnitState


@dataclass(frozen=True, slots=True)
class Unit:
    """One sellable thing as a row shows it."""

    state: UnitState
    claim_id: UUID | None = None
    expires_at: datetime | None = None

    def __str__(self) -> str:
        parts = [self.state.value]
        if self.claim_id:
            parts.append(f"by claim {self.claim_id}")
        if self.expires_at:
            parts.append(f"until {self.expires_at.isoformat()}")
        return " ".join(parts)


FREE = Unit(UnitState.FREE)


@dataclass(frozen=True, slots=True)
class Bucket:
    """One bucket of a counter as a row shows it."""

    capacity: int
    overbook: int = 0
    held: int = 0
    sold: int = 0

    @property
    def room(self) -> int:
        """What can still be taken."""
        return self.capacity + self.overbook - self.held - self.sold

    def __str__(self) -> str:
        return f"{self.held} held and {self.sold} sold of {self.capacity}+{self.overbook}"


@dataclass(frozen=True, slots=True)
class Remote:
    """An external line as a row shows it; no state: no such row."""

    state: str | None
    remote_ref: str | None = None
    ends_at: datetime | None = None

    def __str__(self) -> str:
        if self.state is None:
            return "no such row"
        ends = f" until {self.ends_at.isoformat()}" if self.ends_at else ""
        return f"{self.state}{ends}, there {self.remote_ref or 'unnamed'}"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Which row: a unit, or one bucket of a counter (`bucket` is -1 for a unit)."""

    pool_no: int
    key: int
    bucket: int = -1

    def __str__(self) -> str:
        what = f"unit {self.key}" if self.bucket < 0 else f"counter {self.key}, bucket {self.bucket}"
        return f"pool {self.pool_no}, {what}"


Content: TypeAlias = Unit | Bucket
"""What stands in a place."""


@dataclass(frozen=True, slots=True)
class Line:
    """One ledger line: these rows became this."""

    entry_no: int
    move: str
    places: tuple[Place, ...]
    after: Content


@dataclass(frozen=True, slots=True)
class Difference:
    """A place where the table and its ledger disagree."""

    place: Place | str
    """Which row; of an external line its name in words."""
    in_table: Content | Remote | None
    in_ledger: Content | Remote | None

    def __str__(self) -> str:
        here, there = self.in_table or "no such row", self.in_ledger or "no such row"
        return f"{self.place}: the table has {here}, the ledger {there}"


def replay(lines: Iterable[Line]) -> dict[Place, Content]:
    """The rows as the lines leave them. Lines of one row come in the order of entry_no."""
    rows: dict[Place, Content] = {}
    last_no: dict[Place, int] = {}
    for line in lines:
        for place in line.places:
            assert line.entry_no > last_no.get(place, 0), f"line {line.entry_no} comes after {last_no[place]}"
            assert isinstance(line.after, Bucket) == (place.bucket >= 0), f"{line.after} at {place}"
            last_no[place] = line.entry_no
            rows[place] = line.after
    return rows


def differences(table: Mapping[Place, Content], ledger: Mapping[Place, Content]) -> Iterator[Difference]:
    """Every place on which the two disagree, in the order of pools, keys and buckets."""
    for place in sorted(table.keys() | ledger.keys()):
        here, there = table.get(place), ledger.get(place)
        if here != there:
            yield Difference(place, here, there)
