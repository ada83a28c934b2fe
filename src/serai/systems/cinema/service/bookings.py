"""Buying held seats, and giving them back; `checkout` drives the request that pays."""

from dataclasses import dataclass, replace
from uuid import UUID

from serai.kernel.ids import Capability, human_code
from serai.kernel.money import Money
from serai.kernel.ports import Clock, Random
from serai.runtime.http.idempotency import Key
from serai.runtime.postgres.database import Database, Transaction
from serai.systems.allocation.api import Allocation, Claim, ClaimState
from serai.systems.checkout.api import Buying, Claims, Reply, Started
from serai.systems.cinema.errors import (
    BookingNotOpen,
    NoSuchBooking,
    NotCancellable,
    PaymentUnsettled,
)
from serai.systems.cinema.model import OWNER, Booking, BookingState, Show
from serai.systems.cinema.service.holds import Holds
from serai.systems.cinema.service.orders import WORDS, order_number
from serai.systems.cinema.service.replies import booked
from serai.systems.cinema.service.shows import Shows
from serai.systems.cinema.settings import CinemaSettings
from serai.systems.cinema.store import bookings as store
from serai.systems.cinema.store import catalogue
from serai.systems.payments.api import Order, Payment, Payments, PaymentState


@dataclass(frozen=True, slots=True)
class Purchase:
    """What a buyer sends."""

    hold: Capability
    method: str
    email: str
    name: str


@dataclass(frozen=True, slots=True)
class Bought:
    """A booking with its show."""

    show: Show
    booking: Booking


@dataclass(frozen=True, slots=True)
class Standing:
    """A booking with all that its page tells: where its money is, and the hold that it was made from."""

    show: Show
    booking: Booking
    payment: Payment
    hold: Capability


class Bookings(Buying[Bought]):
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
        super().__init__(database, payments, WORDS)
        self._allocation = allocation
        self._claims = Claims(allocation, clock, random, WORDS)
        self._shows = shows
        self._holds = holds
        self._clock = clock
        self._random = random
        self._settings = settings

    async def book(self, tenant: UUID, purchase: Purchase, key: Key) -> Reply:
        """Pays for a hold. Raises NoSuchHold, ShowStarted, ShowCancelled, HoldExpired, and what `buy` raises."""
        return await self.buy(tenant, key, lambda tx: self._start(tx, purchase, key), "/cinema/bookings/")

    async def resume(self, tenant: UUID, booking: Capability) -> Reply:
        """The buyer comes back from the bank: looks what it said, and finishes. BookingNotOpen."""
        async with self._database.transaction(tenant) as tx:
            found = await self._open(tx, booking)
            show = await self._shows.read(tx, found.show_id)
            payment = await self._payments.of_order(tx, OWNER, found.booking_id)
        if payment is None or found.state not in (BookingState.PENDING, BookingState.CONFIRMED):
            raise BookingNotOpen("This booking does not wait for a payment.")
        payment = await self._payments.run(payment)
        reply = await self.reply(tenant, Started(Bought(show, found), payment, False), payment, None)
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

    async def told(self, tenant: UUID, started: Started[Bought]) -> Reply:
        """201: the seats are the buyer's. What was just made is known without asking."""
        show, booking = started.order.show, started.order.booking
        if started.fresh:
            return booked(show, replace(booking, state=BookingState.CONFIRMED))
        return booked(show, (await self.get(tenant, booking.capability))[1])

    async def pending(self, tenant: UUID, order: Bought) -> bool:
        """Whether the seats are still held."""
        return (await self.get(tenant, order.booking.capability))[1].state is BookingState.PENDING

    def order_id(self, order: Bought) -> str:
        """The secret id."""
        return order.booking.capability.text()

    async def _give_up(self, tx: Transaction, booking: Booking) -> bool:
        """Ends a booking of a called-off show that nobody is paying right now."""
        claim = await self._allocation.claim_by_id(tx, booking.claim_id)
        if claim.state in (ClaimState.PAYING, ClaimState.UNKNOWN):
            return False
        if claim.state is ClaimState.HELD:
            await self._allocation.release(tx, claim, "show called off")
        await store.fail_booking(tx, booking.booking_id, "The show was called off.")
        return True

    async def _start(self, tx: Transaction, purchase: Purchase, key: Key) -> Started[Bought]:
        claim = await self._holds.claim(tx, purchase.hold)
        show = await self._shows.read(tx, UUID(claim.terms["show_id"]))
        earlier = await store.booking_of_hold(tx, claim.claim_id)
        if earlier and earlier.request_scope == key.scope:
            payment = await self._payments.of_order(tx, OWNER, earlier.booking_id)
            assert payment is not None, "a booking and its first payment are written together"
            return Started(Bought(show, earlier), payment, fresh=False)
        show = await self._shows.on_sale(tx, show.show_id)
        paying = await self._claims.pay(tx, claim, self._settings.payment_s)
        booking = await self._booking(tx, show, paying, earlier, purchase, key)
        order = Order(
            owner=OWNER,
            order_id=booking.booking_id,
            attempt=booking.attempts,
            amount=booking.total,
            method=purchase.method,
            description=order_number(booking.booking_id),
        )
        return Started(Bought(show, booking), await self._payments.start(tx, order), fresh=True)

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
