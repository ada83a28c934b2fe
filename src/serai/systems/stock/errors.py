"""What can go wrong with stock.

NotFound
├── NoSuchProduct        product_not_found
├── NoSuchCategory       category_not_found
├── NoSuchLocation       location_not_found
├── NoSuchMovement       movement_not_found
├── NoSuchReservation    reservation_not_found
├── NoSuchTransfer       transfer_not_found
├── NoSuchCount          count_not_found
└── NoSuchAlert          alert_not_found
Conflict
├── NotOnHand            not_on_hand            names each product and what is left of it
├── NotThatMuchThen      not_on_hand_then       a back-dated movement would have left less than nothing
├── AlreadyCorrected     already_corrected      a movement is taken back once
├── NotCorrectable       not_correctable        its own flow puts it right
├── SkuTaken             sku_taken
├── GtinTaken            gtin_taken
├── CodeTaken            location_code_taken
├── TooManyOwed          too_many_backorders    more is promised beyond what is there than the new limit
├── SerialElsewhere      serial_not_here        a serial number is not where it should be, or is there already
├── ReservationOver      reservation_over       its time is over, or it was used or released
├── MoreThanSent         more_than_sent         more would arrive than is on its way
├── AlertChanged         alert_changed          somebody else changed it at the same moment
├── NotCounted           not_all_counted        lines without a number
└── IllegalStep          illegal_stock_step     a flow's table has no such step from here
"""

from collections.abc import Sequence
from dataclasses import dataclass

from serai.kernel.errors import Conflict, NotFound


class NoSuchProduct(NotFound):
    """No product has this id or code."""

    code = "product_not_found"


class NoSuchCategory(NotFound):
    """No category has this id."""

    code = "category_not_found"


class NoSuchLocation(NotFound):
    """No location has this id."""

    code = "location_not_found"


class NoSuchMovement(NotFound):
    """No movement has this id."""

    code = "movement_not_found"


class NoSuchReservation(NotFound):
    """No reservation has this id."""

    code = "reservation_not_found"


class NoSuchTransfer(NotFound):
    """No transfer has this id."""

    code = "transfer_not_found"


class NoSuchCount(NotFound):
    """No stock-take has this id."""

    code = "count_not_found"


class NoSuchAlert(NotFound):
    """No alert has this id."""

    code = "alert_not_found"


@dataclass(frozen=True, slots=True)
class Short:
    """One product of which there is not enough; quantities as people write them."""

    product_id: str
    sku: str
    location: str
    asked: str
    available: str


class NotOnHand(Conflict):
    """There is not enough of something to take that much away or promise it."""

    code = "not_on_hand"
    title = "Not enough there"

    def __init__(self, short: Sequence[Short]) -> None:
        first = short[0]
        super().__init__(
            f"{first.asked} of {first.sku} were asked for at {first.location} and {first.available} are free; "
            "ask for less, or receive or release some first.",
            extra={"short": [{name: getattr(each, name) for name in Short.__slots__} for each in short]},
        )
        self.short = tuple(short)


class NotThatMuchThen(Conflict):
    """A back-dated movement would have left less than nothing at some moment since."""

    code = "not_on_hand_then"
    title = "Not enough there at that time"


class AlreadyCorrected(Conflict):
    """A movement is taken back once."""

    code = "already_corrected"
    title = "Already taken back"


class NotCorrectable(Conflict):
    """This kind of movement belongs to a flow that puts it right itself."""

    code = "not_correctable"
    title = "This movement cannot be taken back by itself"


class SkuTaken(Conflict):
    """Another product has this SKU."""

    code = "sku_taken"
    title = "The SKU is taken"


class GtinTaken(Conflict):
    """Another product has this GTIN."""

    code = "gtin_taken"
    title = "The GTIN is taken"


class CodeTaken(Conflict):
    """Another location has this code."""

    code = "location_code_taken"
    title = "The code is taken"


class TooManyOwed(Conflict):
    """More is promised beyond what is there than the new limit allows."""

    code = "too_many_backorders"
    title = "More is owed already"


class SerialElsewhere(Conflict):
    """A serial number is not where it should be, or is there already."""

    code = "serial_not_here"
    title = "A serial number is not where it should be"


class ReservationOver(Conflict):
    """The reservation's time is over, or it was used or released."""

    code = "reservation_over"
    title = "The reservation is over"


class MoreThanSent(Conflict):
    """More would arrive than is on its way."""

    code = "more_than_sent"
    title = "More than was sent"


class AlertChanged(Conflict):
    """Somebody else changed the alert at the same moment."""

    code = "alert_changed"
    title = "The alert has changed"
    retryable = True


class NotCounted(Conflict):
    """Some lines of the stock-take have no number yet."""

    code = "not_all_counted"
    title = "Not everything was counted"


class IllegalStep(Conflict):
    """The table of this flow has no such step from the state it is in."""

    code = "illegal_stock_step"
    title = "This step is not possible now"
