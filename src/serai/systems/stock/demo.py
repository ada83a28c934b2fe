"""Loads the believable chain: its catalogue, 90 days of movements with seasons, policies, and what is under way now.

The past is played once; a daily job plays the days since, on the levels that there are by then.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from serai.kernel.ports import Clock
from serai.runtime.postgres.database import Transaction
from serai.runtime.system import Progress
from serai.systems.stock.demo_data import CATEGORIES, GOODS, PLACES, Planned, history
from serai.systems.stock.demo_data.history import DEPOT, SHOPS, Levels, demand
from serai.systems.stock.model import NO_BATCH, Location, Place, Product, Tracking
from serai.systems.stock.service.alerts import Rule
from serai.systems.stock.service.book import Item, levels_at
from serai.systems.stock.service.counts import Plan
from serai.systems.stock.service.movements import Draft
from serai.systems.stock.service.reservations import Basket
from serai.systems.stock.service.transfers import Wanted
from serai.systems.stock.store import catalogue as store
from serai.systems.stock.store.figure import last_reference_day
from serai.systems.stock.whole import Stock

DAYS = 90
ACTOR = "demo"
BATCH = 60
"""Movements posted together."""

LEAD_DAYS = 4
MAIL = "purchasing@demo.serai.example"


class Demo:
    """Makes what is missing."""

    def __init__(self, stock: Stock, clock: Clock) -> None:
        self._stock = stock
        self._clock = clock

    async def load(self, tenant: UUID, progress: Progress) -> None:
        """Everything at the first time, later only the days since."""
        yesterday = self._clock.now().date() - timedelta(days=1)
        async with self._stock.database.transaction(tenant) as tx:
            known = await store.locations(tx, real=True)
            last = await last_reference_day(tx, ACTOR)
        if not known:
            await self._stock.run(tenant, self._make_catalogue)
        elif last is None:
            return  # an organisation's own places: not ours to fill
        first = last + timedelta(days=1) if last else yesterday - timedelta(days=DAYS - 1)
        await self._play(tenant, max(first, yesterday - timedelta(days=DAYS - 1)), yesterday, progress)
        if last is None:
            await self._stock.run(tenant, self._make_policies)
            await self._stock.run(tenant, self._begin_work)

    async def _make_catalogue(self, tx: Transaction) -> None:
        catalogue = self._stock.catalogue
        categories: dict[str, UUID] = {}
        for name, parent in CATEGORIES:
            made = await catalogue.add_category(tx, name, categories.get(parent), ACTOR)
            categories[name] = made.category_id
        for spot in PLACES:
            location = Location(
                0,
                UUID(int=0),
                spot.code,
                spot.name,
                Place(spot.kind),
                None,
                None,
                spot.address,
                MAIL,
                spot.backorders_max,
            )
            await catalogue.add_location(tx, location, ACTOR)
        for good in GOODS:
            tracking = Tracking.BATCH if good.shelf_days else Tracking.NONE
            product = Product(
                0,
                UUID(int=0),
                good.sku,
                good.name,
                good.unit,
                good.decimals,
                tracking,
                "EUR",
                good.gtin,
                categories[good.category],
            )
            await catalogue.add_product(tx, product, ACTOR)

    async def _play(self, tenant: UUID, first: date, last: date, progress: Progress) -> None:
        async with self._stock.database.transaction(tenant) as tx:
            products, places = await _known(tx)
            levels = await _levels(tx, products, places)
        planned = list(history(first, last, levels))
        now = self._clock.now()
        for start in range(0, len(planned), BATCH):
            drafts = [_draft(products, places, each, now) for each in planned[start : start + BATCH]]

            async def post(tx: Transaction, drafts: Sequence[Draft] = drafts) -> None:
                await self._stock.movements.post(tx, drafts, ACTOR)

            await self._stock.run(tenant, post)
            progress("movements", min(start + BATCH, len(planned)), len(planned))

    async def _make_policies(self, tx: Transaction) -> None:
        """Reorder points of a lead time's demand, so that what ran low in the last days is alerted of at once."""
        products, places = await _known(tx)
        today = self._clock.now().date()
        for spot in (DEPOT, *SHOPS):
            for good in GOODS:
                product = products[good.sku]
                shops = SHOPS if spot is DEPOT else (spot,)
                days = [today - timedelta(days=back) for back in range(LEAD_DAYS)]
                point = sum(demand(good, shop, day) for shop in shops for day in days)
                rule = Rule(
                    product.product_id,
                    places[spot.code].location_id,
                    product.written(point if spot is DEPOT else point // 2),
                    product.written(max(2 * point, 10**good.decimals)),
                    product.written(max(5 * point, 2 * 10**good.decimals)),
                    LEAD_DAYS,
                    product.written(point // 4),
                )
                await self._stock.alerts.put_policy(tx, rule, ACTOR)

    async def _begin_work(self, tx: Transaction) -> None:
        """What people are in the middle of: a van on its way, a stock-take, a basket, an alert that was seen."""
        products, places = await _known(tx)
        first = products["PAN-306"], products["COF-201"]
        depot, shop = places["DEPOT"].location_id, places["HB-MARKT"].location_id
        items = tuple(Item(product.product_id, "1") for product in first)
        van = await self._stock.transfers.draft(tx, Wanted(depot, shop, items, "VAN-EXTRA"), ACTOR)
        await self._stock.transfers.dispatch(tx, van.transfer.transfer_id, ACTOR)
        ids = tuple(products[good.sku].product_id for good in GOODS if good.category == "Home")
        await self._stock.counts.begin(tx, Plan(shop, ids, note="Home shelf"), ACTOR)
        basket = Basket(places["WEB"].location_id, (Item(first[0].product_id, "2"),), "web order 1042", 3600)
        await self._stock.reservations.reserve(tx, basket, ACTOR)


async def _known(tx: Transaction) -> tuple[dict[str, Product], dict[str, Location]]:
    products = await store.products_by_sku(tx, [good.sku for good in GOODS])
    return products, {location.code: location for location in await store.locations(tx, real=True)}


async def _levels(tx: Transaction, products: dict[str, Product], places: dict[str, Location]) -> Levels:
    skus = {product.product_no: sku for sku, product in products.items()}
    codes = {place.location_no: code for code, place in places.items()}
    batches = {batch.batch_no: batch.code for batch in await store.batches_of(tx, list(skus))}
    found: Levels = {}
    for key, level in (await levels_at(tx, list(places.values()), list(skus))).items():
        free = level.on_hand - level.reserved
        if free > 0:
            code = batches[key.batch_no] if key.batch_no != NO_BATCH else ""
            found.setdefault((codes[key.location_no], skus[key.product_no]), {})[code] = free
    return found


def _draft(products: dict[str, Product], places: dict[str, Location], planned: Planned, now: datetime) -> Draft:
    return Draft(
        planned.kind,
        places[planned.place].location_id,
        tuple(_items(products, planned.lines)),
        places[planned.to].location_id if planned.to else None,
        min(planned.at, now),
        planned.reason,
        planned.reference,
    )


def _items(
    products: dict[str, Product], lines: Iterable[tuple[str, str, int, date | None, int | None]]
) -> Iterable[Item]:
    for sku, batch, quantity, expires_on, cost in lines:
        product = products[sku]
        yield Item(product.product_id, product.written(quantity), batch, expires_on, (), cost)
