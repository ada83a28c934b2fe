"""Frames (RFC 9113, sections 4 and 6): the nine bytes before each, what kinds there are, and how they are made."""

import struct
from enum import IntEnum

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What a client says first, so that no other protocol is mistaken for this one (section 3.4)."""

HEAD_BYTES = 9
FRAME_BYTES_MAX = 16_384
"""Of a frame's payload: what every peer takes, and all that we take."""
WINDOW_MAX = (1 << 31) - 1
WINDOW_DEFAULT = 65_535
STREAM_MASK = 0x7FFF_FFFF


class Kind(IntEnum):
    """Types of frames."""

    DATA = 0
    HEADERS = 1
    PRIORITY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PUSH_PROMISE = 5
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    CONTINUATION = 9


END_STREAM = 0x1
ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
HAS_PRIORITY = 0x20


class Setting(IntEnum):
    """Parameters of a SETTINGS frame (section 6.5.2)."""

    HEADER_TABLE_SIZE = 0x1
    ENABLE_PUSH = 0x2
    MAX_CONCURRENT_STREAMS = 0x3
    INITIAL_WINDOW_SIZE = 0x4
    MAX_FRAME_SIZE = 0x5
    MAX_HEADER_LIST_SIZE = 0x6


_head = struct.Struct(">BHBBI")
_setting = struct.Struct(">HI")
_word = struct.Struct(">I")
_goaway = struct.Struct(">II")

read_head = _head.unpack_from
"""(length's high byte, length's low half, kind, flags, stream) at an offset."""


def head(size: int, kind: int, flags: int, stream: int) -> bytes:
    """What stands before a payload of this size."""
    return _head.pack(size >> 16, size & 0xFFFF, kind, flags, stream)


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """One frame."""
    return head(len(payload), kind, flags, stream) + payload


def settings(values: dict[Setting, int]) -> bytes:
    """Ours, as a frame."""
    return frame(Kind.SETTINGS, 0, 0, b"".join([_setting.pack(key, value) for key, value in values.items()]))


def read_settings(payload: bytes) -> list[tuple[int, int]]:
    """The peer's, in order; unknown ones too."""
    return list(_setting.iter_unpack(payload))


def window_update(stream: int, by: int) -> bytes:
    """Room for so many bytes more; stream 0 is the connection."""
    return frame(Kind.WINDOW_UPDATE, 0, stream, _word.pack(by))


def reset(stream: int, code: int) -> bytes:
    """The end of a stream, with a reason."""
    return frame(Kind.RST_STREAM, 0, stream, _word.pack(code))


def goaway(last: int, code: int, why: bytes = b"") -> bytes:
    """Streams above `last` were not looked at; `why` is for people."""
    return frame(Kind.GOAWAY, 0, 0, _goaway.pack(last, code) + why)


def read_word(payload: bytes) -> int:
    """A payload of four bytes."""
    return int(_word.unpack(payload)[0])
