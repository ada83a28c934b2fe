"""Holds in SQL alone, beside the design's own transaction, on an embedded PostgreSQL with fsync on.

    serai bench allocation [--seconds 5] [--clients 16 64] [--json]

No HTTP: what is measured is the statement of systems/allocation against a plain `SELECT ... FOR UPDATE NOWAIT`,
`UPDATE`, `COMMIT` on a table of seats, as the design of problem 27 writes it (its Redis lock left out, in its favour;
it keeps no claim, no ledger, no event and no version). Both run over the same connections, in the same process, one
after the other; so compare columns, not the machine. Counters have no peer in the design: they are compared with one
another, hot against spread. Every run ends with the audit, which must find nothing.
"""

import argparse
import asyncio
import secrets
import shutil
import socket
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random as Seeded
from typing import Any
from uuid import UUID

import orjson
import psycopg
import uvloop
from psycopg.errors import LockNotAvailable
from rich.console import Console
from rich.table import Table

from benchmarks.machine import keep, machine, percentile
from serai.kernel.errors import Conflict
from serai.kernel.ids import Capability, uuid7
from serai.runtime.postgres.database import Database, Transaction, open_database
from serai.runtime.postgres.engine import find_engine
from serai.runtime.postgres.migrations import migrate, read_migrations, runtime_migrations
from serai.runtime.postgres.server import ROLES, SUPERUSER, EmbeddedServer
from serai.runtime.processes import service_account
from serai.runtime.world import SystemClock, SystemRandom
from serai.systems.allocation.api import Allocation, Ask, CounterAsk, CounterPlan, UnitRef

SHOWS = 2_000
SEATS = 100
HOLD_S = 600
OWNER = "bench"

DESIGN_SCHEMA = """
create schema design;
grant usage on schema design to serai_app;
create table design.seats (
  id bigint generated always as identity primary key, show_id int not null, seat_number int not null,
  status text not null default 'available', held_by text, held_until timestamptz, unique (show_id, seat_number));
grant select, update on design.seats to serai_app;
"""


@dataclass
class Tally:
    """What came of one run."""

    seconds: float = 0.0
    done: int = 0
    refused: int = 0
    waits_ms: list[float] = field(default_factory=list)

    def rate(self) -> float:
        """Answers a second, of either kind."""
        return (self.done + self.refused) / self.seconds

    def figures(self) -> dict[str, float]:
        return {
            "answers_per_s": round(self.rate()),
            "held_per_s": round(self.done / self.seconds),
            "p50_ms": round(percentile(self.waits_ms, 0.5), 2),
            "p99_ms": round(percentile(self.waits_ms, 0.99), 2),
        }


Attempt = Callable[[Seeded], Awaitable[bool]]


async def run(attempt: Attempt, clients: int, seconds: float) -> Tally:
    """`clients` at once, each trying again as soon as it has its answer."""
    tally = Tally()
    began = time.perf_counter()

    async def client(number: int) -> None:
        chance = Seeded(number)
        while (start := time.perf_counter()) - began < seconds:
            held = await attempt(chance)
            tally.waits_ms.append((time.perf_counter() - start) * 1000)
            tally.done += held
            tally.refused += not held

    await asyncio.gather(*(client(number) for number in range(clients)))
    tally.seconds = time.perf_counter() - began
    return tally


@dataclass
class Bench:
    database: Database
    owner_url: str
    tenant: UUID
    allocation: Allocation
    clock: SystemClock
    random: SystemRandom

    def ask(self, units: list[UnitRef], counters: list[CounterAsk]) -> Ask:
        capability = Capability.new(self.clock, self.random)
        return Ask(capability, OWNER, "somebody", units, HOLD_S, {"price": 1250}, counters=counters)

    async def hold(self, units: list[UnitRef], counters: list[CounterAsk] | None = None) -> bool:
        """Ours, with everything that a hold writes."""
        ask = self.ask(units, counters or [])

        async def work(tx: Transaction) -> object:
            return await self.allocation.open_claim(tx, ask)

        try:
            await self.allocation.with_free_units(self.database, self.tenant, units, work)
        except Conflict:
            return False
        return True

    async def design_hold(self, show: int, numbers: list[int]) -> bool:
        """The design's: lock, look, update, commit; a locked seat is 'somebody else is booking'."""
        try:
            async with self.database.transaction(self.tenant) as tx:
                seats = await tx.fetch(
                    "select id, status, held_until from design.seats where show_id = %s and seat_number = any(%s)"
                    " for update nowait",
                    (show, numbers),
                )
                if any(status != "available" for _, status, _ in seats):
                    return False
                await tx.execute(
                    "update design.seats set status = 'held', held_by = %s, held_until = now() + interval '10 minutes'"
                    " where show_id = %s and seat_number = any(%s)",
                    ("somebody", show, numbers),
                )
        except LockNotAvailable:
            return False
        return True

    async def pools(self, count: int, plans: list[CounterPlan] | None = None) -> list[int]:
        async with self.database.transaction(self.tenant) as tx:
            return [
                await self.allocation.create_pool(tx, OWNER, [] if plans else range(SEATS), counters=plans or [])
                for _ in range(count)
            ]

    async def design_shows(self, first: int, count: int) -> None:
        async with await psycopg.AsyncConnection.connect(self.owner_url) as owner:
            await owner.execute(
                "insert into design.seats (show_id, seat_number)"
                " select show, seat from generate_series(%s::int, %s::int) show, generate_series(0, %s) seat",
                (first, first + count - 1, SEATS - 1),
            )

    async def settle(self) -> None:
        """Statistics and a checkpoint, so that no run pays for the one before."""
        async with await psycopg.AsyncConnection.connect(self.owner_url, autocommit=True) as owner:
            await owner.execute("vacuum (analyze) allocation.units")
            await owner.execute("analyze allocation.counters")
            await owner.execute("vacuum (analyze) design.seats")

    async def prove(self) -> int:
        async with self.database.transaction(self.tenant) as tx:
            compared, differing = await self.allocation.audit(tx, OWNER)
            assert not differing, str(differing[0])
            broken = await self.allocation.breaches(tx, OWNER)
            assert not broken, str(broken[0])
        return compared


async def adjacent(bench: Bench, shows: int, clients: int, seconds: float) -> dict[str, Any]:
    """Two seats side by side in a random show: ours, then the design's."""
    pools = await bench.pools(shows)
    first = pools[0]
    await bench.design_shows(first, shows)
    await bench.settle()

    async def ours(chance: Seeded) -> bool:
        pool, seat = chance.choice(pools), chance.randrange(SEATS - 1)
        return await bench.hold([UnitRef(pool, seat), UnitRef(pool, seat + 1)])

    async def design(chance: Seeded) -> bool:
        show, seat = first + chance.randrange(shows), chance.randrange(SEATS - 1)
        return await bench.design_hold(show, [seat, seat + 1])

    mine = await run(ours, clients, seconds)
    peer = await run(design, clients, seconds)
    return {"ours": mine.figures(), "design": peer.figures(), "ratio": round(mine.rate() / peer.rate(), 2)}


async def counted(bench: Bench, counters: int, buckets: int, clients: int, seconds: float) -> dict[str, Any]:
    """One place of a random counter that never sells out."""
    plans = [CounterPlan(key, capacity=10_000_000, buckets=buckets) for key in range(counters)]
    (pool,) = await bench.pools(1, plans)
    await bench.settle()

    async def ours(chance: Seeded) -> bool:
        return await bench.hold([], [CounterAsk(pool, chance.randrange(counters), 1)])

    return {"ours": (await run(ours, clients, seconds)).figures()}


async def measure(bench: Bench, clients: list[int], seconds: float) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for count in clients:
        found[f"2 adjacent seats, {SHOWS} shows, {count} clients"] = await adjacent(bench, SHOWS, count, seconds)
        found[f"2 adjacent seats, one besieged show, {count} clients"] = await adjacent(bench, 1, count, seconds)
        hot = await counted(bench, 1, 1, count, seconds)
        found[f"one hot counter, {count} clients"] = hot
        for label, counters, buckets in (("one counter in 16 buckets", 1, 16), ("1000 counters", 1000, 1)):
            spread = await counted(bench, counters, buckets, count, seconds)
            spread["ratio"] = round(spread["ours"]["answers_per_s"] / hot["ours"]["answers_per_s"], 2)
            found[f"{label}, {count} clients"] = spread
    found["rows audited"] = await bench.prove()
    return found


@contextmanager
def started_server() -> Iterator[EmbeddedServer]:
    """A cluster of its own, as the product runs it: fsync on."""
    account = service_account()
    place = Path(tempfile.mkdtemp(prefix="serai-bench-"))
    place.chmod(0o711)
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = int(bound.getsockname()[1])
    passwords = {role: secrets.token_urlsafe(9) for role in (*ROLES, SUPERUSER)}
    server = EmbeddedServer(find_engine(account=account), place / "postgres", port, passwords, account=account)
    try:
        server.prepare()
        server.start()
        server.wait_ready()
        yield server
    finally:
        server.stop()
        shutil.rmtree(place, ignore_errors=True)


async def bench_on(server: EmbeddedServer, clients: list[int], seconds: float) -> dict[str, Any]:
    random, clock = SystemRandom(), SystemClock()
    async with open_database(
        server.url("serai_app"), random, pool_min=max(clients), pool_max=max(clients), wait_s=60
    ) as database:
        tenant = uuid7(clock, random)
        bench = Bench(database, server.url("serai_owner"), tenant, Allocation(clock, random), clock, random)
        return await measure(bench, clients, seconds)


def show(found: dict[str, Any]) -> None:
    table = Table("run", "ours, answers/s", "of them holds/s", "p50 / p99 ms", "design, answers/s", "ratio")
    for name, row in found.items():
        if not isinstance(row, dict):
            continue
        ours, design = row["ours"], row.get("design", {})
        table.add_row(
            name,
            f"{ours['answers_per_s']:,}",
            f"{ours['held_per_s']:,}",
            f"{ours['p50_ms']} / {ours['p99_ms']}",
            f"{design['answers_per_s']:,}" if design else "",
            str(row.get("ratio", "")),
        )
    console = Console()
    console.print(table)
    console.print(f"{found['rows audited']:,} rows held against their ledger: no difference. {machine()}")


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each run")
    parser.add_argument("--clients", type=int, nargs="+", default=[16, 64])
    parser.add_argument("--json", action="store_true", help="print JSON and keep it in results/")
    chosen = parser.parse_args(argv)
    with started_server() as server:
        migrate(
            server.url("serai_owner"),
            [*runtime_migrations(), *read_migrations("allocation", "serai.systems.allocation.migrations")],
        )
        with psycopg.connect(server.url("serai_owner"), autocommit=True) as owner:
            owner.execute(DESIGN_SCHEMA)
        found = uvloop.run(bench_on(server, chosen.clients, chosen.seconds))
    if chosen.json:
        keep("allocation", found)
        Console().print_json(orjson.dumps(found).decode())
    else:
        show(found)


if __name__ == "__main__":
    main()
