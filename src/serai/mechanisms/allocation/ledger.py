"""The ledger: replaying its lines from the first rebuilds every unit exactly.

It prevents quiet drift: a unit that changed without a line, or a line without its change, shows up as a difference
between what the lines say and what the table holds.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from serai.mechanisms.allocation.claims import UnitState

UnitKey = tuple[int, int]
"""(pool_no, key)."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One sellable thing as a row shows it."""

    state: UnitState
    claim_id: UUID | None = None
    expires_at: datetime | None = None


FREE = Unit(UnitState.FREE)


@dataclass(frozen=True, slots=True)
class Line:
    """One ledger line: these units of one pool became this."""

    entry_no: int
    move: str
    pool_no: int
    keys: tuple[int, ...]
    after: Unit


@dataclass(frozen=True, slots=True)
class Difference:
    """The first place where the table and its ledger disagree."""

    pool_no: int
    key: int
    in_table: Unit | None
    in_ledger: Unit | None

    def __str__(self) -> str:
        here, there = _say(self.in_table), _say(self.in_ledger)
        return f"pool {self.pool_no}, unit {self.key}: the table has {here}, the ledger {there}"


def _say(unit: Unit | None) -> str:
    if unit is None:
        return "no such unit"
    parts = [unit.state.value]
    if unit.claim_id:
        parts.append(f"by claim {unit.claim_id}")
    if unit.expires_at:
        parts.append(f"until {unit.expires_at.isoformat()}")
    return " ".join(parts)


def replay(lines: Iterable[Line]) -> dict[UnitKey, Unit]:
    """The units as the lines leave them. Lines come in the order of entry_no, which is drawn under the units' locks."""
    units: dict[UnitKey, Unit] = {}
    last_no = 0
    for line in lines:
        assert line.entry_no > last_no, f"line {line.entry_no} comes after {last_no}"
        last_no = line.entry_no
        for key in line.keys:
            units[line.pool_no, key] = line.after
    return units


def differences(table: Mapping[UnitKey, Unit], ledger: Mapping[UnitKey, Unit]) -> Iterator[Difference]:
    """Every unit on which the two disagree, in the order of pools and keys."""
    for pool_no, key in sorted(table.keys() | ledger.keys()):
        here, there = table.get((pool_no, key)), ledger.get((pool_no, key))
        if here != there:
            yield Difference(pool_no, key, here, there)
