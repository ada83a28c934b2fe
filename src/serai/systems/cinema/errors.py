"""What can go wrong in a cinema.

NotFound
├── NoSuchShow          show_not_found
├── NoSuchHold          hold_not_found
└── NoSuchBooking       booking_not_found
Conflict
├── SeatsUnavailable    seats_unavailable     names the seats
├── HoldExpired         hold_expired
├── ShowStarted         show_started          holds and bookings end when the show begins
├── ShowCancelled       show_cancelled
├── NotCancellable      not_cancellable       too late, or not a booking that can be cancelled
├── TicketNotValid      no_valid_ticket
├── PaymentUnsettled    payment_unsettled     the capture is on its way; try again
├── BookingNotOpen      booking_not_open      it is not waiting for the buyer
└── ShowOverlaps        show_overlaps         the screen plays something else then
Invalid
└── OrphanSeat          orphan_seat           the choice would leave a single seat
"""

from serai.kernel.errors import Conflict, Invalid, NotFound


class NoSuchShow(NotFound):
    """No show has this id."""

    code = "show_not_found"


class NoSuchHold(NotFound):
    """No hold has this id."""

    code = "hold_not_found"


class NoSuchBooking(NotFound):
    """No booking has this id."""

    code = "booking_not_found"


class SeatsUnavailable(Conflict):
    """Somebody else has at least one of the seats."""

    code = "seats_unavailable"
    title = "Some of these seats are taken"


class HoldExpired(Conflict):
    """The hold's time is over, or it was used or released."""

    code = "hold_expired"
    title = "The hold has expired"


class ShowStarted(Conflict):
    """The show has begun."""

    code = "show_started"
    title = "The show has begun"


class ShowCancelled(Conflict):
    """The show does not take place."""

    code = "show_cancelled"
    title = "The show is cancelled"


class NotCancellable(Conflict):
    """The booking cannot be cancelled any more."""

    code = "not_cancellable"
    title = "This booking cannot be cancelled"


class BookingNotOpen(Conflict):
    """The booking does not wait for anything from the buyer."""

    code = "booking_not_open"
    title = "This booking does not wait for you"


class ShowOverlaps(Conflict):
    """The screen plays something else at that time."""

    code = "show_overlaps"
    title = "The screen is taken at that time"


class OrphanSeat(Invalid):
    """The choice would leave a single seat that nobody wants."""

    code = "orphan_seat"
    title = "This would leave a single seat"


class TicketNotValid(Conflict):
    """The booking has no valid ticket."""

    code = "no_valid_ticket"
    title = "This booking has no valid ticket"


class PaymentUnsettled(Conflict):
    """The payment is still being captured; in a moment it can be returned."""

    code = "payment_unsettled"
    title = "The payment is still being settled"
    retryable = True
