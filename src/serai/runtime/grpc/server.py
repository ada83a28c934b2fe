"""The edge of gRPC: one asyncio protocol a connection, over the pure HTTP/2 of `protocols`.

It prevents a client that reads slowly from filling our memory (`Send` waits), one that vanishes from leaving its calls
behind (they are cancelled), and a stop from cutting answers off (open calls may end first). A connection that does not
begin as HTTP/2 is handed to an HTTP/1.1 protocol, so that one port serves both.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, assert_never, cast

from serai.protocols.grpc import wire
from serai.protocols.grpc.wire import Failed, Messages, Status
from serai.protocols.http2.connection import Came, Connection, Drained, Event, Leaving, Limits, Requested, Reset
from serai.protocols.http2.errors import ConnectionFault
from serai.protocols.http2.frames import PREFACE
from serai.protocols.http2.hpack import encode
from serai.runtime.grpc.calls import Call, Framed, Send, Service, Streaming, Unary
from serai.runtime.grpc.pages import Pages
from serai.runtime.grpc.web import Handle

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """What the server takes and keeps."""

    message_bytes_max: int = 2 * MIB
    """Of one message that a client sends."""
    queued_bytes_max: int = 4 * MIB
    """Of answers that wait for one slow reader of a stream; then its handler waits."""
    requests_max: int = 256
    """Messages of one stream that wait for its handler; then the client's window closes."""
    connection: Limits = field(default_factory=Limits)


class _Incoming:
    """The messages of a stream, for its handler."""

    __slots__ = ("_consumed", "_ended", "_failure", "_messages", "_wake", "parts")

    def __init__(self, parts: Messages, consumed: Callable[[int], None]) -> None:
        self.parts = parts
        self._consumed = consumed
        self._messages: deque[bytes] = deque()
        self._wake: asyncio.Future[None] | None = None
        self._ended = False
        self._failure: Failed | None = None

    def put(self, data: bytes, end: bool) -> None:
        try:
            self._messages.extend(self.parts.feed(data))
        except Failed as failure:
            self._failure = failure
        if end:
            self._ended = True
            if not self.parts.whole:
                self._failure = Failed(Status.INTERNAL, "the request ends inside a message")
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            while self._messages:
                message = self._messages.popleft()
                self._consumed(len(message) + 5)
                yield message
            if self._failure is not None:
                raise self._failure
            if self._ended:
                return
            self._wake = asyncio.get_running_loop().create_future()
            await self._wake


@dataclass(slots=True)
class _Open:
    """A call that is under way."""

    method: Unary | Streaming
    call: Call
    parts: Messages
    body: list[bytes]
    incoming: _Incoming | None = None
    task: asyncio.Task[None] | None = None
    drained: asyncio.Future[None] | None = None
    begun: bool = False
    late: bool = False
    """Its deadline is over, and its handler was told to end."""


class Connections:
    """Those that are open. `none` is set while there are none."""

    def __init__(self) -> None:
        self.open: set[GrpcProtocol] = set()
        self.none = asyncio.Event()
        self.none.set()

    def made(self, connection: "GrpcProtocol") -> None:
        """One more."""
        self.open.add(connection)
        self.none.clear()

    def lost(self, connection: "GrpcProtocol") -> None:
        """One less."""
        self.open.discard(connection)
        if not self.open:
            self.none.set()


class GrpcProtocol(asyncio.Protocol):
    """One connection."""

    def __init__(
        self,
        service: Service,
        limits: ServerLimits,
        connections: Connections,
        other: Callable[[], asyncio.Protocol] | None,
        pages: Handle | None = None,
    ) -> None:
        self._service = service
        self._limits = limits
        self._connections = connections
        self._other = other
        self._http = Connection(limits.connection)
        self._pages = Pages(self._http, pages, self._soon, limits.queued_bytes_max)
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._first = b""
        self._open: dict[int, _Open] = {}
        self._flushing = False
        self._peer = ""
        self._common_name: str | None = None
        self._told = False
        self._alarm: asyncio.TimerHandle | None = None
        """One for all calls, at the earliest deadline: most calls end long before theirs, and set none."""

    # The connection -------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is here."""
        self._transport = cast(asyncio.Transport, transport)
        self._peer = str(transport.get_extra_info("peername"))
        self._common_name = _common_name(transport.get_extra_info("peercert"))
        self._connections.made(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """It has gone: nobody waits for its calls."""
        self._connections.lost(self)
        self._transport = None
        if self._alarm is not None:
            self._alarm.cancel()
        for open_call in self._open.values():
            _cancel(open_call)
        self._open.clear()
        self._pages.lost()

    def data_received(self, data: bytes) -> None:
        """Bytes of it."""
        if not self._told:
            data = self._first + data
            self._first = data
            if not data.startswith(PREFACE[: len(data)]):
                self._hand_over(data)
                return
            if len(data) < len(PREFACE):
                return
            self._told = True
        try:
            events = self._http.feed(data)
        except ConnectionFault:
            self._flush()
            self._close()
            return
        for event in events:
            self._on_event(event)
        self._soon()

    def _on_event(self, event: Event) -> None:
        match event:
            case Came():
                self._on_data(event)
            case Requested():
                self._on_request(event)
            case Reset(stream):
                _cancel(self._open.pop(stream, None))
                self._pages.reset(stream)
            case Drained(stream):
                _drained(self._open.get(stream))
                self._pages.drained(stream)
            case Leaving():
                pass
            case _:
                assert_never(event)

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _hand_over(self, data: bytes) -> None:
        transport, self._transport = self._transport, None
        self._connections.lost(self)
        assert transport is not None
        if self._other is None:
            transport.close()
            return
        other = self._other()
        transport.set_protocol(other)
        other.connection_made(transport)
        other.data_received(data)

    def pause_writing(self) -> None:
        """The client reads more slowly than we write: we read no more of its requests meanwhile."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """It has caught up."""
        if self._transport is not None:
            self._transport.resume_reading()

    def leave(self) -> None:
        """Tells the client to open no more calls here."""
        self._http.go_away()
        self._flush()

    def cut(self) -> None:
        """Ends the connection now."""
        if self._transport is not None:
            self._transport.abort()

    def _soon(self) -> None:
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        if self._transport is not None:
            data = self._http.take()
            if data:
                self._transport.write(data)
            if self._http.closing and not self._open and not self._pages.open:
                self._transport.close()

    # Calls ----------------------------------------------------------------------------------------------------------

    def _on_request(self, event: Requested) -> None:
        head, stream = event.head, event.stream
        fields = head.fields
        method = self._service.methods.get(head.path)
        if not fields.get(b"content-type", b"").startswith(b"application/grpc") or head.method != b"POST":
            self._on_page(event)
            return
        try:
            if method is None:
                raise Failed(Status.UNIMPLEMENTED, f"unknown method {head.path.decode(errors='replace')}")
            timeout = fields.get(b"grpc-timeout")
            deadline_s = None if timeout is None else self._loop.time() + wire.timeout_s(timeout)
            parts = Messages(self._limits.message_bytes_max, fields.get(b"grpc-encoding", b"identity"))
        except Failed as failure:
            self._http.end(stream, wire.failure_alone(failure.status, failure.message))
            return
        opened = _Open(method, Call(fields, self._peer, self._common_name, deadline_s), parts, [])
        self._open[stream] = opened
        if deadline_s is not None:
            self._watch_deadline(deadline_s)
        if isinstance(method, Streaming):
            opened.incoming = _Incoming(parts, lambda size: self._consumed(stream, size))
            opened.task = self._loop.create_task(self._stream(stream, opened, method))
        if event.end:
            self._on_data(Came(stream, b"", True))

    def _on_page(self, event: Requested) -> None:
        """No call: a page, if there are any here."""
        if not self._pages.begin(event.stream, event.head, self._peer):
            self._http.end(event.stream, _NOT_GRPC)
        elif event.end:
            self._pages.came(event.stream, b"", end=True)

    def _watch_deadline(self, deadline_s: float) -> None:
        if self._alarm is None or deadline_s < self._alarm.when():
            if self._alarm is not None:
                self._alarm.cancel()
            self._alarm = self._loop.call_at(deadline_s, self._end_late)

    def _end_late(self) -> None:
        self._alarm = None
        now_s = self._loop.time()
        following = None
        for stream, opened in list(self._open.items()):
            deadline_s = opened.call.deadline_s
            if deadline_s is None or opened.late:
                continue
            if deadline_s <= now_s:
                self._end_one(stream, opened)
            elif following is None or deadline_s < following:
                following = deadline_s
        if following is not None:
            self._watch_deadline(following)

    def _end_one(self, stream: int, opened: _Open) -> None:
        if opened.task is None:  # its request is not whole yet
            self._fail(stream, *_LATE)
        else:
            opened.late = True
            opened.task.cancel()

    def _consumed(self, stream: int, size: int) -> None:
        self._http.consumed(stream, size)
        self._soon()

    def _on_data(self, event: Came) -> None:
        opened = self._open.get(event.stream)
        if opened is None:
            if not self._pages.came(event.stream, event.data, end=event.end):
                self._http.consumed(event.stream, len(event.data))
            return
        if opened.incoming is not None:
            opened.incoming.put(event.data, event.end)
            return
        self._http.consumed(event.stream, len(event.data))
        try:
            opened.body.extend(opened.parts.feed(event.data))
            if not event.end:
                return
            if len(opened.body) != 1 or not opened.parts.whole:
                raise Failed(Status.INTERNAL, f"the request has {len(opened.body)} whole messages, not one")
        except Failed as failure:
            self._fail(event.stream, failure.status, failure.message)
            return
        assert isinstance(opened.method, Unary)
        opened.task = self._loop.create_task(self._unary(event.stream, opened, opened.method))

    async def _unary(self, stream: int, opened: _Open, method: Unary) -> None:
        try:
            answer = await method.handle(method.read(opened.body[0]), opened.call)
            body = wire.framed(method.write(answer))
        except asyncio.CancelledError:
            self._end_cancelled(stream, opened)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises becomes a status; `fail` logs what is ours
            self._fail(stream, *self._status(error))
        else:
            del self._open[stream]
            self._http.answer(stream, wire.HEAD, body, wire.DONE)
            self._soon()

    async def _stream(self, stream: int, opened: _Open, method: Streaming) -> None:
        try:
            await method.handle(_asked(opened, method), opened.call, self._sender(stream, opened, method))
        except asyncio.CancelledError:
            self._end_cancelled(stream, opened)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises becomes a status; `fail` logs what is ours
            self._fail(stream, *self._status(error))
        else:
            del self._open[stream]
            self._http.end(stream, wire.DONE if opened.begun else wire.HEAD + wire.DONE)
            self._soon()

    def _sender(self, stream: int, opened: _Open, method: Streaming) -> Send:
        async def send(message: Any) -> None:
            if not opened.begun:
                opened.begun = True
                self._http.head(stream, wire.HEAD)
            body = message if isinstance(message, Framed) else wire.framed(method.write(message))
            queued = self._http.data(stream, body)
            self._soon()
            if queued > self._limits.queued_bytes_max:
                opened.drained = self._loop.create_future()
                await opened.drained

        return send

    def _end_cancelled(self, stream: int, opened: _Open) -> None:
        """It was for the deadline, or nobody waits any more; the task ends here in either case."""
        if opened.late:
            self._fail(stream, *_LATE)

    def _status(self, error: Exception) -> tuple[Status, str]:
        if isinstance(error, Failed):
            return error.status, error.message
        status, message = self._service.fail(error)
        return Status(status), message

    def _fail(self, stream: int, status: Status, message: str) -> None:
        opened = self._open.pop(stream, None)
        if opened is None:
            return  # the client has gone meanwhile
        block = wire.failure if opened.begun else wire.failure_alone
        self._http.end(stream, block(status, message))
        self._soon()


async def _asked(opened: _Open, method: Streaming) -> AsyncIterator[Any]:
    assert opened.incoming is not None
    async for message in opened.incoming:
        yield method.read(message)


_LATE = (Status.DEADLINE_EXCEEDED, "context deadline exceeded")
_NOT_GRPC = encode(((b":status", b"415"),))


def _cancel(opened: _Open | None) -> None:
    if opened is not None and opened.task is not None:
        opened.task.cancel()


def _drained(opened: _Open | None) -> None:
    if opened is not None and opened.drained is not None and not opened.drained.done():
        opened.drained.set_result(None)


def _common_name(certificate: dict[str, Any] | None) -> str | None:
    for part in (certificate or {}).get("subject", ()):
        for key, value in part:
            if key == "commonName":
                return str(value)
    return None
