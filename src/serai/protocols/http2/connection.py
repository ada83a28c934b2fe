"""A server's side of one HTTP/2 connection: frames in, events out, and bytes that wait to be sent.

It prevents what one peer could do to all: a stream that fills the memory (windows), a stream that starves the others
(the connection's window is shared by turns), floods of resets and of header fragments, and frames that contradict each
other. Nothing here waits: the edge calls `feed`, does what the events say, and writes what `take` returns.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from serai.protocols.http2 import frames
from serai.protocols.http2.errors import Code, ConnectionFault, StreamFault
from serai.protocols.http2.frames import END_HEADERS, END_STREAM, FRAME_BYTES_MAX, WINDOW_DEFAULT, WINDOW_MAX, Kind
from serai.protocols.http2.hpack import LIST_BYTES_MAX, Decoder, Headers
from serai.protocols.http2.requests import Head, read_head, trailers_fault
from serai.protocols.http2.sending import Sender
from serai.protocols.http2.streams import Stream

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What one connection may take of us."""

    streams_max: int = 4_096
    """Requests under way at once; more are refused, and the client tries again."""
    stream_window_bytes: int = 2 * MIB
    """What a client may send on a stream before somebody has taken it."""
    connection_window_bytes: int = 16 * MIB
    """The same for all streams together."""
    resets_max: int = 1_000
    """Requests given up before they were answered, beyond those answered: a flood of them is work for nothing."""
    fragments_max: int = 16
    """CONTINUATION frames of one header block: as many full ones as the longest list can need, and some."""


class Requested(msgspec.Struct, frozen=True, gc=False):
    """A request began; `end`: it has no body."""

    stream: int
    head: Head
    end: bool


class Came(msgspec.Struct, frozen=True, gc=False):
    """A part of a request's body. Say `consumed` when it is no longer held."""

    stream: int
    data: bytes
    end: bool


class Reset(msgspec.Struct, frozen=True, gc=False):
    """The client gave a request up, or it was malformed: nobody waits for the answer."""

    stream: int
    code: int


class Drained(msgspec.Struct, frozen=True, gc=False):
    """All that was queued for a stream is on its way."""

    stream: int


class Leaving(msgspec.Struct, frozen=True, gc=False):
    """The client opens no more streams."""

    code: int


Event = Requested | Came | Reset | Drained | Leaving


class Connection:
    """Begins with our SETTINGS in `take`. After ConnectionFault, `take` still holds GOAWAY; then close."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits = limits or Limits()
        self.streams: dict[int, Stream] = {}
        self.closing = False
        """No more streams are taken."""
        self._decoder = Decoder()
        self._buffer = b""
        self._greeted = False
        self._settled = False
        """The client's SETTINGS have come."""
        self._last = 0
        """The highest stream that the client has opened."""
        self._forgotten: deque[int] = deque(maxlen=256)
        """Streams that we have reset lately: frames for them may still be on their way."""
        self._fragments: list[bytes] = []
        self._fragment_of: tuple[int, int] | None = None
        """While a header block is incomplete: its stream and flags."""
        self._resets = 0
        self._receive_window = limits.connection_window_bytes
        self._credit = 0
        self._sender = Sender(self.streams, self._finished, self._drained)
        self._sender.out += [
            frames.settings(
                {
                    frames.Setting.MAX_CONCURRENT_STREAMS: limits.streams_max,
                    frames.Setting.INITIAL_WINDOW_SIZE: limits.stream_window_bytes,
                    frames.Setting.MAX_HEADER_LIST_SIZE: LIST_BYTES_MAX,
                }
            ),
            frames.window_update(0, limits.connection_window_bytes - WINDOW_DEFAULT),
        ]
        self._events: list[Event] = []
        self._handlers: dict[int, Callable[[int, int, bytes], None]] = {
            Kind.DATA: self._on_data,
            Kind.HEADERS: self._on_headers,
            Kind.PRIORITY: self._on_priority,
            Kind.RST_STREAM: self._on_reset,
            Kind.SETTINGS: self._on_settings,
            Kind.PUSH_PROMISE: self._on_push,
            Kind.PING: self._on_ping,
            Kind.GOAWAY: self._on_goaway,
            Kind.WINDOW_UPDATE: self._on_window,
            Kind.CONTINUATION: self._on_continuation,
        }

    # Bytes in and out -----------------------------------------------------------------------------------------------

    def feed(self, data: bytes) -> Sequence[Event]:
        """What has come. ConnectionFault, after the events that came before it were lost: close."""
        buffer = self._buffer + data if self._buffer else data
        at = 0
        if not self._greeted:
            at = self._greet(buffer)
        try:
            if self._greeted:
                at = self._read_frames(buffer, at)
        except ConnectionFault as fault:
            self.go_away(fault.code, fault.why)
            raise
        self._buffer = buffer[at:]
        events, self._events = self._events, []
        return events

    def take(self) -> bytes:
        """What is to be sent now; it is then no longer here."""
        data = b"".join(self._sender.out)
        self._sender.out.clear()
        return data

    def _greet(self, buffer: bytes) -> int:
        expected = frames.PREFACE[: len(buffer)]
        if not buffer.startswith(expected):
            self.go_away(Code.PROTOCOL_ERROR, "no HTTP/2 preface")
            raise ConnectionFault(Code.PROTOCOL_ERROR, "the client does not begin as HTTP/2 does")
        if len(buffer) < len(frames.PREFACE):
            return 0
        self._greeted = True
        return len(frames.PREFACE)

    def _read_frames(self, buffer: bytes, at: int) -> int:
        size = len(buffer)
        while at + frames.HEAD_BYTES <= size:
            high, low, kind, flags, stream = frames.read_head(buffer, at)
            length = high << 16 | low
            if length > FRAME_BYTES_MAX:
                raise ConnectionFault(Code.FRAME_SIZE_ERROR, f"a frame has {length} bytes, not {FRAME_BYTES_MAX}")
            end = at + frames.HEAD_BYTES + length
            if end > size:
                break
            self._on_frame(kind, flags, stream & frames.STREAM_MASK, buffer[at + frames.HEAD_BYTES : end])
            at = end
        return at

    def _on_frame(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if self._fragment_of is not None and (kind != Kind.CONTINUATION or stream != self._fragment_of[0]):
            raise ConnectionFault(Code.PROTOCOL_ERROR, "another frame stands inside a header block")
        if not self._settled and kind != Kind.SETTINGS:
            raise ConnectionFault(Code.PROTOCOL_ERROR, "the first frame is not SETTINGS")
        handler = self._handlers.get(kind)
        if handler is None:
            return  # unknown kinds are for extensions (section 5.5)
        try:
            handler(flags, stream, payload)
        except StreamFault as fault:
            self.reset(fault.stream, fault.code)
            self._events.append(Reset(fault.stream, fault.code))

    # Requests -------------------------------------------------------------------------------------------------------

    def _on_headers(self, flags: int, stream: int, payload: bytes) -> None:
        if stream & 1 == 0:
            raise ConnectionFault(Code.PROTOCOL_ERROR, f"stream {stream} is not a client's")
        if flags & frames.PADDED:
            payload = _unpadded(payload)
        if flags & frames.HAS_PRIORITY:
            self._check_priority(stream, payload[:5])
            payload = payload[5:]
        if flags & END_HEADERS:
            self._on_block(stream, flags, payload)
        else:
            self._fragment_of, self._fragments = (stream, flags), [payload]

    def _on_continuation(self, flags: int, stream: int, payload: bytes) -> None:
        if self._fragment_of is None:
            raise ConnectionFault(Code.PROTOCOL_ERROR, "CONTINUATION continues nothing")
        self._fragments.append(payload)
        if len(self._fragments) > self.limits.fragments_max:
            raise ConnectionFault(Code.ENHANCE_YOUR_CALM, "a header block comes in too many pieces")
        if flags & END_HEADERS:
            _, first_flags = self._fragment_of
            self._fragment_of = None
            self._on_block(stream, first_flags, b"".join(self._fragments))

    def _on_block(self, stream: int, flags: int, block: bytes) -> None:
        headers = self._decoder.decode(block)
        end = bool(flags & END_STREAM)
        known = self.streams.get(stream)
        if known is not None:
            self._on_trailers(stream, known, headers, end)
        elif stream <= self._last:
            self._late(stream)
        else:
            self._last = stream
            self._begin(stream, headers, end)

    def _on_trailers(self, stream: int, known: Stream, headers: Headers, end: bool) -> None:
        if known.ended:
            raise StreamFault(stream, Code.STREAM_CLOSED, "headers after the end")
        problem = trailers_fault(headers) or (None if end else "trailers without an end")
        if problem:
            raise StreamFault(stream, Code.PROTOCOL_ERROR, problem)
        self._end(stream, known, b"")

    def _begin(self, stream: int, headers: Headers, end: bool) -> None:
        if self.closing:
            return  # GOAWAY has told that it is not looked at
        if len(self.streams) >= self.limits.streams_max:
            self._sender.out.append(frames.reset(stream, Code.REFUSED_STREAM))
            self._forgotten.append(stream)
            return
        head = read_head(headers)
        if isinstance(head, str):
            raise StreamFault(stream, Code.PROTOCOL_ERROR, head)
        if end and head.content_length:
            raise StreamFault(stream, Code.PROTOCOL_ERROR, "a body was announced and does not come")
        window = self._sender.stream_window
        self.streams[stream] = Stream(window, self.limits.stream_window_bytes, head.content_length, ended=end)
        self._events.append(Requested(stream, head, end))

    def _late(self, stream: int) -> None:
        """Something for a stream that is over: ignored if we have reset it lately, else a client's mistake."""
        if stream not in self._forgotten:
            raise ConnectionFault(Code.STREAM_CLOSED, f"stream {stream} is closed")

    def _on_data(self, flags: int, stream: int, payload: bytes) -> None:
        if stream > self._last or stream & 1 == 0:
            raise ConnectionFault(Code.PROTOCOL_ERROR, f"data for stream {stream}, which is idle")
        size = len(payload)
        self._receive_window -= size
        if self._receive_window < 0:
            raise ConnectionFault(Code.FLOW_CONTROL_ERROR, "more data than the connection's window")
        known = self.streams.get(stream)
        if known is None:
            self._consumed_of_connection(size)
            self._late(stream)
        else:
            self._on_body(stream, known, flags, payload)

    def _on_body(self, stream: int, known: Stream, flags: int, payload: bytes) -> None:
        if known.ended:
            raise StreamFault(stream, Code.STREAM_CLOSED, "data after the end")
        known.receive_window -= len(payload)
        if known.receive_window < 0:
            raise StreamFault(stream, Code.FLOW_CONTROL_ERROR, "more data than the stream's window")
        data = payload
        if flags & frames.PADDED:
            data = _unpadded(payload)
            self.consumed(stream, len(payload) - len(data))
        if known.expected is not None:
            known.expected -= len(data)
        if flags & END_STREAM:
            self._end(stream, known, data)
        else:
            self._events.append(Came(stream, data, False))

    def _end(self, stream: int, known: Stream, data: bytes) -> None:
        known.ended = True
        if known.expected:
            raise StreamFault(stream, Code.PROTOCOL_ERROR, "the body is not as long as was announced")
        self._events.append(Came(stream, data, True))

    def _on_reset(self, flags: int, stream: int, payload: bytes) -> None:
        if len(payload) != 4:
            raise ConnectionFault(Code.FRAME_SIZE_ERROR, "RST_STREAM has four bytes")
        if stream == 0 or stream > self._last or stream & 1 == 0:
            raise ConnectionFault(Code.PROTOCOL_ERROR, f"stream {stream} is idle and cannot be reset")
        known = self.streams.get(stream)
        if known is None:
            return
        if not known.answered:
            self._resets += 1
            if self._resets > self.limits.resets_max:
                raise ConnectionFault(Code.ENHANCE_YOUR_CALM, "too many requests are given up before their answer")
        self._drop(stream)
        self._events.append(Reset(stream, frames.read_word(payload)))

    # What is said of the connection ---------------------------------------------------------------------------------

    def _on_settings(self, flags: int, stream: int, payload: bytes) -> None:
        if stream != 0:
            raise ConnectionFault(Code.PROTOCOL_ERROR, "SETTINGS are of the connection")
        if flags & frames.ACK:
            if payload:
                raise ConnectionFault(Code.FRAME_SIZE_ERROR, "an acknowledgement is empty")
            return
        if len(payload) % 6:
            raise ConnectionFault(Code.FRAME_SIZE_ERROR, "a setting has six bytes")
        self._settled = True
        for key, value in frames.read_settings(payload):
            self._on_setting(key, value)
        self._sender.frame(Kind.SETTINGS, frames.ACK, 0)
        self._sender.flush_all()

    def _on_setting(self, key: int, value: int) -> None:
        if key == frames.Setting.INITIAL_WINDOW_SIZE:
            if value > WINDOW_MAX:
                raise ConnectionFault(Code.FLOW_CONTROL_ERROR, f"a window of {value} bytes is too large")
            if self._sender.resize(value):
                raise ConnectionFault(Code.FLOW_CONTROL_ERROR, "a stream's window grows too large")
        elif key == frames.Setting.MAX_FRAME_SIZE:
            if not FRAME_BYTES_MAX <= value < 1 << 24:
                raise ConnectionFault(Code.PROTOCOL_ERROR, f"frames of {value} bytes cannot be")
            self._sender.frame_max = value
        elif key == frames.Setting.ENABLE_PUSH and value > 1:
            raise ConnectionFault(Code.PROTOCOL_ERROR, f"ENABLE_PUSH is {value}")

    def _on_ping(self, flags: int, stream: int, payload: bytes) -> None:
        if stream != 0:
            raise ConnectionFault(Code.PROTOCOL_ERROR, "PING is of the connection")
        if len(payload) != 8:
            raise ConnectionFault(Code.FRAME_SIZE_ERROR, "PING has eight bytes")
        if not flags & frames.ACK:
            self._sender.frame(Kind.PING, frames.ACK, 0, payload)

    def _on_goaway(self, flags: int, stream: int, payload: bytes) -> None:
        if stream != 0 or len(payload) < 8:
            raise ConnectionFault(Code.PROTOCOL_ERROR, "GOAWAY is of the connection, and has eight bytes")
        self._events.append(Leaving(frames.read_word(payload[4:8])))

    def _on_window(self, flags: int, stream: int, payload: bytes) -> None:
        if len(payload) != 4:
            raise ConnectionFault(Code.FRAME_SIZE_ERROR, "WINDOW_UPDATE has four bytes")
        by = frames.read_word(payload) & frames.STREAM_MASK
        if stream == 0:
            self._grow(by)
            return
        if stream > self._last or stream & 1 == 0:
            raise ConnectionFault(Code.PROTOCOL_ERROR, f"stream {stream} is idle and has no window")
        known = self.streams.get(stream)
        if known is None:
            return
        known.send_window += by
        if by == 0 or known.send_window > WINDOW_MAX:
            raise StreamFault(stream, _growth_code(by), f"the stream's window grows by {by}")
        self._sender.flush(stream, known)

    def _grow(self, by: int) -> None:
        self._sender.window += by
        if by == 0 or self._sender.window > WINDOW_MAX:
            raise ConnectionFault(_growth_code(by), f"the connection's window grows by {by}")
        self._sender.flush_all()

    def _on_priority(self, flags: int, stream: int, payload: bytes) -> None:
        if stream == 0:
            raise ConnectionFault(Code.PROTOCOL_ERROR, "PRIORITY is of a stream")
        if len(payload) != 5:
            raise StreamFault(stream, Code.FRAME_SIZE_ERROR, "PRIORITY has five bytes")
        self._check_priority(stream, payload)

    def _check_priority(self, stream: int, payload: bytes) -> None:
        if len(payload) < 5:
            raise ConnectionFault(Code.FRAME_SIZE_ERROR, "a priority has five bytes")
        if frames.read_word(payload[:4]) & frames.STREAM_MASK == stream:
            raise StreamFault(stream, Code.PROTOCOL_ERROR, "a stream depends on itself")

    def _on_push(self, flags: int, stream: int, payload: bytes) -> None:
        raise ConnectionFault(Code.PROTOCOL_ERROR, "a client cannot push")

    # Answers --------------------------------------------------------------------------------------------------------

    def answer(self, stream: int, head: bytes, body: bytes, last: bytes) -> None:
        """A whole answer of header blocks and a body: the usual end of a call."""
        self._sender.answer(stream, head, body, last)

    def head(self, stream: int, block: bytes) -> None:
        """The answer begins."""
        known = self.streams.get(stream)
        if known is not None:
            known.answered = True
            self._sender.block(stream, block, 0)

    def data(self, stream: int, data: bytes) -> int:
        """A part of the body; how many bytes wait for a window. `Drained` tells when none do."""
        return self._sender.data(stream, data)

    def end(self, stream: int, block: bytes) -> None:
        """The answer ends with these trailers, behind all that is queued; they may be all of it."""
        self._sender.end(stream, block)

    def reset(self, stream: int, code: Code) -> None:
        """The stream ends at once."""
        self._sender.out.append(frames.reset(stream, code))
        self._drop(stream)
        self._forgotten.append(stream)

    def consumed(self, stream: int, size: int) -> None:
        """Bytes of a body are no longer held: the client may send as many more."""
        self._consumed_of_connection(size)
        known = self.streams.get(stream)
        if known is None or known.ended:
            return
        known.credit += size
        if known.credit * 2 >= self.limits.stream_window_bytes:
            self._sender.out.append(frames.window_update(stream, known.credit))
            known.receive_window += known.credit
            known.credit = 0

    def _consumed_of_connection(self, size: int) -> None:
        self._credit += size
        if self._credit * 2 >= self.limits.connection_window_bytes:
            self._sender.out.append(frames.window_update(0, self._credit))
            self._receive_window += self._credit
            self._credit = 0

    def go_away(self, code: Code = Code.NO_ERROR, why: str = "") -> None:
        """No more streams are taken; those that are open go on, unless the code says that all is over."""
        if not self.closing or code is not Code.NO_ERROR:
            self.closing = True
            self._sender.out.append(frames.goaway(self._last, code, why.encode()))

    def _finished(self, stream: int, known: Stream) -> None:
        """We have said all. A client that has not is told to stop (section 8.1)."""
        self._resets = max(0, self._resets - 1)
        if not known.ended:
            self._sender.out.append(frames.reset(stream, Code.NO_ERROR))
            self._forgotten.append(stream)
        del self.streams[stream]

    def _drained(self, stream: int) -> None:
        self._events.append(Drained(stream))

    def _drop(self, stream: int) -> None:
        self.streams.pop(stream, None)
        self._sender.forget(stream)


def _unpadded(payload: bytes) -> bytes:
    if not payload or payload[0] >= len(payload):
        raise ConnectionFault(Code.PROTOCOL_ERROR, "a frame has more padding than bytes")
    return payload[1 : len(payload) - payload[0]]


def _growth_code(by: int) -> Code:
    return Code.FLOW_CONTROL_ERROR if by else Code.PROTOCOL_ERROR
