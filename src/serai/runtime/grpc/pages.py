"""Requests of an HTTP/2 connection that are no calls: with TLS, curl and browsers ask for pages over HTTP/2."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from serai.protocols.http2.connection import Connection
from serai.protocols.http2.hpack import encode
from serai.protocols.http2.requests import Head
from serai.runtime.grpc.web import Handle, Reply, Request

NO_FIELDS = b""
"""The block of trailers that say nothing."""

PASSED_OVER_BYTES_MAX = 64 * 1024 * 1024
"""Of a body that nobody wants; behind it the stream ends all the same."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Page:
    request: Request
    task: asyncio.Task[None]
    drained: asyncio.Event


class _PageReply(Reply):
    """An answer on a stream."""

    def __init__(self, pages: "Pages", stream: int, drained: asyncio.Event, *, head_only: bool) -> None:
        self._pages = pages
        self._stream = stream
        self._drained = drained
        self._head_only = head_only

    def whole(self, status: int, body: bytes, media_type: str = "application/json") -> None:
        """As the base says."""
        self._begin(status, media_type, (b"content-length", b"%d" % len(body)))
        if not self._head_only:
            self.tell(body)

    def begin(self, status: int, media_type: str = "application/json") -> None:
        """As the base says."""
        self.streams = True
        self._begin(status, media_type)

    def _begin(self, status: int, media_type: str, *more: tuple[bytes, bytes]) -> None:
        self.begun = True
        fields = ((b":status", b"%d" % status), (b"content-type", media_type.encode()), *more)
        self._pages.http.head(self._stream, encode(fields))
        self._pages.soon()

    def _send(self, data: bytes) -> int:
        queued = self._pages.http.data(self._stream, data)
        self._pages.soon()
        return queued

    def tell(self, data: bytes) -> None:
        """As the base says."""
        self._send(data)

    async def part(self, data: bytes) -> None:
        """As the base says."""
        if self._send(data) > self._pages.queued_bytes_max:
            self._drained.clear()
            await self._drained.wait()


async def _pass_over(request: Request) -> None:
    """What the handler did not want of a body: clients take an answer that ends before their request for a failure."""
    size = 0
    async for part in request.body():
        size += len(part)
        if size > PASSED_OVER_BYTES_MAX:
            return


class Pages:
    """Those of one connection. `soon` sends what was queued."""

    def __init__(
        self, http: Connection, handle: Handle | None, soon: Callable[[], None], queued_bytes_max: int
    ) -> None:
        self.http = http
        self.soon = soon
        self.queued_bytes_max = queued_bytes_max
        self._handle = handle
        self.open: dict[int, _Page] = {}

    def begin(self, stream: int, head: Head, peer: str) -> bool:
        """Begins to answer; False if nobody does."""
        if self._handle is None:
            return False
        path, _, query = head.path.decode("ascii", "replace").partition("?")
        request = Request(
            head.method.decode("ascii", "replace"), path, query, dict(head.fields), peer,
            lambda size: self._consumed(stream, size),
        )  # fmt: skip
        drained = asyncio.Event()
        reply = _PageReply(self, stream, drained, head_only=request.method == "HEAD")
        task = asyncio.get_running_loop().create_task(self._serve(stream, request, reply, self._handle))
        self.open[stream] = _Page(request, task, drained)
        return True

    def _consumed(self, stream: int, size: int) -> None:
        self.http.consumed(stream, size)
        self.soon()

    async def _serve(self, stream: int, request: Request, reply: Reply, handle: Handle) -> None:
        try:
            await handle(request, reply)
        except Exception as error:
            log.error("a request failed", exc_info=error)
            if not reply.begun:
                reply.whole(500, b'{"error": "internal error"}')
        if not reply.streams:
            await _pass_over(request)
        if self.open.pop(stream, None) is not None:
            self.http.end(stream, NO_FIELDS)
            self.soon()

    def came(self, stream: int, data: bytes, *, end: bool) -> bool:
        """A piece of a body; False if the stream is none of these."""
        page = self.open.get(stream)
        if page is None:
            return False
        page.request.put(data, end=end)
        return True

    def drained(self, stream: int) -> None:
        """The client has taken what waited."""
        if stream in self.open:
            self.open[stream].drained.set()

    def reset(self, stream: int) -> None:
        """The client does not want it any more."""
        page = self.open.pop(stream, None)
        if page is not None:
            page.task.cancel()

    def lost(self) -> None:
        """Nobody is there any more."""
        for stream in list(self.open):
            self.reset(stream)
