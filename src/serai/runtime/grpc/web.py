"""What handlers of requests that are no calls see of HTTP, whichever version it comes in."""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Request:
    """A request. Names of headers are in lower case; `body` may be read once."""

    method: str = ""
    path: str = ""
    query: str = ""
    headers: dict[bytes, bytes] = field(default_factory=dict)
    peer: str = ""
    taken: Callable[[int], None] = lambda size: None
    """Told how many bytes of the body are no longer held."""
    buffered: int = 0
    _parts: deque[bytes] = field(default_factory=deque)
    _ended: bool = False
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, data: bytes, *, end: bool) -> None:
        """A piece of its body."""
        if data:
            self._parts.append(data)
            self.buffered += len(data)
        self._ended = end
        self._arrived.set()

    async def body(self) -> AsyncIterator[bytes]:
        """Its pieces, as they come."""
        while True:
            while self._parts:
                part = self._parts.popleft()
                self.buffered -= len(part)
                self.taken(len(part))
                yield part
            if self._ended:
                return
            self._arrived.clear()
            await self._arrived.wait()


class Reply(ABC):
    """The answer to one request: `whole`, or `begin` and then `part` until the handler returns."""

    begun = False
    streams = False
    """It comes in parts."""

    @abstractmethod
    def whole(self, status: int, body: bytes, media_type: str = "application/json") -> None:
        """All of it."""

    @abstractmethod
    def begin(self, status: int, media_type: str = "application/json") -> None:
        """Its head; parts follow."""

    @abstractmethod
    def tell(self, data: bytes) -> None:
        """A piece, however slowly the client reads: the last one."""

    @abstractmethod
    async def part(self, data: bytes) -> None:
        """A piece; waits while the client reads slowly."""


Handle = Callable[[Request, Reply], Awaitable[None]]
