"""SQL of products, categories, locations and batches."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import LiteralString
from uuid import UUID

from serai.runtime.postgres.database import Row, Transaction
from serai.systems.stock.model import NAMED_CODES, Batch, Category, Location, Place, Product, Tracking

_PRODUCT = """product_no, product_id, sku, name, unit, decimals, tracking, currency, gtin, category_id,
  retired_at is not null"""
_LOCATION = """location_no, location_id, code, name, kind, pool_no, parent_id, address, alert_email, backorders_max,
  retired_at is not null"""

After = tuple[str, UUID] | None
"""The last (name, id) of the page before."""


def _product(row: Row) -> Product:
    return Product(*(*row[:6], Tracking(row[6]), *row[7:]))


def _location(row: Row) -> Location:
    return Location(*(*row[:4], Place(row[4]), *row[5:]))


def like_part(text: str | None) -> str | None:
    """A pattern that finds the text anywhere."""
    if text is None:
        return None
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


async def insert_product(tx: Transaction, product: Product) -> int | None:
    """Its number; None if the SKU or the GTIN is taken."""
    row = await tx.fetch_one(
        """
        insert into stock.products (tenant_id, product_id, sku, gtin, name, unit, decimals, tracking, category_id,
                                    currency)
        values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing returning product_no
        """,
        (
            tx.owner,
            product.product_id,
            product.sku,
            product.gtin,
            product.name,
            product.unit,
            product.decimals,
            product.tracking,
            product.category_id,
            product.currency,
        ),
    )
    return int(row[0]) if row else None


async def update_product(tx: Transaction, product: Product) -> None:
    """What may change of it. A GTIN or SKU of another product breaks the unique key (UniqueViolation)."""
    await tx.execute(
        """
        update stock.products set sku = %s, gtin = %s, name = %s, category_id = %s,
          retired_at = case when %s then coalesce(retired_at, clock_timestamp()) end
        where tenant_id = %s and product_no = %s
        """,
        (
            product.sku,
            product.gtin,
            product.name,
            product.category_id,
            product.retired,
            tx.owner,
            product.product_no,
        ),
    )


async def product(tx: Transaction, product_id: UUID, *, lock: bool = False) -> Product | None:
    """By its id; with `lock` nobody else edits it until the transaction ends, while its movements go on."""
    found = await tx.fetch_one(
        f"select {_PRODUCT} from stock.products where tenant_id = %s and product_id = %s"
        + (" for no key update" if lock else ""),
        (tx.owner, product_id),
    )
    return _product(found) if found else None


async def products_of(tx: Transaction, ids: Sequence[UUID]) -> list[Product]:
    """Those of the ids that exist."""
    rows = await tx.fetch(
        f"select {_PRODUCT} from stock.products where tenant_id = %s and product_id = any(%s)", (tx.owner, list(ids))
    )
    return [_product(row) for row in rows]


async def products_by_no(tx: Transaction, numbers: Sequence[int]) -> dict[int, Product]:
    """By primary key."""
    rows = await tx.fetch(
        f"select {_PRODUCT} from stock.products where tenant_id = %s and product_no = any(%s)",
        (tx.owner, list(numbers)),
    )
    return {product.product_no: product for product in map(_product, rows)}


async def products_by_sku(tx: Transaction, skus: Sequence[str]) -> dict[str, Product]:
    """By the unique key."""
    rows = await tx.fetch(
        f"select {_PRODUCT} from stock.products where tenant_id = %s and sku = any(%s)", (tx.owner, list(skus))
    )
    return {product.sku: product for product in map(_product, rows)}


async def product_by_code(tx: Transaction, code: str) -> Product | None:
    """The product with this GTIN, else this SKU; by their indexes."""
    rows = await tx.fetch(
        f"select {_PRODUCT} from stock.products where tenant_id = %(tenant)s and gtin = %(code)s and gtin <> ''"
        f" union all select {_PRODUCT} from stock.products where tenant_id = %(tenant)s and sku = %(code)s",
        {"tenant": tx.owner, "code": code},
    )
    return _product(rows[0]) if rows else None


async def products(
    tx: Transaction, text: str | None, categories: Sequence[UUID] | None, after: After, limit: int
) -> list[Product]:
    """By name. A text is looked for in names, SKUs and GTINs."""
    rows = await tx.fetch(
        f"""
        select {_PRODUCT} from stock.products
        where tenant_id = %(tenant)s
          and (%(text)s::text is null or name ilike %(text)s::text or sku ilike %(text)s::text
               or gtin like %(text)s::text)
          and (%(categories)s::uuid[] is null or category_id = any(%(categories)s::uuid[]))
          and (name, product_id) > (%(name)s::text, %(id)s::uuid)
        order by name, product_id limit %(limit)s
        """,
        {
            "tenant": tx.owner,
            "text": like_part(text),
            "categories": list(categories) if categories is not None else None,
            "name": after[0] if after else "",
            "id": after[1] if after else UUID(int=0),
            "limit": limit,
        },
    )
    return [_product(row) for row in rows]


async def insert_category(tx: Transaction, category: Category) -> None:
    """A node of the tree; its parent exists."""
    await tx.execute(
        "insert into stock.categories (tenant_id, category_id, parent_id, name) values (%s, %s, %s, %s)"
        " on conflict do nothing",
        (tx.owner, category.category_id, category.parent_id, category.name),
    )


async def categories(tx: Transaction) -> list[Category]:
    """The whole tree, by name; a shop has hundreds."""
    rows = await tx.fetch(
        "select category_id, parent_id, name from stock.categories where tenant_id = %s order by name, category_id",
        (tx.owner,),
    )
    return [Category(*row) for row in rows]


async def insert_location(tx: Transaction, location: Location) -> int | None:
    """Its number; None if the code is taken."""
    row = await tx.fetch_one(
        """
        insert into stock.locations (tenant_id, location_id, code, name, kind, pool_no, parent_id, address,
                                     alert_email, backorders_max)
        values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing returning location_no
        """,
        (
            tx.owner,
            location.location_id,
            location.code,
            location.name,
            location.kind,
            location.pool_no,
            location.parent_id,
            location.address,
            location.alert_email,
            location.backorders_max,
        ),
    )
    return int(row[0]) if row else None


async def update_location(tx: Transaction, location: Location) -> None:
    """What may change of it."""
    await tx.execute(
        """
        update stock.locations set name = %s, address = %s, alert_email = %s, backorders_max = %s,
          retired_at = case when %s then coalesce(retired_at, clock_timestamp()) end
        where tenant_id = %s and location_no = %s
        """,
        (
            location.name,
            location.address,
            location.alert_email,
            location.backorders_max,
            location.retired,
            tx.owner,
            location.location_no,
        ),
    )


async def location(tx: Transaction, location_id: UUID, *, lock: bool = False) -> Location | None:
    """By its id."""
    found = await tx.fetch_one(
        f"select {_LOCATION} from stock.locations where tenant_id = %s and location_id = %s"
        + (" for no key update" if lock else ""),
        (tx.owner, location_id),
    )
    return _location(found) if found else None


async def locations(tx: Transaction, *, real: bool = False) -> list[Location]:
    """All places, by code; a chain has hundreds. `real`: those where people can put things."""
    rows = await tx.fetch(
        f"""
        select {_LOCATION} from stock.locations
        where tenant_id = %s and (not %s or kind in ('warehouse', 'store', 'bin')) order by code
        """,
        (tx.owner, real),
    )
    return [_location(row) for row in rows]


@dataclass(frozen=True, slots=True)
class Facts:
    """Products and locations that a posting names, and the organisation's named places."""

    products: dict[UUID, Product]
    locations: dict[UUID, Location]
    places: dict[Place, Location]


async def facts(tx: Transaction, product_ids: Sequence[UUID], location_ids: Sequence[UUID]) -> Facts:
    """In two statements, by unique keys, without a lock: numbers, decimals and pools never change."""
    found = await products_of(tx, product_ids)
    rows = await tx.fetch(
        f"""
        select {_LOCATION} from stock.locations where tenant_id = %(tenant)s and location_id = any(%(ids)s)
        union all
        select {_LOCATION} from stock.locations
        where tenant_id = %(tenant)s and code = any(%(codes)s) and location_id <> all(%(ids)s)
        """,
        {"tenant": tx.owner, "ids": list(location_ids), "codes": list(NAMED_CODES)},
    )
    locations = [_location(row) for row in rows]
    return Facts(
        {product.product_id: product for product in found},
        {location.location_id: location for location in locations},
        {location.kind: location for location in locations if location.code in NAMED_CODES},
    )


async def ensure_batches(tx: Transaction, wanted: Sequence[tuple[int, str, date | None]]) -> None:
    """Makes those of (product, code, expiry) that do not exist; one that does keeps its expiry."""
    ordered = sorted(wanted, key=lambda each: each[:2])
    await tx.execute(
        """
        insert into stock.batches (tenant_id, product_no, code, expires_on)
        select %(tenant)s::uuid, b.* from unnest(%(products)s::int[], %(codes)s::text[], %(expiries)s::date[]) as b
        on conflict do nothing
        """,
        {
            "tenant": tx.owner,
            "products": [product_no for product_no, _, _ in ordered],
            "codes": [code for _, code, _ in ordered],
            "expiries": [expires_on for _, _, expires_on in ordered],
        },
    )


async def batches_of(tx: Transaction, product_nos: Sequence[int]) -> list[Batch]:
    """All batches of some products; by the unique key."""
    rows = await tx.fetch(
        "select product_no, batch_no, code, expires_on from stock.batches"
        " where tenant_id = %s and product_no = any(%s) order by product_no, batch_no",
        (tx.owner, list(product_nos)),
    )
    return [Batch(*row) for row in rows]


async def expiring_batches(tx: Transaction, until: date, after: tuple[date, int] | None, limit: int) -> list[Batch]:
    """Batches in the order in which they expire, up to a day; by the index batches_by_expiry."""
    rows = await tx.fetch(
        """
        select product_no, batch_no, code, expires_on from stock.batches
        where tenant_id = %(tenant)s and expires_on is not null and expires_on <= %(until)s
          and (%(day)s::date is null or (expires_on, batch_no) > (%(day)s::date, %(no)s::int))
        order by expires_on, batch_no limit %(limit)s
        """,
        {
            "tenant": tx.owner,
            "until": until,
            "day": after[0] if after else None,
            "no": after[1] if after else None,
            "limit": limit,
        },
    )
    return [Batch(*row) for row in rows]


async def counts_of_catalogue(tx: Transaction) -> tuple[int, int]:
    """Products and real locations that are not retired."""
    row = await tx.fetch_one(_CATALOGUE, {"tenant": tx.owner})
    assert row is not None
    return int(row[0]), int(row[1])


_CATALOGUE: LiteralString = """
select (select count(*) from stock.products where tenant_id = %(tenant)s and retired_at is null),
       (select count(*) from stock.locations where tenant_id = %(tenant)s and retired_at is null
          and kind in ('warehouse', 'store', 'bin'))
"""
