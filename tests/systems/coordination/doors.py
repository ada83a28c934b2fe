"""Open doors over real sockets, and a client that speaks every method of the table."""

import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import grpc.aio
from tests.systems.coordination.lone import LoneMember

from serai.protocols.etcd.messages import message
from serai.protocols.etcd.table import RPCS
from serai.runtime.world import SystemClock, SystemRandom
from serai.systems.coordination.errors import CoordinationError
from serai.systems.coordination.server import Door
from serai.systems.coordination.settings import CoordinationSettings

WAIT_S = 10.0
BY_NAME = {f"{rpc.service.partition('.')[2]}/{rpc.name}": rpc for rpc in RPCS}


class Stub:
    """`await stub("KV/Put", request)`; streams by `stub.stream("Watch/Watch")`."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel
        self.token = ""

    def _metadata(self) -> tuple[tuple[str, str], ...]:
        return (("token", self.token),) if self.token else ()

    async def __call__(self, name: str, request: Any, **options: Any) -> Any:
        rpc = BY_NAME[name]
        call = self._channel.unary_unary(rpc.path, _write, message(rpc.response).FromString)
        options.setdefault("timeout", WAIT_S)
        return await call(request, metadata=(*self._metadata(), *options.pop("metadata", ())), **options)

    def stream(self, name: str, request: Any = None, metadata: tuple[tuple[str, str], ...] = ()) -> Any:
        rpc = BY_NAME[name]
        metadata = (*self._metadata(), *metadata)
        read = message(rpc.response).FromString
        if rpc.asks:
            return self._channel.stream_stream(rpc.path, _write, read)(metadata=metadata, timeout=WAIT_S)
        return self._channel.unary_stream(rpc.path, _write, read)(request, metadata=metadata, timeout=WAIT_S)


def _write(request: Any) -> bytes:
    return bytes(request.SerializeToString())


@dataclass(slots=True)
class Opened:
    """A door with one client at it."""

    member: LoneMember
    door: Door
    port: int
    stub: Stub

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextlib.asynccontextmanager
async def opened(member: LoneMember | None = None, **settings: Any) -> AsyncIterator[Opened]:
    member = member or LoneMember()
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as sock:
        door = Door(member, CoordinationSettings(**settings), sock, SystemClock(), SystemRandom())
        await door.start()
        port = sock.getsockname()[1]
        options = [("grpc.max_receive_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
            yield Opened(member, door, port, Stub(channel))
        await door.stop(0.5)


def refused(raised: Any) -> tuple[str, str]:
    """Status and words of a failed call."""
    error = raised.value
    assert isinstance(error, grpc.aio.AioRpcError)
    return error.code().name, error.details() or ""


def said(error: type[CoordinationError]) -> tuple[str, str]:
    """What a client is to see of an error."""
    return error.grpc, error.etcd
