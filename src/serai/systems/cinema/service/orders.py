"""What a booking does when its payment moves; each in the transaction in which the payment moves.

So the ticket exists if and only if the money does, whoever drives the payment: the buyer's request, a webhook, or
recovery after a crash. The answer of the request is stored here too, under its idempotency key.
"""

from uuid import UUID

from serai.kernel.ids import Capability
from serai.kernel.ports import Clock, Random
from serai.runtime.http import idempotency
from serai.runtime.jobs import Queue
from serai.runtime.outbox import Event, Outbox
from serai.runtime.postgres.database import Transaction
from serai.systems.allocation.api import Allocation, Ask, Claim, ClaimLost, ClaimState, IllegalMove, UnitsTaken
from serai.systems.cinema.errors import SeatsUnavailable, ShowCancelled, ShowStarted
from serai.systems.cinema.model import OWNER, Booking, BookingState
from serai.systems.cinema.service.replies import Reply, booked, refused
from serai.systems.cinema.service.shows import Shows
from serai.systems.cinema.store import bookings as store
from serai.systems.cinema.store import waiting
from serai.systems.cinema.waiting import OFFER_HOLDER
from serai.systems.payments.api import (
    NOT_CONFIRMED,
    NOT_RECEIVED,
    AuthenticationRequired,
    GoodsLost,
    Payment,
    PaymentDeclined,
    PaymentState,
)

TOPIC = "serai.cinema.booking"

RECLAIM_S = 60
"""Life of the claim that takes back seats whose hold expired while the buyer paid; it is confirmed at once."""

GIVE_BACK_TRIES_MAX = 3
"""Besides us only the sweep moves a claim that is being paid, and that once."""

DECLINES = {
    "insufficient_funds": "The card has not enough money on it",
    "expired_card": "The card has expired",
    "incorrect_cvc": "The card's security code is wrong",
    "lost_card": "The bank declined the card",
    "stolen_card": "The bank declined the card",
    "resource_missing": "The gateway does not know this payment method",
    "processing_error": "The bank could not process the card",
    NOT_RECEIVED: "The payment did not reach the bank",
    NOT_CONFIRMED: "The bank's confirmation did not come in time",
}
"""Decline codes that a buyer can act on, in words."""


class BookingOrders:
    """Implements `payments.model.Orders` for cinema."""

    def __init__(
        self, allocation: Allocation, shows: Shows, outbox: Outbox, queue: Queue, clock: Clock, random: Random
    ) -> None:
        self._allocation = allocation
        self._shows = shows
        self._outbox = outbox
        self._queue = queue
        self._clock = clock
        self._random = random

    async def on_authorised(self, tx: Transaction, payment: Payment) -> None:
        """The seats become the buyer's, or GoodsLost."""
        booking = await self._booking(tx, payment)
        claim = await self._allocation.claim_by_id(tx, booking.claim_id)
        if claim.state in (ClaimState.PAYING, ClaimState.UNKNOWN):
            confirmed = await self._confirm(tx, claim)
        else:
            confirmed = await self._reclaim(tx, claim)
        if not await store.confirm_booking(tx, booking, confirmed.claim_id):
            raise GoodsLost(f"booking {booking.booking_id} is {booking.state}")
        if claim.holder.startswith(OFFER_HOLDER):
            await waiting.take(tx, UUID(claim.holder.removeprefix(OFFER_HOLDER)))
        await self._tell(tx, booking, "confirmed")

    async def on_action(self, tx: Transaction, payment: Payment) -> None:
        """The buyer must go to the bank; the answer says where."""
        booking = await self._booking(tx, payment)
        await self._answer(tx, booking, refused(authentication(booking, payment)))

    async def on_doubt(self, tx: Transaction, payment: Payment) -> None:
        """The seats stay until the gateway has said what happened."""
        booking = await self._booking(tx, payment)
        claim = await self._allocation.claim_by_id(tx, booking.claim_id)
        if claim.state is ClaimState.PAYING:
            await self._allocation.doubt(tx, claim)

    async def on_declined(self, tx: Transaction, payment: Payment) -> None:
        """Back to the hold, so that another card can be tried; or, if it is not whole any more, to nothing."""
        booking = await self._booking(tx, payment)
        held = await self._back_to_hold(tx, booking.claim_id)
        error = declined(payment, held)
        if held:
            await store.note_reason(tx, booking.booking_id, error.message)
        else:
            await self._give_back(tx, booking.claim_id)
            await store.fail_booking(tx, booking.booking_id, error.message)
        await self._answer(tx, booking, refused(error))

    async def on_captured(self, tx: Transaction, payment: Payment) -> None:
        """The ticket's mail, and the answer."""
        booking = await self._booking(tx, payment)
        show = await self._shows.read(tx, booking.show_id)
        await self._queue.defer(tx, "cinema.mail_ticket", tenant=str(tx.owner), booking_id=str(booking.booking_id))
        await self._answer(tx, booking, booked(show, booking))

    async def on_returned(self, tx: Transaction, payment: Payment) -> None:
        """The buyer keeps the money and gets no seats."""
        booking = await self._booking(tx, payment)
        await self._give_back(tx, booking.claim_id)
        error = returned(payment)
        if await store.fail_booking(tx, booking.booking_id, error.message):
            await self._queue.defer(
                tx, "cinema.mail_returned", tenant=str(tx.owner), booking_id=str(booking.booking_id)
            )
            await self._tell(tx, booking, "failed")
        await self._answer(tx, booking, refused(error))

    async def on_refunded(self, tx: Transaction, payment: Payment) -> None:
        """The money of a cancelled booking is on its way back."""
        await store.mark_refunded(tx, payment.order_id)
        await self._queue.defer(tx, "cinema.mail_cancelled", tenant=str(tx.owner), booking_id=str(payment.order_id))

    async def _booking(self, tx: Transaction, payment: Payment) -> Booking:
        booking = await store.booking_by_id(tx, payment.order_id)
        assert booking is not None, "a payment of ours names its booking, and bookings are never deleted"
        return booking

    async def _confirm(self, tx: Transaction, claim: Claim) -> Claim:
        try:
            return await self._allocation.confirm(tx, claim)
        except (ClaimLost, IllegalMove) as error:
            raise GoodsLost(error.message) from None

    async def _reclaim(self, tx: Transaction, claim: Claim) -> Claim:
        """Late money for a hold that was swept: the same seats again, if nobody has them."""
        if claim.state is not ClaimState.EXPIRED:
            raise GoodsLost(f"the claim is {claim.state}")
        try:
            await self._shows.on_sale(tx, UUID(claim.terms["show_id"]))
        except (ShowStarted, ShowCancelled) as error:
            raise GoodsLost(error.message) from None
        ask = Ask(
            capability=Capability.new(self._clock, self._random),
            owner=OWNER,
            holder=claim.holder,
            units=claim.units,
            ttl_s=RECLAIM_S,
            terms=claim.terms,
            actor="late payment",
        )
        try:
            fresh = await self._allocation.open_claim(tx, ask)
        except UnitsTaken as error:
            raise GoodsLost(error.message) from None
        paying = await self._allocation.pay(tx, fresh, RECLAIM_S)
        return await self._confirm(tx, paying)

    async def _back_to_hold(self, tx: Transaction, claim_id: UUID) -> bool:
        """Returns a claim to its hold; false if its time ran out, or a part of it is gone."""
        claim = await self._allocation.claim_by_id(tx, claim_id)
        if claim.expired or claim.state is not ClaimState.PAYING:
            return False
        try:
            await self._allocation.decline(tx, claim)
        except ClaimLost:
            return False  # it expired at this moment; the refused statement has changed nothing
        return True

    async def _give_back(self, tx: Transaction, claim_id: UUID) -> None:
        """Frees what the claim still has. The sweep may have been faster, so it looks again."""
        for _ in range(GIVE_BACK_TRIES_MAX):
            claim = await self._allocation.claim_by_id(tx, claim_id)
            try:
                if claim.state in (ClaimState.PAYING, ClaimState.UNKNOWN):
                    await self._allocation.release(tx, claim)
                elif claim.state is ClaimState.CONFIRMED:
                    await self._allocation.cancel(tx, claim)
                return
            except ClaimLost:
                continue

    async def _answer(self, tx: Transaction, booking: Booking, reply: Reply) -> None:
        key = idempotency.Key(booking.request_scope, b"")
        await idempotency.record(tx, key, reply.status, reply.body)

    async def _tell(self, tx: Transaction, booking: Booking, what: str) -> None:
        data = {
            "show_id": str(booking.show_id),
            "seats": len(booking.seat_keys),
            "total": booking.total.json(),
        }
        await self._outbox.append(tx, Event(TOPIC, str(booking.booking_id), f"{TOPIC}.{what}.v1", data))


def declined(payment: Payment, held: bool) -> PaymentDeclined:
    """The refusal in words that the buyer can act on; `held`: whether the seats still are."""
    said = DECLINES.get(payment.decline_code or "", "The bank declined the card")
    then = "Your seats are still held: try another card." if held else "Your seats are not held any more: choose again."
    return PaymentDeclined(f"{said}; nothing was charged. {then}", extra={"decline_code": payment.decline_code})


def returned(payment: Payment) -> SeatsUnavailable | PaymentDeclined:
    """The refusal when the payment was undone: no money, no seats."""
    if payment.state is PaymentState.FAILED:
        return PaymentDeclined(
            "The bank withdrew the payment before it was taken; nothing was charged, and the booking has ended.",
            extra={"decline_code": payment.decline_code},
        )
    if payment.decline_code:
        return declined(payment, held=False)
    return SeatsUnavailable("The seats were gone before the payment came through; no money was taken.")


def authentication(booking: Booking, payment: Payment) -> AuthenticationRequired:
    """The refusal that sends the buyer to the bank."""
    assert booking.state is BookingState.PENDING
    return AuthenticationRequired(
        "Your bank wants you to confirm this payment; do that, then continue.",
        extra={
            "booking_id": booking.capability.text(),
            "next_action": {"type": "redirect_to_url", "url": payment.action_url},
        },
    )


def order_number(booking_id: UUID) -> str:
    """For the statement of the buyer's card."""
    return f"Cinema booking {booking_id}"
