"""HTTP/1.1 for what shares a port with gRPC: requests one after the other, bodies and answers as streams.

It prevents a client that sends or reads slowly from filling the memory (both directions wait), one that goes from
leaving its request behind (it is cancelled), and one that says nothing from being waited for.
"""

import asyncio
import logging
from collections import deque
from http import HTTPStatus
from typing import cast

import httptools

from serai.runtime.grpc.web import Handle, Reply, Request

HEAD_BYTES_MAX = 64 * 1024
"""Of one request's line and headers."""
BUFFERED_BYTES_MAX = 256 * 1024
"""Of a body that waits for its handler; then no more is read."""
PIPELINED_MAX = 8
"""Requests of one connection that wait; then no more is read."""
IDLE_S = 75.0
"""After which a connection without a request is closed."""

log = logging.getLogger(__name__)


class PlainReply(Reply):
    """An answer as HTTP/1.1 has it."""

    def __init__(self, connection: "PlainProtocol", *, keep_alive: bool, head_only: bool = False) -> None:
        self._connection = connection
        self._head_only = head_only
        self._keep_alive = keep_alive

    def whole(self, status: int, body: bytes, media_type: str = "application/json") -> None:
        """As the base says."""
        self.begun = True
        head = self._head(status, media_type, f"content-length: {len(body)}")
        self._connection.write(head if self._head_only else head + body)

    def begin(self, status: int, media_type: str = "application/json") -> None:
        """As the base says."""
        self.begun = self.streams = True
        self._connection.write(self._head(status, media_type, "transfer-encoding: chunked"))

    def _head(self, status: int, media_type: str, length: str) -> bytes:
        end = "" if self._keep_alive else "connection: close\r\n"
        line = f"HTTP/1.1 {status} {HTTPStatus(status).phrase if status in _KNOWN else ''}"
        return f"{line}\r\ncontent-type: {media_type}\r\n{length}\r\n{end}\r\n".encode()

    def tell(self, data: bytes) -> None:
        """As the base says."""
        self._connection.write(b"%x\r\n%b\r\n" % (len(data), data))

    async def part(self, data: bytes) -> None:
        """As the base says."""
        self.tell(data)
        await self._connection.writable.wait()

    def end(self) -> None:
        """The last piece was said."""
        if self.streams:
            self._connection.write(b"0\r\n\r\n")


_KNOWN = frozenset(HTTPStatus)


class PlainConnections:
    """Makes the protocol of each connection, and closes all at the end."""

    def __init__(self, handle: Handle) -> None:
        self.handle = handle
        self.open: set[PlainProtocol] = set()

    def __call__(self) -> "PlainProtocol":
        """A protocol for one connection."""
        return PlainProtocol(self)

    def close(self) -> None:
        """Ends all of them."""
        for connection in list(self.open):
            connection.close()


class PlainProtocol(asyncio.Protocol):
    """One connection."""

    def __init__(self, connections: PlainConnections) -> None:
        self._connections = connections
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._peer = ""
        self._request = Request()
        self._head_bytes = 0
        self._url = b""
        self._waiting: deque[tuple[Request, bool]] = deque()
        """Requests, and whether the connection outlives them."""
        self._serving: asyncio.Task[None] | None = None
        self._idle: asyncio.TimerHandle | None = None
        self.writable = asyncio.Event()
        self.writable.set()

    # The connection -------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is here."""
        self._transport = cast(asyncio.Transport, transport)
        self._peer = str(transport.get_extra_info("peername"))
        self._connections.open.add(self)
        self._wait_for_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """It has gone: nobody waits for its requests."""
        self._connections.open.discard(self)
        self._transport = None
        self.writable.set()
        if self._serving is not None:
            self._serving.cancel()
        if self._idle is not None:
            self._idle.cancel()

    def close(self) -> None:
        """After what is written."""
        if self._transport is not None:
            self._transport.close()

    def _wait_for_request(self) -> None:
        self._idle = self._loop.call_later(IDLE_S, self.close)

    def pause_writing(self) -> None:
        """The client reads slowly."""
        self.writable.clear()

    def resume_writing(self) -> None:
        """It has caught up."""
        self.writable.set()

    def write(self, data: bytes) -> None:
        """To the client, if it is still there."""
        if self._transport is not None:
            self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        """Bytes of it."""
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade, _TooLong):
            if self._serving is None:
                PlainReply(self, keep_alive=False).whole(400, b'{"error": "this is no HTTP/1.1 request"}')
            self.close()
            return
        self._read_if_room()

    def _read_if_room(self) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if self._request.buffered > BUFFERED_BYTES_MAX or len(self._waiting) >= PIPELINED_MAX:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    # What the parser finds ------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """A request begins."""
        self._request = Request(peer=self._peer, taken=lambda size: self._read_if_room())
        self._head_bytes, self._url = 0, b""

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > HEAD_BYTES_MAX:
            raise _TooLong

    def on_url(self, url: bytes) -> None:
        """A part of its target."""
        self._count(len(url))
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self._count(len(name) + len(value))
        self._request.headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """It can be served."""
        request = self._request
        target = self._url.decode("ascii", "replace")
        request.path, _, request.query = target.partition("?")
        request.method = self._parser.get_method().decode("ascii")
        if request.headers.get(b"expect", b"").lower() == b"100-continue":
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self._idle is not None:
            self._idle.cancel()
        self._waiting.append((request, self._parser.should_keep_alive()))
        if self._serving is None:
            self._serving = self._loop.create_task(self._serve())

    def on_body(self, body: bytes) -> None:
        """A piece of its body."""
        self._request.put(body, end=False)

    def on_message_complete(self) -> None:
        """It is whole."""
        self._request.put(b"", end=True)

    # Serving --------------------------------------------------------------------------------------------------------

    async def _serve(self) -> None:
        while self._waiting:
            request, keep_alive = self._waiting.popleft()
            reply = PlainReply(self, keep_alive=keep_alive, head_only=request.method == "HEAD")
            try:
                await self._connections.handle(request, reply)
            except Exception as error:
                log.error("a request failed", exc_info=error)
                self.close()
                return
            reply.end()
            if not keep_alive:
                self.close()
                return
            async for _ in request.body():
                pass  # what the handler did not want
        self._serving = None
        self._wait_for_request()


class _TooLong(Exception):
    """A head that has no end."""
