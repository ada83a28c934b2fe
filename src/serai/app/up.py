"""`serai up`: from settings to a running site and back, in one process that leaves nothing behind.

Everything that an operator may have to mend is found before the first child starts.
"""

import asyncio
import os
import shutil
import signal
import socket
from collections.abc import Sequence
from pathlib import Path

import serai
from serai.app.display import Display
from serai.app.plan import (
    PROGRAM,
    Site,
    embedded_urls,
    open_secrets,
    outside_urls,
    passwords,
    plan,
    port_of,
    shared_metrics,
)
from serai.app.supervisor import Supervisor, take_over
from serai.app.upkeep.unfinished import require_finished
from serai.runtime.files import SecretFile, make_data_directory
from serai.runtime.http.callers import shared_file
from serai.runtime.postgres.engine import find_engine, keep
from serai.runtime.postgres.server import EmbeddedServer, Tuning, cluster_major
from serai.runtime.processes import service_account
from serai.runtime.settings import RuntimeSettings
from serai.runtime.sockets import bound, require_free_port
from serai.runtime.traces import require_packages
from serai.runtime.world import SystemClock, SystemRandom

CONNECTIONS_BESIDE = 20
"""Connections of the embedded server for migrations, the command line and people."""


def up(settings: RuntimeSettings, systems: Sequence[str], display: Display, program: tuple[str, ...] = PROGRAM) -> None:
    """Serves until Ctrl-C or SIGTERM. Raises Misconfigured before anything starts, ChildFailed when a child gave up."""
    require_packages()
    data = make_data_directory(settings.data)
    with (
        take_over(data),
        bound(settings.port, "the web server", settings.host) as web,
        shared_file() as callers,
    ):
        require_finished(data)
        outside = outside_urls(settings)
        secrets = open_secrets(data, SystemRandom())
        server = None if outside else embedded_server(settings, data, secrets)
        if server:
            server.make_way()
        urls = outside or embedded_urls(port_of(settings, "postgres"), secrets)
        _empty(shared_metrics(data))
        site = Site(settings, tuple(systems), urls, server, web.fileno(), callers.fileno(), program)
        asyncio.run(_keep(site, data, web, display))


def embedded_server(settings: RuntimeSettings, data: Path, secrets: SecretFile) -> EmbeddedServer:
    """The PostgreSQL of a data directory. Raises Misconfigured where none can be run."""
    account = service_account()
    directory = data / "postgres"
    engine = find_engine(
        bin_setting=settings.postgres_bin,
        major=cluster_major(directory),
        account=account,
        copies=data / "engine",
    )
    keep(engine, data / "engine")
    # Each web process and the jobs process hold two pools, one a role.
    processes = (settings.workers or os.cpu_count() or 1) + 1
    connections_max = 2 * settings.pool_max * processes + CONNECTIONS_BESIDE
    return EmbeddedServer(
        engine,
        directory,
        port_of(settings, "postgres"),
        passwords(secrets),
        account=account,
        tuning=Tuning(connections_max=connections_max),
    )


def _empty(directory: Path) -> None:
    """What the last start counted is over."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(mode=0o700, parents=True)


async def _keep(site: Site, data: Path, web: socket.socket, display: Display) -> None:
    children = plan(site)
    for name in ("gateway", "mailbox", "coordination"):
        if any(child.name == name for child in children):
            require_free_port(port_of(site.settings, name), f"the {name}" if name != "coordination" else name)
    supervisor = Supervisor(
        children,
        data,
        SystemClock(),
        pid=os.getpid(),
        version=serai.__version__,
        url=site.settings.site_url,
        changed=display.changed,
    )
    stop = asyncio.Event()

    def asked_to_stop() -> None:
        if stop.is_set():  # a second Ctrl-C: whoever is impatient may be
            supervisor.kill()
        # From now on the port refuses, as soon as the web children let go of it too.
        web.close()
        stop.set()

    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(sign, asked_to_stop)
    try:
        await supervisor.run(stop, lambda: display.serves(supervisor.status(), str(data)))
    finally:
        display.close()
