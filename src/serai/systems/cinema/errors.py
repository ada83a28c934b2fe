"""What can go wrong in a cinema.

NotFound
├── NoSuchShow          show_not_found
├── NoSuchHold          hold_not_found
├── NoSuchBooking       booking_not_found
├── NoSuchMovie         movie_not_found
├── NoSuchTheater       theater_not_found
├── NoSuchScreen        screen_not_found
└── NoSuchEntry         waiting_entry_not_found
Conflict
├── SeatsUnavailable    seats_unavailable     names the seats
├── HoldExpired         hold_expired
├── ShowStarted         show_started          holds and bookings end when the show begins
├── ShowCancelled       show_cancelled
├── NotCancellable      not_cancellable       too late, or not a booking that can be cancelled
├── TicketNotValid      no_valid_ticket
├── PaymentUnsettled    payment_unsettled     the capture is on its way; try again
├── BookingNotOpen      booking_not_open      it is not waiting for the buyer
├── ShowOverlaps        show_overlaps         the screen plays something else then
├── ShowChanged         show_changed          its prices were changed a moment ago; look at it again
├── ShowSold            show_sold             prices and terms stay while somebody holds or has a seat
├── NotSwappable        not_swappable         only seats of a coming show, none of them used
├── PriceDiffers        price_differs         other seats must cost the same
├── AlreadyWaiting      already_waiting       one entry an e-mail address and show
├── WaitingListFull     waiting_list_full
├── NotWaiting          not_waiting           the entry is over
└── CheckInRefused                            the door stays shut; one class for each outcome
    ├── AlreadyUsed     already_used
    ├── TicketRevoked   revoked
    ├── WrongShow       wrong_show
    ├── NotYet          not_yet
    └── BadSignature    bad_signature
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


class NoSuchMovie(NotFound):
    """No movie has this id."""

    code = "movie_not_found"


class NoSuchTheater(NotFound):
    """No theater has this id."""

    code = "theater_not_found"


class NoSuchScreen(NotFound):
    """No screen has this id."""

    code = "screen_not_found"


class NoSuchEntry(NotFound):
    """No entry of a waiting list has this id."""

    code = "waiting_entry_not_found"


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


class ShowChanged(Conflict):
    """The show's prices were changed a moment ago."""

    code = "show_changed"
    title = "The show has changed"
    retryable = True


class ShowSold(Conflict):
    """Somebody holds or has a seat, so the show's prices and terms stay as they are."""

    code = "show_sold"
    title = "Seats of this show are held or sold"


class NotSwappable(Conflict):
    """The booking's seats cannot be exchanged any more."""

    code = "not_swappable"
    title = "These seats cannot be exchanged"


class PriceDiffers(Conflict):
    """The other seats do not cost the same."""

    code = "price_differs"
    title = "These seats have another price"


class AlreadyWaiting(Conflict):
    """This e-mail address waits for this show already."""

    code = "already_waiting"
    title = "Already on the waiting list"


class WaitingListFull(Conflict):
    """The show's waiting list takes no more."""

    code = "waiting_list_full"
    title = "The waiting list is full"


class NotWaiting(Conflict):
    """The entry of the waiting list is over."""

    code = "not_waiting"
    title = "Not on the waiting list any more"


class CheckInRefused(Conflict):
    """The door stays shut. `extra` tells the reason, and what is known of the ticket."""


class AlreadyUsed(CheckInRefused):
    """The ticket has admitted somebody."""

    code = "already_used"
    title = "Already used"


class TicketRevoked(CheckInRefused):
    """The booking was cancelled, or the ticket replaced, or it was never issued."""

    code = "revoked"
    title = "Not valid any more"


class WrongShow(CheckInRefused):
    """The ticket is for another show, or for one that is over."""

    code = "wrong_show"
    title = "Another show"


class NotYet(CheckInRefused):
    """The doors for this show are not open yet."""

    code = "not_yet"
    title = "Too early"


class BadSignature(CheckInRefused):
    """This is no ticket of ours."""

    code = "bad_signature"
    title = "Not a ticket"
