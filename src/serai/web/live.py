"""Server-sent events: one writer, many readers, and no reader who can slow the others down.

A channel encodes each event once and offers the bytes to every subscriber's bounded queue. A subscriber whose queue
is full is dropped: its browser reconnects and gets a fresh snapshot, which costs less than the memory of a slow
reader. A comment now and then keeps proxies from closing a silent stream. `close` must be called when the server
begins to stop, before it waits for its open connections, or those would keep it waiting.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from functools import cached_property

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from serai.runtime.http.edge import carry_on
from serai.runtime.telemetry import WATCHERS

HEARTBEAT_S = 15.0
"""Below the 30 to 60 s after which common proxies close a silent connection."""
QUEUE_EVENTS_MAX = 256
"""At four events a second, a minute behind; then the subscriber is dropped."""
RETRY_MS = 2_000

_HEARTBEAT = b":\n\n"
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


@dataclass(frozen=True)
class Event:
    """One event (WHATWG HTML, section 9.2). `retry_ms` is how long the browser waits before it reconnects."""

    data: str
    name: str | None = None
    id: str | None = None
    retry_ms: int | None = None

    @cached_property
    def encoded(self) -> bytes:
        """Its bytes, with each line of the data on a line of its own; the same object for all who are sent it."""
        for part in (self.name, self.id):
            assert part is None or not set(part) & {"\n", "\r", "\0"}, f"a line break inside an event field: {part!r}"
        fields = [("event", self.name), ("id", self.id), ("retry", self.retry_ms)]
        head = [f"{key}: {value}\n" for key, value in fields if value is not None]
        lines = self.data.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        return "".join([*head, *(f"data: {line}\n" for line in lines), "\n"]).encode()


class Subscriber:
    """One client's queue. Ten thousand may wait at once: a future takes a third of an asyncio.Event and its deque."""

    __slots__ = ("_chunks", "_closed", "_limit", "_sleeping")

    def __init__(self, queue_events_max: int = QUEUE_EVENTS_MAX) -> None:
        self._chunks: list[bytes] = []
        self._limit = queue_events_max
        self._sleeping: asyncio.Future[None] | None = None
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether nothing more will be queued."""
        return self._closed

    @property
    def waiting(self) -> bool:
        """Whether something is queued."""
        return bool(self._chunks)

    def offer(self, chunk: bytes) -> bool:
        """Queues `chunk`; False if the queue was full or closed: the client is then dropped with all it had waiting."""
        if self._closed:
            return False
        if len(self._chunks) >= self._limit:
            self._chunks.clear()
            self.close()
            return False
        self._chunks.append(chunk)
        self._wake()
        return True

    def close(self) -> None:
        """Ends the stream after what is queued."""
        self._closed = True
        self._wake()

    async def chunks(self) -> AsyncIterator[bytes]:
        """What to write, as it comes. One reader."""
        while True:
            if self._chunks:
                waiting = b"".join(self._chunks)
                self._chunks.clear()
                yield waiting
                del waiting  # or a silent stream would keep the last thing it was sent
            elif self._closed:
                return
            else:
                self._sleeping = asyncio.get_running_loop().create_future()
                await self._sleeping

    def _wake(self) -> None:
        if self._sleeping is not None and not self._sleeping.done():
            self._sleeping.set_result(None)


class Channel:
    """All subscribers of one thing, such as a show's seats. One timer breaks the silence for all of them."""

    def __init__(self, *, queue_events_max: int = QUEUE_EVENTS_MAX, heartbeat_s: float = HEARTBEAT_S) -> None:
        self._queue_events_max = queue_events_max
        self._heartbeat_s = heartbeat_s
        self._subscribers: set[Subscriber] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def __len__(self) -> int:
        return len(self._subscribers)

    def subscribe(self, first: Iterable[Event] = ()) -> Subscriber:
        """A new subscriber, to whom `first` (a snapshot) is sent before anything published from now on."""
        subscriber = Subscriber(self._queue_events_max)
        for event in first:
            subscriber.offer(event.encoded)
        if self._closed:
            subscriber.close()
        else:
            self._subscribers.add(subscriber)
            self._timer = self._timer or self._next_beat()
        return subscriber

    def publish(self, event: Event) -> int:
        """Offers `event` to all; returns how many were dropped because they were too far behind."""
        chunk = event.encoded
        dropped = [subscriber for subscriber in self._subscribers if not subscriber.offer(chunk)]
        self._subscribers.difference_update(dropped)
        return len(dropped)

    def leave(self, subscriber: Subscriber) -> None:
        """The client has gone."""
        subscriber.close()
        self._subscribers.discard(subscriber)

    def close(self) -> None:
        """Ends every stream and refuses new ones: the server is stopping."""
        self._closed = True
        for subscriber in self._subscribers:
            subscriber.close()
        self._subscribers.clear()

    def _next_beat(self) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(self._heartbeat_s, self._beat)

    def _beat(self) -> None:
        """A comment for each who has nothing to read; the timer ends with the last subscriber."""
        for subscriber in self._subscribers:
            if not subscriber.waiting:
                subscriber.offer(_HEARTBEAT)
        self._timer = self._next_beat() if self._subscribers else None


class EventStream(Response):
    """The response that carries a subscriber's events until the client goes, falls behind, or the channel closes.

    It costs one task besides the request's own: the one that waits for the client to go. What routed the request does
    not wait with it.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        channel: Channel,
        subscriber: Subscriber,
        *,
        retry_ms: int = RETRY_MS,
    ) -> None:
        super().__init__()
        self._channel = channel
        self._subscriber = subscriber
        self._greeting = f"retry: {retry_ms}\n\n".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Leaves the writing to the edge."""
        await carry_on(scope, receive, send, self._write)

    async def _write(self, receive: Receive, send: Send) -> None:
        """Writes until one of the three ends it; leaves the channel whatever happens."""
        watch = asyncio.create_task(self._until_gone(receive))
        WATCHERS.inc()
        try:
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            await send({"type": "http.response.body", "body": self._greeting, "more_body": True})
            async for chunk in self._subscriber.chunks():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                del chunk
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            WATCHERS.dec()
            watch.cancel()
            self._channel.leave(self._subscriber)

    async def _until_gone(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._subscriber.close()
