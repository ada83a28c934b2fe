"""A chain of shops on a real database: short words for what the tests of stock do and look at.

Products are named by SKU and places by code. Everything happens as serai_app; only `tamper` and `age` are the owner's
hand.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeVar
from uuid import UUID

import psycopg

from serai.kernel.ports import Clock, Random
from serai.runtime.outbox import Outbox
from serai.runtime.postgres.database import Database, Transaction
from serai.systems.allocation.api import Allocation
from serai.systems.stock.chain import HeadKey
from serai.systems.stock.model import Level, Location, Place, Product, Tracking
from serai.systems.stock.posting import Kind
from serai.systems.stock.reorder import Policy
from serai.systems.stock.service.alerts import Rule, Ruled, Shown
from serai.systems.stock.service.book import Item, levels_at
from serai.systems.stock.service.chaining import KEY_ID, AuditReport, Chaining, audit
from serai.systems.stock.service.ledger import Posted
from serai.systems.stock.service.movements import Draft
from serai.systems.stock.service.reservations import Basket, Reserved
from serai.systems.stock.store import catalogue
from serai.systems.stock.whole import Stock, whole_stock

T = TypeVar("T")

SECRET = bytes(range(32))
OPEN = "raised", "acknowledged", "ordered"


@dataclass
class ChainStore:
    """See above. `places` are DEPOT (a warehouse), NORTH and SOUTH (stores)."""

    database: Database
    jobs: Database
    owner_url: str
    clock: Clock
    random: Random
    tenant: UUID
    stock: Stock = field(init=False)
    products: dict[str, Product] = field(default_factory=dict)
    places: dict[str, Location] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.stock = whole_stock(
            self.database,
            Allocation(self.clock, self.random),
            Outbox(self.clock, self.random),
            self.clock,
            self.random,
        )
        self.key = HeadKey.from_secret(KEY_ID, SECRET)
        self.chaining = Chaining(self.jobs, self.key, self.clock)

    async def settle_in(self) -> None:
        for code, kind in (("DEPOT", Place.WAREHOUSE), ("NORTH", Place.STORE), ("SOUTH", Place.STORE)):
            await self.place(code, kind)

    async def run(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        return await self.stock.run(self.tenant, work)

    async def place(self, code: str, kind: Place = Place.STORE, backorders_max: int = 0, mail: str = "") -> Location:
        wanted = Location(
            0, UUID(int=0), code, code.title(), kind, None, backorders_max=backorders_max, alert_email=mail
        )
        self.places[code] = await self.run(lambda tx: self.stock.catalogue.add_location(tx, wanted, "test"))
        return self.places[code]

    async def product(self, sku: str, tracking: Tracking = Tracking.NONE, decimals: int = 0, gtin: str = "") -> Product:
        wanted = Product(0, UUID(int=0), sku, f"Product {sku}", "piece", decimals, tracking, "EUR", gtin)
        self.products[sku] = await self.run(lambda tx: self.stock.catalogue.add_product(tx, wanted, "test"))
        return self.products[sku]

    def item(
        self,
        sku: str,
        quantity: int | str,
        batch: str = "",
        expires_on: date | None = None,
        serials: Sequence[str] = (),
        cost: int | None = None,
    ) -> Item:
        return Item(self.products[sku].product_id, str(quantity), batch, expires_on, tuple(serials), cost)

    def draft(self, kind: Kind, code: str, *items: Item, to: str = "", at: datetime | None = None) -> Draft:
        to_id = self.places[to].location_id if to else None
        return Draft(kind, self.places[code].location_id, items, to_id, at, "because", "order 1")

    async def post(self, *drafts: Draft) -> list[Posted]:
        return await self.run(lambda tx: self.stock.movements.post(tx, drafts, "test"))

    async def receive(self, code: str, sku: str, quantity: int | str, **how: Any) -> Posted:
        return (await self.post(self.draft(Kind.RECEIVE, code, self.item(sku, quantity, **how))))[0]

    async def sell(self, code: str, sku: str, quantity: int | str, **how: Any) -> Posted:
        return (await self.post(self.draft(Kind.SELL, code, self.item(sku, quantity, **how))))[0]

    async def move(self, source: str, target: str, sku: str, quantity: int | str, **how: Any) -> Posted:
        return (await self.post(self.draft(Kind.TRANSFER, source, self.item(sku, quantity, **how), to=target)))[0]

    async def adjust(self, code: str, sku: str, quantity: int | str, **how: Any) -> Posted:
        return (await self.post(self.draft(Kind.ADJUST, code, self.item(sku, quantity, **how))))[0]

    async def reserve(self, code: str, *items: Item, ttl_s: int = 600) -> Reserved:
        basket = Basket(self.places[code].location_id, items, "basket 1", ttl_s)
        return await self.run(lambda tx: self.stock.reservations.reserve(tx, basket, "test"))

    async def fulfil(self, reserved: Reserved, **serials: Sequence[str]) -> Posted:
        numbers = {self.products[sku].product_id: each for sku, each in serials.items()}
        found = reserved.reservation.reservation_id
        return await self.run(lambda tx: self.stock.reservations.fulfil(tx, found, numbers, "test"))

    async def release(self, reserved: Reserved) -> Reserved:
        found = reserved.reservation.reservation_id
        return await self.run(lambda tx: self.stock.reservations.release(tx, found, "test"))

    async def age(self, reserved: Reserved) -> None:
        """The reservation's time is over."""
        await self.tamper(
            "update allocation.claims set expires_at = expires_at - interval '3 h',"
            " held_until = held_until - interval '3 h' where claim_id = %s",
            reserved.reservation.reservation_id,
        )

    async def sweep(self) -> int:
        return await self.stock.allocation.sweep(self.jobs)

    async def levels(self, sku: str) -> dict[str, tuple[int, int]]:
        """(on hand, reserved) by place, in transit included; places without are left out."""
        found = await self.stock.read(self.tenant, lambda tx: self.stock.levels.of_product(tx, self.products[sku]))
        return {
            each.location.code: (each.level.on_hand, each.level.reserved)
            for each in found
            if each.level.on_hand or each.level.reserved
        }

    async def on_hand(self, sku: str, code: str) -> int:
        return (await self.levels(sku)).get(code, (0, 0))[0]

    async def batches(self, sku: str, code: str) -> dict[str, int]:
        found = await self.stock.read(
            self.tenant, lambda tx: self.stock.levels.of_products(tx, [self.products[sku]], [self.places[code]])
        )
        return {batch.code: level.on_hand for each in found for batch, level in each.batches}

    async def every_level(self) -> dict[tuple[str, str, int], Level]:
        async with self.database.transaction(self.tenant) as tx:
            places = {each.location_no: each for each in await catalogue.locations(tx)}
            skus = {each.product_no: sku for sku, each in self.products.items()}
            found = await levels_at(tx, list(places.values()), list(skus))
        return {
            (places[key.location_no].code, skus[key.product_no], key.batch_no): level for key, level in found.items()
        }

    async def policy(self, sku: str, code: str, point: int, quantity: int = 10, level_max: int | None = None) -> Ruled:
        rule = Rule(
            self.products[sku].product_id,
            self.places[code].location_id,
            str(point),
            str(quantity),
            None if level_max is None else str(level_max),
        )
        return await self.run(lambda tx: self.stock.alerts.put_policy(tx, rule, "test"))

    async def alerts(self, sku: str) -> list[Shown]:
        """All of a product, the newest first."""
        return await self.stock.read(
            self.tenant, lambda tx: self.stock.alerts.of_product(tx, self.products[sku].product_no, None, 50)
        )

    async def states(self, sku: str) -> list[str]:
        return [each.alert.state.value for each in await self.alerts(sku)]

    async def tamper(self, statement: str, *arguments: object) -> int:
        """What a hand in the database does; returns how many rows it touched."""
        async with await psycopg.AsyncConnection.connect(self.owner_url) as owner:
            return (await owner.execute(statement, arguments)).rowcount  # type: ignore[arg-type]  # the test's own text

    async def rows(self, statement: str, *arguments: object) -> list[tuple[Any, ...]]:
        """As the tenant."""
        async with self.database.transaction(self.tenant) as tx:
            return await tx.fetch(statement, arguments)  # type: ignore[arg-type]  # the test's own text

    async def audit(self) -> AuditReport:
        return await audit(self.database, self.tenant, self.stock.allocation, {KEY_ID: self.key.public()})

    async def prove(self) -> AuditReport:
        """Mass is conserved, nothing is below nothing, reserved is the sum of claims, every level is its ledger."""
        report = await self.audit()
        assert [f"{each.kind}: {each.what}" for each in report.findings] == []
        for (code, sku, batch_no), level in (await self.every_level()).items():
            assert level.on_hand >= -level.backorders_max, f"{level} of {sku}/{batch_no} at {code}"
            assert 0 <= level.reserved <= level.on_hand + level.backorders_max, f"{level} of {sku}/{batch_no} at {code}"
        total = await self.rows("select coalesce(sum(quantity), 0)::bigint from stock.lines")
        assert total == [(0,)]
        return report


async def together(*work: Any) -> list[Any]:
    """All at once; what each returned or raised."""
    return await asyncio.gather(*work, return_exceptions=True)


__all__ = ["OPEN", "SECRET", "ChainStore", "Policy", "together"]
