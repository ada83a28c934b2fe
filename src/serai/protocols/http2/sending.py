"""What a server sends: answers on many streams, each no faster than its client takes them (RFC 9113, section 5.2).

It prevents a stream that starves the others: those that the connection's window keeps back send one frame each in turn.
"""

from collections.abc import Callable

from serai.protocols.http2 import frames
from serai.protocols.http2.frames import END_HEADERS, END_STREAM, FRAME_BYTES_MAX, WINDOW_DEFAULT, WINDOW_MAX, Kind
from serai.protocols.http2.streams import Stream


class Sender:
    """The way out. `out` is what waits to be written, `finished` hears of streams on which all was said, `drained` of
    those that had to wait and have nothing queued any more.
    """

    def __init__(
        self, streams: dict[int, Stream], finished: Callable[[int, Stream], None], drained: Callable[[int], None]
    ) -> None:
        self.out: list[bytes | memoryview] = []
        self.window = WINDOW_DEFAULT
        """Bytes of bodies that the client takes on all streams together."""
        self.stream_window = WINDOW_DEFAULT
        """The same on a new stream."""
        self.frame_max = FRAME_BYTES_MAX
        self._streams = streams
        self._finished = finished
        self._drained = drained
        self._blocked: dict[int, None] = {}
        """Streams with a body that a window keeps back, in turn."""

    def frame(self, kind: int, flags: int, stream: int, payload: bytes | memoryview = b"") -> None:
        """One frame."""
        self.out.append(frames.head(len(payload), kind, flags, stream))
        if payload:
            self.out.append(payload)

    def block(self, stream: int, block: bytes, flags: int) -> None:
        """A header block, in as many frames as the client's limit asks for."""
        parts = [block[at : at + self.frame_max] for at in range(0, len(block), self.frame_max)] or [b""]
        for number, part in enumerate(parts):
            kind = Kind.CONTINUATION if number else Kind.HEADERS
            last = END_HEADERS if number == len(parts) - 1 else 0
            self.frame(kind, (0 if number else flags) | last, stream, part)

    def answer(self, stream: int, head: bytes, body: bytes, last: bytes) -> None:
        """A whole answer in one piece where the windows allow it."""
        known = self._streams.get(stream)
        if known is None:
            return  # given up meanwhile
        size = len(body)
        if size > min(known.send_window, self.window, self.frame_max):
            self.block(stream, head, 0)
            self.data(stream, body)
            self.end(stream, last)
            return
        self.window -= size
        self.out += (
            frames.head(len(head), Kind.HEADERS, END_HEADERS, stream),
            head,
            frames.head(size, Kind.DATA, 0, stream),
            body,
            frames.head(len(last), Kind.HEADERS, END_HEADERS | END_STREAM, stream),
            last,
        )
        self._finished(stream, known)

    def data(self, stream: int, data: bytes) -> int:
        """A part of a body; how many bytes wait for a window."""
        known = self._streams.get(stream)
        if known is None or not data:
            return 0
        assert known.last is None, "nothing follows the end"
        known.queue.append(memoryview(data))
        known.queued += len(data)
        self.flush(stream, known)
        return known.queued

    def end(self, stream: int, block: bytes) -> None:
        """The answer ends with these trailers, behind all that is queued."""
        known = self._streams.get(stream)
        if known is not None:
            known.answered = True
            known.last = block
            self.flush(stream, known)

    def flush(self, stream: int, known: Stream) -> None:
        """Sends what the windows allow."""
        while known.queue and known.send_window > 0 and self.window > 0:
            self._send_part(stream, known)
        self._settle(stream, known)

    def flush_all(self) -> None:
        """The connection's window has grown, or every stream's: those that waited go on, a frame each in turn."""
        waiting = [stream for stream in self._blocked if self._streams[stream].send_window > 0]
        while waiting and self.window > 0:
            for stream in waiting:
                self._send_part(stream, self._streams[stream])
                if self.window <= 0:
                    break
            waiting = [stream for stream in waiting if (known := self._streams[stream]).queue and known.send_window > 0]
        for stream in list(self._blocked):
            self._settle(stream, self._streams[stream])

    def _send_part(self, stream: int, known: Stream) -> None:
        part = known.queue[0]
        size = min(len(part), known.send_window, self.window, self.frame_max)
        if size < len(part):
            known.queue[0] = part[size:]
        else:
            known.queue.popleft()
        known.send_window -= size
        known.queued -= size
        self.window -= size
        self.frame(Kind.DATA, 0, stream, part[:size])

    def _settle(self, stream: int, known: Stream) -> None:
        if known.queue:
            self._blocked[stream] = self._blocked.pop(stream, None)  # behind the others
        elif known.last is not None:
            self.forget(stream)
            self.block(stream, known.last, END_STREAM)
            self._finished(stream, known)
        elif stream in self._blocked:
            self.forget(stream)
            self._drained(stream)

    def forget(self, stream: int) -> None:
        """Nothing more is sent on it."""
        self._blocked.pop(stream, None)

    def resize(self, window: int) -> bool:
        """The client's setting for every stream's window, also those that are open; whether one grew too large."""
        for known in self._streams.values():
            known.send_window += window - self.stream_window
        self.stream_window = window
        return any(known.send_window > WINDOW_MAX for known in self._streams.values())
