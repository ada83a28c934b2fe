"""A whole cinema per test: the real site and the real gateway on real sockets, over a database of its own."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest
import uvicorn
from hypothesis import settings as hypothesis_settings

from serai.app.assembly import Built, built_systems, open_world
from serai.app.registry import chosen_systems
from serai.app.serving import KEEP_ALIVE_S
from serai.app.site import make_site
from serai.kernel.ids import uuid7
from serai.runtime.http.edge import Limits
from serai.runtime.settings import Configuration
from serai.runtime.system import System, World
from serai.runtime.world import SystemClock, SystemRandom
from serai.systems.allocation.api import Allocation
from serai.systems.cinema.model import Movie, Theater
from serai.systems.cinema.plan import Plan, classic
from serai.systems.cinema.store import catalogue
from serai.systems.identity.api import IdentityApi
from serai.systems.payments.gateway.keys import embedded_key
from serai.systems.payments.gateway.server import serve as serve_gateway
from serai.systems.payments.gateway.settings import GatewaySettings

hypothesis_settings.register_profile("cinema", deadline=None)
hypothesis_settings.load_profile("cinema")

SECRET = bytes(range(32))


def bound() -> socket.socket:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", 0))
    return sock


@dataclass
class Site:
    """What a test drives: HTTP from outside, SQL and the world from inside."""

    world: World
    built: list[Built]
    url: str
    gateway_url: str
    owner_url: str
    tenant: UUID
    client: httpx.AsyncClient
    _clients: list[httpx.AsyncClient] = field(default_factory=list)

    def close_later(self, client: httpx.AsyncClient) -> None:
        """Closes a client of a test's own with the site."""
        self._clients.append(client)

    def sql(self, statement: str, *params: object) -> list[tuple[Any, ...]]:
        """As the owner, past row-level security: to move rows' times, and to look."""
        with psycopg.connect(self.owner_url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), params)
            return cursor.fetchall() if cursor.description else []

    async def make_show(
        self,
        plan: Plan | None = None,
        *,
        price: int = 1200,
        fee_percent: int = 0,
        starts_in: timedelta = timedelta(hours=30),
    ) -> str:
        """A show with every category at one price; returns its id."""
        plan = plan or classic(rows=10, seats=20)
        clock, random = SystemClock(), SystemRandom()
        movie = Movie(uuid7(clock, random), "The Long Harvest", 118, "12")
        theater = Theater(uuid7(clock, random), "Odeon", "Berlin", "Europe/Berlin", "EUR", "Main Street 1")
        plan_id, screen_id, show_id = (uuid7(clock, random) for _ in range(3))
        starts_at = datetime.now(UTC).replace(microsecond=0) + starts_in
        async with self.world.database.transaction(self.tenant) as tx:
            await catalogue.upsert_movie(tx, movie)
            await catalogue.upsert_theater(tx, theater)
            await catalogue.insert_plan(tx, plan_id, plan)
            await catalogue.upsert_screen(tx, screen_id, theater.theater_id, "Screen 1", plan_id)
            pool_no = await self.world.need(Allocation).create_pool(tx, "cinema", [seat.key for seat in plan.seats])
            show = catalogue.NewShow(
                show_id=show_id,
                movie_id=movie.movie_id,
                screen_id=screen_id,
                plan_id=plan_id,
                starts_at=starts_at,
                ends_at=starts_at + timedelta(minutes=138),
                currency="EUR",
                prices={category.name: price for category in plan.categories},
                cancel_fee_percent=fee_percent,
            )
            await catalogue.insert_show(tx, show, pool_no)
        return str(show_id)

    async def seats(self, show_id: str) -> dict[str, str]:
        """State by seat id, through the API."""
        document = (await self.client.get(f"/api/cinema/v1/shows/{show_id}/seats")).json()
        return {seat["id"]: seat["state"] for seat in document["seats"]}

    async def hold(self, show_id: str, seat_ids: list[str]) -> httpx.Response:
        return await self.client.post("/api/cinema/v1/holds", json={"show_id": show_id, "seat_ids": seat_ids})

    async def book(self, hold_id: str, *, method: str = "pm_card_visa", key: str = "first") -> httpx.Response:
        body = {"hold_id": hold_id, "payment_method": method, "email": "buyer@example.org", "name": "A Buyer"}
        return await self.client.post("/api/cinema/v1/bookings", json=body, headers={"Idempotency-Key": key})

    async def buy(self, show_id: str, seat_ids: list[str], **how: str) -> httpx.Response:
        """Holds and pays."""
        held = await self.hold(show_id, seat_ids)
        assert held.status_code == 201, held.text
        return await self.book(held.json()["id"], **how)

    async def recover(self, rounds_max: int = 12) -> None:
        """Recovery until every payment rests, as if its pauses and the minute of doubt had passed."""
        for _ in range(rounds_max):
            moved = self.sql(
                "update payments.payments set next_try = clock_timestamp(), created_at = created_at - interval '20 s'"
                " where next_try is not null returning 1"
            )
            if not moved:
                return
            await self.run_loops("payments.recover")
        raise AssertionError(f"still at work: {self.sql('select * from payments.payments where next_try is not null')}")

    async def run_loops(self, name: str) -> None:
        """One round of a loop of a web or jobs process, now."""
        loops = [loop for each in self.built for loop in (*each.parts.loops, *each.parts.background)]
        found = [loop for loop in loops if loop.name == name]
        assert found, f"no loop {name}"
        await found[0].run()

    async def fault(self, operation: str, kind: str, times: int = 1) -> None:
        """Scripts a fault of the gateway."""
        async with httpx.AsyncClient(base_url=self.gateway_url) as client:
            answer = await client.post(
                "/_test/faults",
                json={"operation": operation, "kind": kind, "times": times},
                headers={"Authorization": f"Bearer {embedded_key(SECRET)}"},
            )
            assert answer.status_code == 200, answer.text

    async def gateway_state(self) -> dict[str, Any]:
        """Everything that the gateway knows, for auditors."""
        async with httpx.AsyncClient(base_url=self.gateway_url) as client:
            answer = await client.get("/_test/state", headers={"Authorization": f"Bearer {embedded_key(SECRET)}"})
            assert answer.status_code == 200, answer.text
            state: dict[str, Any] = answer.json()
            return state

    async def money(self) -> tuple[int, int]:
        """(captured, refunded) at the gateway, in minor units."""
        state = await self.gateway_state()
        intents = state["payment_intents"]
        return sum(i["amount_received"] for i in intents), sum(r["amount"] for r in state["refunds"])


async def serve(app: Any, stack: AsyncExitStack) -> str:
    """Serves an application on a free port until the stack closes."""
    sock = bound()
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="on",
        loop="none",
        timeout_graceful_shutdown=2,
        timeout_keep_alive=KEEP_ALIVE_S,
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]  # the test runner's are kept
    started = asyncio.Event()
    startup = server.startup

    async def tell(sockets: list[socket.socket] | None = None) -> None:
        await startup(sockets)
        started.set()

    server.startup = tell  # type: ignore[method-assign]  # the only way to be told when it listens
    task = asyncio.create_task(server.serve(sockets=[sock]))

    async def stop() -> None:
        server.should_exit = True
        await task

    stack.push_async_callback(stop)
    await started.wait()
    return f"http://127.0.0.1:{sock.getsockname()[1]}"


async def serve_payments(tmp_path: Path, stack: AsyncExitStack) -> str:
    """The embedded gateway on a free port until the stack closes."""
    sock = bound()
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    settings = GatewaySettings(directory=tmp_path / "gateway", secret_keys=(embedded_key(SECRET),), public_url=url)
    task = asyncio.create_task(serve_gateway(settings, sock, SystemClock(), SystemRandom()))

    async def stop() -> None:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    stack.push_async_callback(stop)
    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(retries=8)) as client:
        assert (await client.get(f"{url}/healthz")).status_code == 200
    return url


@asynccontextmanager
async def opened_site(
    database_url: Callable[[str], str],
    directory: Path,
    systems: Sequence[System] | None = None,
    gateway_url: str | None = None,
    **settings: object,
) -> AsyncIterator[Site]:
    """The site over this database; with its own gateway, unless one is given."""
    async with AsyncExitStack() as stack:
        gateway_url = gateway_url or await serve_payments(directory, stack)
        configuration = Configuration(
            {
                "data": str(directory),
                "postgres_url": database_url("serai_app"),
                "postgres_jobs_url": database_url("serai_jobs"),
                "stripe_url": gateway_url,
                "smtp_url": "smtp://127.0.0.1:1",
                "cinema_poll_ms": 50,
                **settings,
            },
            environment={},
        )
        world = await stack.enter_async_context(
            open_world(configuration, lambda _: SECRET, SystemClock(), SystemRandom())
        )
        built = await stack.enter_async_context(built_systems(world, systems or chosen_systems(())))
        await world.need(IdentityApi).ensure_site("Test")
        url = await serve(make_site(world, built, limits=Limits(body_bytes_max=64 * 1024)), stack)
        for each in built:
            if each.parts.end_streams:
                stack.callback(each.parts.end_streams)
        client = await stack.enter_async_context(
            httpx.AsyncClient(base_url=url, timeout=30, limits=httpx.Limits(max_connections=100))
        )
        tenant = await world.need(IdentityApi).site_tenant()
        site = Site(world, built, url, gateway_url, database_url("postgres"), tenant, client)
        yield site
        for each in site._clients:
            await each.aclose()


OpenSite = Callable[..., Awaitable[Site]]


@pytest.fixture
async def open_site(database_url: Callable[[str], str], tmp_path: Path) -> AsyncIterator[OpenSite]:
    """Opens the site, with settings of the test's choice."""
    async with AsyncExitStack() as stack:

        async def make(
            systems: Sequence[System] | None = None, gateway_url: str | None = None, **settings: object
        ) -> Site:
            opened = opened_site(database_url, tmp_path, systems, gateway_url, **settings)
            return await stack.enter_async_context(opened)

        yield make


@pytest.fixture
async def site(open_site: OpenSite) -> Site:
    return await open_site()
