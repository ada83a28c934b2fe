"""How an operator's task reaches the site's database: the running server, an outside one, or ours, started for it.

A server that is started for a task listens on a port that the system chooses, so a stopped site can be backed up, and a
backup restored, while another site runs on this machine.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from serai.app.plan import open_secrets, outside_urls, passwords
from serai.app.status import running_status
from serai.app.supervisor import take_over
from serai.app.upkeep.unfinished import require_finished
from serai.kernel.errors import Misconfigured
from serai.runtime.files import holder_of
from serai.runtime.postgres.engine import Engine, find_engine
from serai.runtime.postgres.server import DATABASE, SUPERUSER, EmbeddedServer, Tuning, cluster_major
from serai.runtime.processes import service_account
from serai.runtime.settings import RuntimeSettings
from serai.runtime.sockets import free_port
from serai.runtime.world import SystemRandom

START_S = 300.0
"""Longest start of a server that recovers from a crash."""

TASK_CONNECTIONS_MAX = 20


@dataclass(frozen=True, slots=True)
class Reach:
    """Programs that understand the server, and who may read everything in it."""

    engine: Engine
    url: str


@contextmanager
def reached(settings: RuntimeSettings) -> Iterator[Reach]:
    """The site's database, whether the site runs or not. Raises Misconfigured where there is none."""
    outside = outside_urls(settings)
    running = running_status(settings.data)
    if outside:
        yield Reach(any_engine(settings), owner_of_outside(outside.owner))
    elif running:
        yield Reach(own_engine(settings), _running_url(settings, [child.url for child in running.children]))
    elif cluster_major(settings.data / "postgres") is None:
        raise Misconfigured(f"There is no site in {settings.data}; name its directory with --data.")
    else:
        if holder := holder_of(settings.data):
            raise Misconfigured(f"{settings.data} is being started or stopped by process {holder}; try again then.")
        with take_over(settings.data):
            require_finished(settings.data)
            with server_for_task(settings, settings.data / "postgres", own_engine(settings)) as server:
                yield Reach(server.engine, server.url(SUPERUSER))


def owner_of_outside(url: str) -> str:
    """The owner's URL of an outside server, which every task needs."""
    if not url:
        raise Misconfigured("SERAI_POSTGRES_OWNER_URL is missing; only the owner sees every row. Set it.")
    return url


def _running_url(settings: RuntimeSettings, urls: list[str]) -> str:
    found = [url for url in urls if url.startswith("postgresql:")]
    if not found:
        raise Misconfigured(
            f"The site in {settings.data} uses an outside PostgreSQL; set the SERAI_POSTGRES_* URLs that it was"
            " started with."
        )
    password = passwords(open_secrets(settings.data, SystemRandom()))[SUPERUSER]
    return f"postgresql://{SUPERUSER}:{quote(password, safe='')}@127.0.0.1:{urlsplit(found[0]).port}/{DATABASE}"


def own_engine(settings: RuntimeSettings) -> Engine:
    """The engine that the data directory belongs to."""
    return engine_of(settings, cluster_major(settings.data / "postgres"))


def any_engine(settings: RuntimeSettings) -> Engine:
    """The engine that a new data directory gets."""
    return engine_of(settings, None)


def engine_of(settings: RuntimeSettings, major: int | None) -> Engine:
    """An engine of `major`, or the preferred one."""
    return find_engine(
        bin_setting=settings.postgres_bin, major=major, account=service_account(), copies=settings.data / "engine"
    )


@contextmanager
def server_for_task(settings: RuntimeSettings, directory: Path, engine: Engine) -> Iterator[EmbeddedServer]:
    """A server over `directory` for the length of a task. The caller holds the data directory."""
    server = EmbeddedServer(
        engine,
        directory,
        free_port(),
        passwords(open_secrets(settings.data, SystemRandom())),
        account=service_account(),
        tuning=Tuning(connections_max=TASK_CONNECTIONS_MAX),
    )
    server.prepare()
    server.start()
    try:
        server.wait_ready(START_S)
        yield server
    finally:
        server.stop()
