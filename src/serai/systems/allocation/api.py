"""What other systems may use of allocation. Write methods take the caller's transaction and never open their own."""

from serai.mechanisms.allocation.claims import ClaimState, IllegalMove, UnitState
from serai.systems.allocation.errors import (
    ClaimExpired,
    ClaimLost,
    NoSuchClaim,
    NoSuchUnits,
    TooManyClaims,
    TooManyPayments,
    UnitsTaken,
)
from serai.systems.allocation.model import HOLD_S_MAX, LINES_MAX, Ask, Claim, PoolView, UnitRef
from serai.systems.allocation.service import Allocation
from serai.systems.allocation.store import free_counts, pool_versions, pool_views

__all__ = [
    "HOLD_S_MAX",
    "LINES_MAX",
    "Allocation",
    "Ask",
    "Claim",
    "ClaimExpired",
    "ClaimLost",
    "ClaimState",
    "IllegalMove",
    "NoSuchClaim",
    "NoSuchUnits",
    "PoolView",
    "TooManyClaims",
    "TooManyPayments",
    "UnitRef",
    "UnitState",
    "UnitsTaken",
    "free_counts",
    "pool_versions",
    "pool_views",
]
