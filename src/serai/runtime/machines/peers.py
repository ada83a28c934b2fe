"""Connections between the members of a cluster: one outgoing to each peer, one incoming from each.

It prevents a slow or dead peer from filling the memory (what does not fit into its buffer is dropped, as a network
would), two clusters from mixing (a hello says which one), and a request from waiting for ever (it ends with its
deadline or its connection).
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass
from itertools import count
from typing import Any, cast

import msgspec

from serai.kernel.errors import SeraiError
from serai.kernel.ports import Random
from serai.runtime.machines.envelopes import (
    FRAME_BYTES_MAX,
    VERSION,
    BadFrame,
    Channel,
    Frame,
    Frames,
    Hello,
    frame,
    number_of,
    numbered,
    read_hello,
)
from serai.runtime.machines.errors import PeerAway, PeerGone

BUFFER_BYTES_MAX = 16 * 1024 * 1024
"""Of what waits for one peer; messages beyond it are dropped."""
RETRY_MIN_S, RETRY_MAX_S = 0.05, 1.0
"""Between two tries to connect: doubled each time, and shortened by chance so that peers do not try in step."""
CONNECT_S = 3.0
REQUESTS_MAX = 4_096
"""Requests to one peer that are under way; one more fails at once."""
ALERT_EVERY_TRIES = 20

log = logging.getLogger(__name__)

Answerer = Callable[[str, bytes], Awaitable[bytes]]
"""Answers a peer's request. A SeraiError is told as its sentence."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a peer listens."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Self:
    """Who this member is to its peers."""

    cluster: str
    name: str


@dataclass(slots=True)
class Ears:
    """What happens to what peers say."""

    message: Callable[[str, bytes], None]
    """A message for the machine; BadFrame or ConsensusError of its codec closes the connection."""
    answer: Answerer
    gone: Callable[[str], bool]
    """Whether who speaks was a member and is no more: it may have missed that, and is told."""
    farewell: Callable[[], None]
    """This member is none any more."""


class _Connection(asyncio.Protocol):
    """Either side of a connection, once and before the peer is known."""

    def __init__(self, owner: "Peers", peer: str) -> None:
        """`peer`: whom we have called; empty for one who calls us."""
        self._owner = owner
        self.peer = peer
        self._called = bool(peer)
        self._frames = Frames()
        self._transport: asyncio.Transport | None = None
        self._out: list[bytes] = []
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        sock = transport.get_extra_info("socket")
        if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._owner.opened(self)
        if self._called:
            me = self._owner.me
            self.send(Channel.HELLO, msgspec.msgpack.encode(Hello(VERSION, me.cluster, me.name, self.peer)))
            self._frames.bytes_max = FRAME_BYTES_MAX

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._owner.lost(self)
        if not self.closed.done():
            self.closed.set_result(None)

    def data_received(self, data: bytes) -> None:
        try:
            for one in self._frames.feed(data):
                self._hear(one)
        except (BadFrame, SeraiError) as error:
            log.warning("connection with %s is closed: %s", self.peer or "a stranger", error)
            self.close()

    def _hear(self, one: Frame) -> None:
        if not self.peer:
            if one.channel is not Channel.HELLO:
                raise BadFrame("a stranger does not say who it is")
            self.peer = self._owner.greeted(read_hello(one.body))
            self._frames.bytes_max = FRAME_BYTES_MAX
        else:
            self._owner.heard(self, one)

    def send(self, channel: Channel, body: bytes) -> bool:
        """Whether there was room for it."""
        if self._transport is None or self._transport.get_write_buffer_size() > BUFFER_BYTES_MAX:
            return False
        if not self._out:
            asyncio.get_running_loop().call_soon(self._flush)
        self._out.append(frame(channel, body))
        return True

    def _flush(self) -> None:
        out, self._out = self._out, []
        if self._transport is not None:
            self._transport.write(b"".join(out))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class Peers:
    """All connections of a member. `start`, then `set_peer` for each; `close`."""

    def __init__(
        self,
        me: Self,
        sock: socket.socket,
        ears: Ears,
        random: Random,
        *,
        server_tls: ssl.SSLContext | None = None,
        client_tls: ssl.SSLContext | None = None,
    ) -> None:
        self.me = me
        self._sock = sock
        self._ears = ears
        self._random = random
        self._server_tls = server_tls
        self._client_tls = client_tls
        self._server: asyncio.Server | None = None
        self._calling: dict[str, asyncio.Task[None]] = {}
        self._addresses: dict[str, Address] = {}
        self._outgoing: dict[str, _Connection] = {}
        self._open: set[_Connection] = set()
        self._numbers = count(1)
        self._asked: dict[str, dict[int, asyncio.Future[bytes]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.dropped = 0
        """Messages for which there was no room or no connection."""

    async def start(self) -> None:
        """Listens."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self, ""), sock=self._sock, ssl=self._server_tls)

    async def close(self) -> None:
        """Ends all."""
        for name in list(self._calling):
            self.forget(name)
        if self._server is not None:
            self._server.close()
        for connection in list(self._open):
            connection.close()
        for task in list(self._tasks):
            task.cancel()

    @property
    def connected(self) -> Iterable[str]:
        """Peers that can be reached now."""
        return self._outgoing.keys()

    @property
    def known(self) -> Iterable[str]:
        """All that are called."""
        return self._addresses.keys()

    def set_peer(self, name: str, address: Address) -> None:
        """Where a peer is; it is called from now on."""
        if self._addresses.get(name) == address or name == self.me.name:
            return
        self.forget(name)
        self._addresses[name] = address
        self._calling[name] = asyncio.get_running_loop().create_task(self._keep_calling(name, address))

    def forget(self, name: str) -> None:
        """It is no peer any more."""
        self._addresses.pop(name, None)
        task = self._calling.pop(name, None)
        if task is not None:
            task.cancel()
        connection = self._outgoing.pop(name, None)
        if connection is not None:
            connection.close()

    async def _keep_calling(self, name: str, address: Address) -> None:
        tries = 0
        while True:
            try:
                connection = await self._call(name, address)
                tries = 0
                await asyncio.shield(connection.closed)
            except (OSError, TimeoutError, ssl.SSLError) as error:
                tries += 1
                if tries % ALERT_EVERY_TRIES == 1:
                    log.warning("%s at %s:%d does not answer: %s", name, address.host, address.port, error)
            await asyncio.sleep(self._pause_s(tries))

    def _pause_s(self, tries: int) -> float:
        longest = min(RETRY_MAX_S, RETRY_MIN_S * 2.0 ** min(tries, 10))
        return longest * (0.5 + self._random.below(1000) / 2000)

    async def _call(self, name: str, address: Address) -> _Connection:
        async with asyncio.timeout(CONNECT_S):
            _, made = await asyncio.get_running_loop().create_connection(
                lambda: _Connection(self, name), address.host, address.port, ssl=self._client_tls
            )
        connection = made
        self._outgoing[name] = connection
        return connection

    # What connections tell --------------------------------------------------------------------------------------------

    def opened(self, connection: _Connection) -> None:
        """One more."""
        self._open.add(connection)

    def lost(self, connection: _Connection) -> None:
        """One less; who waits for an answer from it waits no longer."""
        self._open.discard(connection)
        if self._outgoing.get(connection.peer) is connection:
            del self._outgoing[connection.peer]
            for future in self._asked.pop(connection.peer, {}).values():
                if not future.done():
                    future.set_exception(PeerGone(f"the connection to {connection.peer} broke; it may have been done"))

    def greeted(self, hello: Hello) -> str:
        """The name of one who calls. BadFrame if it is not for us."""
        if hello.version != VERSION:
            raise BadFrame(f"{hello.name} speaks version {hello.version}, not {VERSION}")
        if hello.cluster != self.me.cluster:
            raise BadFrame(f"{hello.name} is of cluster {hello.cluster}, not of {self.me.cluster}")
        if hello.to != self.me.name:
            raise BadFrame(f"{hello.name} takes {self.me.name} for {hello.to}: two members have changed places")
        return hello.name

    def heard(self, connection: _Connection, one: Frame) -> None:
        """A frame of a known peer."""
        if one.channel is Channel.FAREWELL:
            self._ears.farewell()
            return
        if self._ears.gone(connection.peer):
            connection.send(Channel.FAREWELL, b"")
            return
        match one.channel:
            case Channel.MESSAGE:
                self._ears.message(connection.peer, one.body)
            case Channel.REQUEST:
                number, body = number_of(one.body)
                self._run(self._reply(connection, number, body))
            case Channel.REPLY | Channel.REFUSAL:
                number, body = number_of(one.body)
                self._settle(connection.peer, number, body, one.channel)
            case Channel.HELLO:
                raise BadFrame("a second hello")

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reply(self, connection: _Connection, number: int, body: bytes) -> None:
        try:
            answer = await self._ears.answer(connection.peer, body)
        except SeraiError as error:
            connection.send(Channel.REFUSAL, numbered(number, error.message.encode()))
        else:
            connection.send(Channel.REPLY, numbered(number, answer))

    def _settle(self, peer: str, number: int, body: bytes, channel: Channel) -> None:
        future = self._asked.get(peer, {}).pop(number, None)
        if future is None or future.done():
            return
        if channel is Channel.REPLY:
            future.set_result(body)
        else:
            future.set_exception(PeerGone(f"{peer}: {body.decode(errors='replace')}"))

    # What we say ------------------------------------------------------------------------------------------------------

    def send(self, name: str, body: bytes) -> None:
        """A message; it may be lost."""
        connection = self._outgoing.get(name)
        if connection is None or not connection.send(Channel.MESSAGE, body):
            self.dropped += 1

    async def ask(self, name: str, body: bytes, deadline_s: float) -> bytes:
        """A peer's answer. PeerGone: it may have done what was asked, or may yet."""
        connection = self._outgoing.get(name)
        waiting = self._asked.setdefault(name, {})
        if connection is None or len(waiting) >= REQUESTS_MAX:
            raise PeerAway(f"{name} cannot be reached now")
        number = next(self._numbers)
        future = waiting[number] = asyncio.get_running_loop().create_future()
        if not connection.send(Channel.REQUEST, numbered(number, body)):
            del waiting[number]
            raise PeerAway(f"{name} does not keep up; nothing was asked of it")
        try:
            async with asyncio.timeout(deadline_s):
                answer: bytes = await future
                return answer
        except TimeoutError:
            raise PeerGone(f"{name} did not answer within {deadline_s:g} s; it may have been done") from None
        finally:
            waiting.pop(number, None)
