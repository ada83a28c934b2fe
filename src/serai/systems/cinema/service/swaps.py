"""Exchanging the seats of a booking for others of the same show that cost the same; nothing is charged or returned.

The old claim is given up, the new one taken and confirmed, and the tickets replaced, all in one transaction: there is
no moment at which the buyer has neither, or both. Old and new seats may overlap.
"""

from collections.abc import Sequence
from uuid import UUID

from serai.kernel.errors import Invalid
from serai.kernel.ids import Capability
from serai.kernel.ports import Clock, Random
from serai.runtime.jobs import Queue
from serai.runtime.outbox import Event, Outbox
from serai.runtime.postgres.database import Database, Transaction
from serai.systems.allocation.api import Allocation, Ask, Claim, UnitRef, UnitsTaken
from serai.systems.cinema.errors import NotSwappable, PriceDiffers
from serai.systems.cinema.model import OWNER, Booking, BookingState, Show
from serai.systems.cinema.service.bookings import Bookings
from serai.systems.cinema.service.holds import Holds, unavailable
from serai.systems.cinema.service.orders import TOPIC
from serai.systems.cinema.service.shows import Shows
from serai.systems.cinema.store import bookings as store

SWAP_S = 60
"""Life of the claim on the other seats; it is confirmed in the same transaction."""

ACTOR = "swap"


class Swaps:
    """Exchanges seats."""

    def __init__(
        self,
        database: Database,
        allocation: Allocation,
        shows: Shows,
        holds: Holds,
        bookings: Bookings,
        outbox: Outbox,
        queue: Queue,
        clock: Clock,
        random: Random,
    ) -> None:
        self._database = database
        self._allocation = allocation
        self._shows = shows
        self._holds = holds
        self._bookings = bookings
        self._outbox = outbox
        self._queue = queue
        self._clock = clock
        self._random = random

    async def swap(self, tenant: UUID, booking: Capability, seat_ids: Sequence[str]) -> tuple[Show, Booking]:
        """The booking with these seats instead of its own. Asked again for the seats that it has, it changes nothing.

        NotSwappable, PriceDiffers, SeatsUnavailable (names those gone), ShowStarted, ShowCancelled, NoSuchBooking;
        Invalid for another number of seats.
        """
        show, _ = await self._bookings.get(tenant, booking)
        keys = self._holds.keys(show, seat_ids)
        units = [UnitRef(show.pool_no, key) for key in keys]

        async def work(tx: Transaction) -> None:
            await self._swap(tx, await self._bookings.locked(tx, booking), keys)

        try:
            await self._allocation.with_free_units(self._database, tenant, units, work)
        except UnitsTaken as error:
            raise unavailable(show, [unit.key for unit in error.units]) from None
        return await self._bookings.get(tenant, booking)

    async def _swap(self, tx: Transaction, booking: Booking, keys: tuple[int, ...]) -> None:
        if booking.state is BookingState.CONFIRMED and tuple(sorted(booking.seat_keys)) == keys:
            return
        await self._may(tx, booking, keys)
        await store.revoke_tickets(tx, booking.booking_id)
        # Asked after the tickets were revoked, which waits for a door that is admitting one of them.
        if await store.used_tickets(tx, booking.booking_id):
            raise NotSwappable("A ticket of this booking was used at the door.")
        old = await self._allocation.claim_by_id(tx, booking.claim_id)
        await self._allocation.cancel(tx, old, ACTOR)
        new = await self._take(tx, old, keys)
        await store.replace_seats(tx, booking, new.claim_id, keys)
        data = {"show_id": str(booking.show_id), "from": list(booking.seat_keys), "to": list(keys)}
        await self._outbox.append(tx, Event(TOPIC, str(booking.booking_id), f"{TOPIC}.swapped.v1", data))
        await self._queue.defer(tx, "cinema.mail_ticket", tenant=str(tx.owner), booking_id=str(booking.booking_id))

    async def _may(self, tx: Transaction, booking: Booking, keys: tuple[int, ...]) -> None:
        if booking.state is not BookingState.CONFIRMED:
            raise NotSwappable(f"This booking is {booking.state}; only the seats of a confirmed one can be exchanged.")
        show = await self._shows.on_sale(tx, booking.show_id)
        if len(keys) != len(booking.seat_keys):
            message = f"Choose {len(booking.seat_keys)} seats, as many as the booking has; you chose {len(keys)}."
            raise Invalid.of("seat_ids", "other_count", message)
        if (total := show.total(keys)) != booking.total:
            raise PriceDiffers(
                f"These seats cost {total.format()}, yours {booking.total.format()}; choose seats of the same price.",
                extra={"total": total.json(), "paid": booking.total.json()},
            )

    async def _take(self, tx: Transaction, old: Claim, keys: tuple[int, ...]) -> Claim:
        """The other seats, sold. Nobody is waited for: a seat that somebody is taking right now is refused."""
        ask = Ask(
            capability=Capability.new(self._clock, self._random),
            owner=OWNER,
            holder=old.holder,
            units=[UnitRef(old.units[0].pool_no, key) for key in keys],
            ttl_s=SWAP_S,
            terms=old.terms,
            actor=ACTOR,
        )
        held = await self._allocation.open_claim(tx, ask)
        paying = await self._allocation.pay(tx, held, SWAP_S, ACTOR)
        return await self._allocation.confirm(tx, paying, ACTOR)
