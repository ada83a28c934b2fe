"""One member from its start to its end: who it is, its files and sockets, the node, and the door for clients.

Everything that an operator may have to mend is found before the port opens, and is one sentence.
"""

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc.aio

from serai.kernel.errors import Misconfigured
from serai.kernel.ports import Clock, Random
from serai.protocols.etcd.messages import rpc
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
from serai.systems.coordination.state.words import MemberInfo

CATCH_UP_ELECTIONS = 2.5
"""How many election times a start waits until the member knows what it knew before: it serves stale reads afterwards,
and a cluster without a majority must not be without answers at all."""
JOIN_S = 10.0
"""How long the member that is asked for the cluster may take to answer."""
GRACE_S = 2.0
"""How long calls that are under way may take to end at a stop."""


class CannotJoin(Misconfigured):
    """The cluster does not know this member, or does not answer."""

    code = "coordination_cannot_join"


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
        made = await joined(settings)
    else:
        made = founded(settings.name, settings.founders(), settings.token)
    keep_identity(data, made)
    return made


async def joined(settings: CoordinationSettings) -> Identity:
    """As the cluster knows this member: by its peer URL, under which an operator has added it. CannotJoin."""
    target = settings.join.removeprefix("http://").removeprefix("https://")
    call = rpc.MemberListRequest(linearizable=True).SerializeToString()
    try:
        async with _channel(settings, target) as channel:
            ask: Any = channel.unary_unary("/etcdserverpb.Cluster/MemberList")
            answer = rpc.MemberListResponse.FromString(await ask(call, timeout=JOIN_S))
    except grpc.aio.AioRpcError as error:
        raise CannotJoin(f"{target} does not say who its members are: {error.details()}; correct --join.") from error
    own = next((member for member in answer.members if settings.peer_url in member.peerURLs), None)
    if own is None:
        raise CannotJoin(
            f"the cluster at {target} has no member at {settings.peer_url}; add it first:"
            f" etcdctl member add {settings.name} --peer-urls={settings.peer_url}"
        )
    members = tuple([MemberInfo(one.ID, one.name, tuple(one.peerURLs)) for one in answer.members])
    return Identity(answer.header.cluster_id, own.ID, settings.name, members, founder=False)


def _channel(settings: CoordinationSettings, target: str) -> grpc.aio.Channel:
    if not settings.certificate:
        return grpc.aio.insecure_channel(target)
    authority = Path(settings.client_authority).read_bytes() if settings.client_authority else None
    pair = (Path(settings.key).read_bytes(), Path(settings.certificate).read_bytes())
    return grpc.aio.secure_channel(target, grpc.ssl_channel_credentials(authority, *pair))


def _peer_tls(settings: CoordinationSettings) -> tuple[ssl.SSLContext | None, ssl.SSLContext | None]:
    """Both sides show a certificate of the members' authority."""
    if not settings.peer_certificate:
        return None, None
    certificate, key, authority = (
        Path(file) for file in (settings.peer_certificate, settings.peer_key, settings.peer_authority)
    )
    server = tls(certificate, key, authority)
    client = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=str(authority))
    client.load_cert_chain(certificate, key)
    return server, client


def client_tls(settings: CoordinationSettings) -> ssl.SSLContext | None:
    """For the door, if a certificate is set."""
    if not settings.certificate:
        return None
    authority = Path(settings.client_authority) if settings.client_authority else None
    return tls(Path(settings.certificate), Path(settings.key), authority)
