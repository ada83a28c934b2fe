"""Reservations: goods promised to a basket for a while. Each is a claim, and a sale consumes it.

Two lines of one product are summed before anything is asked for, and a product with batches is promised from those that
expire first. What expires goes back by itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from serai.kernel.ids import Capability
from serai.kernel.ports import Clock, Random
from serai.runtime.postgres.database import Transaction
from serai.systems.allocation.api import (
    Allocation,
    Ask,
    Claim,
    ClaimExpired,
    ClaimLost,
    ClaimState,
    CounterAsk,
    IllegalMove,
)
from serai.systems.stock.errors import NoSuchReservation, ReservationOver
from serai.systems.stock.model import NO_BATCH, OWNER, LevelKey, Location, Place, Product, Tracking, from_counter_key
from serai.systems.stock.picking import Pick
from serai.systems.stock.posting import Kind, Leg, Posting
from serai.systems.stock.service.book import Item, checked_tracking, named, quantity_of, shelf_of
from serai.systems.stock.service.ledger import Book, Ledger, Posted
from serai.systems.stock.service.movements import picked, whole_book
from serai.systems.stock.store import flows as store

TTL_S = 900
"""How long a reservation lives if nobody says otherwise."""

FULFIL_S = 60
"""For which a reservation's claim is being turned into a sale: the same transaction, so it never runs out."""

OVER = (ClaimExpired, ClaimLost, IllegalMove)


@dataclass(frozen=True, slots=True)
class Basket:
    """What somebody wants to be promised."""

    location_id: UUID
    items: tuple[Item, ...]
    reference: str = ""
    ttl_s: int = TTL_S


@dataclass(frozen=True, slots=True)
class Reserved:
    """A reservation with its claim, and the words for their numbers."""

    reservation: store.Reservation
    claim: Claim
    book: Book

    @property
    def lines(self) -> list[tuple[LevelKey, int]]:
        """What of which level."""
        location_no = self.reservation.location_no
        return [(LevelKey(location_no, *from_counter_key(ask.key)), ask.count) for ask in self.claim.counters]


class Reservations:
    """Promises goods, and turns promises into sales. Methods that write run inside `Ledger.run`."""

    def __init__(self, ledger: Ledger, allocation: Allocation, clock: Clock, random: Random) -> None:
        self._ledger = ledger
        self._allocation = allocation
        self._clock = clock
        self._random = random

    async def reserve(self, tx: Transaction, basket: Basket, actor: str) -> Reserved:
        """All of the basket or none. NotOnHand (by `Ledger.run`), Invalid."""
        known = await named(tx, [item.product_id for item in basket.items], [basket.location_id])
        location = known.real("location_id", basket.location_id)
        wanted: dict[int, int] = {}
        for place, item in enumerate(basket.items):
            product = known.product(f"items.{place}.product_id", item.product_id)
            quantity = quantity_of(product, item.quantity, f"items.{place}.quantity")
            checked_tracking(product, item, quantity, f"items.{place}", numbered=False)
            wanted[product.product_no] = wanted.get(product.product_no, 0) + quantity
        # Makes levels that nothing was received into yet, and locks them in order before anything is picked.
        keys = [LevelKey(location.location_no, product_no, NO_BATCH) for product_no in wanted]
        await self._ledger.lock(tx, known.book, keys)
        asks: list[CounterAsk] = []
        for product_no, quantity in wanted.items():
            for pick in await self._picks(tx, location, known.book.products[product_no], quantity):
                counter = known.book.level_counter(LevelKey(location.location_no, product_no, pick.batch_no)).counter
                asks.append(CounterAsk(counter.pool_no, counter.key, pick.quantity))
        capability = Capability.new(self._clock, self._random)
        ask = Ask(
            capability, OWNER, actor, (), basket.ttl_s, {"reference": basket.reference}, actor=actor, counters=asks
        )
        claim = await self._allocation.open_claim(tx, ask)
        row = await store.insert_reservation(tx, claim.claim_id, location.location_no, basket.reference, actor)
        return Reserved(row, claim, known.book)

    async def fulfil(
        self, tx: Transaction, reservation_id: UUID, serials: Mapping[UUID, Sequence[str]], actor: str
    ) -> Posted:
        """Sells what was promised; `serials` by product, for those that have them. ReservationOver, Invalid."""
        reserved = await self.get(tx, reservation_id)
        legs = self._legs(reserved, serials)
        try:
            claim = await self._allocation.pay(tx, reserved.claim, FULFIL_S, actor)
            await self._allocation.confirm(tx, claim, actor)
        except OVER as over:
            raise ReservationOver("The reservation's time is over, or it was used or released.") from over
        posting = Posting(self._ledger.new_id(), Kind.SELL, legs, actor, reference=reserved.reservation.reference)
        (posted,) = await self._ledger.post(tx, reserved.book, [posting], sold=True)
        await store.fulfil_reservation(tx, reservation_id, posting.movement_id)
        return posted

    async def release(self, tx: Transaction, reservation_id: UUID, actor: str) -> Reserved:
        """Gives back what was promised. ReservationOver."""
        reserved = await self.get(tx, reservation_id)
        try:
            claim = await self._allocation.release(tx, reserved.claim, actor)
        except OVER as over:
            raise ReservationOver("The reservation's time is over, or it was used or released.") from over
        return Reserved(reserved.reservation, claim, reserved.book)

    async def extend(self, tx: Transaction, reservation_id: UUID, ttl_s: int, actor: str) -> Reserved:
        """From now on, within an hour of its beginning. ReservationOver."""
        reserved = await self.get(tx, reservation_id)
        try:
            claim = await self._allocation.extend(tx, reserved.claim, ttl_s, actor)
        except OVER as over:
            raise ReservationOver(over.message) from over
        return Reserved(reserved.reservation, claim, reserved.book)

    async def get(self, tx: Transaction, reservation_id: UUID) -> Reserved:
        """NoSuchReservation."""
        row = await store.reservation(tx, reservation_id)
        if row is None:
            raise NoSuchReservation(f"There is no reservation {str(reservation_id)!r}.")
        return (await self._with_claims(tx, [row]))[0]

    async def listed(
        self, tx: Transaction, location_no: int | None, after: tuple[datetime, UUID] | None, limit: int
    ) -> list[Reserved]:
        """The newest first."""
        return await self._with_claims(tx, await store.reservations(tx, location_no, after, limit))

    async def _with_claims(self, tx: Transaction, rows: Sequence[store.Reservation]) -> list[Reserved]:
        claims = [await self._allocation.claim_by_id(tx, row.reservation_id) for row in rows]
        products = {from_counter_key(ask.key)[0] for claim in claims for ask in claim.counters}
        book = await whole_book(tx, list(products))
        return [Reserved(row, claim, book) for row, claim in zip(rows, claims, strict=True)]

    async def _picks(self, tx: Transaction, location: Location, product: Product, quantity: int) -> list[Pick]:
        if product.tracking is not Tracking.BATCH:
            return [Pick(NO_BATCH, quantity)]
        shelf = await shelf_of(tx, location, product)
        return picked(product, location, shelf, quantity, self._clock.now().date())

    def _legs(self, reserved: Reserved, serials: Mapping[UUID, Sequence[str]]) -> tuple[Leg, ...]:
        book = reserved.book
        customer = next(each for each in book.locations.values() if each.kind is Place.CUSTOMER)
        legs = []
        for key, quantity in reserved.lines:
            product = book.products[key.product_no]
            numbers = tuple(serials.get(product.product_id, ()))
            item = Item(product.product_id, "", serials=numbers)
            checked_tracking(product, item, quantity, f"serials.{product.product_id}")
            legs.append(
                Leg(key.product_no, key.batch_no, key.location_no, customer.location_no, quantity, None, numbers)
            )
        return tuple(legs)


def is_open(reserved: Reserved) -> bool:
    """Whether the goods are still promised."""
    return reserved.claim.state is ClaimState.HELD and not reserved.claim.expired
