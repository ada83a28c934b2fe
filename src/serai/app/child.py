"""The processes of a running Serai, each by its name: `python -m serai.app.child NAME`.

A child reads its settings from the environment, as if it had been started by hand, says when it serves, and stops
gracefully at SIGTERM: it takes nothing new, finishes what it has, and leaves the rest to recovery.
"""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from types import FrameType
from typing import Any

import uvicorn
import uvloop

from serai.app.assembly import Built, all_migrations, built_systems, open_world
from serai.app.plan import WEB_SOCKET, open_configuration, open_secrets, port_of
from serai.app.registry import chosen_systems
from serai.app.site import make_site
from serai.kernel.errors import Misconfigured, SeraiError
from serai.runtime.control import SUPERVISED, say_progress, say_ready
from serai.runtime.jobs import Loop, run_loop
from serai.runtime.logs import configure_logs
from serai.runtime.mail import serve_mailbox
from serai.runtime.outbox import relay_batch
from serai.runtime.postgres.migrations import migrate, pending
from serai.runtime.settings import Configuration, RuntimeSettings
from serai.runtime.system import World
from serai.runtime.traces import traced
from serai.runtime.world import SystemClock, SystemRandom
from serai.systems.identity.api import IdentityApi, demo_users_present
from serai.systems.payments.gateway.server import serve as serve_gateway
from serai.systems.payments.gateway.settings import GatewaySettings
from serai.systems.payments.system import embedded_key, embedded_webhook_secret

RELAY_EVERY_S = 0.5
"""How often the outbox is looked at."""

GRACE_S = 10
"""How long a web process lets requests finish after SIGTERM."""

HINTS = ("payment_intent.amount_capturable_updated", "payment_intent.payment_failed", "payment_intent.canceled")
"""What the embedded gateway tells by webhook: the changes that a buyer or the bank makes, not those that we ask for."""

BACKLOG = 1024
"""Connections that may wait to be accepted."""


@asynccontextmanager
async def _running(configuration: Configuration, name: str) -> AsyncIterator[tuple[World, list[Built]]]:
    """The world of a child with every chosen system built in it."""
    settings = configuration.get(RuntimeSettings)
    random = SystemRandom()
    secrets = open_secrets(settings.data, random)
    async with (
        open_world(configuration, secrets.get, SystemClock(), random, name) as world,
        built_systems(world, chosen_systems(settings.systems)) as built,
    ):
        yield world, built


async def run_migrate(configuration: Configuration) -> None:
    """Applies what is missing, as the owner. Without an owner, pending migrations refuse to start."""
    settings = configuration.get(RuntimeSettings)
    wanted = all_migrations(chosen_systems(()))
    if settings.postgres_owner_url:
        await asyncio.to_thread(migrate, settings.postgres_owner_url, wanted)
    elif missing := await asyncio.to_thread(pending, settings.postgres_url, wanted):
        raise Misconfigured(
            f"{len(missing)} migrations are pending; set SERAI_POSTGRES_OWNER_URL and run `serai migrate` first."
        )
    async with _running(configuration, "serai migrate") as (world, _):
        await world.need(IdentityApi).ensure_site("Serai")
        await _refuse_known_passwords(world)
    say_ready()


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


async def run_demo(configuration: Configuration) -> None:
    """Loads every system's believable data."""
    async with _running(configuration, "serai demo") as (_, built):
        for each in built:
            if each.parts.demo:
                await each.parts.demo(say_progress)
    say_ready()


async def run_gateway(configuration: Configuration) -> None:
    """The embedded payments gateway."""
    settings = configuration.get(RuntimeSettings)
    random = SystemRandom()
    secrets = open_secrets(settings.data, random)
    directory = settings.data / "gateway"
    directory.mkdir(mode=0o700, exist_ok=True)
    hook = f"http://127.0.0.1:{settings.port}/api/payments/v1/webhook"
    gateway = replace(
        configuration.get(GatewaySettings),
        directory=directory,
        secret_keys=(embedded_key(secrets.get("gateway_key")),),
        public_url=f"http://127.0.0.1:{port_of(settings, 'gateway')}",
        webhook_url=hook,
        webhook_events=HINTS,
        webhook_secret=embedded_webhook_secret(secrets.get("gateway_webhook")),
        dashboard_open=True,
    )
    with _bound(port_of(settings, "gateway")) as sock:
        serving = asyncio.create_task(serve_gateway(gateway, sock, SystemClock(), random))
        say_ready()
        await serving


async def run_mailbox(configuration: Configuration) -> None:
    """The embedded SMTP relay."""
    settings = configuration.get(RuntimeSettings)
    with _bound(port_of(settings, "mailbox")) as sock:
        say_ready()
        await serve_mailbox(settings.data / "mail", sock, _stop_signal())


async def run_jobs(configuration: Configuration) -> None:
    """Jobs, sweeps, recovery and the relay."""
    stop = _stop_signal()
    async with _running(configuration, "serai jobs") as (world, built):
        relay = Loop("outbox.relay", RELAY_EVERY_S, partial(relay_batch, world.jobs_database))
        loops = [relay, *(loop for each in built for loop in each.parts.loops)]
        say_ready()
        async with asyncio.TaskGroup() as tasks:
            for loop in loops:
                tasks.create_task(run_loop(loop, world.clock, stop))
            tasks.create_task(world.queue.work(stop))


class _Web(uvicorn.Server):
    """uvicorn that says when it serves, and ends live streams before it waits for connections to close."""

    def __init__(self, config: uvicorn.Config, before_stop: Callable[[], Awaitable[None]]) -> None:
        super().__init__(config)
        self._before_stop = before_stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listens, then says so."""
        await super().startup(sockets)
        if self.started:
            say_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends streams, then lets requests finish."""
        await self._before_stop()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM and SIGINT stop it once; the supervisor is the one who loses patience."""
        self.should_exit = True


async def run_web(configuration: Configuration) -> None:
    """One web process, on the supervisor's socket, or on its own when started by hand."""
    settings = configuration.get(RuntimeSettings)
    descriptor = os.environ.get(WEB_SOCKET)
    sock = socket.socket(fileno=int(descriptor)) if descriptor else _bound(settings.port, settings.host)
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
            timeout_graceful_shutdown=GRACE_S,
            backlog=BACKLOG,
        )
        await _Web(config, partial(_end_streams, built)).serve(sockets=[sock])


async def _end_streams(built: Sequence[Built]) -> None:
    for each in built:
        if each.parts.end_streams:
            each.parts.end_streams()


CHILDREN: dict[str, Callable[[Configuration], Coroutine[Any, Any, None]]] = {
    "migrate": run_migrate,
    "demo": run_demo,
    "gateway": run_gateway,
    "mailbox": run_mailbox,
    "jobs": run_jobs,
    "web": run_web,
}


def _bound(port: int, host: str = "127.0.0.1") -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        raise Misconfigured(f"Port {port} on {host} cannot be used: {error.strerror}.") from error
    return sock


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def main(name: str) -> int:
    """Runs the child; 2 when an operator must help, 1 for any other error that says what it is."""
    configuration = open_configuration()
    configure_logs(name, configuration.get(RuntimeSettings).log_level, machine=SUPERVISED in os.environ)
    try:
        uvloop.run(CHILDREN[name](configuration))
    except SeraiError as error:
        sys.stderr.write(f"{error.message}\n")
        return 2 if isinstance(error, Misconfigured) else 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
