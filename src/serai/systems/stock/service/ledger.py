"""Writes movements: levels, lines, serial numbers, alerts and events change together or not at all.

The order of locks is one for every movement: new batches, counters sorted (allocation), serial numbers, policies that
change sides. So opposite transfers wait for one another, and a deadlock that other flows may still cause is tried again
and never reaches a client.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import orjson

from serai.kernel.ids import uuid7
from serai.kernel.ports import Clock, Random
from serai.runtime.postgres.database import Database, Transaction
from serai.systems.allocation.api import Allocation, CapacityMove, KeyRange, NotEnough, counters_in, counters_of
from serai.systems.stock.errors import NotOnHand, NotThatMuchThen, SerialElsewhere, Short
from serai.systems.stock.model import (
    NO_BATCH,
    Level,
    LevelKey,
    Location,
    Movement,
    Place,
    Product,
    counter_key,
    counter_of,
)
from serai.systems.stock.model import from_counter_key as product_and_batch
from serai.systems.stock.posting import Leg, Line, Posting, bases, deltas_of, lines_of, summed, with_levels
from serai.systems.stock.service.raising import Raising
from serai.systems.stock.store import catalogue
from serai.systems.stock.store import ledger as store

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Book:
    """The products and locations that a posting touches, by their numbers."""

    products: Mapping[int, Product]
    locations: Mapping[int, Location]

    def level_counter(self, key: LevelKey) -> CapacityMove:
        """The counter of a level, as a move that only looks."""
        location = self.locations[key.location_no]
        counter = counter_of(location, key.product_no, key.batch_no)
        return CapacityMove(counter, 0, location.backorders_max)

    def has_levels(self, location_no: int) -> bool:
        """Whether there are levels at a location."""
        return self.locations[location_no].pool_no is not None


@dataclass(frozen=True, slots=True)
class Posted:
    """A movement that was written."""

    posting: Posting
    movement: Movement
    lines: tuple[Line, ...]
    book: Book


class Ledger:
    """Posts movements in the caller's transaction."""

    def __init__(
        self, database: Database, allocation: Allocation, raising: Raising, clock: Clock, random: Random
    ) -> None:
        self._database = database
        self._allocation = allocation
        self._raising = raising
        self._clock = clock
        self._random = random

    def new_id(self) -> UUID:
        """For a movement, a transfer, a count."""
        return uuid7(self._clock, self._random)

    async def run(self, tenant: UUID, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """`work` in a transaction, again where expired reservations or a deadlock were in the way. NotOnHand."""
        try:
            return await self._allocation.with_free_units(self._database, tenant, (), work)
        except NotEnough as refused:
            raise await self._told(tenant, refused) from None

    async def post(
        self, tx: Transaction, book: Book, postings: Sequence[Posting], *, sold: bool = False
    ) -> list[Posted]:
        """Writes movements, all or none; inside `run`. What they change together is judged, in one statement.

        `sold`: a confirmed claim has changed the levels already. SerialElsewhere, NotThatMuchThen.
        """
        legs = [summed(posting.legs) for posting in postings]
        lines = [lines_of(each) for each in legs]
        deltas = deltas_of(lines, (no for no in book.locations if book.has_levels(no)))
        for base in bases(deltas):
            deltas.setdefault(base, 0)
        after = await self._moved(tx, book, deltas, sold=sold, actor=postings[0].actor)
        told = with_levels(lines, {key: level.on_hand for key, level in after.items()})
        written = [
            store.Written(posting, each, self.new_id(), event_data(book, posting, each))
            for posting, each in zip(postings, told, strict=True)
        ]
        kept = await store.write(tx, written, await self._on_hand(tx, book, after))
        await self._refuse_rewriting(tx, book, postings, after)
        posted = [
            Posted(each.posting, _movement(each.posting, *kept.numbers[each.posting.movement_id]), each.lines, book)
            for each in written
        ]
        for each, its_legs in zip(posted, legs, strict=True):
            await self._move_serials(tx, book, each, its_legs)
        await self._raising.crossed(tx, book.products, book.locations, kept.crossings, postings[0].actor)
        return posted

    async def lock(self, tx: Transaction, book: Book, keys: Sequence[LevelKey]) -> dict[LevelKey, Level]:
        """Levels as they are, locked until the transaction ends; made if they do not exist."""
        return await self._moved(tx, book, dict.fromkeys(keys, 0), sold=False, actor="")

    async def _moved(
        self, tx: Transaction, book: Book, deltas: Mapping[LevelKey, int], *, sold: bool, actor: str
    ) -> dict[LevelKey, Level]:
        looks = {key: book.level_counter(key) for key in deltas}
        if not looks:
            return {}
        if sold:
            found = await counters_of(tx, [look.counter for look in looks.values()])
        else:
            moves = [CapacityMove(look.counter, deltas[key], look.overbook) for key, look in looks.items()]
            found = await self._allocation.move_capacity(tx, moves, actor)
        return {key: Level.of(found[look.counter]) for key, look in looks.items() if look.counter in found}

    async def _on_hand(
        self, tx: Transaction, book: Book, after: Mapping[LevelKey, Level]
    ) -> dict[tuple[int, int], int]:
        """By (product, location), over all batches. Where there are batches, the rest of them is read."""
        real = [key for key in after if book.locations[key.location_no].kind is not Place.IN_TRANSIT]
        batched = {(key.product_no, key.location_no) for key in real if key.batch_no != NO_BATCH}
        found = {
            (key.product_no, key.location_no): after[key].on_hand
            for key in real
            if (key.product_no, key.location_no) not in batched
        }
        return found | await on_hand_of(tx, book, sorted(batched))

    async def _refuse_rewriting(
        self, tx: Transaction, book: Book, postings: Sequence[Posting], after: Mapping[LevelKey, Level]
    ) -> None:
        """A movement of the past may not leave less than nothing at any moment since."""
        moments = [posting.at for posting in postings if posting.at is not None]
        if not moments:
            return
        for key, under in (await store.lowest_since(tx, list(after), min(moments))).items():
            lowest = after[key].on_hand + under
            if lowest < -after[key].backorders_max:
                product, location = book.products[key.product_no], book.locations[key.location_no]
                raise NotThatMuchThen(
                    f"At {location.code} there would have been {product.written(lowest)} of {product.sku} at some "
                    f"moment since {min(moments):%Y-%m-%d %H:%M} UTC; record the missing receipt first."
                )

    async def _move_serials(self, tx: Transaction, book: Book, posted: Posted, legs: Sequence[Leg]) -> None:
        for leg in legs:
            if not leg.serials:
                continue
            source, target = (leg.from_no, leg.to_no) if leg.quantity > 0 else (leg.to_no, leg.from_no)
            new = book.locations[source].kind in (Place.SUPPLIER, Place.ADJUSTMENT)
            moved = await store.move_serials(
                tx, leg.product_no, leg.serials, source, target, posted.movement.movement_no, new=new
            )
            if moved != len(leg.serials):
                raise SerialElsewhere(
                    f"{len(leg.serials) - moved} of the serial numbers of {book.products[leg.product_no].sku} are not "
                    f"at {book.locations[source].code}, or are in stock already; scan them again."
                )

    async def _told(self, tenant: UUID, refused: NotEnough) -> NotOnHand:
        """The refusal in the words of stock."""
        short = [(ask.pool_no, *product_and_batch(ask.key), ask.count) for ask in refused.short]
        async with self._database.transaction(tenant) as tx:
            products = await catalogue.products_by_no(tx, [product_no for _, product_no, _, _ in short])
            by_pool = {each.pool_no: each for each in await catalogue.locations(tx)}
            ranges = {(pool_no, product_no) for pool_no, product_no, _, _ in short}
            found = await counters_in(tx, [product_range(*each) for each in sorted(ranges)])
        told = []
        for pool_no, product_no, batch_no, count in short:
            product, key = products[product_no], counter_key(product_no, batch_no)
            bucket = next((each for ref, each in found.items() if (ref.pool_no, ref.key) == (pool_no, key)), None)
            left = max(bucket.room, 0) if bucket else 0
            told.append(
                Short(
                    str(product.product_id),
                    product.sku,
                    by_pool[pool_no].code,
                    product.written(count),
                    product.written(left),
                )
            )
        return NotOnHand(told)


def _movement(posting: Posting, number: int, at: datetime, recorded_at: datetime) -> Movement:
    return Movement(
        number,
        posting.movement_id,
        posting.kind,
        at,
        recorded_at,
        posting.actor,
        posting.reason,
        posting.reference,
        posting.corrects,
    )


def product_range(pool_no: int, product_no: int) -> KeyRange:
    """All levels of a product at a location: the product's own and its batches'."""
    return KeyRange(pool_no, counter_key(product_no, NO_BATCH), counter_key(product_no, 2**31 - 1))


async def on_hand_of(tx: Transaction, book: Book, pairs: Sequence[tuple[int, int]]) -> dict[tuple[int, int], int]:
    """What is there of (product, location), over all batches."""
    if not pairs:
        return {}
    pools = {book.locations[location_no].pool_no: location_no for _, location_no in pairs}
    ranges = []
    for product_no, location_no in pairs:
        pool_no = book.locations[location_no].pool_no
        assert pool_no is not None, f"location {location_no} has no levels"
        ranges.append(product_range(pool_no, product_no))
    sums = dict.fromkeys(pairs, 0)
    for ref, bucket in (await counters_in(tx, ranges)).items():
        product_no, _ = product_and_batch(ref.key)
        sums[product_no, pools[ref.pool_no]] += Level.of(bucket).on_hand
    return sums


def event_data(book: Book, posting: Posting, lines: Sequence[Line]) -> str:
    """What others are told of a movement: ids and quantities as text, as the API tells them."""
    return orjson.dumps(
        {
            "kind": posting.kind,
            "actor": posting.actor,
            "reason": posting.reason,
            "reference": posting.reference,
            "corrects": str(posting.corrects) if posting.corrects else None,
            "lines": [
                {
                    "product_id": str(book.products[line.key.product_no].product_id),
                    "sku": book.products[line.key.product_no].sku,
                    "location": book.locations[line.key.location_no].code,
                    "batch_no": line.key.batch_no,
                    "quantity": book.products[line.key.product_no].written(line.quantity),
                    "on_hand": None if line.level is None else book.products[line.key.product_no].written(line.level),
                }
                for line in lines
            ],
        }
    ).decode()
