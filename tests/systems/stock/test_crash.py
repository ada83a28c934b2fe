"""PostgreSQL is killed in the middle of a storm of movements: afterwards everything told is there, and adds up."""

import asyncio
from contextlib import suppress
from random import Random as Seeded
from uuid import UUID

import psycopg
from tests.conftest import MakeServer
from tests.doubles import SeededRandom
from tests.systems.allocation.test_crash import kill
from tests.systems.stock.chain_store import ChainStore

from serai.kernel.errors import Conflict
from serai.runtime.postgres.database import DatabaseUnavailable, open_database
from serai.runtime.world import SystemClock
from serai.systems.stock.posting import Kind

ENOUGH = 60


async def test_after_a_kill_every_level_is_its_ledger(make_server: MakeServer, tenant: UUID) -> None:
    server = make_server()
    random = SeededRandom()
    told: set[UUID] = set()

    async with (
        open_database(server.url("serai_app"), random, pool_min=12, pool_max=12) as database,
        open_database(server.url("serai_jobs"), random, pool_min=1, pool_max=2) as jobs,
    ):
        shops = ChainStore(database, jobs, server.url("serai_owner"), SystemClock(), random, tenant)
        await shops.settle_in()
        for sku in ("TEA", "MUG", "PEN"):
            await shops.product(sku)
            await shops.receive("DEPOT", sku, 10_000)
        places, products = shops.places, shops.products

        async def work(number: int) -> None:
            """Until the database is gone."""
            chance = Seeded(number)
            with suppress(DatabaseUnavailable, psycopg.OperationalError):
                while True:
                    with suppress(Conflict):
                        await day(chance)

        async def day(chance: Seeded) -> None:
            sku = chance.choice(("TEA", "MUG", "PEN"))
            shop = chance.choice(("NORTH", "SOUTH"))
            moved = [await shops.move("DEPOT", shop, sku, 5)]
            moved.append(await shops.fulfil(await shops.reserve(shop, shops.item(sku, 2))))
            moved += await shops.post(shops.draft(Kind.SELL, shop, shops.item(sku, 1)))
            told.update(each.posting.movement_id for each in moved)
            await shops.chaining.chain()
            if len(told) >= ENOUGH:
                assert server.pid
                kill(server.pid)

        await asyncio.gather(*(work(number) for number in range(10)))
    assert len(told) >= ENOUGH
    server.stop()
    server.prepare()
    server.start()
    server.wait_ready(60)
    async with (
        open_database(server.url("serai_app"), random) as database,
        open_database(server.url("serai_jobs"), random) as jobs,
    ):
        after = ChainStore(database, jobs, server.url("serai_owner"), SystemClock(), random, tenant)
        after.places, after.products = places, products
        await after.prove()
        await after.chaining.chain()
        assert (await after.prove()).waiting == 0
        kept = {movement_id for (movement_id,) in await after.rows("select movement_id from stock.movements")}
        assert told <= kept
