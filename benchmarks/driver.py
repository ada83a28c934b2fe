"""psycopg and asyncpg over HTTP: the same web process holds two seats with the same statements by either driver.

    serai bench driver [--seconds 5] [--clients 32] [--rounds 2]

What is compared is the processor time of the web process for one request, beside the rate: a benchmark of drivers
alone counts what a web process hardly does. asyncpg is no dependency of ours: `pip install asyncpg` first.
"""

import argparse
import asyncio
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import uvicorn
import uvloop
from rich.console import Console
from rich.table import Table
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from benchmarks.allocation import SEATS, started_server
from benchmarks.machine import keep, machine, percentile
from serai.kernel.ids import Capability, uuid7
from serai.runtime.postgres.database import _begin, open_database
from serai.runtime.postgres.migrations import migrate, read_migrations, runtime_migrations
from serai.runtime.world import SystemClock, SystemRandom
from serai.systems.allocation.api import Allocation, Ask, UnitRef
from serai.systems.allocation.store import opening

POOL = 16
START_S = 20
Hold = Callable[[Ask], Awaitable[bool]]


async def by_psycopg(url: str, tenant: UUID, stack: AsyncExitStack) -> Hold:
    """As the product does it, without its retries."""
    opened = open_database(url, SystemRandom(), pool_min=POOL, pool_max=POOL)
    database = await stack.enter_async_context(opened)
    event = SystemRandom()

    async def hold(ask: Ask) -> bool:
        async with database.transaction(tenant, by_key=True) as tx:
            taking = await opening.open_claim(tx, ask, ask.units, UUID(bytes=event.token(16)), start=0, wide=False)
            await tx.fetch_one("select clock_timestamp(), %s::uuid", (tenant,))
            return taking.done

    return hold


async def by_asyncpg(url: str, tenant: UUID, stack: AsyncExitStack) -> Hold:
    """The same messages: BEGIN with the tenant, the claim, a small read, COMMIT; no reset between requests."""
    asyncpg = import_module("asyncpg")
    opened = asyncpg.create_pool(url, min_size=POOL, max_size=POOL, reset=_nothing)
    pool = await stack.enter_async_context(opened)
    begin = _begin(tenant, True).as_string(None)
    names: list[str] = []

    def numbered(found: re.Match[str]) -> str:
        if found[1] not in names:
            names.append(found[1])
        return f"${names.index(found[1]) + 1}"

    statement = re.sub(r"%\((\w+)\)s", numbered, opening._OPEN_UNITS).replace("%%", "%")
    event = SystemRandom()

    async def hold(ask: Ask) -> bool:
        values: dict[str, Any] = {
            **opening._common(_Tenant(tenant), ask, UUID(bytes=event.token(16))),  # type: ignore[arg-type]  # only `owner` is asked
            "unit_pools": [unit.pool_no for unit in ask.units],
            "unit_keys": [unit.key for unit in ask.units],
            "unit_count": len(ask.units),
        }
        async with pool.acquire() as connection:
            await connection.execute(begin)
            row = await connection.fetchrow(statement, *(values[name] for name in names))
            await connection.fetchrow("select clock_timestamp(), $1::uuid", tenant)
            await connection.execute("COMMIT")
            return bool(row[0])

    return hold


class _Tenant:
    def __init__(self, owner: UUID) -> None:
        self.owner = owner


async def _nothing(connection: Any) -> None:
    return None


async def serve(driver: str, url: str, tenant: UUID, pool_no: int, port: int) -> None:
    """The web process."""
    clock, random = SystemClock(), SystemRandom()
    turn = count()
    async with AsyncExitStack() as stack:
        hold = await {"psycopg": by_psycopg, "asyncpg": by_asyncpg}[driver](url, tenant, stack)

        async def post(request: Request) -> Response:
            at = next(turn) * 2
            units = (UnitRef(pool_no, at), UnitRef(pool_no, at + 1))
            ask = Ask(Capability.new(clock, random), "bench", "somebody", units, 600, {"price": 1250})
            return JSONResponse({"held": await hold(ask)})

        app = Starlette(routes=[Route("/holds", post, methods=["POST"])])
        config = uvicorn.Config(app, port=port, access_log=False, log_level="warning", loop="none", lifespan="off")
        await uvicorn.Server(config).serve()


def processor_s(pid: int) -> float:
    """What a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def load(port: int, pid: int, clients: int, seconds: float) -> dict[str, Any]:
    """Holds as fast as they go."""
    waits: list[float] = []
    async with aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{port}/holds"

        async def one() -> None:
            began = time.perf_counter()
            async with session.post(url) as answer:
                assert (await answer.json())["held"], "a seat was taken"
            waits.append(time.perf_counter() - began)

        async def client(until: float) -> None:
            while time.perf_counter() < until:
                await one()

        await asyncio.gather(*(client(time.perf_counter() + 1) for _ in range(clients)))
        waits.clear()
        used, began = processor_s(pid), time.perf_counter()
        await asyncio.gather(*(client(began + seconds) for _ in range(clients)))
        took = time.perf_counter() - began
    return {
        "per_s": round(len(waits) / took),
        "web_ms_a_request": round((processor_s(pid) - used) * 1000 / len(waits), 3),
        "p50_ms": round(percentile(waits, 0.5) * 1000, 1),
        "p99_ms": round(percentile(waits, 0.99) * 1000, 1),
    }


async def until_listening(port: int) -> None:
    """The web process answers."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise SystemExit(f"the web process did not listen within {START_S} s")


async def measured(url: str, tenant: UUID, driver: str, clients: int, seconds: float) -> dict[str, Any]:
    """One web process with one driver, on seats of its own."""
    clock, random = SystemClock(), SystemRandom()
    async with open_database(url, random) as database, database.transaction(tenant) as tx:
        pool_no = await Allocation(clock, random).create_pool(tx, "bench", range(2_000 * SEATS))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    command = [sys.executable, "-m", "benchmarks.driver", "serve", driver, url, str(tenant), str(pool_no), str(port)]
    web = subprocess.Popen(command, cwd=Path(__file__).parents[1])
    try:
        await until_listening(port)
        return await load(port, web.pid, clients, seconds)
    finally:
        web.kill()
        web.wait()


def show(found: dict[str, Any]) -> None:
    """A table for people."""
    table = Table("driver", "holds/s", "web processor ms a hold", "p50 / p99 ms", title=str(machine()["at"]))
    for name, row in found.items():
        table.add_row(name, str(row["per_s"]), str(row["web_ms_a_request"]), f"{row['p50_ms']} / {row['p99_ms']}")
    Console().print(table)


def main(arguments: list[str]) -> None:
    """Runs both in turns, prints and keeps the figures."""
    if arguments[:1] == ["serve"]:
        _, driver, url, tenant, pool_no, port = arguments
        uvloop.run(serve(driver, url, UUID(tenant), int(pool_no), int(port)))
        return
    parser = argparse.ArgumentParser("serai bench driver", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=2)
    chosen = parser.parse_args(arguments)
    found: dict[str, Any] = {}
    with started_server() as server:
        tables = [*runtime_migrations(), *read_migrations("allocation", "serai.systems.allocation.migrations")]
        migrate(server.url("serai_owner"), tables)
        tenant = uuid7(SystemClock(), SystemRandom())
        for turn in range(1, chosen.rounds + 1):
            for driver in ("psycopg", "asyncpg"):
                job = measured(server.url("serai_app"), tenant, driver, chosen.clients, chosen.seconds)
                found[f"{driver}, round {turn}"] = uvloop.run(job)
    show(found)
    Console().print(f"kept in {keep('driver', found)}")


if __name__ == "__main__":
    main(sys.argv[1:])
