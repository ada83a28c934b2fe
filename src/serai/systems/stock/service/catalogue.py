"""Products, categories and places. Every change leaves a line of the trail and an event that name who made it.

A product's unit, decimals and tracking, and a place's kind, stay what they are: everything that was recorded is told in
them. Nothing is deleted; what is no longer used is retired, and what is left of it can still be moved away.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from psycopg.errors import UniqueViolation

from serai.kernel.errors import Invalid
from serai.kernel.ids import uuid7
from serai.kernel.money import known_currency
from serai.kernel.ports import Clock, Random
from serai.runtime.postgres.database import Transaction
from serai.systems.allocation.api import Allocation, CounterPlan, CounterTooSmall
from serai.systems.stock.barcodes import is_gtin
from serai.systems.stock.errors import (
    CodeTaken,
    GtinTaken,
    NoSuchCategory,
    NoSuchLocation,
    NoSuchProduct,
    SkuTaken,
    TooManyOwed,
)
from serai.systems.stock.model import (
    NAMED_CODES,
    NAMED_PLACES,
    OWNER,
    REAL,
    VIRTUAL,
    Category,
    Location,
    Product,
)
from serai.systems.stock.service.trail import Trail
from serai.systems.stock.store import catalogue as store

CATEGORIES_MAX = 2_000
DEPTH_MAX = 8
"""Levels of the trees of categories and places."""


class Catalogue:
    """What there is and where. Methods run in the caller's transaction."""

    def __init__(self, allocation: Allocation, trail: Trail, clock: Clock, random: Random) -> None:
        self._allocation = allocation
        self._trail = trail
        self._clock = clock
        self._random = random

    async def add_product(self, tx: Transaction, wanted: Product, actor: str) -> Product:
        """`wanted` with an id and number of its own. Invalid, SkuTaken, GtinTaken."""
        await self._check_product(tx, wanted)
        if not known_currency(wanted.currency):
            message = f"{wanted.currency!r} is no ISO 4217 currency; write one such as EUR."
            raise Invalid.of("currency", "unknown_currency", message)
        product = replace(wanted, product_id=self._id())
        number = await store.insert_product(tx, product)
        if number is None:
            taken = await store.products_by_sku(tx, [product.sku])
            raise _taken(product, sku=bool(taken))
        product = replace(product, product_no=number)
        await self._trail.changed(tx, "product", "created", product.product_id, actor, after=product_facts(product))
        return product

    async def edit_product(self, tx: Transaction, product_id: UUID, changes: Mapping[str, Any], actor: str) -> Product:
        """SKU, GTIN, name, category, retired. NoSuchProduct, SkuTaken, GtinTaken, Invalid."""
        was = await store.product(tx, product_id, lock=True)
        if was is None:
            raise NoSuchProduct(f"There is no product {str(product_id)!r}.")
        product = replace(was, **changes)
        if product == was:
            return product
        await self._check_product(tx, product)
        try:
            await store.update_product(tx, product)
        except UniqueViolation as taken:
            raise _taken(product, sku="sku" in (taken.diag.constraint_name or "")) from taken
        before, after = product_facts(was), product_facts(product)
        await self._trail.changed(tx, "product", "changed", product_id, actor, before=before, after=after)
        return product

    async def product(self, tx: Transaction, product_id: UUID) -> Product:
        """NoSuchProduct."""
        found = await store.product(tx, product_id)
        if found is None:
            raise NoSuchProduct(f"There is no product {str(product_id)!r}.")
        return found

    async def add_category(self, tx: Transaction, name: str, parent_id: UUID | None, actor: str) -> Category:
        """A node of the tree; Invalid for an unknown parent or too deep a tree."""
        tree = {each.category_id: each for each in await store.categories(tx)}
        if len(tree) >= CATEGORIES_MAX:
            raise Invalid.of("name", "too_many", f"There are {CATEGORIES_MAX} categories already; use one of them.")
        depth, parent = 1, parent_id
        while parent is not None:
            if parent not in tree:
                raise Invalid.of("parent_id", "unknown_category", f"There is no category {str(parent)!r}.")
            depth, parent = depth + 1, tree[parent].parent_id
        if depth > DEPTH_MAX:
            raise Invalid.of("parent_id", "too_deep", f"The tree has at most {DEPTH_MAX} levels; choose a higher one.")
        category = Category(self._id(), parent_id, name)
        await store.insert_category(tx, category)
        facts = {"name": name, "parent_id": str(parent_id) if parent_id else None}
        await self._trail.changed(tx, "category", "created", category.category_id, actor, after=facts)
        return category

    async def branch(self, tx: Transaction, category_id: UUID) -> list[UUID]:
        """A category and all below it. NoSuchCategory."""
        tree = await store.categories(tx)
        if category_id not in {each.category_id for each in tree}:
            raise NoSuchCategory(f"There is no category {str(category_id)!r}.")
        return below(category_id, tree)

    async def add_location(self, tx: Transaction, wanted: Location, actor: str) -> Location:
        """`wanted` with an id, a number and a pool of its own. The first one brings the named places with it."""
        if wanted.kind not in REAL:
            raise Invalid.of("kind", "not_a_place", f"A {wanted.kind.value} is not a place that can be made.")
        if wanted.code.startswith("@"):
            raise Invalid.of("code", "reserved", "A code that begins with @ is one of ours; choose another.")
        await self._ensure_places(tx)
        if wanted.parent_id is not None:
            parent = await store.location(tx, wanted.parent_id)
            if parent is None or parent.kind not in REAL:
                raise Invalid.of("parent_id", "unknown_location", f"There is no location {str(wanted.parent_id)!r}.")
        location = await self._make_location(tx, wanted)
        if location is None:
            raise CodeTaken(f"Another location has the code {wanted.code}.")
        facts = location_facts(location)
        await self._trail.changed(tx, "location", "created", location.location_id, actor, after=facts)
        return location

    async def edit_location(
        self, tx: Transaction, location_id: UUID, changes: Mapping[str, Any], actor: str
    ) -> Location:
        """Name, address, alert_email, backorders_max, retired. NoSuchLocation, TooManyOwed."""
        was = await store.location(tx, location_id, lock=True)
        if was is None or was.kind not in REAL:
            raise NoSuchLocation(f"There is no location {str(location_id)!r}.")
        location = replace(was, **changes)
        if location == was:
            return location
        if location.backorders_max != was.backorders_max:
            assert location.pool_no is not None
            try:
                await self._allocation.set_overbook(tx, location.pool_no, location.backorders_max, actor)
            except CounterTooSmall as owed:
                raise TooManyOwed(f"At {location.code} more is owed than {location.backorders_max} already.") from owed
        await store.update_location(tx, location)
        before, after = location_facts(was), location_facts(location)
        await self._trail.changed(tx, "location", "changed", location_id, actor, before=before, after=after)
        return location

    async def location(self, tx: Transaction, location_id: UUID) -> Location:
        """A place where people can put things; NoSuchLocation."""
        found = await store.location(tx, location_id)
        if found is None or found.kind not in REAL:
            raise NoSuchLocation(f"There is no location {str(location_id)!r}.")
        return found

    async def _check_product(self, tx: Transaction, product: Product) -> None:
        if product.gtin and not is_gtin(product.gtin):
            message = f"{product.gtin!r} is no GTIN: 8, 12, 13 or 14 digits of which the last is right."
            raise Invalid.of("gtin", "not_a_gtin", message)
        if product.category_id is not None:
            known = {each.category_id for each in await store.categories(tx)}
            if product.category_id not in known:
                said = f"There is no category {str(product.category_id)!r}."
                raise Invalid.of("category_id", "unknown_category", said)

    async def _ensure_places(self, tx: Transaction) -> None:
        """Suppliers, customers, adjustments, scrap and what is in transit; made once, whoever is first."""
        known = {each.code for each in await store.locations(tx)}
        for code, place in NAMED_CODES.items():
            if code not in known:
                await self._make_location(tx, Location(0, self._id(), code, NAMED_PLACES[place], place, None))

    async def _make_location(self, tx: Transaction, wanted: Location) -> Location | None:
        pool_no = None
        if wanted.kind not in VIRTUAL:
            # Counter 0 is no level: a pool cannot be empty, and product numbers begin with 1.
            pool_no = await self._allocation.create_pool(tx, OWNER, (), counters=[CounterPlan(0, capacity=0)])
        location = replace(wanted, location_id=self._id(), pool_no=pool_no)
        number = await store.insert_location(tx, location)
        return replace(location, location_no=number) if number is not None else None

    def _id(self) -> UUID:
        return uuid7(self._clock, self._random)


def below(category_id: UUID, tree: Sequence[Category]) -> list[UUID]:
    """A category and all below it, each once."""
    found = [category_id]
    for each in found:
        found += [child.category_id for child in tree if child.parent_id == each]
    assert len(set(found)) == len(found), "a tree has no circles"
    return found


def product_facts(product: Product) -> dict[str, Any]:
    """What the trail keeps of a product."""
    return {
        "sku": product.sku,
        "gtin": product.gtin,
        "name": product.name,
        "unit": product.unit,
        "decimals": product.decimals,
        "tracking": product.tracking.value,
        "category_id": str(product.category_id) if product.category_id else None,
        "currency": product.currency,
        "retired": product.retired,
    }


def location_facts(location: Location) -> dict[str, Any]:
    """What the trail keeps of a place."""
    return {
        "code": location.code,
        "name": location.name,
        "kind": location.kind.value,
        "parent_id": str(location.parent_id) if location.parent_id else None,
        "address": location.address,
        "alert_email": location.alert_email,
        "backorders_max": location.backorders_max,
        "retired": location.retired,
    }


def _taken(product: Product, *, sku: bool) -> SkuTaken | GtinTaken:
    if sku:
        return SkuTaken(f"Another product has the SKU {product.sku}.")
    return GtinTaken(f"Another product has the GTIN {product.gtin}.")
