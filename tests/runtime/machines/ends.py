"""Peers in this process, on real sockets: what they heard, and waiting for what must come."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.doubles import SeededRandom

from serai.runtime.machines.envelopes import Channel, Frame, Frames, frame
from serai.runtime.machines.peers import Address, Answerer, Ears, Peers, Self

WAIT_S = 20.0


async def until(condition: Callable[[], object]) -> None:
    """What another task or process comes to, looked at again after every turn of the loop's clock."""
    async with asyncio.timeout(WAIT_S):
        while not condition():
            await asyncio.sleep(0.005)


def listening(port: int = 0) -> socket.socket:
    return socket.create_server(("127.0.0.1", port))


def address_of(sock: socket.socket) -> Address:
    return Address("127.0.0.1", sock.getsockname()[1])


async def echo(sender: str, body: bytes) -> bytes:
    return sender.encode() + b" asked " + body


@dataclass
class End:
    """One member's connections."""

    peers: Peers
    address: Address
    heard: list[tuple[str, bytes]] = field(default_factory=list)
    farewells: list[None] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)


async def opened(
    name: str,
    answer: Answerer = echo,
    *,
    cluster: str = "one",
    port: int = 0,
    server_tls: ssl.SSLContext | None = None,
    client_tls: ssl.SSLContext | None = None,
) -> End:
    sock = listening(port)
    heard: list[tuple[str, bytes]] = []
    farewells: list[None] = []
    gone: set[str] = set()
    ears = Ears(
        lambda peer, body: heard.append((peer, body)), answer, gone.__contains__, lambda: farewells.append(None)
    )
    address = address_of(sock)
    peers = Peers(
        Self(cluster, name), sock, ears, SeededRandom(len(name)), server_tls=server_tls, client_tls=client_tls
    )
    await peers.start()
    return End(peers, address, heard, farewells, gone)


async def meet(*ends: End) -> None:
    """Each calls each."""
    for end in ends:
        for other in ends:
            end.peers.set_peer(other.peers.me.name, other.address)
    await until(lambda: all(len(list(end.peers.connected)) == len(ends) - 1 for end in ends))


class Stream:
    """The bytes of a connection, for what no peer of ours would say or leave unsaid."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self._frames = Frames()
        self._frames.bytes_max = 1 << 30
        self._ready: list[Frame] = []

    def say(self, channel: Channel, body: bytes) -> None:
        self.writer.write(frame(channel, body))

    async def frame(self) -> Frame | None:
        """The next one; None at the end of the stream."""
        async with asyncio.timeout(WAIT_S):
            while not self._ready:
                try:
                    data = await self.reader.read(1 << 16)
                except ConnectionError:
                    return None
                if not data:
                    return None
                self._ready += self._frames.feed(data)
        return self._ready.pop(0)


async def stranger(address: Address) -> Stream:
    return Stream(*await asyncio.open_connection(address.host, address.port))
