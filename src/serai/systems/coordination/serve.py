"""One member from its start to its end: who it is, its files and sockets, the node, and the door for clients.

Everything that an operator may have to mend is found before the port opens, and is one sentence. What asks another
member is imported only by who enters a cluster: the client's gRPC costs 40 ms and 7 MB that no member needs.
"""

import asyncio
import ssl
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from serai.kernel.ports import Clock, Random
from serai.runtime.files import DirectoryLock, make_data_directory
from serai.runtime.grpc.listening import tls
from serai.runtime.sockets import bound
from serai.systems.coordination.cluster.identity import (
    Identity,
    founded,
    keep_identity,
    read_identity,
    require_same,
    require_untouched,
)
from serai.systems.coordination.node import CoordinationNode, World
from serai.systems.coordination.server import Door
from serai.systems.coordination.settings import CoordinationSettings

CATCH_UP_ELECTIONS = 2.5
"""How many election times a start waits until the member knows what it knew before: it serves stale reads afterwards,
and a cluster without a majority must not be without answers at all."""
GRACE_S = 2.0
"""How long calls that are under way may take to end at a stop."""


async def serve(
    settings: CoordinationSettings, clock: Clock, random: Random, stop: asyncio.Event, ready: Callable[[], None]
) -> None:
    """Serves until `stop` is set. Misconfigured before it serves, WorldError when it cannot go on."""
    data = make_data_directory(settings.data)
    with (
        DirectoryLock(data),
        bound(settings.port, "coordination", settings.host) as clients,
        bound(settings.peer_port, "coordination, for its members,", settings.peer_host) as peers,
    ):
        identity = await _identity(settings, data)
        server_tls, client_tls = _peer_tls(settings)
        node = CoordinationNode(identity, settings, data, World(clock, random, peers, server_tls, client_tls))
        door = Door(node, settings, clients, clock, random)
        await node.start()
        try:
            await node.caught_up(CATCH_UP_ELECTIONS * settings.election_s)
            await door.start()
            ready()
            await _until_over(node, stop)
        finally:
            await door.stop(GRACE_S)
            await node.stop()


async def _until_over(node: CoordinationNode, stop: asyncio.Event) -> None:
    stopping = asyncio.ensure_future(stop.wait())
    ends: set[asyncio.Future[Any]] = {stopping, node.over}
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if node.over.done():
        node.over.result()


async def _identity(settings: CoordinationSettings, data: Path) -> Identity:
    """Who this member is: as it was, or as it founds or enters a cluster."""
    known = read_identity(data)
    if known is not None:
        require_same(data, known, settings.name, settings.founders() if settings.initial else ())
        return known
    require_untouched(data)
    if settings.join:
        made: Identity = await import_module("serai.systems.coordination.joining").joined(settings)
    else:
        made = founded(settings.name, settings.founders(), settings.token)
    keep_identity(data, made)
    return made


def _peer_tls(settings: CoordinationSettings) -> tuple[ssl.SSLContext | None, ssl.SSLContext | None]:
    """Both sides show a certificate of the members' authority. Misconfigured."""
    if not settings.peer_certificate:
        return None, None
    certificate, key, authority = (
        Path(file) for file in (settings.peer_certificate, settings.peer_key, settings.peer_authority)
    )
    server = tls(certificate, key, authority)  # it reads all three, and says which it could not
    client = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=str(authority))
    client.load_cert_chain(certificate, key)
    return server, client
