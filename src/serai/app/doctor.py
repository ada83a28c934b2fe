"""`serai doctor`: looks at everything that a start depends on, changes nothing, and says what to do."""

import asyncio
import os
import platform
import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from serai.app.errand import connected
from serai.app.plan import open_secrets, outside_urls, port_of
from serai.app.status import running_status
from serai.kernel.errors import Misconfigured, SeraiError
from serai.runtime.files import holder_of
from serai.runtime.postgres.database import open_database
from serai.runtime.postgres.engine import find_engine
from serai.runtime.postgres.server import cluster_major
from serai.runtime.processes import service_account
from serai.runtime.settings import RuntimeSettings
from serai.runtime.sockets import require_free_port
from serai.runtime.telemetry import EVENT_AGE_WARN_S, Flow, flow_of
from serai.runtime.world import SystemRandom

DISK_FREE_MIN = 1024**3
"""Bytes. PostgreSQL stops when its disk is full; this leaves room to act."""

CONNECT_S = 3.0

_LISTENING = ("web", "postgres", "gateway", "mailbox", "coordination", "coordination peer")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: whether it is well, and in words what was found and what to do."""

    name: str
    well: bool
    words: str


def examine(settings: RuntimeSettings) -> list[Finding]:
    """Everything, in the order in which a start would meet it."""
    parts = (_machine, _data, _disk, _postgres, _children, _flow, _store, _services)
    return [finding for part in parts for finding in part(settings)]


def _judged(name: str, look: Callable[..., str], *arguments: object) -> Finding:
    try:
        return Finding(name, True, look(*arguments))
    except Misconfigured as error:
        return Finding(name, False, str(error))


def _machine(settings: RuntimeSettings) -> Iterator[Finding]:
    yield Finding("python", True, f"{platform.python_version()} on {platform.platform()}, {os.cpu_count()} cores")


def _nearest(data: Path) -> Path:
    """The directory itself, or the first of its parents that exists."""
    return next(path for path in (data, *data.parents) if path.exists())


def _data(settings: RuntimeSettings) -> Iterator[Finding]:
    data = settings.data.absolute()
    nearest = _nearest(data)
    if not os.access(nearest, os.W_OK | os.X_OK) or not nearest.is_dir():
        yield Finding(
            "data directory", False, f"{nearest} cannot be written; choose another with --data or SERAI_DATA."
        )
    else:
        state = "is writable" if nearest == data else "will be made at the first start"
        yield Finding("data directory", True, f"{data} {state}")


def _disk(settings: RuntimeSettings) -> Iterator[Finding]:
    free = shutil.disk_usage(_nearest(settings.data.absolute())).free
    words = f"{free / 1024**3:.1f} GiB free"
    if free < DISK_FREE_MIN:
        words += f"; at least {DISK_FREE_MIN / 1024**3:.0f} GiB is needed: make room, or choose another --data"
    yield Finding("disk", free >= DISK_FREE_MIN, words)


def _postgres(settings: RuntimeSettings) -> Iterator[Finding]:
    yield _judged("postgresql", _outside if settings.postgres_url else _embedded, settings)


def _outside(settings: RuntimeSettings) -> str:
    outside_urls(settings)
    return "the outside server answers to every role"


def _embedded(settings: RuntimeSettings) -> str:
    major = cluster_major(settings.data / "postgres")
    account = service_account()
    copies = settings.data / "engine"
    # Where the account cannot reach the wheel, a start makes a copy, and looking must not: so before, we ask as we are.
    asked_as = account if copies.is_dir() else None
    engine = find_engine(bin_setting=settings.postgres_bin, major=major, account=asked_as, copies=copies)
    who = f", run as {account.name}" if account else ""
    made = f"; the data was made by {major}" if major else ""
    return f"{engine.version} from {engine.source}{who}{made}"


def _children(settings: RuntimeSettings) -> Iterator[Finding]:
    """Whether it runs and how; if not, whether its ports are free."""
    running = running_status(settings.data)
    if running:
        yield Finding("running", running.state == "ready", f"process {running.pid} at {running.url}: {running.state}")
        for child in running.children:
            if child.detail:
                yield Finding(child.name, child.state in ("ready", "done"), f"{child.state}: {child.detail}")
    elif holder := holder_of(settings.data):
        yield Finding("running", False, f"process {holder} holds {settings.data} and has no status; stop it")
    else:
        for name in _LISTENING:
            yield _judged(f"port {port_of(settings, name)}", _port_free, settings, name)


def _port_free(settings: RuntimeSettings, child: str) -> str:
    host = settings.host if child == "web" else "127.0.0.1"
    require_free_port(port_of(settings, child), child, host)
    return f"free for {child}"


def _flow(settings: RuntimeSettings) -> Iterator[Finding]:
    """Whether events and jobs get on, as far as the site runs or the database is an outside one."""
    try:
        configuration = connected(settings, open_secrets(settings.data, SystemRandom()))
        flow = asyncio.run(_asked_flow(configuration.get(RuntimeSettings).postgres_jobs_url))
    except (SeraiError, psycopg.Error, OSError):
        return  # it does not run: the lines above say so
    age_s, queue = flow.oldest_event_s, flow.queue
    late = "; the relay does not keep up: look at the log of jobs" if age_s > EVENT_AGE_WARN_S else ""
    yield Finding("events", not late, f"the oldest undelivered one is {age_s:.0f} s old{late}")
    gone = f"; {queue.dead} failed for good: look at the log of jobs" if queue.dead else ""
    yield Finding("jobs", not gone, f"{queue.waiting} wait, {queue.running} run{gone}")


async def _asked_flow(url: str) -> Flow:
    async with open_database(
        url, SystemRandom(), pool_min=1, pool_max=1, wait_s=CONNECT_S, name="serai doctor"
    ) as jobs:
        return await flow_of(jobs)


def _store(settings: RuntimeSettings) -> Iterator[Finding]:
    """The configuration store, embedded or not: whether somebody leads, and whether it takes writes."""
    url = settings.etcd_url or import_module("serai.app.upkeep.store").embedded_url(settings)
    if not url:
        return
    try:
        endpoint, told = asyncio.run(_asked_store(url))
    except SeraiError as error:
        yield Finding("coordination", False, error.message)
        return
    troubles = "; ".join(told.errors)
    if "NOSPACE" in troubles:
        troubles += ": make room, then etcdctl compact, defrag and alarm disarm"
    words = f"{endpoint}: revision {told.header.revision}, {told.dbSize / 1024**2:.1f} MiB"
    yield Finding("coordination", not troubles, f"{words}; {troubles}" if troubles else words)


async def _asked_store(url: str) -> tuple[str, Any]:
    client = import_module("serai.systems.coordination.client")
    async with client.Client(url, deadlines=client.Deadlines(call_s=CONNECT_S)) as store:
        return store.wire.endpoints[0], await store.status()


def _services(settings: RuntimeSettings) -> Iterator[Finding]:
    """What other engines are named by URL."""
    for variable, url in (("SERAI_SMTP_URL", settings.smtp_url), ("SERAI_STRIPE_URL", settings.stripe_url)):
        if url:
            yield _judged(variable, _reached, url, variable)


def _reached(url: str, variable: str) -> str:
    parts = urlsplit(url)
    port = parts.port or {"smtp": 25, "smtps": 465, "http": 80, "https": 443}.get(parts.scheme, 0)
    try:
        socket.create_connection((parts.hostname or "", port), CONNECT_S).close()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise Misconfigured(f"{parts.hostname}:{port} does not answer ({reason}); correct {variable}.") from error
    return f"{parts.hostname}:{port} answers"
