"""The processes that have every system in them: preparation, web, jobs. `serai.app.child` starts them by name."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from types import FrameType

import uvicorn

import serai
from serai.app.assembly import Built, all_migrations, built_systems, open_world
from serai.app.leaving import PATIENCE_S, finished, leave_in_time, patience_s, stop_signal
from serai.app.plan import CALLERS, WEB_SOCKET, open_secrets
from serai.app.registry import chosen_systems
from serai.app.site import make_site
from serai.kernel.errors import Misconfigured
from serai.runtime.control import say_progress, say_ready
from serai.runtime.files import write_atomic
from serai.runtime.http.idempotency import forget_old
from serai.runtime.jobs import Loop, run_loop
from serai.runtime.memory import settle
from serai.runtime.outbox import relay_batch
from serai.runtime.postgres.migrations import migrate, pending
from serai.runtime.settings import Configuration, RuntimeSettings
from serai.runtime.sockets import bound
from serai.runtime.system import World
from serai.runtime.traces import traced
from serai.runtime.world import SystemClock, SystemRandom
from serai.systems.identity.api import IdentityApi, demo_users_present

RELAY_EVERY_S = 0.5
"""How often the outbox is looked at."""

FORGET_EVERY_S = 600
"""How often idempotency keys past their retention are deleted."""

KEEP_ALIVE_S = 75
"""How long an idle connection stays open: longer than the 60 s of common proxies and clients, so that the client closes
it first. One that we close while a request is on its way costs that client a reset."""

DEMO_NOTE = "demo-loaded"
"""File in the data directory that says what believable data was loaded last, for which site and by which version."""

BACKLOG = 1024
"""Connections that may wait to be accepted."""


@asynccontextmanager
async def _running(configuration: Configuration, name: str) -> AsyncIterator[tuple[World, list[Built]]]:
    """The world of a child with every chosen system built in it."""
    settings = configuration.get(RuntimeSettings)
    random = SystemRandom()
    secrets = open_secrets(settings.data, random)
    callers = os.environ.get(CALLERS)
    async with (
        open_world(configuration, secrets.get, SystemClock(), random, name, int(callers) if callers else None) as world,
        built_systems(world, chosen_systems(settings.systems)) as built,
    ):
        yield world, built


async def run_prepare(configuration: Configuration) -> None:
    """Applies pending migrations, and loads believable data unless today's start has. One process: imports cost more.

    Without an owner, pending migrations refuse to start.
    """
    settings = configuration.get(RuntimeSettings)
    wanted = all_migrations(chosen_systems(()))
    if settings.postgres_owner_url:
        await asyncio.to_thread(migrate, settings.postgres_owner_url, wanted)
    elif missing := await asyncio.to_thread(pending, settings.postgres_url, wanted):
        raise Misconfigured(
            f"{len(missing)} migrations are pending; set SERAI_POSTGRES_OWNER_URL and run `serai migrate` first."
        )
    async with _running(configuration, "serai prepare") as (world, built):
        await world.need(IdentityApi).ensure_site("Serai")
        await _refuse_known_passwords(world)
        if settings.demo:
            await _load_demo(world, built)
    say_ready()


async def _load_demo(world: World, built: Sequence[Built]) -> None:
    """Once a day is enough: what happens in between is left as it is, and a nightly job keeps the data ahead."""
    site = await world.need(IdentityApi).site_tenant()
    names = " ".join(each.system.name for each in built)
    loaded = f"{serai.__version__} {world.clock.now().date()} {site} {names}\n"
    note = world.data / DEMO_NOTE
    if note.is_file() and note.read_text() == loaded:
        return
    for each in built:
        if each.parts.demo:
            await each.parts.demo(say_progress)
    write_atomic(note, loaded.encode())


async def _refuse_known_passwords(world: World) -> None:
    """Before anything listens: what the demo prints for everybody must not open a site that others reach."""
    if world.settings.only_here:
        return
    async with world.database.transaction(None) as tx:
        present = await demo_users_present(tx)
    if present:
        raise Misconfigured(
            "Demo users, whose passwords everybody can read, can sign in here, and others can reach this site;"
            " start it on loopback and give them passwords of their own (`serai users set-password`), or start with"
            " another --data."
        )


async def run_jobs(configuration: Configuration) -> None:
    """Jobs, sweeps, recovery and the relay."""
    stop = stop_signal()
    await finished(_work(configuration, stop), stop)


async def _work(configuration: Configuration, stop: asyncio.Event) -> None:
    async with _running(configuration, "serai jobs") as (world, built):
        relay = Loop("outbox.relay", RELAY_EVERY_S, partial(relay_batch, world.jobs_database))
        forget = Loop("idempotency.forget", FORGET_EVERY_S, partial(forget_old, world.jobs_database))
        loops = [relay, forget, *(loop for each in built for loop in each.parts.loops)]
        settle()
        say_ready()
        async with asyncio.TaskGroup() as tasks:
            for loop in loops:
                tasks.create_task(run_loop(loop, world.clock, stop))
            tasks.create_task(world.queue.work(stop, patience_s))


class _Web(uvicorn.Server):
    """uvicorn that says when it serves, and ends live streams before it waits for connections to close."""

    def __init__(self, config: uvicorn.Config, before_stop: Callable[[], Awaitable[None]]) -> None:
        super().__init__(config)
        self._before_stop = before_stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listens, then says so."""
        await super().startup(sockets)
        if self.started:
            settle()
            say_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends streams, then lets requests finish."""
        await self._before_stop()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM and SIGINT stop it once; whoever asked, or the alarm, loses patience."""
        leave_in_time()
        self.config.timeout_graceful_shutdown = patience_s()
        self.should_exit = True


async def run_web(configuration: Configuration) -> None:
    """One web process, on the supervisor's socket, or on its own when started by hand."""
    settings = configuration.get(RuntimeSettings)
    descriptor = os.environ.get(WEB_SOCKET)
    sock = (
        socket.socket(fileno=int(descriptor)) if descriptor else bound(settings.port, "the web server", settings.host)
    )
    async with _running(configuration, "serai web") as (world, built):
        config = uvicorn.Config(
            traced(make_site(world, built), "serai-web"),
            http="httptools",
            loop="none",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=list(settings.trusted_proxies),
            timeout_graceful_shutdown=PATIENCE_S,
            timeout_keep_alive=KEEP_ALIVE_S,
            backlog=BACKLOG,
        )
        await _Web(config, partial(_end_streams, built)).serve(sockets=[sock])


async def _end_streams(built: Sequence[Built]) -> None:
    for each in built:
        if each.parts.end_streams:
            each.parts.end_streams()
