"""The cinema over HTTP, end to end, on this machine: the product's own processes, PostgreSQL with fsync on.

    serai bench cinema [--seconds 15] [--subscribers 10000]      (0 leaves that half out)

It starts `serai up` in a directory of its own, makes shows of 200 seats, and drives it from one process of the same
machine: full bookings (hold, pay at the embedded gateway, confirm, ticket enqueued) as fast as they go, then at the
design's 115 a second, a besieged show, the seat map, and a crowd that watches one show.
"""

import argparse
import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import orjson
from rich.console import Console
from rich.table import Table

from benchmarks.machine import keep, machine, many_files, percentile
from serai.app.assembly import built_systems, open_world
from serai.app.plan import embedded_urls, open_secrets
from serai.app.registry import chosen_systems
from serai.kernel.ids import uuid7
from serai.runtime.jobs import queue_state
from serai.runtime.settings import Configuration
from serai.runtime.system import World
from serai.runtime.world import SystemClock, SystemRandom
from serai.systems.allocation.api import Allocation
from serai.systems.cinema.model import OWNER, Movie, Theater
from serai.systems.cinema.plan import classic
from serai.systems.cinema.store import catalogue
from serai.systems.identity.api import IdentityApi

PORT = int(os.environ.get("SERAI_BENCH_PORT", "18600"))
DESIGN_RATE = 115
BUYERS = 32
SHOWS = 150
START_S = 120
SETTLE_S = 12
"""The planner has learned of the new shows by then."""


@dataclass
class Times:
    """Seconds that answers took, and what went wrong."""

    hold: list[float] = field(default_factory=list)
    book: list[float] = field(default_factory=list)
    other: dict[str, int] = field(default_factory=dict)

    def wrong(self, what: str) -> None:
        self.other[what] = self.other.get(what, 0) + 1


@dataclass(frozen=True)
class Site:
    """A running Serai, and the world behind it."""

    base: str
    world: World
    tenant: UUID
    workers: list[int]


@contextmanager
def running(data: Path, workers: int) -> Iterator[str]:
    """`serai up` without demo data, until the block ends."""
    serai = Path(sys.executable).with_name("serai")
    command = [str(serai), "up", "--data", str(data), "--port", str(PORT), "--no-demo", "--workers", str(workers)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=os.environ | {"SERAI_LOG_LEVEL": "warning"})
    try:
        yield f"http://127.0.0.1:{PORT}"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


async def until_ready(base: str) -> float:
    """Seconds until the site serves."""
    started = time.monotonic()
    async with aiohttp.ClientSession() as session:
        while time.monotonic() - started < START_S:
            with suppress(aiohttp.ClientError):
                async with session.get(f"{base}/readyz") as answer:
                    if answer.status == 200:
                        return time.monotonic() - started
            await asyncio.sleep(0.05)
    raise SystemExit(f"the site was not ready within {START_S} s")


@asynccontextmanager
async def opened(base: str, data: Path) -> AsyncIterator[Site]:
    """The world of the running site, to make shows in it and to look at its queue."""
    secrets = open_secrets(data, SystemRandom())
    urls = embedded_urls(PORT + 1, secrets)
    configuration = Configuration(
        {"data": str(data), "port": PORT, "postgres_url": urls.app, "postgres_jobs_url": urls.jobs}, environment={}
    )
    async with (
        open_world(configuration, secrets.get, SystemClock(), SystemRandom(), "bench") as world,
        built_systems(world, chosen_systems(())),
    ):
        tenant = await world.need(IdentityApi).site_tenant()
        yield Site(base, world, tenant, web_processes(data))


def web_processes(data: Path) -> list[int]:
    """Process ids of the web children."""
    status = orjson.loads((data / "run" / "status.json").read_bytes())
    return [child["pid"] for child in status["children"] if child["name"].startswith("web")]


async def make_shows(site: Site, number: int) -> list[tuple[str, list[str]]]:
    """Shows of 200 seats; (id, seat ids) each."""
    clock, random = SystemClock(), SystemRandom()
    plan = classic(rows=10, seats=21)
    keys = [seat.key for seat in plan.seats][:200]
    movie = Movie(uuid7(clock, random), "Bench", 100, "0")
    theater = Theater(uuid7(clock, random), "Bench", "Bench", "Europe/Berlin", "EUR")
    plan_id = uuid7(clock, random)
    made = []
    async with site.world.database.transaction(site.tenant) as tx:
        await catalogue.upsert_movie(tx, movie)
        await catalogue.upsert_theater(tx, theater)
        await catalogue.insert_plan(tx, plan_id, plan)
        for n in range(number):
            screen_id, show_id = uuid7(clock, random), uuid7(clock, random)
            await catalogue.upsert_screen(tx, screen_id, theater.theater_id, f"Screen {n}", plan_id)
            every = [seat.key for seat in plan.seats]
            pool_no = await site.world.need(Allocation).create_pool(tx, OWNER, every)
            starts_at = datetime.now(UTC) + timedelta(days=2)
            show = catalogue.NewShow(
                show_id=show_id,
                movie_id=movie.movie_id,
                screen_id=screen_id,
                plan_id=plan_id,
                starts_at=starts_at,
                ends_at=starts_at + timedelta(hours=2),
                currency="EUR",
                prices={category.name: 1200 for category in plan.categories},
            )
            await catalogue.insert_show(tx, show, pool_no)
            made.append((str(show_id), [f"{pool_no}-{key}" for key in keys]))
    return made


class Buyer:
    """Buys pairs of seats that nobody else asks for."""

    def __init__(self, session: aiohttp.ClientSession, base: str, shows: list[tuple[str, list[str]]]) -> None:
        self._session = session
        self._api = f"{base}/api/cinema/v1"
        self._shows = shows
        self._next = count()

    def pair(self) -> tuple[str, list[str]]:
        """The next free pair, one show after another."""
        turn = next(self._next)
        show_id, seats = self._shows[turn % len(self._shows)]
        at = 2 * (turn // len(self._shows))
        if at + 2 > len(seats):
            raise SystemExit("the shows are sold out; make more")
        return show_id, seats[at : at + 2]

    async def hold(self, times: Times) -> str | None:
        """Holds a pair; the hold's id."""
        show_id, seats = self.pair()
        started = time.perf_counter()
        async with self._session.post(f"{self._api}/holds", json={"show_id": show_id, "seat_ids": seats}) as answer:
            document = await answer.json(content_type=None)
        times.hold.append(time.perf_counter() - started)
        if answer.status != 201:
            times.wrong(f"hold {answer.status}")
            return None
        return str(document["id"])

    async def book(self, hold_id: str, times: Times) -> None:
        """Pays for a hold."""
        body = {"hold_id": hold_id, "payment_method": "pm_card_visa", "email": "bench@example.org"}
        started = time.perf_counter()
        headers = {"Idempotency-Key": hold_id[:40]}
        async with self._session.post(f"{self._api}/bookings", json=body, headers=headers) as answer:
            await answer.read()
        times.book.append(time.perf_counter() - started)
        if answer.status != 201:
            times.wrong(f"book {answer.status}")

    async def whole(self, times: Times) -> None:
        """Hold and book."""
        if hold_id := await self.hold(times):
            await self.book(hold_id, times)


async def closed_loop(work: Callable[[], Awaitable[None]], clients: int, seconds: float) -> float:
    """Each client starts again as soon as it has finished; returns the seconds that it took in all."""
    started = time.perf_counter()

    async def client() -> None:
        while time.perf_counter() - started < seconds:
            await work()

    await asyncio.gather(*(client() for _ in range(clients)))
    return time.perf_counter() - started


async def open_loop(work: Callable[[], Awaitable[None]], rate: float, seconds: float) -> float:
    """Starts at a fixed rate, whether or not earlier ones have finished: waiting counts."""
    started = time.perf_counter()
    tasks = []
    for n in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, started + n / rate - time.perf_counter()))
        tasks.append(asyncio.create_task(work()))
    await asyncio.gather(*tasks)
    return time.perf_counter() - started


async def backlog(site: Site) -> tuple[int, float]:
    """Jobs that wait after the load, and the seconds until none does."""
    async with site.world.database.transaction(site.tenant) as tx:
        waiting = (await queue_state(tx)).waiting
    started = time.monotonic()
    left = waiting
    while left and time.monotonic() - started < 600:
        await asyncio.sleep(0.5)
        async with site.world.database.transaction(site.tenant) as tx:
            state = await queue_state(tx)
        left = state.waiting + state.running
    return waiting, time.monotonic() - started


async def besieged(session: aiohttp.ClientSession, base: str, show: tuple[str, list[str]], seconds: float) -> Times:
    """Everybody wants seats that are all held."""
    show_id, seats = show
    api = f"{base}/api/cinema/v1/holds"
    for start in range(0, len(seats), 10):
        async with session.post(api, json={"show_id": show_id, "seat_ids": seats[start : start + 10]}) as answer:
            assert answer.status == 201, await answer.text()
    times, turn = Times(), count()

    async def refused() -> None:
        at = 2 * (next(turn) % (len(seats) // 2))
        started = time.perf_counter()
        async with session.post(api, json={"show_id": show_id, "seat_ids": seats[at : at + 2]}) as answer:
            await answer.read()
        times.hold.append(time.perf_counter() - started)
        if answer.status != 409:
            times.wrong(f"answer {answer.status}")

    await closed_loop(refused, BUYERS, seconds)
    return times


async def seat_map(session: aiohttp.ClientSession, base: str, show_id: str, seconds: float) -> Times:
    """The map of 200 seats, 100 times a second."""
    times = Times()

    async def look() -> None:
        started = time.perf_counter()
        async with session.get(f"{base}/api/cinema/v1/shows/{show_id}/seats") as answer:
            await answer.read()
        times.hold.append(time.perf_counter() - started)
        if answer.status != 200:
            times.wrong(f"map {answer.status}")

    await open_loop(look, 100, seconds)
    return times


async def crowd(site: Site, show: tuple[str, list[str]], number: int) -> dict[str, Any]:
    """Watchers of one show on one process: memory, and how long until all have seen a change."""
    show_id, seats = show
    request = f"GET /api/cinema/v1/shows/{show_id}/events HTTP/1.1\r\nHost: bench\r\n\r\n".encode()
    before = memory_mib(site.workers[0])
    seen: list[float] = []
    started = asyncio.Event()
    connected = 0
    all_connected = asyncio.Event()
    all_seen = asyncio.Event()

    async def watch() -> None:
        nonlocal connected
        reader, writer = await asyncio.open_connection("127.0.0.1", PORT, limit=2**17)
        writer.write(request)
        await reader.readuntil(b"event: snapshot")
        connected += 1
        if connected == number:
            all_connected.set()
        await reader.readuntil(b"event: seats")
        seen.append(time.perf_counter())
        if len(seen) == number:
            all_seen.set()
        writer.close()

    tasks = []
    for _ in range(number):
        tasks.append(asyncio.create_task(watch()))
        if len(tasks) % 100 == 0:
            await asyncio.sleep(0.05)
    await asyncio.wait_for(all_connected.wait(), 180)
    after = memory_mib(site.workers[0])
    started.set()
    async with aiohttp.ClientSession() as session:
        api = f"{site.base}/api/cinema/v1/holds"
        async with session.post(api, json={"show_id": show_id, "seat_ids": seats[:2]}) as answer:
            assert answer.status == 201
        changed = time.perf_counter()
    await asyncio.wait_for(all_seen.wait(), 60)
    await asyncio.gather(*tasks)
    return {
        "subscribers": number,
        "process_mib_before": before,
        "process_mib_with_crowd": after,
        "process_mib_at_most": memory_mib(site.workers[0], "VmHWM"),
        "first_saw_ms": round((min(seen) - changed) * 1000),
        "last_saw_ms": round((max(seen) - changed) * 1000),
    }


def memory_mib(pid: int, which: str = "VmRSS") -> float:
    """Resident memory of a process: now, or (VmHWM) at most so far."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(which))
    return round(int(line.split()[1]) / 1024, 1)


def processor_s(data: Path) -> dict[str, float]:
    """Processor seconds that each kind of child has used so far, with all its own children (PostgreSQL's backends)."""
    parents: dict[int, int] = {}
    used: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            parents[int(stat.parent.name)] = int(fields[1])
            used[int(stat.parent.name)] = sum(int(ticks) for ticks in fields[11:15])
    status = orjson.loads((data / "run" / "status.json").read_bytes())
    kinds = {child["pid"]: child["name"].partition("-")[0] for child in status["children"] if child["pid"]}
    total: dict[str, float] = {}
    for pid, ticks in used.items():
        child = pid
        while child and child not in kinds:
            child = parents.get(child, 0)
        if child:
            total[kinds[child]] = total.get(kinds[child], 0) + ticks / os.sysconf("SC_CLK_TCK")
    return total


def per_booking_ms(before: dict[str, float], after: dict[str, float], bookings: int) -> dict[str, float]:
    """Milliseconds of processor time for one booking, by the kind of process."""
    spent = {kind: round((after[kind] - before.get(kind, 0)) * 1000 / bookings, 2) for kind in after}
    return spent | {"all": round(sum(spent.values()), 2)}


def ms(values: list[float], share: float) -> float:
    """A percentile in milliseconds."""
    return round(percentile(values, share) * 1000, 1)


async def bookings(seconds: float, data: Path, base: str) -> dict[str, Any]:
    """Everything but the crowd."""
    start_s = await until_ready(base)
    figures: dict[str, Any] = {"start_without_demo_s": round(start_s, 1)}
    async with opened(base, data) as site, aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=200)) as session:
        shows = await make_shows(site, SHOWS)
        await asyncio.sleep(SETTLE_S)
        fast = Times()
        buyer = Buyer(session, base, shows[1:])
        await closed_loop(lambda: buyer.whole(Times()), BUYERS, 2)
        idle = processor_s(data)
        took = await closed_loop(lambda: buyer.whole(fast), BUYERS, seconds)
        figures["bookings_closed_loop"] = {
            "clients": BUYERS,
            "processor_ms_a_booking": per_booking_ms(idle, processor_s(data), len(fast.book)),
            "per_s": round(len(fast.book) / took, 1),
            "hold_p50_ms": ms(fast.hold, 0.5),
            "hold_p99_ms": ms(fast.hold, 0.99),
            "book_p50_ms": ms(fast.book, 0.5),
            "book_p99_ms": ms(fast.book, 0.99),
            "unexpected": fast.other,
        }
        waiting, drained_s = await backlog(site)
        figures["mail_backlog"] = {"jobs": waiting, "drained_s": round(drained_s, 1)}
        steady = Times()
        took = await open_loop(lambda: buyer.whole(steady), DESIGN_RATE, seconds)
        figures["bookings_at_115_per_s"] = {
            "per_s": round(len(steady.book) / took, 1),
            "hold_p50_ms": ms(steady.hold, 0.5),
            "hold_p99_ms": ms(steady.hold, 0.99),
            "book_p99_ms": ms(steady.book, 0.99),
            "unexpected": steady.other,
        }
        await backlog(site)
        siege = await besieged(session, base, shows[0], seconds)
        figures["besieged_show"] = {
            "refusals_per_s": round(len(siege.hold) / seconds, 1),
            "p99_ms": ms(siege.hold, 0.99),
            "unexpected": siege.other,
        }
        looks = await seat_map(session, base, shows[1][0], seconds)
        figures["seat_map_100_per_s"] = {
            "p50_ms": ms(looks.hold, 0.5),
            "p99_ms": ms(looks.hold, 0.99),
            "unexpected": looks.other,
        }
    return figures


async def crowded(number: int, data: Path, base: str) -> dict[str, Any]:
    """The crowd alone, on a site with one web process."""
    await until_ready(base)
    async with opened(base, data) as site:
        shows = await make_shows(site, 1)
        return await crowd(site, shows[0], number)


def show(figures: dict[str, Any]) -> None:
    """A table for people."""
    table = Table("what", "figure", title=f"cinema over HTTP · {machine()['cores']} cores · {machine()['at']}")
    for name, values in figures.items():
        if isinstance(values, dict):
            for key, value in values.items():
                table.add_row(f"{name.replace('_', ' ')}: {key.replace('_', ' ')}", str(value))
        else:
            table.add_row(name.replace("_", " "), str(values))
    Console().print(table)


def main(arguments: list[str]) -> None:
    """Runs, prints and keeps the figures."""
    parser = argparse.ArgumentParser("serai bench cinema", description=__doc__)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--subscribers", type=int, default=10_000)
    chosen = parser.parse_args(arguments)
    many_files()
    place = Path(tempfile.mkdtemp(prefix="serai-bench-"))
    place.chmod(0o755)
    try:
        figures: dict[str, Any] = {}
        if chosen.seconds:
            with running(place / "data", workers=0) as base:
                figures = asyncio.run(bookings(chosen.seconds, place / "data", base))
        if chosen.subscribers:
            with running(place / "data", workers=1) as base:
                figures["crowd_on_one_process"] = asyncio.run(crowded(chosen.subscribers, place / "data", base))
    finally:
        shutil.rmtree(place, ignore_errors=True)
    show(figures)
    Console().print(f"kept in {keep('cinema', figures)}")


if __name__ == "__main__":
    main(sys.argv[1:])
