"""What a booking does when its payment moves; `checkout` says when."""

from uuid import UUID

from serai.kernel.ports import Clock, Random
from serai.runtime.jobs import Queue
from serai.runtime.outbox import Event, Outbox
from serai.runtime.postgres.database import Transaction
from serai.systems.allocation.api import Allocation, Claim
from serai.systems.checkout.api import ClaimOrders, Claims, Reply, Words
from serai.systems.cinema.errors import HoldExpired, SeatsUnavailable, ShowCancelled, ShowStarted
from serai.systems.cinema.model import Booking
from serai.systems.cinema.service.replies import booked
from serai.systems.cinema.service.shows import Shows
from serai.systems.cinema.store import bookings as store
from serai.systems.cinema.store import waiting
from serai.systems.cinema.waiting import OFFER_HOLDER
from serai.systems.payments.api import GoodsLost, Payment

TOPIC = "serai.cinema.booking"

WORDS = Words(
    id_field="booking_id",
    held="Your seats are still held.",
    still_held="Your seats are still held: try another card.",
    not_held="Your seats are not held any more: choose again.",
    being_paid="These seats are being paid by another request; ask again.",
    ended="the booking has ended.",
    gone="The seats were gone before the payment came through; no money was taken.",
    given_back="This booking was paid and has been cancelled since.",
    lost=SeatsUnavailable,
    expired=HoldExpired,
)


class BookingOrders(ClaimOrders[Booking]):
    """Seats change hands with their money."""

    def __init__(
        self, allocation: Allocation, shows: Shows, outbox: Outbox, queue: Queue, clock: Clock, random: Random
    ) -> None:
        super().__init__(allocation, Claims(allocation, clock, random, WORDS), WORDS)
        self._shows = shows
        self._outbox = outbox
        self._queue = queue

    async def order(self, tx: Transaction, order_id: UUID) -> Booking:
        """The booking of a payment of ours."""
        booking = await store.booking_by_id(tx, order_id)
        assert booking is not None, "a payment of ours names its booking, and bookings are never deleted"
        return booking

    def facts(self, order: Booking) -> tuple[UUID, bytes, str]:
        """Its claim, its request's scope, its id."""
        return order.claim_id, order.request_scope, order.capability.text()

    async def may_reclaim(self, tx: Transaction, claim: Claim) -> None:
        """GoodsLost once the show has begun or was called off."""
        try:
            await self._shows.on_sale(tx, UUID(claim.terms["show_id"]))
        except (ShowStarted, ShowCancelled) as error:
            raise GoodsLost(error.message) from None

    async def confirm(self, tx: Transaction, order: Booking, claim: Claim, confirmed: Claim) -> bool:
        """The tickets, and the end of an offer that was waited for."""
        if not await store.confirm_booking(tx, order, confirmed.claim_id):
            return False
        if claim.holder.startswith(OFFER_HOLDER):
            await waiting.take(tx, UUID(claim.holder.removeprefix(OFFER_HOLDER)))
        await self._tell(tx, order, "confirmed")
        return True

    async def note(self, tx: Transaction, order: Booking, reason: str) -> None:
        """Another card may be tried."""
        await store.note_reason(tx, order.booking_id, reason)

    async def fail(self, tx: Transaction, order: Booking, reason: str, *, tell: bool) -> None:
        """The booking ends without seats."""
        if await store.fail_booking(tx, order.booking_id, reason) and tell:
            await self._queue.defer(tx, "cinema.mail_returned", tenant=str(tx.owner), booking_id=str(order.booking_id))
            await self._tell(tx, order, "failed")

    async def captured(self, tx: Transaction, order: Booking) -> Reply:
        """The ticket's mail, and the answer."""
        show = await self._shows.read(tx, order.show_id)
        await self._queue.defer(tx, "cinema.mail_ticket", tenant=str(tx.owner), booking_id=str(order.booking_id))
        return booked(show, order)

    async def on_refunded(self, tx: Transaction, payment: Payment) -> None:
        """The money of a cancelled booking is on its way back."""
        await store.mark_refunded(tx, payment.order_id)
        await self._queue.defer(tx, "cinema.mail_cancelled", tenant=str(tx.owner), booking_id=str(payment.order_id))

    async def _tell(self, tx: Transaction, booking: Booking, what: str) -> None:
        data = {
            "show_id": str(booking.show_id),
            "seats": len(booking.seat_keys),
            "total": booking.total.json(),
        }
        await self._outbox.append(tx, Event(TOPIC, str(booking.booking_id), f"{TOPIC}.{what}.v1", data))


def order_number(booking_id: UUID) -> str:
    """For the statement of the buyer's card."""
    return f"Cinema booking {booking_id}"
