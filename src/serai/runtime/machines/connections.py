"""The two ends of a connection between members: who calls sends messages and requests, who is called hears them.

Both say hello before anything else counts, so a member of another cluster, of another version, or at an address that
was another's is refused on either side, in one sentence.
"""

import asyncio
import logging
import socket
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import count
from typing import cast

import msgspec

from serai.kernel.errors import SeraiError
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
GREETING_S = 3.0
"""Until both have said hello. A stranger that says nothing is not kept longer."""
SILENCE_S = 5
"""A peer that acknowledges nothing for so long is called anew: TCP itself would go on trying for a quarter of an hour,
and after a cut that has healed it would wait for up to two minutes more."""
REQUESTS_MAX = 4_096
"""Requests on one connection that are under way; one more fails at once."""
FRAME_OVERHEAD_BYTES = 64
"""What a waiting frame costs beside its bytes."""

log = logging.getLogger(__name__)

Answerer = Callable[[str, bytes], Awaitable[bytes]]
"""Answers a peer's request. A SeraiError is told as its sentence."""


@dataclass(frozen=True, slots=True)
class Self:
    """Who this member is to its peers."""

    cluster: str
    name: str


def _nobody(_: str) -> bool:
    return False


def _unheard() -> None:
    """A member that cannot be removed is never told so."""


@dataclass(slots=True)
class Ears:
    """What happens to what peers say."""

    message: Callable[[str, bytes], None]
    """A message for the machine; BadFrame or ConsensusError of its codec closes the connection."""
    answer: Answerer
    gone: Callable[[str], bool] = _nobody
    """Whether who speaks was a member and is no more: it may have missed that, and is told."""
    farewell: Callable[[], None] = _unheard
    """This member is none any more."""


def fault_of(hello: Hello, me: Self, expected: str = "") -> str | None:
    """Why whoever says this is not whom `me` may speak with, or None. `expected`: whom it has called."""
    if hello.version != VERSION:
        return f"{hello.name} speaks version {hello.version} of the peers' protocol, and {me.name} version {VERSION}"
    if hello.cluster != me.cluster:
        return f"{hello.name} is of cluster {hello.cluster}, and {me.name} of cluster {me.cluster}"
    if hello.to != me.name:
        return f"{hello.name} takes {me.name} for {hello.to}: correct the addresses of its peers"
    if hello.name == me.name or (expected and hello.name != expected):
        return f"{me.name} hears from {hello.name} and expects {expected or 'another member'}: correct the addresses"
    return None


class Connection(asyncio.Protocol, ABC):
    """What both ends share: frames in, frames out."""

    def __init__(self, me: Self, ears: Ears, living: "set[Connection]") -> None:
        """`living`: those that are open; this one adds itself while it is."""
        self.me = me
        self.peer = ""
        """Who is at the other end, once it has said so."""
        self._ears = ears
        self._living = living
        self._frames = Frames()
        self._transport: asyncio.Transport | None = None
        self._out: list[bytes] = []
        self._out_bytes = 0
        self._loop = asyncio.get_running_loop()
        self.closed: asyncio.Future[None] = self._loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As asyncio says."""
        self._transport = cast(asyncio.Transport, transport)
        self._living.add(self)
        _watch_silence(transport.get_extra_info("socket"))

    def connection_lost(self, exc: Exception | None) -> None:
        """As asyncio says."""
        self._transport = None
        self._living.discard(self)
        if not self.closed.done():
            self.closed.set_result(None)

    def data_received(self, data: bytes) -> None:
        """As asyncio says."""
        try:
            for one in self._frames.feed(data):
                if self._transport is None or self._transport.is_closing():
                    return
                self.hear(one)
        except (BadFrame, SeraiError) as error:
            log.warning("the connection with %s is closed: %s", self.peer or "a stranger", error)
            self.abort()

    @abstractmethod
    def hear(self, one: Frame) -> None:
        """A frame of the other end. BadFrame, or the codec's SeraiError."""

    def send(self, channel: Channel, body: bytes) -> bool:
        """Whether there was room for it."""
        if self._transport is None or self._transport.is_closing():
            return False
        if self._out_bytes + self._transport.get_write_buffer_size() > BUFFER_BYTES_MAX:
            return False
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(frame(channel, body))
        self._out_bytes += len(body) + FRAME_OVERHEAD_BYTES
        return True

    def _flush(self) -> None:
        out, self._out, self._out_bytes = self._out, [], 0
        if out and self._transport is not None:
            self._transport.write(b"".join(out))

    def say_hello(self, to: str) -> None:
        """Who this end is, and whom it takes the other for."""
        self.send(Channel.HELLO, msgspec.msgpack.encode(Hello(VERSION, self.me.cluster, self.me.name, to)))
        self._frames.bytes_max = FRAME_BYTES_MAX

    def finish(self) -> None:
        """Ends once what was said is on its way."""
        self._flush()
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Ends at once."""
        if self._transport is not None:
            self._transport.abort()


class Incoming(Connection):
    """Called by a peer, whose messages and requests it hears. `refuse` is told why a caller is not spoken with."""

    def __init__(self, me: Self, ears: Ears, living: set[Connection], refuse: Callable[[str], None]) -> None:
        super().__init__(me, ears, living)
        self._refuse = refuse
        self._tasks: set[asyncio.Task[None]] = set()
        self._deadline = self._loop.call_later(GREETING_S, self.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """As asyncio says."""
        super().connection_lost(exc)
        self._deadline.cancel()
        for task in self._tasks:
            task.cancel()  # nobody hears its answer any more

    def hear(self, one: Frame) -> None:
        """As `Connection` says."""
        if not self.peer:
            self._greet(one)
        elif self._ears.gone(self.peer):
            self.send(Channel.FAREWELL, b"")
        elif one.channel is Channel.MESSAGE:
            self._ears.message(self.peer, one.body)
        elif one.channel is Channel.REQUEST:
            self._serve(*number_of(one.body))
        else:
            raise BadFrame(f"who calls does not say {one.channel.name.lower()}")

    def _greet(self, one: Frame) -> None:
        if one.channel is not Channel.HELLO:
            raise BadFrame("a stranger does not say who it is")
        hello = read_hello(one.body)
        self._deadline.cancel()
        fault = fault_of(hello, self.me)
        if fault is not None:
            self._refuse(fault)
            self.send(Channel.REFUSAL, numbered(0, fault.encode()))
            self.finish()
            return
        self.peer = hello.name
        self.say_hello(hello.name)

    def _serve(self, number: int, body: bytes) -> None:
        if len(self._tasks) >= REQUESTS_MAX:
            self.send(Channel.REFUSAL, numbered(number, b"too many requests are under way"))
            return
        task = self._loop.create_task(self._answer(number, body))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, number: int, body: bytes) -> None:
        try:
            answer = await self._ears.answer(self.peer, body)
        except SeraiError as error:
            self.send(Channel.REFUSAL, numbered(number, error.message.encode()))
        except Exception:  # whatever it is, its asker must not wait for the deadline
            log.exception("a request of %s could not be answered", self.peer)
            self.send(Channel.REFUSAL, numbered(number, b"it could not be answered; its log says why"))
        else:
            self.send(Channel.REPLY, numbered(number, answer))


class Outgoing(Connection):
    """The way to a peer. Usable when `greeted` is done, which raises PeerAway if the peer refuses."""

    def __init__(self, me: Self, ears: Ears, living: set[Connection], calls: str) -> None:
        super().__init__(me, ears, living)
        self.calls = calls
        self.greeted: asyncio.Future[None] = self._loop.create_future()
        self.greeted.add_done_callback(_look)
        self._numbers = count(1)
        self._asked: dict[int, asyncio.Future[bytes]] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As asyncio says."""
        super().connection_made(transport)
        self.say_hello(self.calls)

    def connection_lost(self, exc: Exception | None) -> None:
        """As asyncio says."""
        super().connection_lost(exc)
        self._not_greeted("it closed the connection without a word")
        for future in self._asked.values():
            if not future.done():
                future.set_exception(PeerGone(f"the connection to {self.calls} broke; it may have been done"))
        self._asked.clear()

    def hear(self, one: Frame) -> None:
        """As `Connection` says."""
        if one.channel is Channel.FAREWELL:
            self._ears.farewell()
        elif not self.peer:
            self._hear_greeting(one)
        elif one.channel in (Channel.REPLY, Channel.REFUSAL):
            self._settle(one)
        else:
            raise BadFrame(f"who is called does not say {one.channel.name.lower()}")

    def _hear_greeting(self, one: Frame) -> None:
        if one.channel is Channel.HELLO:
            hello = read_hello(one.body)
            fault = fault_of(hello, self.me, self.calls)
        elif one.channel is Channel.REFUSAL:
            fault = number_of(one.body)[1].decode(errors="replace")
        else:
            raise BadFrame("it does not say who it is")
        if fault is not None:
            self._not_greeted(fault)
            self.abort()
            return
        self.peer = self.calls
        if not self.greeted.done():
            self.greeted.set_result(None)

    def _not_greeted(self, why: str) -> None:
        if not self.greeted.done():
            self.greeted.set_exception(PeerAway(why))

    def _settle(self, one: Frame) -> None:
        number, body = number_of(one.body)
        future = self._asked.pop(number, None)
        if future is None or future.done():
            return  # its asker has given up
        if one.channel is Channel.REPLY:
            future.set_result(body)
        else:
            future.set_exception(PeerGone(f"{self.peer}: {body.decode(errors='replace')}"))

    def send_message(self, body: bytes) -> bool:
        """Whether there was room for a message."""
        return self.send(Channel.MESSAGE, body)

    async def ask(self, body: bytes, deadline_s: float) -> bytes:
        """The peer's answer. PeerAway: it was not asked. PeerGone: it may have done what was asked, or may yet."""
        number = next(self._numbers)
        if len(self._asked) >= REQUESTS_MAX or not self.send(Channel.REQUEST, numbered(number, body)):
            raise PeerAway(f"{self.calls} does not keep up; nothing was asked of it")
        future: asyncio.Future[bytes] = self._loop.create_future()
        self._asked[number] = future
        try:
            async with asyncio.timeout(deadline_s):
                return await future
        except TimeoutError:
            raise PeerGone(f"{self.calls} did not answer within {deadline_s:g} s; it may have been done") from None
        finally:
            self._asked.pop(number, None)


def _look(greeted: "asyncio.Future[None]") -> None:
    """Who waits for it may have given up; then nobody else would look at what it raises."""
    if not greeted.cancelled():
        greeted.exception()


def _watch_silence(sock: socket.socket | None) -> None:
    """Small frames go at once, and a peer that is gone without a word is noticed."""
    if sock is None or sock.family not in (socket.AF_INET, socket.AF_INET6):
        return
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENCE_S * 1000)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, SILENCE_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, SILENCE_S)
