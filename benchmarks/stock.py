"""Stock movements in SQL beside the design's read-then-write, the low-stock list, and the same over HTTP.

    serai bench stock [--seconds 5] [--levels 1000000] [--json]

On an embedded PostgreSQL with fsync on. Ours is a whole movement through the service: levels, double-entry lines, link
of the chain, event, reorder edge. The design's is its sample code: an upsert of the level and an insert into its log,
two statements, no floor, no reservation, one entry. It runs over the same connections, one after the other; so compare
columns, not the machine. The low-stock list reads one page of 50 over as many levels as asked for, a tenth of them low;
the design's query is measured beside it. Every run ends with the audit, which must find nothing.
"""

import argparse
import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random as Seeded
from typing import Any
from uuid import UUID

import httpx
import orjson
import psycopg
import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks.allocation import run, started_server
from benchmarks.machine import keep, machine, percentile
from serai.kernel.ids import uuid7
from serai.runtime.outbox import Outbox
from serai.runtime.postgres.database import Database, open_database
from serai.runtime.postgres.migrations import migrate, read_migrations, runtime_migrations
from serai.runtime.postgres.server import EmbeddedServer
from serai.runtime.world import SystemClock, SystemRandom
from serai.systems.allocation.api import Allocation
from serai.systems.stock.flows import AlertState
from serai.systems.stock.model import Location, Place, Product, Tracking
from serai.systems.stock.posting import Kind
from serai.systems.stock.service.book import Item
from serai.systems.stock.service.chaining import audit
from serai.systems.stock.service.movements import Draft
from serai.systems.stock.whole import Stock, whole_stock

PRODUCTS = 500
PLENTY = "100000000"
KEYS = 24
ACTOR = "bench"
OPEN = (AlertState.RAISED, AlertState.ACKNOWLEDGED, AlertState.ORDERED)

DESIGN = """
create schema design;
grant usage on schema design to serai_app;
create table design.products (id bigint primary key, reorder_point int);
create table design.inventory (
  id bigint generated always as identity primary key, product_id bigint, location_id bigint,
  quantity int not null default 0, last_updated timestamp default now(), unique (product_id, location_id));
create table design.stock_movements (
  id bigint generated always as identity primary key, product_id bigint, location_id bigint, movement_type varchar(20),
  quantity int, reference_id varchar(100), created_at timestamp default now());
grant select, insert, update on all tables in schema design to serai_app;
"""


class Bench:
    """One tenant with a shop."""

    def __init__(self, database: Database, owner_url: str) -> None:
        self.random, self.clock = SystemRandom(), SystemClock()
        self.database, self.owner_url = database, owner_url
        self.tenant = uuid7(self.clock, self.random)
        allocation, outbox = Allocation(self.clock, self.random), Outbox(self.clock, self.random)
        self.stock: Stock = whole_stock(database, allocation, outbox, self.clock, self.random)
        self.places: list[Location] = []
        self.products: list[Product] = []

    async def settle_in(self) -> None:
        stock = self.stock
        for code in ("A", "B"):
            wanted = Location(0, UUID(int=0), code, code, Place.STORE, None)
            self.places.append(
                await stock.run(self.tenant, lambda tx, w=wanted: stock.catalogue.add_location(tx, w, ACTOR))
            )
        for number in range(PRODUCTS):
            wanted = Product(0, UUID(int=0), f"S{number}", f"P{number}", "piece", 0, Tracking.NONE, "EUR")
            self.products.append(
                await stock.run(self.tenant, lambda tx, w=wanted: stock.catalogue.add_product(tx, w, ACTOR))
            )
        for start in range(0, PRODUCTS, 100):
            items = tuple(Item(each.product_id, PLENTY) for each in self.products[start : start + 100])
            await self.post([Draft(Kind.RECEIVE, self.places[0].location_id, items)])

    async def post(self, drafts: list[Draft]) -> bool:
        await self.stock.run(self.tenant, lambda tx: self.stock.movements.post(tx, drafts, ACTOR))
        return True

    def sale(self, product: Product) -> Draft:
        return Draft(Kind.SELL, self.places[0].location_id, (Item(product.product_id, "1"),))

    async def design(self, product: int) -> bool:
        async with self.database.transaction(self.tenant) as tx:
            await tx.execute(
                "insert into design.inventory (product_id, location_id, quantity) values (%s, 1, %s)"
                " on conflict (product_id, location_id) do update"
                " set quantity = design.inventory.quantity + excluded.quantity, last_updated = now()",
                (product, -1),
            )
            await tx.execute(
                "insert into design.stock_movements (product_id, location_id, movement_type, quantity, reference_id)"
                " values (%s, 1, 'out', %s, 'order 1')",
                (product, -1),
            )
        return True

    async def prove(self) -> int:
        report = await audit(self.database, self.tenant, self.stock.allocation, {})
        assert not report.findings, str(report.findings[0])
        return report.levels


async def movements(bench: Bench, seconds: float) -> dict[str, Any]:
    """Movements a second: across products and on one hot SKU, alone and in batches; the design's beside each."""
    hot = bench.products[0]

    async def ours(chance: Seeded) -> bool:
        return await bench.post([bench.sale(chance.choice(bench.products))])

    async def batch(chance: Seeded) -> bool:
        return await bench.post([bench.sale(chance.choice(bench.products)) for _ in range(50)])

    async def one(chance: Seeded) -> bool:
        return await bench.post([bench.sale(hot)])

    async def hot_batch(chance: Seeded) -> bool:
        return await bench.post([bench.sale(hot) for _ in range(20)])

    async def design(chance: Seeded) -> bool:
        return await bench.design(chance.randrange(PRODUCTS))

    async def design_hot(chance: Seeded) -> bool:
        return await bench.design(0)

    found = {}
    for name, attempt, clients, times, peer in (
        ("across 500 products, one a transaction", ours, 8, 1, design),
        ("across 500 products, 50 a transaction", batch, 4, 50, design),
        ("one hot SKU, one a transaction", one, 4, 1, design_hot),
        ("one hot SKU, 20 a transaction", hot_batch, 2, 20, design_hot),
    ):
        mine, theirs = await run(attempt, clients, seconds), await run(peer, clients, seconds)
        found[name] = {
            "movements_per_s": round(mine.rate() * times),
            "p50_ms": round(percentile(mine.waits_ms, 0.5), 2),
            "p99_ms": round(percentile(mine.waits_ms, 0.99), 2),
            "design_per_s": round(theirs.rate()),
            "clients": clients,
        }
    found["rows audited"] = await bench.prove()
    return found


def fill(bench: Bench, levels: int) -> None:
    """Levels as rows, past the product: products by two places, a tenth of them low with an open alert."""
    products = levels // 2
    with psycopg.connect(bench.owner_url, autocommit=True) as owner:
        first = owner.execute(
            "with made as (insert into stock.products (tenant_id, product_id, sku, name, unit, decimals, tracking,"
            " currency) select %s, gen_random_uuid(), 'M' || n, 'Mass ' || n, 'piece', 0, 'none', 'EUR'"
            " from generate_series(1, %s) n returning product_no) select min(product_no) from made",
            (bench.tenant, products),
        ).fetchone()
        assert first is not None
        for place in bench.places:
            arguments = {
                "tenant": bench.tenant,
                "pool": place.pool_no,
                "place": place.location_no,
                "first": first[0],
                "last": first[0] + products - 1,
            }
            owner.execute(
                "insert into allocation.counters (tenant_id, pool_no, key, bucket, capacity)"
                " select %(tenant)s, %(pool)s, n::bigint << 32, 0, case when n %% 10 = 0 then 3 else 50 end"
                " from generate_series(%(first)s::int, %(last)s::int) n",
                arguments,
            )
            owner.execute(
                "insert into stock.policies (tenant_id, product_no, location_no, reorder_point, reorder_quantity,"
                " lead_time_days, safety_stock, low) select %(tenant)s, n, %(place)s, 5, 20, 3, 1, n %% 10 = 0"
                " from generate_series(%(first)s::int, %(last)s::int) n",
                arguments,
            )
            owner.execute(
                "insert into stock.alerts (tenant_id, alert_id, product_no, location_no, state, on_hand, reorder_point,"
                " raised_at) select %(tenant)s, gen_random_uuid(), n, %(place)s, 'raised', 3, 5,"
                " now() - n * interval '1 second' from generate_series(%(first)s::int, %(last)s::int) n"
                " where n %% 10 = 0",
                arguments,
            )
        owner.execute(
            "insert into design.products select n, 5 from generate_series(1000000, 1000000 + %s::int) n", (products,)
        )
        owner.execute(
            "insert into design.inventory (product_id, location_id, quantity)"
            " select 1000000 + n / 2, 2 + n %% 2, case when n %% 10 = 0 then 3 else 50 end"
            " from generate_series(0, %s::int - 1) n",
            (levels,),
        )
        owner.execute("vacuum (analyze)")


async def low_stock(bench: Bench, levels: int, seconds: float) -> dict[str, Any]:
    """Pages of 50 of the inbox, with what is there now and what to buy; then the design's query, cut at 50 too."""
    await asyncio.to_thread(fill, bench, levels)
    alerts = bench.stock.alerts
    ends: list[tuple[Any, UUID] | None] = [None]

    async def ours(chance: Seeded) -> bool:
        place = chance.choice([None, bench.places[0].location_no])
        after = chance.choice(ends)
        found = await bench.stock.read(bench.tenant, lambda tx: alerts.inbox(tx, place, OPEN, after, 50))
        if len(found) == 50 and len(ends) < 400:
            ends.append((found[-1].alert.raised_at, found[-1].alert.alert_id))
        return True

    async def design(chance: Seeded) -> bool:
        async with bench.database.transaction(bench.tenant) as tx:
            await tx.fetch(
                "select p.*, i.quantity, i.location_id from design.products p join design.inventory i"
                " on p.id = i.product_id where i.quantity <= p.reorder_point order by p.id limit 50"
            )
        return True

    mine, theirs = await run(ours, 2, seconds), await run(design, 2, seconds)
    return {
        "levels": levels,
        "low": levels // 10,
        "pages_per_s": round(mine.rate()),
        "p50_ms": round(percentile(mine.waits_ms, 0.5), 2),
        "p99_ms": round(percentile(mine.waits_ms, 0.99), 2),
        "design_p50_ms": round(percentile(theirs.waits_ms, 0.5), 2),
        "design_p99_ms": round(percentile(theirs.waits_ms, 0.99), 2),
    }


async def over_http(seconds: float) -> dict[str, Any]:
    """The product's own processes, driven from one client process of the same machine."""
    place = Path(tempfile.mkdtemp(prefix="serai-bench-"))
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = int(bound.getsockname()[1])
    serai = [sys.executable, "-m", "serai.app.cli"]
    command = [*serai, "up", "stock", "--data", str(place), "--port", str(port)]
    site = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        return await _driven(serai, place, f"http://127.0.0.1:{port}", seconds)
    finally:
        site.send_signal(signal.SIGTERM)
        site.wait(30)
        shutil.rmtree(place, ignore_errors=True)


async def _driven(serai: list[str], place: Path, url: str, seconds: float) -> dict[str, Any]:
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        for _ in range(300):
            try:
                if (await client.get("/readyz")).status_code == 200:
                    break
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.3)
        made = subprocess.run(
            [*serai, "keys", "create", "--name", "bench", "--role", "owner"],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"SERAI_DATA": str(place)},
        )
        client.headers["Authorization"] = f"Bearer {made.stdout.strip()}"
        # One caller is limited to some tens of requests a second, so this is a crowd of them.
        crowd = [
            (await client.post("/api/identity/v1/keys", json={"name": f"till {n}", "roles": ["owner"]})).json()[
                "secret"
            ]
            for n in range(KEYS)
        ]
        found = (await client.get("/api/stock/v1/products?q=COF-2")).json()["items"]
        places = {each["code"]: each["id"] for each in (await client.get("/api/stock/v1/locations")).json()["items"]}

        async def posted(chance: Seeded) -> bool:
            body = {
                "kind": "receive",
                "location_id": places["DEPOT"],
                "items": [{"product_id": chance.choice(found)["id"], "quantity": "1"}],
            }
            headers = {
                "Idempotency-Key": f"{time.perf_counter_ns()}-{chance.random()}",
                "Authorization": f"Bearer {chance.choice(crowd)}",
            }
            answer = await client.post("/api/stock/v1/movements", json=body, headers=headers)
            return answer.status_code == 201

        async def inbox(chance: Seeded) -> bool:
            headers = {"Authorization": f"Bearer {chance.choice(crowd)}"}
            return (await client.get("/api/stock/v1/alerts", headers=headers)).status_code == 200

        figures = {}
        for name, attempt in (("movements posted", posted), ("alerts inbox, 50 a page", inbox)):
            tally = await run(attempt, 8, seconds)
            assert not tally.refused, f"{name}: {tally.refused} refused"
            figures[name] = {
                "per_s": round(tally.rate()),
                "p50_ms": round(percentile(tally.waits_ms, 0.5), 2),
                "p99_ms": round(percentile(tally.waits_ms, 0.99), 2),
            }
        return figures


async def bench_on(server: EmbeddedServer, levels: int, seconds: float) -> dict[str, Any]:
    async with open_database(
        server.url("serai_app"), SystemRandom(), pool_min=8, pool_max=8, statement_timeout_s=600
    ) as database:
        bench = Bench(database, server.url("serai_owner"))
        await bench.settle_in()
        found = {"sql": await movements(bench, seconds)}
        found["low stock"] = await low_stock(bench, levels, seconds)
        return found


def show(found: dict[str, Any]) -> None:
    table = Table("run", "movements/s", "p50 / p99 ms", "design, movements/s")
    for name, row in found["sql"].items():
        if isinstance(row, dict):
            waits = f"{row['p50_ms']} / {row['p99_ms']}"
            table.add_row(name, f"{row['movements_per_s']:,}", waits, f"{row['design_per_s']:,}")
    console = Console()
    console.print(table)
    console.print(found["low stock"])
    console.print(found.get("http", "no HTTP"))
    console.print(f"{found['sql']['rows audited']:,} counters held against two ledgers: no difference. {machine()}")


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each run")
    parser.add_argument("--levels", type=int, default=1_000_000, help="of the low-stock list")
    parser.add_argument("--json", action="store_true", help="print JSON and keep it in results/")
    chosen = parser.parse_args(argv)
    with started_server() as server:
        wanted = runtime_migrations()
        for name in ("allocation", "stock"):
            wanted += read_migrations(name, f"serai.systems.{name}.migrations")
        migrate(server.url("serai_owner"), wanted)
        with psycopg.connect(server.url("serai_owner"), autocommit=True) as owner:
            owner.execute(DESIGN)
        found = uvloop.run(bench_on(server, chosen.levels, chosen.seconds))
    found["http"] = uvloop.run(over_http(chosen.seconds))
    if chosen.json:
        keep("stock", found)
        Console().print_json(orjson.dumps(found).decode())
    else:
        show(found)


if __name__ == "__main__":
    main()
