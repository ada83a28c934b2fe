"""The site of one web process: every system's routes and the console's in one application, with its loops."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import psycopg
from fastapi import FastAPI

import serai
from serai.app.assembly import Built
from serai.app.console import console_pages, page_of_problem
from serai.kernel.errors import SeraiError
from serai.runtime.http.app import create_app
from serai.runtime.http.edge import Limits
from serai.runtime.http.principal import Authenticate
from serai.runtime.jobs import Loop, run_loop
from serai.runtime.system import World
from serai.runtime.telemetry import SAMPLE_EVERY_S, exposition, flow_of, sample_pools
from serai.web.security import SecurityHeaders
from serai.web.shell import Shell


def make_site(world: World, built: Sequence[Built], limits: Limits | None = None) -> FastAPI:
    """The application of these systems, one of which provides `Authenticate`; the world has a `Shell`."""

    async def ready() -> None:
        async with world.database.transaction(None) as tx:
            await tx.fetch("select 1")

    async def measure() -> bytes:
        try:
            return exposition(await flow_of(world.jobs_database))
        except (SeraiError, psycopg.Error):
            return exposition(None)

    async def sample() -> None:
        sample_pools(serai_app=world.database, serai_jobs=world.jobs_database)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        stop = asyncio.Event()
        loops = [
            asyncio.create_task(run_loop(loop, world.clock, stop), name=loop.name)
            for loop in (
                Loop("telemetry.sample", SAMPLE_EVERY_S, sample),
                *(loop for each in built for loop in each.parts.background),
            )
        ]
        yield
        stop.set()
        await asyncio.gather(*loops)

    app = create_app(
        routers=[router for each in built for router in each.parts.routers],
        authenticate=world.need(Authenticate),  # type: ignore[type-abstract]  # a port is found by its protocol
        clock=world.clock,
        random=world.random,
        ready=ready,
        measure=measure,
        limits=limits,
        callers=world.callers,
        render_problem=page_of_problem(world),
        lifespan=lifespan,
        version=serai.__version__,
    )
    app.include_router(console_pages(world, built, app.openapi))
    app.routes.extend(world.need(Shell).routes())
    app.add_middleware(SecurityHeaders)
    return app
