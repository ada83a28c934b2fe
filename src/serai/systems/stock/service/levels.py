"""Reading what there is: by product and place, now or at any past moment, its history and its course.

The present is the counters; the past is the present without what happened since, so it needs no second book and also
tells what a back-dated movement has changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from serai.kernel.ports import Clock
from serai.runtime.postgres.database import Transaction
from serai.systems.allocation.api import CounterRef, counters_between
from serai.systems.stock.barcodes import Scanned, gtin_forms, scanned
from serai.systems.stock.errors import NoSuchProduct
from serai.systems.stock.model import (
    NO_BATCH,
    NOTHING,
    Batch,
    Level,
    LevelKey,
    Location,
    Product,
    counter_key,
    from_counter_key,
)
from serai.systems.stock.service.alerts import whole_level
from serai.systems.stock.service.book import levels_at
from serai.systems.stock.store import catalogue
from serai.systems.stock.store import ledger as store

SERIES_DAYS_MAX = 366

_LAST_KEY = 2**63 - 1


@dataclass(frozen=True, slots=True)
class There:
    """A level with its words. `batches` are its parts, where the product has them."""

    product: Product
    location: Location
    level: Level
    batches: tuple[tuple[Batch, Level], ...] = ()


@dataclass(frozen=True, slots=True)
class Point:
    """What was on hand at the end of a day (UTC), and what came and went on it."""

    day: date
    on_hand: int
    came: int
    went: int


@dataclass(frozen=True, slots=True)
class Found:
    """What a scanner's code is, and the product it names."""

    scan: Scanned
    product: Product


class Levels:
    """Reads. Methods run in the caller's transaction and take no lock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def of_product(self, tx: Transaction, product: Product) -> list[There]:
        """A product at all places that ever had it, by their codes."""
        locations = [each for each in await catalogue.locations(tx) if each.pool_no is not None]
        return await self._there(tx, [product], locations)

    async def of_products(
        self, tx: Transaction, products: Sequence[Product], locations: Sequence[Location]
    ) -> list[There]:
        """Some products at some places, by the places' codes."""
        return await self._there(tx, products, locations)

    async def of_location(self, tx: Transaction, location: Location, after_no: int, limit: int) -> list[There]:
        """What is at a place, a page of products by their numbers; levels of nothing are left out."""
        assert location.pool_no is not None, f"{location.code} has no levels"
        after = CounterRef(location.pool_no, counter_key(max(after_no, 1), 2**31 - 1)) if after_no else None
        numbers: list[int] = []
        # Batches of a product lie together, so a page of counters may hold fewer products: read on until it is full.
        while len(numbers) < limit:
            found = await counters_between(tx, [location.pool_no], 1, _LAST_KEY, after, 4 * limit)
            for ref, bucket in found.items():
                number, _ = from_counter_key(ref.key)
                if (bucket.capacity != bucket.sold or bucket.held) and number not in numbers:
                    numbers.append(number)
            if len(found) < 4 * limit:
                break
            after = list(found)[-1]
        known = await catalogue.products_by_no(tx, numbers[:limit])
        return await self._there(tx, [known[number] for number in numbers[:limit]], [location])

    async def at(
        self, tx: Transaction, products: Sequence[Product], locations: Sequence[Location], moment: datetime
    ) -> list[There]:
        """The same as it was at a moment; what was promised then is not known any more, so reserved is 0."""
        now = await levels_at(tx, locations, [product.product_no for product in products])
        since = await store.changed_since(tx, list(now), moment)
        then = {key: Level(level.on_hand - since.get(key, 0), 0, level.backorders_max) for key, level in now.items()}
        return await self._told(tx, products, locations, then)

    async def history(
        self, tx: Transaction, product: Product, location_no: int | None, after: tuple[int, int] | None, limit: int
    ) -> list[store.Entry]:
        """A product's lines with their movements, the newest first; each says what was on hand after it."""
        return await store.entries_of_product(tx, product.product_no, location_no, after, limit)

    async def series(self, tx: Transaction, product: Product, location: Location, days: int) -> list[Point]:
        """The level at the end of each of the last days, today included, oldest first: for a chart."""
        assert 1 <= days <= SERIES_DAYS_MAX, f"{days} days"
        today = self._clock.now().date()
        first = today - timedelta(days=days - 1)
        levels = await levels_at(tx, [location], [product.product_no])
        on_hand = whole_level(levels, location.location_no, product.product_no).on_hand
        moved = await store.moved_by_day(tx, product.product_no, location.location_no, first)
        points: list[Point] = []
        for back in range(days):
            day = today - timedelta(days=back)
            came, went = moved.get(day, (0, 0))
            points.append(Point(day, on_hand, came, went))
            on_hand -= came - went
        return points[::-1]

    async def expiring(
        self, tx: Transaction, until: date, after: tuple[date, int] | None, limit: int
    ) -> tuple[list[tuple[Batch, There]], tuple[date, int] | None]:
        """Batches that expire by a day and are still somewhere, soonest first; and where the next page begins."""
        batches = await catalogue.expiring_batches(tx, until, after, limit)
        products = await catalogue.products_by_no(tx, [batch.product_no for batch in batches])
        locations = await catalogue.locations(tx, real=True)
        levels = await levels_at(tx, locations, list(products))
        found = [
            (batch, There(products[batch.product_no], location, level))
            for batch in batches
            for location in locations
            if (level := levels.get(LevelKey(location.location_no, batch.product_no, batch.batch_no), NOTHING)).on_hand
        ]
        last = batches[-1] if len(batches) == limit else None
        return found, (last.expires_on, last.batch_no) if last and last.expires_on else None

    async def scan(self, tx: Transaction, code: str) -> Found:
        """The product that a barcode, a GTIN or a SKU names. NoSuchProduct."""
        scan = scanned(code)
        for form in gtin_forms(scan.code) if scan.is_gtin else (scan.code,):
            if product := await catalogue.product_by_code(tx, form):
                return Found(scan, product)
        raise NoSuchProduct(f"No product has the code {scan.code[:80]!r}; add its GTIN or SKU to the catalogue.")

    async def serials(self, tx: Transaction, product: Product, location: Location, limit: int) -> list[str]:
        """Serial numbers of a product that are at a place."""
        return await store.serials_at(tx, product.product_no, location.location_no, limit)

    async def _there(self, tx: Transaction, products: Sequence[Product], locations: Sequence[Location]) -> list[There]:
        levels = await levels_at(tx, locations, [product.product_no for product in products])
        return await self._told(tx, products, locations, levels)

    async def _told(
        self,
        tx: Transaction,
        products: Sequence[Product],
        locations: Sequence[Location],
        levels: dict[LevelKey, Level],
    ) -> list[There]:
        batches = {
            (batch.product_no, batch.batch_no): batch
            for batch in await catalogue.batches_of(tx, sorted({key.product_no for key in levels if key.batch_no}))
        }
        grouped: dict[tuple[int, int], list[LevelKey]] = {}
        for key in sorted(levels):
            grouped.setdefault((key.location_no, key.product_no), []).append(key)
        found = []
        for location in locations:
            for product in products:
                keys = grouped.get((location.location_no, product.product_no))
                if not keys:
                    continue
                total = NOTHING
                for key in keys:
                    total += levels[key]
                parts = tuple(
                    (batches[key.product_no, key.batch_no], levels[key])
                    for key in keys
                    if key.batch_no != NO_BATCH and levels[key] != NOTHING
                )
                found.append(There(product, location, total, parts))
        return found
