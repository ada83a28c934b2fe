"""What can go wrong with a claim.

Conflict
├── UnitsTaken        units_taken         somebody else has at least one of the units
├── ClaimLost         claim_lost          a unit of this claim went to another buyer after it expired
├── ClaimExpired      claim_expired       the hold's time is over
├── TooManyPayments   too_many_payments   this hold has tried too many payments
└── IllegalMove       illegal_claim_move  (mechanisms/allocation)
TooMany
└── TooManyClaims     too_many_claims     this holder has reached its limit of holds
NotFound
├── NoSuchClaim       claim_not_found
└── NoSuchUnits       units_not_found
"""

from collections.abc import Sequence

from serai.kernel.errors import Conflict, NotFound, TooMany
from serai.systems.allocation.model import UnitRef


class UnitsTaken(Conflict):
    """Somebody else has at least one of the units."""

    code = "units_taken"
    title = "Already taken"

    def __init__(self, units: Sequence[UnitRef]) -> None:
        super().__init__(f"{len(units)} of the units asked for are taken; choose others.")
        self.units = tuple(units)


class ClaimLost(Conflict):
    """A unit of this claim went to another buyer after the claim had expired."""

    code = "claim_lost"
    title = "The hold was lost"


class ClaimExpired(Conflict):
    """The hold's time is over."""

    code = "claim_expired"
    title = "The hold has expired"


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
