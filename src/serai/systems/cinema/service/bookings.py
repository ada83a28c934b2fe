"""Buying held seats, and giving them back.

The request writes its intention (claim paying, booking, payment, idempotency key) in one transaction, then drives the
payment. If it dies anywhere, recovery drives on, and the same request sent again finds its own booking by the
idempotency key and continues from where that stands; nothing is done twice.
"""

from dataclasses import dataclass, replace
from uuid import UUID

from serai.kernel.ids import Capability, human_code
from serai.kernel.money import Money
from serai.kernel.ports import Clock, Random
from serai.runtime.http import idempotency
from serai.runtime.http.idempotency import Key, RequestInFlight
from serai.runtime.postgres.database import Database, Transaction
from serai.systems.allocation.api import Allocation, Claim, ClaimExpired, ClaimLost, ClaimState, IllegalMove
from serai.systems.cinema.errors import (
    BookingNotOpen,
    HoldExpired,
    NoSuchBooking,
    NotCancellable,
    PaymentUnsettled,
)
from serai.systems.cinema.model import OWNER, Booking, BookingState, Show
from serai.systems.cinema.service.holds import Holds
from serai.systems.cinema.service.orders import authentication, declined, order_number, returned
from serai.systems.cinema.service.replies import Reply, booked, refused
from serai.systems.cinema.service.shows import Shows
from serai.systems.cinema.settings import CinemaSettings
from serai.systems.cinema.store import bookings as store
from serai.systems.cinema.store import catalogue
from serai.systems.payments.api import Order, Payment, Payments, PaymentState, PaymentUnknown


@dataclass(frozen=True, slots=True)
class Purchase:
    """What a buyer sends."""

    hold: Capability
    method: str
    email: str
    name: str


@dataclass(frozen=True, slots=True)
class Started:
    """A booking with its payment, about to be driven."""

    show: Show
    booking: Booking
    payment: Payment
    fresh: bool
    """Just made by this request: nothing has been sent to the gateway yet."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A booking with all that its page tells: where its money is, and the hold that it was made from."""

    show: Show
    booking: Booking
    payment: Payment
    hold: Capability


class Bookings:
    """Sells and takes back."""

    def __init__(
        self,
        database: Database,
        allocation: Allocation,
        payments: Payments,
        shows: Shows,
        holds: Holds,
        clock: Clock,
        random: Random,
        settings: CinemaSettings,
    ) -> None:
        self._database = database
        self._allocation = allocation
        self._payments = payments
        self._shows = shows
        self._holds = holds
        self._clock = clock
        self._random = random
        self._settings = settings

    async def book(self, tenant: UUID, purchase: Purchase, key: Key) -> Reply:
        """Pays for a hold: 201, 402 (declined, or the bank asks), 409 (the seats were gone).

        Raises HoldExpired, NoSuchHold, ShowStarted, ShowCancelled, RequestInFlight, IdempotencyKeyReused, and
        PaymentUnknown: send the same request again later.
        """
        async with self._database.transaction(tenant, by_key=True) as tx:
            if replay := await idempotency.reserve(tx, key):
                return Reply(replay.status, replay.body)
            started = await self._start(tx, purchase, key)
        if started.fresh:
            back = f"/cinema/bookings/{started.booking.capability.text()}"
            payment = await self._payments.authorise(started.payment, back)
        else:
            payment = await self._payments.run(started.payment)
        return await self._reply(tenant, started, payment, key)

    async def resume(self, tenant: UUID, booking: Capability) -> Reply:
        """The buyer comes back from the bank: looks what it said, and finishes. BookingNotOpen."""
        async with self._database.transaction(tenant) as tx:
            found = await self._open(tx, booking)
            show = await self._shows.read(tx, found.show_id)
            payment = await self._payments.of_order(tx, OWNER, found.booking_id)
        if payment is None or found.state not in (BookingState.PENDING, BookingState.CONFIRMED):
            raise BookingNotOpen("This booking does not wait for a payment.")
        payment = await self._payments.run(payment)
        reply = await self._reply(tenant, Started(show, found, payment, False), payment, None)
        return Reply(200 if reply.status == 201 else reply.status, reply.body)

    async def get(self, tenant: UUID, booking: Capability) -> tuple[Show, Booking]:
        """The booking, for whoever shows its id; NoSuchBooking."""
        async with self._database.transaction(tenant) as tx:
            found = await self._open(tx, booking)
            return await self._shows.read(tx, found.show_id), found

    async def standing(self, tenant: UUID, booking: Capability) -> Standing:
        """The booking with its payment, for whoever shows its id; NoSuchBooking."""
        async with self._database.transaction(tenant) as tx:
            return await self._standing(tx, await self._open(tx, booking))

    async def of_hold(self, tenant: UUID, hold: Capability) -> Standing | None:
        """The booking that was made from this hold, if any; NoSuchHold."""
        async with self._database.transaction(tenant) as tx:
            claim = await self._holds.claim(tx, hold)
            found = await store.booking_of_hold(tx, claim.claim_id)
            return await self._standing(tx, found) if found else None

    async def cancel(self, tenant: UUID, booking: Capability) -> tuple[Show, Booking]:
        """Gives the seats back and returns the money by the show's policy. Once cancelled, always the same answer.

        NotCancellable when it is too late, or a ticket was used; PaymentUnsettled while the capture is on its way.
        """
        async with self._database.transaction(tenant) as tx:
            found = await self.locked(tx, booking)
            show = await self._shows.read(tx, found.show_id)
            if found.state is BookingState.CANCELLED:
                return show, found
            payment = await self._cancel(tx, show, found)
        await self._payments.run(payment)
        return await self.get(tenant, booking)

    async def locked(self, tx: Transaction, booking: Capability) -> Booking:
        """The booking, alone until the transaction ends; NoSuchBooking."""
        await store.lock_booking(tx, booking.id)
        return await self._open(tx, booking)

    async def call_off(self, tenant: UUID, booking_id: UUID) -> bool:
        """Returns a booking of a show that was called off, in full; false while its payment is on its way."""
        async with self._database.transaction(tenant) as tx:
            await store.lock_booking(tx, booking_id)
            found = await store.booking_by_id(tx, booking_id)
            assert found is not None, "bookings are never deleted"
            if found.state is not BookingState.CONFIRMED:
                return await self._give_up(tx, found)
            payment = await self._payments.of_order(tx, OWNER, booking_id)
            assert payment is not None, "a confirmed booking was paid"
            if payment.state is not PaymentState.CAPTURED:
                return False
            done = await store.cancel_booking(tx, found, found.total.minor)
            assert done, "the booking's row is locked, so nobody else can have changed it"
            await self._allocation.cancel(tx, await self._allocation.claim_by_id(tx, found.claim_id), "show called off")
            payment = await self._payments.refund(tx, payment, found.total.minor)
        await self._payments.run(payment)
        return True

    async def _give_up(self, tx: Transaction, booking: Booking) -> bool:
        """Ends a booking of a called-off show that nobody is paying right now."""
        claim = await self._allocation.claim_by_id(tx, booking.claim_id)
        if claim.state in (ClaimState.PAYING, ClaimState.UNKNOWN):
            return False
        if claim.state is ClaimState.HELD:
            await self._allocation.release(tx, claim, "show called off")
        await store.fail_booking(tx, booking.booking_id, "The show was called off.")
        return True

    async def _start(self, tx: Transaction, purchase: Purchase, key: Key) -> Started:
        claim = await self._holds.claim(tx, purchase.hold)
        show = await self._shows.read(tx, UUID(claim.terms["show_id"]))
        earlier = await store.booking_of_hold(tx, claim.claim_id)
        if earlier and earlier.request_scope == key.scope:
            payment = await self._payments.of_order(tx, OWNER, earlier.booking_id)
            assert payment is not None, "a booking and its first payment are written together"
            return Started(show, earlier, payment, fresh=False)
        show = await self._shows.on_sale(tx, show.show_id)
        paying = await self._pay(tx, claim)
        booking = await self._booking(tx, show, paying, earlier, purchase, key)
        order = Order(
            owner=OWNER,
            order_id=booking.booking_id,
            attempt=booking.attempts,
            amount=booking.total,
            method=purchase.method,
            description=order_number(booking.booking_id),
        )
        return Started(show, booking, await self._payments.start(tx, order), fresh=True)

    async def _pay(self, tx: Transaction, claim: Claim) -> Claim:
        if claim.state in (ClaimState.PAYING, ClaimState.UNKNOWN):
            raise _being_paid()
        try:
            return await self._allocation.pay(tx, claim, self._settings.payment_s)
        except ClaimLost as error:
            if (await self._allocation.claim_by_id(tx, claim.claim_id)).state is ClaimState.PAYING:
                raise _being_paid() from None
            raise HoldExpired(error.message) from None
        except (ClaimExpired, IllegalMove) as error:
            raise HoldExpired(error.message) from None

    async def _booking(
        self, tx: Transaction, show: Show, claim: Claim, earlier: Booking | None, purchase: Purchase, key: Key
    ) -> Booking:
        if earlier is not None:
            return await store.next_attempt(tx, earlier, purchase.email, purchase.name, key.scope)
        return await store.insert_booking(
            tx,
            Capability.new(self._clock, self._random),
            show_id=show.show_id,
            claim_id=claim.claim_id,
            code=human_code(self._random),
            email=purchase.email,
            name=purchase.name,
            seat_keys=tuple(unit.key for unit in claim.units),
            total=Money(claim.terms["total"], claim.terms["currency"]),
            request_scope=key.scope,
        )

    async def _reply(self, tenant: UUID, started: Started, payment: Payment, key: Key | None) -> Reply:
        """What the buyer is told of a payment in this state; the same as what was stored with the state."""
        match payment.state:
            case PaymentState.CAPTURED if started.fresh:
                return booked(started.show, replace(started.booking, state=BookingState.CONFIRMED))
            case PaymentState.CAPTURED:
                _, booking = await self.get(tenant, started.booking.capability)
                return booked(started.show, booking)
            case PaymentState.DECLINED:
                _, booking = await self.get(tenant, started.booking.capability)
                return refused(declined(payment, booking.state is BookingState.PENDING))
            case PaymentState.AWAITING_BUYER:
                return refused(authentication(started.booking, payment))
            case PaymentState.VOIDING | PaymentState.VOIDED | PaymentState.FAILED:
                return refused(returned(payment))
            case PaymentState.REFUNDING | PaymentState.REFUNDED:
                raise HoldExpired("This booking was paid and has been cancelled since.")
            case _:
                await self._release(tenant, key)
                raise PaymentUnknown(
                    "The payment's outcome is not known yet. Do not pay again: send the same request in a moment, "
                    "or wait for our mail.",
                    retry_after_s=5,
                )

    async def _release(self, tenant: UUID, key: Key | None) -> None:
        if key is not None:
            async with self._database.transaction(tenant) as tx:
                await idempotency.release(tx, key)

    async def _cancel(self, tx: Transaction, show: Show, booking: Booking) -> Payment:
        if booking.state is not BookingState.CONFIRMED:
            raise NotCancellable(f"This booking is {booking.state}; only a confirmed one can be cancelled.")
        if not await catalogue.cancellable(tx, show.show_id):
            raise NotCancellable(f"Bookings can be cancelled until {show.cancel_until_min} minutes before the show.")
        payment = await self._payments.of_order(tx, OWNER, booking.booking_id)
        assert payment is not None, "a confirmed booking was paid"
        if payment.state is not PaymentState.CAPTURED:
            raise PaymentUnsettled("The payment is still being settled; try again in a moment.", retry_after_s=2)
        refund = booking.total - booking.total.percent(show.cancel_fee_percent)
        done = await store.cancel_booking(tx, booking, refund.minor)
        assert done, "the booking's row is locked, so nobody else can have changed it"
        # Asked after the tickets were revoked, which waits for a door that is admitting one of them.
        if await store.used_tickets(tx, booking.booking_id):
            raise NotCancellable("A ticket of this booking was used at the door.")
        await self._allocation.cancel(tx, await self._allocation.claim_by_id(tx, booking.claim_id), "buyer")
        return await self._payments.refund(tx, payment, refund.minor)

    async def _standing(self, tx: Transaction, booking: Booking) -> Standing:
        show = await self._shows.read(tx, booking.show_id)
        payment = await self._payments.of_order(tx, OWNER, booking.booking_id)
        assert payment is not None, "a booking and its first payment are written together"
        claim = await self._allocation.claim_by_id(tx, booking.claim_id)
        return Standing(show, booking, payment, claim.capability)

    async def _open(self, tx: Transaction, booking: Capability) -> Booking:
        found = await store.booking_by_id(tx, booking.id)
        if found is None or not booking.opens(found.key):
            raise NoSuchBooking("There is no such booking.")
        return found


def _being_paid() -> RequestInFlight:
    return RequestInFlight("These seats are being paid by another request; ask again.", retry_after_s=2)
