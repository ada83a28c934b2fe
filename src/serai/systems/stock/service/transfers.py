"""Transfers: goods leave one place, are on their way, and arrive at another, perhaps in parts, perhaps not all.

What is on its way is a level of its own, so nothing disappears between two places; what does not arrive is written off
by somebody who says so. Each step is one movement.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from serai.kernel.errors import Invalid
from serai.kernel.ports import Clock
from serai.runtime.outbox import Event, Outbox
from serai.runtime.postgres.database import Transaction
from serai.systems.stock.errors import MoreThanSent, NoSuchTransfer
from serai.systems.stock.flows import TRANSFERS, TransferState, TransferStep
from serai.systems.stock.model import NO_BATCH, Location, Place, Product, Tracking
from serai.systems.stock.picking import Pick
from serai.systems.stock.posting import Kind, Leg, Posting
from serai.systems.stock.service.book import (
    Item,
    batches_by_code,
    checked_tracking,
    named,
    quantity_of,
    shelf_of,
)
from serai.systems.stock.service.ledger import Book, Ledger
from serai.systems.stock.service.movements import picked, whole_book
from serai.systems.stock.store import flows as store

TOPIC = "serai.stock.transfer"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A transfer to be made."""

    from_id: UUID
    to_id: UUID
    items: tuple[Item, ...]
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """So much of one line has come."""

    line_no: int
    quantity: str


@dataclass(frozen=True, slots=True)
class Shipped:
    """A transfer, and the words for its numbers."""

    transfer: store.Transfer
    book: Book


class Transfers:
    """Moves goods in two steps. Methods that write run inside `Ledger.run`."""

    def __init__(self, ledger: Ledger, outbox: Outbox, clock: Clock) -> None:
        self._ledger = ledger
        self._outbox = outbox
        self._clock = clock

    async def draft(self, tx: Transaction, wanted: Wanted, actor: str) -> Shipped:
        """A list of what is to go; nothing moves yet. Invalid."""
        known = await named(tx, [item.product_id for item in wanted.items], [wanted.from_id, wanted.to_id])
        source, target = known.real("from_id", wanted.from_id), known.real("to_id", wanted.to_id)
        if source == target:
            raise Invalid.of("to_id", "same_location", "Choose another location than the one it comes from.")
        lines: dict[tuple[int, int], store.TransferLine] = {}
        batches = await batches_by_code(tx, [each.product_no for each in known.products.values()])
        for place, item in enumerate(wanted.items):
            field = f"items.{place}"
            product = known.product(f"{field}.product_id", item.product_id)
            quantity = quantity_of(product, item.quantity, f"{field}.quantity")
            checked_tracking(product, item, quantity, field)
            picks = [Pick(NO_BATCH, quantity)]
            if item.batch:
                if (product.product_no, item.batch) not in batches:
                    raise Invalid.of(f"{field}.batch", "unknown_batch", f"{product.sku} has no batch {item.batch!r}.")
                picks = [Pick(batches[product.product_no, item.batch].batch_no, quantity)]
            elif product.tracking is Tracking.BATCH:
                shelf = await shelf_of(tx, source, product)
                picks = picked(product, source, shelf, quantity, self._clock.now().date())
            for pick in picks:
                _add(lines, product, pick, item)
        numbered = tuple(lines.values())
        transfer = store.Transfer(
            self._ledger.new_id(),
            source.location_no,
            target.location_no,
            TRANSFERS.first,
            1,
            wanted.reference,
            actor,
            self._clock.now(),
            self._clock.now(),
            numbered,
        )
        await store.insert_transfer(tx, transfer)
        await self._tell(tx, transfer, known.book, "drafted", actor)
        return await self.get(tx, transfer.transfer_id)

    async def dispatch(self, tx: Transaction, transfer_id: UUID, actor: str) -> Shipped:
        """All of it leaves. NotOnHand, IllegalStep."""
        known, book = await self._locked(tx, transfer_id)
        to = TRANSFERS.after(known.state, TransferStep.DISPATCH)
        await self._move(tx, book, known, Kind.DISPATCH, {line.line_no: line.sent for line in known.lines}, actor)
        return await self._stepped(tx, known, book, to, {}, {}, actor)

    async def receive(
        self,
        tx: Transaction,
        transfer_id: UUID,
        arrivals: Sequence[Arrival] | None,
        actor: str,
    ) -> Shipped:
        """What has come, or with None all that is missing. MoreThanSent, IllegalStep, Invalid."""
        known, book = await self._locked(tx, transfer_id)
        came = {line.line_no: line.missing for line in known.lines if line.missing}
        if arrivals is not None:
            came = self._arrived(known, book, arrivals)
        complete = all(line.missing == came.get(line.line_no, 0) for line in known.lines)
        to = TRANSFERS.after(known.state, TransferStep.RECEIVE_REST if complete else TransferStep.RECEIVE_PART)
        await self._move(tx, book, known, Kind.ARRIVE, came, actor)
        return await self._stepped(tx, known, book, to, came, {}, actor)

    async def write_off(self, tx: Transaction, transfer_id: UUID, reason: str, actor: str) -> Shipped:
        """What has not come will not: it is lost. IllegalStep."""
        known, book = await self._locked(tx, transfer_id)
        to = TRANSFERS.after(known.state, TransferStep.WRITE_OFF)
        lost = {line.line_no: line.missing for line in known.lines if line.missing}
        await self._move(tx, book, known, Kind.LOSE, lost, actor, reason)
        return await self._stepped(tx, known, book, to, {}, lost, actor)

    async def cancel(self, tx: Transaction, transfer_id: UUID, actor: str) -> Shipped:
        """A draft that will not go. IllegalStep."""
        known, book = await self._locked(tx, transfer_id)
        to = TRANSFERS.after(known.state, TransferStep.CANCEL)
        return await self._stepped(tx, known, book, to, {}, {}, actor)

    async def get(self, tx: Transaction, transfer_id: UUID) -> Shipped:
        """NoSuchTransfer."""
        return Shipped(*await self._found(tx, transfer_id, lock=False))

    async def listed(
        self,
        tx: Transaction,
        location_no: int | None,
        states: Sequence[TransferState],
        after: tuple[datetime, UUID] | None,
        limit: int,
    ) -> list[Shipped]:
        """The newest first, without their lines."""
        book = await whole_book(tx, [])
        found = await store.transfers(tx, location_no, [state.value for state in states], after, limit)
        return [Shipped(each, book) for each in found]

    async def _locked(self, tx: Transaction, transfer_id: UUID) -> tuple[store.Transfer, Book]:
        return await self._found(tx, transfer_id, lock=True)

    async def _found(self, tx: Transaction, transfer_id: UUID, *, lock: bool) -> tuple[store.Transfer, Book]:
        found = await store.transfer(tx, transfer_id, lock=lock)
        if found is None:
            raise NoSuchTransfer(f"There is no transfer {str(transfer_id)!r}.")
        return found, await whole_book(tx, [line.product_no for line in found.lines])

    @staticmethod
    def _arrived(known: store.Transfer, book: Book, arrivals: Sequence[Arrival]) -> dict[int, int]:
        lines = {line.line_no: line for line in known.lines}
        came: dict[int, int] = {}
        for place, arrival in enumerate(arrivals):
            line = lines.get(arrival.line_no)
            if line is None:
                said = f"The transfer has no line {arrival.line_no}."
                raise Invalid.of(f"lines.{place}.line_no", "unknown_line", said)
            product = book.products[line.product_no]
            came[line.line_no] = came.get(line.line_no, 0) + quantity_of(
                product, arrival.quantity, f"lines.{place}.quantity"
            )
            if came[line.line_no] > line.missing:
                raise MoreThanSent(
                    f"{product.written(came[line.line_no])} of {product.sku} would arrive and "
                    f"{product.written(line.missing)} are on their way; receive the rest as a delivery of its own."
                )
            if product.tracking is Tracking.SERIAL and came[line.line_no] != line.missing:
                said = f"{product.sku} has serial numbers; receive all of the line, and write off what is missing."
                raise Invalid.of(f"lines.{place}.quantity", "all_or_none", said)
        return came

    async def _move(
        self,
        tx: Transaction,
        book: Book,
        known: store.Transfer,
        kind: Kind,
        quantities: Mapping[int, int],
        actor: str,
        reason: str = "",
    ) -> None:
        transit = _named(book, Place.IN_TRANSIT).location_no
        ends = {
            Kind.DISPATCH: (known.from_no, transit),
            Kind.ARRIVE: (transit, known.to_no),
            Kind.LOSE: (transit, _named(book, Place.ADJUSTMENT).location_no),
        }[kind]
        legs = tuple(
            Leg(line.product_no, line.batch_no, *ends, quantities[line.line_no], None, line.serials)
            for line in known.lines
            if quantities.get(line.line_no)
        )
        reference = known.reference or str(known.transfer_id)
        await self._ledger.post(tx, book, [Posting(self._ledger.new_id(), kind, legs, actor, reason, reference)])

    async def _stepped(
        self,
        tx: Transaction,
        known: store.Transfer,
        book: Book,
        to: TransferState,
        received: dict[int, int],
        lost: dict[int, int],
        actor: str,
    ) -> Shipped:
        await store.step_transfer(tx, known, to, received, lost)
        await self._tell(tx, known, book, to.value, actor)
        return await self.get(tx, known.transfer_id)

    async def _tell(self, tx: Transaction, transfer: store.Transfer, book: Book, what: str, actor: str) -> None:
        data = {
            "actor": actor,
            "from": book.locations[transfer.from_no].code,
            "to": book.locations[transfer.to_no].code,
            "reference": transfer.reference,
        }
        await self._outbox.append(tx, Event(TOPIC, str(transfer.transfer_id), f"{TOPIC}.{what}.v1", data))


def _named(book: Book, place: Place) -> Location:
    return next(each for each in book.locations.values() if each.kind is place)


def _add(lines: dict[tuple[int, int], store.TransferLine], product: Product, pick: Pick, item: Item) -> None:
    """Lines of one product and batch are one."""
    key = (product.product_no, pick.batch_no)
    was = lines.get(key)
    sent = pick.quantity + (was.sent if was else 0)
    serials = (was.serials if was else ()) + item.serials
    line_no = was.line_no if was else len(lines)
    lines[key] = store.TransferLine(line_no, *key, sent, 0, 0, serials)
