"""Stock-takes: a frozen list, numbers from the shelves, and an approval that books the differences.

Sales go on while people count, so each number is held against the level of the moment when it was entered, and what is
booked is the difference. A blind count does not tell what should be there until somebody may approve it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from serai.kernel.errors import Invalid
from serai.kernel.ports import Clock
from serai.runtime.outbox import Event, Outbox
from serai.runtime.postgres.database import Transaction
from serai.systems.allocation.api import counters_between
from serai.systems.stock.errors import IllegalStep, NoSuchCount, NotCounted
from serai.systems.stock.flows import COUNTS, CountState, CountStep
from serai.systems.stock.model import (
    NO_BATCH,
    Batch,
    Level,
    LevelKey,
    Location,
    Place,
    Product,
    Tracking,
    from_counter_key,
)
from serai.systems.stock.posting import Kind, Leg, Posting
from serai.systems.stock.service.book import batches_by_code, levels_at, named
from serai.systems.stock.service.ledger import Book, Ledger
from serai.systems.stock.service.movements import whole_book
from serai.systems.stock.store import flows as store

TOPIC = "serai.stock.count"

LINES_MAX = 1_000
"""Levels of one stock-take; count a large place by category."""

_LAST_KEY = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Plan:
    """A stock-take to be made: of a place, or of some products of it."""

    location_id: UUID
    product_ids: tuple[UUID, ...] = ()
    blind: bool = True
    note: str = ""


@dataclass(frozen=True, slots=True)
class Number:
    """What somebody found."""

    product_id: UUID
    quantity: str
    batch: str = ""


@dataclass(frozen=True, slots=True)
class Counted:
    """A stock-take, and the words for its numbers."""

    count: store.Count
    book: Book


class Counts:
    """Runs stock-takes. Methods that write run inside `Ledger.run`."""

    def __init__(self, ledger: Ledger, outbox: Outbox, clock: Clock) -> None:
        self._ledger = ledger
        self._outbox = outbox
        self._clock = clock

    async def begin(self, tx: Transaction, plan: Plan, actor: str) -> Counted:
        """Freezes the list of what is to be counted. Invalid for an unknown place, nothing, or too much of it."""
        known = await named(tx, plan.product_ids, [plan.location_id])
        location = known.real("location_id", plan.location_id)
        if plan.product_ids:
            for place, product_id in enumerate(plan.product_ids):
                known.product(f"product_ids.{place}", product_id)
            numbers = list(known.book.products)
            levels = await levels_at(tx, [location], numbers)
            levels |= {key: Level(0, 0, 0) for key in self._unseen(location, known.book, levels)}
        else:
            levels = await _all_levels(tx, location)
        book = await whole_book(tx, list({key.product_no for key in levels}))
        frozen = [
            store.CountLine(key.product_no, key.batch_no, level.on_hand, None, None, "")
            for key, level in sorted(levels.items())
            if countable(book.products[key.product_no], key)
        ]
        if not 1 <= len(frozen) <= LINES_MAX:
            said = f"The list would have {len(frozen)} lines; it has 1 to {LINES_MAX}. Choose products."
            raise Invalid.of("product_ids", "list_size", said)
        count = store.Count(
            self._ledger.new_id(),
            location.location_no,
            COUNTS.first,
            1,
            plan.blind,
            plan.note,
            actor,
            self._clock.now(),
            self._clock.now(),
            None,
            tuple(frozen),
        )
        await store.insert_count(tx, count)
        await self._tell(tx, count, book, "begun", actor)
        return await self.get(tx, count.count_id)

    async def enter(self, tx: Transaction, count_id: UUID, numbers: Sequence[Number], actor: str) -> Counted:
        """What was found; a second number of a level replaces the first. IllegalStep, Invalid."""
        known, _ = await self._found(tx, count_id, lock=True)
        if known.state is not CountState.COUNTING:
            raise IllegalStep(f"A stock-take that is {known.state.value} takes no numbers; ask for a recount first.")
        location_no = known.location_no
        found = await named(tx, [number.product_id for number in numbers], [])
        batches = await batches_by_code(tx, list(found.book.products))
        wanted: dict[LevelKey, int] = {}
        for place, number in enumerate(numbers):
            product = found.product(f"numbers.{place}.product_id", number.product_id)
            batch_no = self._batch(product, number, batches, f"numbers.{place}.batch")
            wanted[LevelKey(location_no, product.product_no, batch_no)] = _number(product, number, place)
        book = await whole_book(tx, list(found.book.products))
        # Under the levels' locks, so that a sale falls before the number or after it.
        now = await self._ledger.lock(tx, book, list(wanted))
        rows = [(key.product_no, key.batch_no, wanted[key], now[key].on_hand) for key in wanted]
        await store.enter_counted(tx, count_id, rows, actor)
        return await self.get(tx, count_id)

    async def submit(self, tx: Transaction, count_id: UUID, actor: str) -> Counted:
        """All is counted; somebody else looks at it now. NotCounted, IllegalStep."""
        known, book = await self._found(tx, count_id, lock=True)
        to = COUNTS.after(known.state, CountStep.SUBMIT)
        missing = [line for line in known.lines if line.counted is None]
        if missing:
            sku = book.products[missing[0].product_no].sku
            raise NotCounted(f"{len(missing)} of {len(known.lines)} lines have no number yet; the first is {sku}.")
        return await self._stepped(tx, known, book, to, None, actor)

    async def recount(self, tx: Transaction, count_id: UUID, actor: str) -> Counted:
        """The differences are not believed: numbers may be entered again. IllegalStep."""
        known, book = await self._found(tx, count_id, lock=True)
        return await self._stepped(tx, known, book, COUNTS.after(known.state, CountStep.RECOUNT), None, actor)

    async def cancel(self, tx: Transaction, count_id: UUID, actor: str) -> Counted:
        """Nothing is booked. IllegalStep."""
        known, book = await self._found(tx, count_id, lock=True)
        return await self._stepped(tx, known, book, COUNTS.after(known.state, CountStep.CANCEL), None, actor)

    async def approve(self, tx: Transaction, count_id: UUID, reason: str, actor: str) -> Counted:
        """Books the differences in one movement. NotOnHand where more is promised than was found; IllegalStep."""
        known, book = await self._found(tx, count_id, lock=True)
        to = COUNTS.after(known.state, CountStep.APPROVE)
        adjustment = next(each for each in book.locations.values() if each.kind is Place.ADJUSTMENT)
        legs = tuple(
            Leg(line.product_no, line.batch_no, adjustment.location_no, known.location_no, line.variance)
            for line in known.lines
            if line.variance
        )
        movement_id = None
        if legs:
            movement_id = self._ledger.new_id()
            posting = Posting(movement_id, Kind.COUNT, legs, actor, reason, str(count_id))
            await self._ledger.post(tx, book, [posting])
        return await self._stepped(tx, known, book, to, movement_id, actor)

    async def get(self, tx: Transaction, count_id: UUID) -> Counted:
        """NoSuchCount."""
        return Counted(*await self._found(tx, count_id, lock=False))

    async def listed(
        self, tx: Transaction, location_no: int | None, after: tuple[datetime, UUID] | None, limit: int
    ) -> list[Counted]:
        """The newest first, without their lines."""
        book = await whole_book(tx, [])
        return [Counted(each, book) for each in await store.counts(tx, location_no, after, limit)]

    async def _found(self, tx: Transaction, count_id: UUID, *, lock: bool) -> tuple[store.Count, Book]:
        found = await store.count(tx, count_id, lock=lock)
        if found is None:
            raise NoSuchCount(f"There is no stock-take {str(count_id)!r}.")
        return found, await whole_book(tx, [line.product_no for line in found.lines])

    @staticmethod
    def _unseen(location: Location, book: Book, levels: Mapping[LevelKey, Level]) -> list[LevelKey]:
        """Products that were asked for and have never been here."""
        seen = {key.product_no for key in levels}
        return [LevelKey(location.location_no, number) for number in book.products if number not in seen]

    @staticmethod
    def _batch(product: Product, number: Number, batches: Mapping[tuple[int, str], Batch], field: str) -> int:
        if product.tracking is not Tracking.BATCH and not number.batch:
            return NO_BATCH
        batch = batches.get((product.product_no, number.batch))
        if batch is None:
            raise Invalid.of(field, "unknown_batch", f"{product.sku} has no batch {number.batch!r}.")
        return batch.batch_no

    async def _stepped(
        self, tx: Transaction, known: store.Count, book: Book, to: CountState, movement_id: UUID | None, actor: str
    ) -> Counted:
        await store.step_count(tx, known.count_id, to, movement_id)
        await self._tell(tx, known, book, to.value, actor)
        return await self.get(tx, known.count_id)

    async def _tell(self, tx: Transaction, count: store.Count, book: Book, what: str, actor: str) -> None:
        data = {
            "actor": actor,
            "location": book.locations[count.location_no].code,
            "lines": len(count.lines),
            "variances": sum(1 for line in count.lines if line.variance),
        }
        await self._outbox.append(tx, Event(TOPIC, str(count.count_id), f"{TOPIC}.{what}.v1", data))


def countable(product: Product, key: LevelKey) -> bool:
    """Whether a level is counted: of a product with batches each batch, and serial numbers are scanned instead."""
    return product.tracking is not Tracking.SERIAL and (
        (product.tracking is Tracking.BATCH) == (key.batch_no != NO_BATCH)
    )


def _number(product: Product, number: Number, place: int) -> int:
    found = product.read(number.quantity)
    if found is None or found < 0:
        said = f"{number.quantity!r} is no number of {product.sku} that can be counted."
        raise Invalid.of(f"numbers.{place}.quantity", "not_a_quantity", said)
    if product.tracking is Tracking.SERIAL:
        said = f"{product.sku} has serial numbers; adjust those that are missing or found."
        raise Invalid.of(f"numbers.{place}.product_id", "serials", said)
    return found


async def _all_levels(tx: Transaction, location: Location) -> dict[LevelKey, Level]:
    assert location.pool_no is not None
    found = await counters_between(tx, [location.pool_no], 1, _LAST_KEY, limit=2 * LINES_MAX + 2)
    return {
        LevelKey(location.location_no, *from_counter_key(ref.key)): Level.of(bucket) for ref, bucket in found.items()
    }
