"""Numbers by the million: loading a pool, drawing from it in SQL beside the design's way, and over HTTP.

    serai bench simcards [--size 1000000] [--seconds 8] [--clients 16] [--without-http]

In SQL: pgbench runs the product's own statement (a draw with its claim, ledger line and event, in a transaction of one
tenant with row-level security) and the design's (the first row that is available by its partial index, marked reserved;
SKIP LOCKED added in its favour), one after the other on the same server with fsync on. Then ours alone with all but
one number in 100 gone, and the very last ones. Over HTTP: the product's own processes, everything on this machine.
"""

import argparse
import asyncio
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import psycopg
import uvloop
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.allocation import started_server
from benchmarks.cinema import Site, opened, running, until_ready
from benchmarks.machine import keep, machine, percentile
from serai.kernel.ids import Capability, uuid7
from serai.runtime.postgres.database import Database, Transaction, open_database
from serai.runtime.postgres.migrations import migrate, read_migrations, runtime_migrations
from serai.runtime.postgres.server import EmbeddedServer
from serai.runtime.world import SystemClock, SystemRandom
from serai.systems.allocation.api import Allocation, Ask, DrawAsk, NotEnough
from serai.systems.allocation.store import opening
from serai.systems.identity.api import IdentityApi
from serai.systems.simcards.numbering.classes import NumberClass
from serai.systems.simcards.numbering.plans import Kind, Wanted
from serai.systems.simcards.service.pools import NewPool
from serai.systems.simcards.system import make_pools

OWNER = "bench"
LEFT_EVERY = 100
"""Nearly sold out: one number in so many is left."""

DESIGN_SCHEMA = """
create schema design;
grant usage on schema design to serai_app;
create table design.phone_numbers (
  id bigserial primary key, phone_number varchar(15) unique not null, status varchar(20) not null,
  allocated_at timestamp, customer_id bigint, random_seed bytea);
insert into design.phone_numbers (phone_number, status)
  select '+1' || (2120000000 + n), 'available' from generate_series(1, {size}) n order by hashint8(n);
create index idx_phone_status on design.phone_numbers (status) where status = 'available';
grant select, update on design.phone_numbers to serai_app;
"""

DESIGN_DRAW = """
begin;
update design.phone_numbers set status = 'reserved', allocated_at = now()
where id = (select id from design.phone_numbers where status = 'available' limit 1 for update skip locked);
commit;
"""


def our_draw(tenant: UUID, pool: int) -> str:
    """The product's statement as a script of pgbench: what the driver sends, with its arguments written in."""
    fixed = {
        "tenant": f"'{tenant}'",
        "key": r"'\x00'",
        "owner": f"'{OWNER}'",
        "holder": "'somebody'",
        "holder_max": "null",
        "ttl": "600",
        "terms": "'{}'",
        "actor": "''",
        "topic": "'bench'",
        "type": "'bench'",
        "unit_count": "1",
        "draw_pool": str(pool),
    }
    drawn = {
        "claim": "md5((:claim)::text)::uuid",
        "event": "md5((:event)::text)::uuid",
        "subject": "(:claim)::text",
        "share": "((:share)::float8 / 4294967296)",
    }
    statement = re.sub(
        r"%\((\w+)\)s", lambda found: (fixed | drawn)[found.group(1)], opening.OPEN_DRAWN.strip().replace("%%", "%")
    )
    return (
        r"\set claim random(1, 9000000000000000000)" + "\n"
        r"\set event random(1, 9000000000000000000)" + "\n"
        r"\set share random(0, 4294967295)" + "\n"
        f"begin;\n{' '.join(statement.split())};\ncommit;\n"
    )


def pgbench(server: EmbeddedServer, script: str, tenant: UUID, clients: int, seconds: float) -> dict[str, float]:
    """Transactions a second of a script and their mean latency.

    The product sends BEGIN and its settings in one message, which pgbench cannot; here they are the connection's.
    """
    told = f"-c app.tenant_id={tenant} -c plan_cache_mode=force_generic_plan -c enable_seqscan=off"
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        command = [server.engine.program("pgbench"), "-n", "-M", "prepared", "-c", str(clients), "-j", "2"]
        command += ["-T", str(int(seconds)), "-f", file.name, server.url("serai_app")]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | {"PGOPTIONS": told})
    rate = re.search(r"tps = ([\d.]+)", done.stdout)
    latency = re.search(r"latency average = ([\d.]+)", done.stdout)
    assert rate and latency, done.stdout
    return {"per_s": round(float(rate.group(1))), "mean_ms": float(latency.group(1))}


async def load(database: Database, allocation: Allocation, tenant: UUID, size: int) -> tuple[int, float]:
    """A full pool, with a progress bar; (its number, seconds)."""
    async with database.transaction(tenant) as tx:
        pool = await allocation.plan_pool(tx, OWNER, size)
    began = time.perf_counter()
    with Progress(transient=True) as bar:
        task = bar.add_task("filling", total=size)
        await allocation.fill_pool(
            database, tenant, pool, told=lambda filling: bar.update(task, completed=filling.filled)
        )
    return pool, time.perf_counter() - began


def sell_most(owner_url: str, pool: int) -> None:
    """All but one in LEFT_EVERY are gone, as if they had been sold over the years: blocks noted, tables vacuumed."""
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute(
            "update allocation.units set state = 'sold', claim_id = gen_random_uuid(), expires_at = null"
            " where pool_no = %s and key %% %s <> 0",
            (pool, LEFT_EVERY),
        )
        owner.execute("vacuum analyze allocation.units")


async def timed(many: int, work: Callable[[], Awaitable[object]]) -> list[float]:
    """Milliseconds of each, one after another."""
    took = []
    for _ in range(many):
        began = time.perf_counter()
        await work()
        took.append((time.perf_counter() - began) * 1000)
    return took


async def last_ones(database: Database, allocation: Allocation, tenant: UUID, pool: int, size: int) -> dict[str, Any]:
    """The very last number, and what it costs to be told that there is none."""
    clock, random = SystemClock(), SystemRandom()

    async def draw() -> bool:
        capability = Capability.new(clock, random)
        ask = Ask(capability, OWNER, "somebody", (), 600, {}, draws=(DrawAsk(pool, 1),))

        async def work(tx: Transaction) -> object:
            return await allocation.open_claim(tx, ask)

        try:
            await allocation.with_free_units(database, tenant, (), work)
        except NotEnough:
            return False
        return True

    found = 0
    began = time.perf_counter()
    while await draw():
        found += 1
    refusals = await timed(200, draw)
    return {
        "numbers_left_found": found,
        "seconds_to_find_all": round(time.perf_counter() - began, 1),
        "refusal_p50_ms": round(percentile(refusals, 0.5), 2),
        "refusal_p99_ms": round(percentile(refusals, 0.99), 2),
        "of": size,
    }


async def in_sql(server: EmbeddedServer, size: int, clients: int, seconds: float) -> dict[str, Any]:
    """Loading, drawing, and the end of a pool."""
    clock, random = SystemClock(), SystemRandom()
    owner_url = server.url("serai_owner")
    async with open_database(server.url("serai_app"), random, pool_min=4, pool_max=16, wait_s=60) as database:
        allocation, tenant = Allocation(clock, random), uuid7(clock, random)
        pool, took_s = await load(database, allocation, tenant, size)
        with psycopg.connect(owner_url, autocommit=True) as owner:
            owner.execute("vacuum analyze allocation.units")
            row = owner.execute(
                "select (pg_total_relation_size('allocation.units') + pg_total_relation_size('allocation.unit_blocks')"
                " + pg_total_relation_size('allocation.ledger')) / 1e6"
            ).fetchone()
            owner.execute(DESIGN_SCHEMA.format(size=min(size, 1_000_000)).encode())
            owner.execute("vacuum analyze design.phone_numbers")
        assert row is not None
        found: dict[str, Any] = {
            "load": {"units": size, "seconds": round(took_s, 1), "per_s": round(size / took_s), "mb": round(row[0])}
        }
        mine, theirs = our_draw(tenant, pool), DESIGN_DRAW
        found["draws in SQL, full pool"] = compared(server, mine, theirs, tenant, clients, seconds)
        sell_most(owner_url, pool)
        # The first draws note which blocks are empty; the figure is that of a shop that has been open for a while.
        pgbench(server, mine, tenant, 4, 2)
        found["draws in SQL, one in 100 left"] = {"ours": pgbench(server, mine, tenant, 4, 2)}
        found["the last numbers"] = await last_ones(database, allocation, tenant, pool, size)
    return found


def compared(
    server: EmbeddedServer, mine: str, theirs: str, tenant: UUID, clients: int, seconds: float
) -> dict[str, Any]:
    """Ours beside the design's."""
    ours = pgbench(server, mine, tenant, clients, seconds)
    design = pgbench(server, theirs, tenant, clients, seconds)
    return {"ours": ours, "design": design, "ratio": round(ours["per_s"] / max(1, design["per_s"]), 2)}


async def over_http(site: Site, clients: int, seconds: float) -> dict[str, Any]:
    """Holds of drawn numbers, each by a request of its own, from a seller's API key."""
    world = site.world
    prices = {NumberClass.PLAIN: 900, NumberClass.PREMIUM: 4_900, NumberClass.GOLD: 24_900}
    pools = make_pools(world, world.need(Allocation))
    wanted = Wanted("US", Kind.MOBILE, "2122")
    pool = await pools.plan(site.tenant, NewPool("Bench", wanted, prices, "USD"), later=False)
    await pools.fill(site.tenant, pool.pool_id)
    async with world.database.transaction(site.tenant) as tx:
        api = world.need(IdentityApi)
        made = [
            await api.create_key(tx, name=f"till {number}", roles=["simcards:sell"], created_by="bench")
            for number in range(clients)
        ]
    wish = {"pool_id": str(pool.pool_id)}
    took: list[float] = []
    wrong: dict[int, int] = {}
    numbers: list[str] = []

    async def client(session: aiohttp.ClientSession, till: int, until: float) -> None:
        headers = {"Authorization": f"Bearer {made[till].text}"}  # limits of rate count by key
        while time.perf_counter() < until:
            began = time.perf_counter()
            async with session.post("/api/simcards/v1/holds", json=wish, headers=headers) as answer:
                body = await answer.json()
            if answer.status == 201:
                took.append((time.perf_counter() - began) * 1000)
                numbers.append(body["number"])
            else:
                wrong[answer.status] = wrong.get(answer.status, 0) + 1

    async with aiohttp.ClientSession(site.base) as session:
        await asyncio.gather(*(client(session, till, time.perf_counter() + 1) for till in range(4)))
        took.clear()
        began = time.perf_counter()
        await asyncio.gather(*(client(session, till, began + seconds) for till in range(clients)))
        spent_s = time.perf_counter() - began
    assert len(set(numbers)) == len(numbers), "a number was shown to two"
    return {
        "draws_per_s": round(len(took) / spent_s),
        "p50_ms": round(percentile(took, 0.5), 1),
        "p99_ms": round(percentile(took, 0.99), 1),
        "other_answers": wrong,
    }


async def on_site(data: Path, base: str, clients: int, seconds: float) -> dict[str, Any]:
    """Waits for the site and drives it."""
    await until_ready(base)
    async with opened(base, data) as site:
        return await over_http(site, clients, seconds)


def show(found: dict[str, Any]) -> None:
    """A table for people."""
    table = Table("what", "figure", title=f"numbers · {machine()['cores']} cores · {machine()['at']}")
    for name, values in found.items():
        for key, value in values.items():
            table.add_row(f"{name}: {key.replace('_', ' ')}", str(value))
    Console().print(table)


def main(arguments: list[str] | None = None) -> None:
    """Runs, prints and keeps the figures."""
    parser = argparse.ArgumentParser("serai bench simcards", description=__doc__)
    parser.add_argument(
        "--size", type=int, default=1_000_000, help="units of the pool; the design's city has 8 million"
    )
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--without-http", action="store_true")
    chosen = parser.parse_args(arguments)
    with started_server() as server:
        names = [("allocation", "serai.systems.allocation.migrations")]
        migrations = [*runtime_migrations(), *(one for name in names for one in read_migrations(*name))]
        migrate(server.url("serai_owner"), migrations)
        found = uvloop.run(in_sql(server, chosen.size, chosen.clients, chosen.seconds))
    if not chosen.without_http:
        place = Path(tempfile.mkdtemp(prefix="serai-bench-"))
        place.chmod(0o755)
        try:
            with running(place / "data", workers=0) as base:
                found["over HTTP"] = asyncio.run(on_site(place / "data", base, chosen.clients, chosen.seconds))
        finally:
            shutil.rmtree(place, ignore_errors=True)
    show(found)
    Console().print(f"kept in {keep('simcards', found)}")


if __name__ == "__main__":
    main()
