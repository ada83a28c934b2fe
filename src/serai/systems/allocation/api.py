"""What other systems may use of allocation. Write methods take the caller's transaction and never open their own."""

from serai.mechanisms.allocation.claims import ClaimState, IllegalMove, UnitState
from serai.mechanisms.allocation.ledger import Bucket, Difference
from serai.systems.allocation.errors import (
    ClaimExpired,
    ClaimLost,
    CounterTooSmall,
    NoSuchClaim,
    NoSuchCounters,
    NoSuchUnits,
    NotEnough,
    TooManyClaims,
    TooManyPayments,
    UnitsTaken,
)
from serai.systems.allocation.model import (
    HOLD_S_MAX,
    LINES_MAX,
    Ask,
    Breach,
    CapacityMove,
    Claim,
    CounterAsk,
    CounterPlan,
    CounterRef,
    DrawAsk,
    PoolView,
    UnitRef,
)
from serai.systems.allocation.service import Allocation
from serai.systems.allocation.store.capacity import counters_between, counters_of
from serai.systems.allocation.store.views import (
    free_counts,
    lock_pool,
    pool_versions,
    pool_views,
    sold_units,
    state_counts,
)

__all__ = [
    "HOLD_S_MAX",
    "LINES_MAX",
    "Allocation",
    "Ask",
    "Breach",
    "Bucket",
    "CapacityMove",
    "Claim",
    "ClaimExpired",
    "ClaimLost",
    "ClaimState",
    "CounterAsk",
    "CounterPlan",
    "CounterRef",
    "CounterTooSmall",
    "Difference",
    "DrawAsk",
    "IllegalMove",
    "NoSuchClaim",
    "NoSuchCounters",
    "NoSuchUnits",
    "NotEnough",
    "PoolView",
    "TooManyClaims",
    "TooManyPayments",
    "UnitRef",
    "UnitState",
    "UnitsTaken",
    "counters_between",
    "counters_of",
    "free_counts",
    "lock_pool",
    "pool_versions",
    "pool_views",
    "sold_units",
    "state_counts",
]
