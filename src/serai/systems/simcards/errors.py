"""What can go wrong in the shop of numbers.

NotFound
├── NoSuchPool          pool_not_found
├── NoSuchNumber        number_not_found
├── NoSuchNumberHold    number_hold_not_found
├── NoSuchSale          sale_not_found
├── NoSuchCandidate     candidate_not_found
└── NoSuchPorting       porting_not_found
Conflict
├── Exhausted           exhausted                 the pool has no number left
├── NumberTaken         number_taken              somebody else was faster
├── NumberHoldExpired   number_hold_expired
├── SaleNotOpen         sale_not_open             it does not wait for a payment
├── NotReturnable       not_returnable
├── CardTaken           card_taken                the card or the number is paired already
├── PoolsOverlap        pools_overlap             a number would be in two pools
├── PortingExists       porting_exists            the number is being ported already
├── IllegalNumberMove   illegal_number_move       (numbering/states)
└── IllegalPortingMove  illegal_porting_move      (porting)
TooMany
└── QuotaUsed           quota_used                shown enough numbers for today
Unavailable
└── SaleUnsettled       sale_unsettled            the capture is on its way
"""

from serai.kernel.errors import Conflict, NotFound, TooMany, Unavailable


class NoSuchPool(NotFound):
    """No pool has this id."""

    code = "pool_not_found"


class NoSuchNumber(NotFound):
    """The number is in no pool of ours and nobody brought it."""

    code = "number_not_found"


class NoSuchNumberHold(NotFound):
    """No hold has this id, or the secret in it is wrong."""

    code = "number_hold_not_found"


class NoSuchSale(NotFound):
    """No sale has this id, or the secret in it is wrong."""

    code = "sale_not_found"


class NoSuchCandidate(NotFound):
    """The candidate was never shown, or too long ago."""

    code = "candidate_not_found"


class NoSuchPorting(NotFound):
    """No porting request has this id, or the secret in it is wrong."""

    code = "porting_not_found"


class Exhausted(Conflict):
    """The pool has no number left, or none of the class that was asked for."""

    code = "exhausted"
    title = "No number is left"


class NumberTaken(Conflict):
    """Somebody else holds or has the number."""

    code = "number_taken"
    title = "This number was just taken"


class NumberHoldExpired(Conflict):
    """The hold's time is over, or the number went to another buyer."""

    code = "number_hold_expired"
    title = "The hold has expired"


class SaleNotOpen(Conflict):
    """The sale does not wait for a payment."""

    code = "sale_not_open"
    title = "Nothing is to be paid here"


class NotReturnable(Conflict):
    """The sale cannot be returned in its state."""

    code = "not_returnable"
    title = "This number cannot be returned"


class CardTaken(Conflict):
    """The card has a number already, or the number a card."""

    code = "card_taken"
    title = "The card is paired already"


class PoolsOverlap(Conflict):
    """Some numbers of the range are in another pool."""

    code = "pools_overlap"
    title = "The range overlaps another pool"


class PortingExists(Conflict):
    """The number is being ported already."""

    code = "porting_exists"
    title = "The number is being ported already"


class QuotaUsed(TooMany):
    """The caller was shown as many numbers as anybody may see a day."""

    code = "quota_used"
    title = "Enough numbers for today"


class SaleUnsettled(Unavailable):
    """The money of the sale is still on its way."""

    code = "sale_unsettled"
