"""The words of allocation: what is asked, what is promised, what a claim looks like."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from serai.kernel.ids import Capability
from serai.mechanisms.allocation.claims import ClaimState, UnitState

HOLD_S_MIN = 1
HOLD_S_MAX = 3600
"""A hold lives between one second and one hour."""

LINES_MAX = 200
"""Units that one claim may have."""

PAYMENTS_MAX = 10
"""Payment attempts that one hold may make: each may prolong it a little, so there must be an end."""

DECLINE_GRACE_S = 60
"""What is left at least of a hold after a declined payment, to try another card."""

NOWAIT_TRIES_MAX = 3
"""How often a claim that met a locked but free unit is tried again."""


@dataclass(frozen=True, slots=True)
class UnitRef:
    """One unit: its pool and its key in it."""

    pool_no: int
    key: int


@dataclass(frozen=True, slots=True)
class Ask:
    """A claim to be made: all of these units or none."""

    capability: Capability
    owner: str
    holder: str
    units: Sequence[UnitRef]
    ttl_s: int
    terms: Mapping[str, Any]
    holder_max: int | None = None
    """Most live claims of this holder; None: no limit."""
    actor: str = ""

    def __post_init__(self) -> None:
        assert 1 <= len(self.units) <= LINES_MAX, f"{len(self.units)} units"
        assert len(set(self.units)) == len(self.units), "a unit is asked for twice"
        assert HOLD_S_MIN <= self.ttl_s <= HOLD_S_MAX, f"a hold of {self.ttl_s} s"


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim as the table has it. `terms` is its owner's."""

    claim_id: UUID
    key: bytes
    owner: str
    holder: str
    state: ClaimState
    version: int
    expires_at: datetime
    payments: int
    age_s: float
    """Since it was made; like `expired`, by the database's clock, when it was read."""
    terms: dict[str, Any]
    expired: bool
    units: tuple[UnitRef, ...] = field(default=())

    @property
    def capability(self) -> Capability:
        """What its holder shows."""
        return Capability(self.claim_id, self.key)


@dataclass(frozen=True, slots=True)
class PoolView:
    """A pool's units at one moment: `version` belongs to exactly these states. Expired holds show as free."""

    pool_no: int
    version: int
    states: Mapping[int, UnitState]
