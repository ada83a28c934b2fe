"""Finds what a request names: products, places, batches, quantities; or says which field is wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from serai.kernel.errors import Invalid
from serai.runtime.postgres.database import Transaction
from serai.systems.allocation.api import counters_in
from serai.systems.stock.model import (
    NAMED_CODES,
    NO_BATCH,
    NOTHING,
    QUANTITY_MAX,
    REAL,
    Batch,
    Level,
    LevelKey,
    Location,
    Place,
    Product,
    Tracking,
    from_counter_key,
)
from serai.systems.stock.picking import OnShelf
from serai.systems.stock.service.ledger import Book, product_range
from serai.systems.stock.store import catalogue


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a request: so much of a product, as people write it."""

    product_id: UUID
    quantity: str
    batch: str = ""
    expires_on: date | None = None
    serials: tuple[str, ...] = ()
    cost_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """What a request names, found."""

    book: Book
    products: Mapping[UUID, Product]
    locations: Mapping[UUID, Location]
    places: Mapping[Place, Location]

    def real(self, field: str, location_id: UUID) -> Location:
        """A location where people can put things; Invalid names the field."""
        location = self.locations.get(location_id)
        if location is None or location.kind not in REAL:
            raise Invalid.of(field, "unknown_location", f"There is no location {str(location_id)!r}.")
        return location

    def product(self, field: str, product_id: UUID) -> Product:
        """A product; Invalid names the field."""
        product = self.products.get(product_id)
        if product is None:
            raise Invalid.of(field, "unknown_product", f"There is no product {str(product_id)!r}.")
        return product


async def named(tx: Transaction, product_ids: Sequence[UUID], location_ids: Sequence[UUID]) -> Named:
    """All of them, and the organisation's named places."""
    facts = await catalogue.facts(tx, product_ids, location_ids)
    places = {NAMED_CODES[each.code]: each for each in facts.locations.values() if each.code in NAMED_CODES}
    book = Book(
        {each.product_no: each for each in facts.products.values()},
        {each.location_no: each for each in facts.locations.values()},
    )
    return Named(book, facts.products, facts.locations, places)


def quantity_of(product: Product, text: str, field: str, *, signed: bool = False) -> int:
    """A line's quantity in the product's smallest part; Invalid for none, nothing, too fine or too much."""
    quantity = product.read(text)
    if quantity is None:
        fine = f"at most {product.decimals} decimals" if product.decimals else "whole numbers"
        raise Invalid.of(
            field, "not_a_quantity", f"{text!r} is no quantity of {product.sku}; it has {fine} of {product.unit}."
        )
    if quantity == 0 or (quantity < 0 and not signed):
        raise Invalid.of(field, "not_positive", f"{text} of {product.sku} is nothing that can be moved.")
    assert abs(quantity) <= QUANTITY_MAX, "a quantity is read within its limit"
    return quantity


def checked_tracking(product: Product, item: Item, quantity: int, field: str, *, numbered: bool = True) -> None:
    """Batches and serial numbers are given where the product has them and nowhere else; Invalid."""
    if item.batch and product.tracking is not Tracking.BATCH:
        raise Invalid.of(f"{field}.batch", "no_batches", f"{product.sku} is not kept in batches; leave it out.")
    if item.serials and product.tracking is not Tracking.SERIAL:
        raise Invalid.of(f"{field}.serials", "no_serials", f"{product.sku} has no serial numbers; leave them out.")
    if len(set(item.serials)) != len(item.serials):
        raise Invalid.of(f"{field}.serials", "twice", "A serial number is named twice.")
    if numbered and product.tracking is Tracking.SERIAL and len(item.serials) != abs(quantity):
        said = f"{len(item.serials)} serial numbers for {abs(quantity)} of {product.sku}; scan one for each."
        raise Invalid.of(f"{field}.serials", "count", said)


async def batches_by_code(tx: Transaction, product_nos: Sequence[int]) -> dict[tuple[int, str], Batch]:
    """All batches of some products, by (product, code)."""
    found = await catalogue.batches_of(tx, product_nos) if product_nos else []
    return {(batch.product_no, batch.code): batch for batch in found}


async def levels_at(
    tx: Transaction, locations: Sequence[Location], product_nos: Sequence[int]
) -> dict[LevelKey, Level]:
    """The levels of these products at these locations, batches apart; by primary keys, without a lock."""
    pools = {location.pool_no: location.location_no for location in locations if location.pool_no is not None}
    ranges = [product_range(pool_no, product_no) for pool_no in pools for product_no in product_nos]
    if not ranges:
        return {}
    return {
        LevelKey(pools[ref.pool_no], *from_counter_key(ref.key)): Level.of(bucket)
        for ref, bucket in (await counters_in(tx, ranges)).items()
    }


async def shelf_of(tx: Transaction, location: Location, product: Product) -> list[OnShelf]:
    """The batches of a product at a location with what can be taken of each."""
    levels = await levels_at(tx, [location], [product.product_no])
    batches = await catalogue.batches_of(tx, [product.product_no])
    return [
        OnShelf(batch.batch_no, batch.expires_on, level.available)
        for batch in batches
        if (level := levels.get(LevelKey(location.location_no, product.product_no, batch.batch_no), NOTHING)).available
    ]


def base_of(location: Location, product: Product) -> LevelKey:
    """The level of the product itself."""
    return LevelKey(location.location_no, product.product_no, NO_BATCH)
