"""What can go wrong with a claim.

Conflict
├── UnitsTaken        units_taken         somebody else has at least one of the units
├── NotEnough         not_enough_left     a counter has no room for so many, or a pool no such number of free units
├── PoolNotOpen       pool_not_open       units cannot be drawn before the pool is full
├── CounterTooSmall   counter_too_small   more is held and sold already than the new size
├── ClaimLost         claim_lost          a unit of this claim went to another buyer after it expired
├── ClaimExpired      claim_expired       the hold's time is over
├── ClaimPending      claim_pending       a provider has not answered for all of it yet
├── TooManyPayments   too_many_payments   this hold has tried too many payments
└── IllegalMove       illegal_claim_move  (mechanisms/allocation)
TooMany
└── TooManyClaims     too_many_claims     this holder has reached its limit of holds
NotFound
├── NoSuchClaim       claim_not_found
├── NoSuchUnits       units_not_found
└── NoSuchCounters    counters_not_found
"""

from collections.abc import Sequence

from serai.kernel.errors import Conflict, NotFound, TooMany
from serai.systems.allocation.model import CounterAsk, UnitRef


class UnitsTaken(Conflict):
    """Somebody else has at least one of the units."""

    code = "units_taken"
    title = "Already taken"

    def __init__(self, units: Sequence[UnitRef]) -> None:
        super().__init__(f"{len(units)} of the units asked for are taken; choose others.")
        self.units = tuple(units)


class NotEnough(Conflict):
    """A counter has no room for so many, or a pool has no such number of free units."""

    code = "not_enough_left"
    title = "Not enough left"

    def __init__(self, pool_no: int, key: int | None, asked: int, left: int, short: Sequence[CounterAsk] = ()) -> None:
        super().__init__(f"{asked} were asked for and {max(left, 0)} are left; ask for fewer.")
        self.pool_no = pool_no
        self.key = key
        """The counter's; None where units were drawn from the pool."""
        self.asked = asked
        self.left = max(left, 0)
        self.short = tuple(short)
        """All counters that have no room; an expired claim may be in the way."""


class PoolNotOpen(Conflict):
    """Units cannot be drawn from a pool before it is full."""

    code = "pool_not_open"
    title = "The pool is not open yet"


class CounterTooSmall(Conflict):
    """More is held and sold already than the new size."""

    code = "counter_too_small"
    title = "Too many are taken for this size"


class ClaimLost(Conflict):
    """A unit of this claim went to another buyer after the claim had expired."""

    code = "claim_lost"
    title = "The hold was lost"


class ClaimExpired(Conflict):
    """The hold's time is over."""

    code = "claim_expired"
    title = "The hold has expired"


class ClaimPending(Conflict):
    """A provider has not answered for all of the claim yet."""

    code = "claim_pending"
    title = "Not settled yet"
    retryable = True


class TooManyPayments(Conflict):
    """This hold has tried too many payments."""

    code = "too_many_payments"
    title = "Too many payment attempts"


class TooManyClaims(TooMany):
    """This holder has reached its limit of holds."""

    code = "too_many_claims"
    title = "Too many holds"


class NoSuchClaim(NotFound):
    """No claim has this id, or the secret in it is wrong."""

    code = "claim_not_found"


class NoSuchUnits(NotFound):
    """Some of the units asked for do not exist."""

    code = "units_not_found"

    def __init__(self, units: Sequence[UnitRef]) -> None:
        super().__init__(f"{len(units)} of the units asked for do not exist.")
        self.units = tuple(units)


class NoSuchCounters(NotFound):
    """Some of the counters asked for do not exist."""

    code = "counters_not_found"

    def __init__(self, counters: Sequence[CounterAsk]) -> None:
        super().__init__(f"{len(counters)} of the counters asked for do not exist.")
        self.counters = tuple(counters)
