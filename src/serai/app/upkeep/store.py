"""The configuration store's part of a backup: its own snapshot, from the running child or from a stopped directory.

An outside store (SERAI_ETCD_URL) is backed up by whoever runs it, as an outside payments gateway is.
"""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

from serai.app.plan import port_of
from serai.app.status import running_status
from serai.runtime.settings import RuntimeSettings
from serai.runtime.world import SystemClock, SystemRandom
from serai.systems.coordination import snapshots
from serai.systems.coordination.client import Client
from serai.systems.coordination.cluster.identity import FILE
from serai.systems.coordination.settings import CoordinationSettings

CHILD = "coordination"


def embedded_store(settings: RuntimeSettings, own: CoordinationSettings) -> CoordinationSettings:
    """The member that `serai up` keeps: a cluster of one on loopback, in the site's directory."""
    return replace(
        own,
        name="embedded",
        data=settings.data / CHILD,
        host="127.0.0.1",
        port=port_of(settings, CHILD),
        peer_host="127.0.0.1",
        peer_port=port_of(settings, "coordination peer"),
        initial="",
        join="",
    )


def embedded_url(settings: RuntimeSettings) -> str | None:
    """Where the store of a running site answers; None if it has none."""
    running = running_status(settings.data)
    children = running.children if running else ()
    return next((child.url for child in children if child.name == CHILD), None)


def save_store(settings: RuntimeSettings, target: Path) -> None:
    """A snapshot, if the site has a store of its own. CoordinationError, Misconfigured."""
    url = embedded_url(settings)
    if url is None and not (settings.data / CHILD / FILE).exists():
        return
    target.parent.mkdir()
    if url is not None:
        asyncio.run(_save_running(url, target))
    else:
        stopped = embedded_store(settings, CoordinationSettings())
        asyncio.run(snapshots.save_stopped(stopped, target, SystemClock(), SystemRandom()))


async def _save_running(url: str, target: Path) -> None:
    name, _, password = os.environ.get("SERAI_ETCD_USER", "").partition(":")
    async with Client(url, user=name, password=password) as store:
        await snapshots.save(store, target)


def restore_store(settings: RuntimeSettings, source: Path) -> None:
    """The other way round, into the directory that the child will find."""
    snapshots.restore(source, embedded_store(settings, CoordinationSettings()), SystemRandom())
