"""One request with its answer, as the connection knows it."""

from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class Stream:
    """A request and its answer."""

    send_window: int
    receive_window: int
    expected: int | None
    """Bytes of body that were announced and have not come."""
    ended: bool = False
    """The client has said all."""
    answered: bool = False
    """Something was sent on it."""
    credit: int = 0
    """Bytes consumed that the client was not told of yet."""
    queue: deque[memoryview] = field(default_factory=deque)
    queued: int = 0
    last: bytes | None = None
    """The trailers' block, when no more data will be queued."""
