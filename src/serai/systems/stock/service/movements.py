"""Movements that people post: receive, sell, return, transfer, adjust, scrap; and taking one back.

What a person writes is turned into legs here: names into numbers, a sale of a product with batches into those that
expire first. Nothing that was written is ever changed: a mistake is taken back by a movement of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from psycopg.errors import UniqueViolation

from serai.kernel.errors import Invalid
from serai.kernel.ports import Clock
from serai.runtime.postgres.database import Transaction
from serai.systems.stock.errors import AlreadyCorrected, NoSuchMovement, NotCorrectable, NotOnHand, Short
from serai.systems.stock.model import NO_BATCH, Batch, Location, Movement, Place, Product, Tracking
from serai.systems.stock.picking import OnShelf, Pick, first_expired
from serai.systems.stock.posting import CORRECTABLE, SIGNED, Kind, Leg, Line, Posting, summed
from serai.systems.stock.service.book import (
    Item,
    Named,
    base_of,
    batches_by_code,
    checked_tracking,
    named,
    quantity_of,
    shelf_of,
)
from serai.systems.stock.service.ledger import Book, Ledger, Posted
from serai.systems.stock.store import catalogue
from serai.systems.stock.store import ledger as store

BACKDATED_DAYS_MAX = 366
"""How far back a movement may be dated."""

REASONED = frozenset({Kind.ADJUST, Kind.SCRAP})
"""Kinds that say why."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A movement as a person asks for it. `location_id` is the real place; `to_id` the other one of a transfer."""

    kind: Kind
    location_id: UUID
    items: tuple[Item, ...]
    to_id: UUID | None = None
    at: datetime | None = None
    reason: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Full:
    """A movement with its lines, and the words for their numbers."""

    movement: Movement
    lines: tuple[Line, ...]
    book: Book


class Movements:
    """Posts, reads and takes back movements. Methods that write run inside `Ledger.run`."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock

    async def post(self, tx: Transaction, drafts: Sequence[Draft], actor: str) -> list[Posted]:
        """All of them or none, in order; levels are judged by what they change together. Invalid, NotOnHand."""
        product_ids = {item.product_id for draft in drafts for item in draft.items}
        location_ids = {each for draft in drafts for each in (draft.location_id, draft.to_id) if each}
        known = await named(tx, list(product_ids), list(location_ids))
        for place, draft in enumerate(drafts):
            self._check(draft, f"movements.{place}." if len(drafts) > 1 else "")
        await _make_batches(tx, known, drafts)
        batches = await batches_by_code(
            tx, [each.product_no for each in known.products.values() if each.tracking is Tracking.BATCH]
        )
        postings = [await self._posting(tx, known, draft, batches, actor) for draft in drafts]
        return await self._ledger.post(tx, known.book, postings)

    async def correct(
        self, tx: Transaction, movement_id: UUID, actor: str, reason: str, at: datetime | None = None
    ) -> Posted:
        """Takes a movement back by its mirror image, dated as it was, or later where that was needed since.

        AlreadyCorrected, NotCorrectable, NotOnHand, NotThatMuchThen.
        """
        full = await self.get(tx, movement_id)
        if full.movement.kind not in {kind.value for kind in CORRECTABLE}:
            raise NotCorrectable(f"A movement of the kind {full.movement.kind} is put right by what it belongs to.")
        if await store.is_taken_back(tx, movement_id):
            raise _taken_back(movement_id)  # said before what its mirror image would lack now
        legs = tuple(leg.reversed() for leg in legs_from(full.lines))
        posting = Posting(
            self._ledger.new_id(),
            Kind.CORRECT,
            legs,
            actor,
            reason,
            full.movement.reference,
            max(at, full.movement.at) if at else full.movement.at,
            movement_id,
        )
        try:
            return (await self._ledger.post(tx, full.book, [posting]))[0]
        except UniqueViolation as twice:
            raise _taken_back(movement_id) from twice

    async def get(self, tx: Transaction, movement_id: UUID) -> Full:
        """NoSuchMovement."""
        movement = await store.movement(tx, movement_id)
        if movement is None:
            raise NoSuchMovement(f"There is no movement {str(movement_id)!r}.")
        return (await self._filled(tx, [movement]))[0]

    async def listed(
        self, tx: Transaction, product_no: int | None, location_no: int | None, before: int | None, limit: int
    ) -> list[Full]:
        """The newest first; `before` is the number of the last one of the page before."""
        return await self._filled(tx, await store.movements(tx, product_no, location_no, before, limit))

    async def of_ids(self, tx: Transaction, movement_ids: Sequence[UUID]) -> list[Full]:
        """Those of the ids that exist, in no order."""
        return await self._filled(tx, await store.movements_of(tx, movement_ids))

    async def _filled(self, tx: Transaction, movements: Sequence[Movement]) -> list[Full]:
        lines = await store.lines_of_movements(tx, [each.movement_no for each in movements])
        products = {line.key.product_no for each in lines.values() for line in each}
        book = await whole_book(tx, list(products))
        return [Full(each, tuple(lines[each.movement_no]), book) for each in movements]

    def _check(self, draft: Draft, at: str) -> None:
        if draft.kind in REASONED and not draft.reason:
            raise Invalid.of(f"{at}reason", "missing", f"Say why you {draft.kind.value} it.")
        if (draft.kind is Kind.TRANSFER) != (draft.to_id is not None):
            raise Invalid.of(f"{at}to_id", "transfer_only", "A transfer, and nothing else, has a second location.")
        if draft.to_id == draft.location_id:
            raise Invalid.of(f"{at}to_id", "same_location", "Choose another location than the one it comes from.")
        if draft.at is not None:
            now = self._clock.now()
            if draft.at > now or (now - draft.at).days >= BACKDATED_DAYS_MAX:
                said = f"A movement is dated between now and {BACKDATED_DAYS_MAX} days ago."
                raise Invalid.of(f"{at}at", "not_in_range", said)

    async def _posting(
        self,
        tx: Transaction,
        known: Named,
        draft: Draft,
        batches: Mapping[tuple[int, str], Batch],
        actor: str,
    ) -> Posting:
        source, target = _ends(known, draft)
        legs: list[Leg] = []
        for place, item in enumerate(draft.items):
            field = f"items.{place}"
            product = known.product(f"{field}.product_id", item.product_id)
            quantity = quantity_of(product, item.quantity, f"{field}.quantity", signed=draft.kind in SIGNED)
            checked_tracking(product, item, quantity, field)
            if product.tracking is Tracking.BATCH and not item.batch:
                picks = await self._picked(tx, known.book, draft, product, source, quantity, field)
            elif item.batch:
                batch = batches.get((product.product_no, item.batch))
                if batch is None:
                    raise Invalid.of(f"{field}.batch", "unknown_batch", f"{product.sku} has no batch {item.batch!r}.")
                picks = [Pick(batch.batch_no, quantity)]
            else:
                picks = [Pick(NO_BATCH, quantity)]
            legs += [
                Leg(
                    product.product_no,
                    pick.batch_no,
                    source.location_no,
                    target.location_no,
                    pick.quantity,
                    item.cost_minor if draft.kind is Kind.RECEIVE else None,
                    item.serials,
                )
                for pick in picks
            ]
        if not summed(legs):
            raise Invalid.of("items", "nothing", "The lines take back one another; nothing would move.")
        return Posting(self._ledger.new_id(), draft.kind, tuple(legs), actor, draft.reason, draft.reference, draft.at)

    async def _picked(
        self,
        tx: Transaction,
        book: Book,
        draft: Draft,
        product: Product,
        source: Location,
        quantity: int,
        field: str,
    ) -> list[Pick]:
        """Batches that a sale takes by itself, under the lock of the product's level, so that two do not pick one."""
        if draft.kind is not Kind.SELL:
            raise Invalid.of(f"{field}.batch", "missing", f"{product.sku} is kept in batches; say which.")
        await self._ledger.lock(tx, book, [base_of(source, product)])
        return picked(
            product, source, await shelf_of(tx, source, product), quantity, (draft.at or self._clock.now()).date()
        )


def picked(product: Product, source: Location, shelf: Sequence[OnShelf], quantity: int, today: date) -> list[Pick]:
    """Batches for `quantity`, first expired first out; NotOnHand if all that may be sold is too little."""
    picks = first_expired(shelf, quantity, today)
    if (got := sum(pick.quantity for pick in picks)) < quantity:
        raise NotOnHand(
            [
                Short(
                    str(product.product_id),
                    product.sku,
                    source.code,
                    product.written(quantity),
                    product.written(got),
                )
            ]
        )
    return picks


async def whole_book(tx: Transaction, product_nos: Sequence[int]) -> Book:
    """Some products and all places, for reading."""
    products = await catalogue.products_by_no(tx, product_nos)
    return Book(products, {each.location_no: each for each in await catalogue.locations(tx)})


def legs_from(lines: Sequence[Line]) -> list[Leg]:
    """The legs that lines were made of: they are written in pairs."""
    assert len(lines) % 2 == 0, f"{len(lines)} lines"
    legs = []
    for source, target in zip(lines[::2], lines[1::2], strict=True):
        assert source.quantity == -target.quantity, "a leg has two sides"
        key = target.key
        legs.append(
            Leg(
                key.product_no,
                key.batch_no,
                source.key.location_no,
                key.location_no,
                target.quantity,
                target.cost_minor,
                target.serials,
            )
        )
    return legs


def _ends(known: Named, draft: Draft) -> tuple[Location, Location]:
    here = known.real("location_id", draft.location_id)
    match draft.kind:
        case Kind.RECEIVE:
            return known.places[Place.SUPPLIER], here
        case Kind.SELL:
            return here, known.places[Place.CUSTOMER]
        case Kind.RETURN:
            return known.places[Place.CUSTOMER], here
        case Kind.ADJUST:
            return known.places[Place.ADJUSTMENT], here
        case Kind.SCRAP:
            return here, known.places[Place.SCRAP]
        case Kind.TRANSFER:
            assert draft.to_id is not None, "checked before"
            return here, known.real("to_id", draft.to_id)
        case _:
            raise Invalid.of("kind", "not_by_hand", f"A movement {draft.kind.value!r} is a step of something else.")


async def _make_batches(tx: Transaction, known: Named, drafts: Sequence[Draft]) -> None:
    """Batches that are received for the first time, before any level is locked."""
    wanted = {
        (product.product_no, item.batch): item.expires_on
        for draft in drafts
        if draft.kind in (Kind.RECEIVE, Kind.ADJUST)
        for item in draft.items
        if item.batch and (product := known.products.get(item.product_id)) and product.tracking is Tracking.BATCH
    }
    if wanted:
        await catalogue.ensure_batches(tx, [(*key, expires_on) for key, expires_on in wanted.items()])


def _taken_back(movement_id: UUID) -> AlreadyCorrected:
    return AlreadyCorrected(f"The movement {movement_id} was taken back already.")
