"""A site of a few routes, served by uvicorn on a real socket, with a clock that the test moves."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Annotated, Any

import httpx
import psycopg
import pytest
import uvicorn
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from pydantic import Field
from tests.conftest import TENANT
from tests.doubles import ManualClock, SeededRandom

from serai.kernel.errors import Conflict, FieldError, Unavailable
from serai.mechanisms.metering.bucket import Rate
from serai.runtime.http.app import create_app
from serai.runtime.http.edge import Limits
from serai.runtime.http.models import Amount, Instant, Model
from serai.runtime.http.principal import Asking, Principal, Requires

SECRET = "Zk3vQp9_" + "x" * 35
LIMITS = Limits(
    credential=Rate(burst=2, per_s=0.5), address=Rate(burst=4, per_s=1), loopback_exempt=False, body_bytes_max=1_000
)


class Order(Model):
    seats: Annotated[list[int], Field(max_length=200)]
    price: Amount | None = None
    at: Instant | None = None


def routes() -> APIRouter:
    router = APIRouter()

    @router.post("/api/orders")
    async def order(body: Order) -> Order:
        return body

    @router.get("/api/orders/{secret}")
    async def show(secret: str) -> dict[str, str]:
        return {}

    @router.get("/api/me")
    async def me(principal: Asking) -> str:
        return principal.label

    @router.get("/api/managed")
    async def managed(principal: Annotated[Principal, Depends(Requires("cinema:manage"))], again: Asking) -> str:
        return principal.label

    @router.get("/api/fails/{how}")
    async def fails(how: str) -> None:
        raise FAILURES[how]

    @router.get("/page/{how}")
    async def page(how: str) -> None:
        raise FAILURES[how]

    return router


FAILURES: dict[str, Exception] = {
    "conflict": Conflict("Seat 5 is taken.", errors=(FieldError("seats[0]", "taken", "taken"),), extra={"taken": [5]}),
    "later": Unavailable("Ask again.", retry_after_s=7),
    "soon": Unavailable("Ask again."),
    "database": psycopg.OperationalError("password=hunter2"),
    "unexpected": RuntimeError("password=hunter2"),
}


class Callers:
    """Who asks is told by a header; each question is counted."""

    def __init__(self) -> None:
        self.asked = 0

    async def __call__(self, request: Request) -> Principal:
        self.asked += 1
        roles = request.headers.get("roles")
        kind = "guest" if roles is None else "user"
        return Principal(TENANT, kind, "1", "Ada", frozenset((roles or "").split()))


async def render(request: Request, status: int, problem: dict[str, Any]) -> Response:
    return Response(f"<h1>{problem['title']}</h1>", status, media_type="text/html")


class Site:
    """What a test drives."""

    def __init__(self, app: FastAPI, url: str, callers: Callers) -> None:
        self.app = app
        self.url = url
        self.callers = callers
        self.client = httpx.AsyncClient(base_url=url)


OpenSite = Callable[..., Any]


@pytest.fixture
async def open_site(clock: ManualClock, random: SeededRandom) -> AsyncIterator[OpenSite]:
    async with AsyncExitStack() as stack:

        async def open_one(limits: Limits | None = None, *, refuses: bool = False) -> Site:
            return await stack.enter_async_context(_served(clock, random, limits or Limits(), refuses=refuses))

        yield open_one


@pytest.fixture
async def site(open_site: OpenSite) -> Site:
    made: Site = await open_site()
    return made


@asynccontextmanager
async def _served(clock: ManualClock, random: SeededRandom, limits: Limits, *, refuses: bool) -> AsyncIterator[Site]:
    async def ready() -> None:
        if refuses:
            raise Unavailable("The moon is not up.")

    callers = Callers()
    app = create_app(
        routers=[routes()],
        authenticate=callers,
        clock=clock,
        random=random,
        ready=ready,
        limits=limits,
        render_problem=render,
    )
    sock = socket.create_server(("127.0.0.1", 0))  # listens already, so the first request waits for the server
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, http="httptools"))
    serving = asyncio.create_task(server.serve(sockets=[sock]))
    site = Site(app, f"http://127.0.0.1:{sock.getsockname()[1]}", callers)
    try:
        async with site.client:
            yield site
    finally:
        server.should_exit = True
        await serving
