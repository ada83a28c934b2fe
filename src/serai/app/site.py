"""The site of one web process: every system's routes in one application, with its background loops."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from fastapi import FastAPI

import serai
from serai.app.assembly import Built
from serai.runtime.http.app import create_app
from serai.runtime.http.edge import Limits
from serai.runtime.http.principal import Authenticate
from serai.runtime.jobs import run_loop
from serai.runtime.system import World


def make_site(world: World, built: Sequence[Built], limits: Limits | None = None) -> FastAPI:
    """The application of these systems, which must include one that provides `Authenticate`."""

    async def ready() -> None:
        async with world.database.transaction(None) as tx:
            await tx.fetch("select 1")

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        stop = asyncio.Event()
        loops = [
            asyncio.create_task(run_loop(loop, world.clock, stop), name=loop.name)
            for each in built
            for loop in each.parts.background
        ]
        yield
        stop.set()
        await asyncio.gather(*loops)

    return create_app(
        routers=[router for each in built for router in each.parts.routers],
        authenticate=world.need(Authenticate),  # type: ignore[type-abstract]  # a port is found by its protocol
        clock=world.clock,
        random=world.random,
        ready=ready,
        limits=limits,
        lifespan=lifespan,
        version=serai.__version__,
    )
