"""Puts the parts together: opens the world, builds the systems in it, and makes the site out of them.

The product's processes, the command line's verbs, the tests and the benches all come through here, so what is measured
and tested is what runs.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from serai.app.shell import make_shell
from serai.kernel.ports import Clock, Random
from serai.runtime.http.callers import CallerTable, Table
from serai.runtime.jobs import Queue
from serai.runtime.outbox import Outbox
from serai.runtime.postgres.database import open_database
from serai.runtime.postgres.migrations import Migration, read_migrations, runtime_migrations
from serai.runtime.settings import Configuration, RuntimeSettings
from serai.runtime.system import Parts, Secrets, System, World
from serai.web.shell import Shell

SECRETS = ("identity", "gateway_key", "gateway_webhook", "tickets", "stock")
"""Names of the keys that every installation makes for itself."""


JOBS_POOL_MAX = 4
"""Connections of the role serai_jobs that a process may open; its work is batches, one after another."""


@dataclass(frozen=True)
class Built:
    """A system and what it consists of in this process."""

    system: System
    parts: Parts


def all_migrations(systems: Sequence[System]) -> list[Migration]:
    """The runtime's and each system's, in order."""
    found = runtime_migrations()
    for system in systems:
        if system.migrations:
            found += read_migrations(system.name, system.migrations)
    return found


@asynccontextmanager
async def open_world(
    configuration: Configuration,
    secrets: Callable[[str], bytes],
    clock: Clock,
    random: Random,
    name: str = "serai",
    callers: int | None = None,
) -> AsyncIterator[World]:
    """The world of one process, with its connections; needs URLs of a running PostgreSQL in the settings.

    `callers`: the descriptor of the memory in which web processes count callers together.
    """
    settings = configuration.get(RuntimeSettings)
    opened = partial(
        open_database,
        random=random,
        pool_min=settings.pool_min,
        wait_s=settings.pool_wait_s,
        statement_timeout_s=settings.statement_timeout_s,
    )
    async with (
        opened(settings.postgres_url, pool_max=settings.pool_max, name=name) as database,
        opened(settings.postgres_jobs_url, pool_max=JOBS_POOL_MAX, name=f"{name} jobs") as jobs,
    ):
        yield World(
            clock=clock,
            random=random,
            configuration=configuration,
            database=database,
            jobs_database=jobs,
            queue=Queue(settings.postgres_jobs_url),
            outbox=Outbox(clock, random),
            secrets=Secrets({key: secrets(key) for key in SECRETS}),
            data=Path(settings.data),
            callers=CallerTable(clock, descriptor=callers),
            sign_ins=CallerTable(clock, descriptor=callers, table=Table.SIGN_INS),
        )


@asynccontextmanager
async def built_systems(world: World, systems: Sequence[System]) -> AsyncIterator[list[Built]]:
    """The systems, built in order in this world, which gets the console's shell; closed in reverse."""
    world.provide(Shell, make_shell(world, systems))
    built: list[Built] = []
    try:
        for system in systems:
            parts = system.build(world)
            world.queue.register(parts.jobs)
            built.append(Built(system, parts))
        yield built
    finally:
        for each in reversed(built):
            if each.parts.close:
                await each.parts.close()
