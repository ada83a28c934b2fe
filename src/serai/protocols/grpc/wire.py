"""Messages, statuses and metadata as bytes (gRPC over HTTP/2, PROTOCOL-HTTP2.md).

It prevents a message that claims more than it may from being waited for, and a small compressed one from becoming a
large one.
"""

import struct
import zlib
from collections.abc import Iterator
from enum import IntEnum
from functools import lru_cache

from serai.protocols.http2.hpack import encode

_prefix = struct.Struct(">BI")
_UNITS = {b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}
_TIMEOUT_DIGITS_MAX = 8
_GZIP = 16 + zlib.MAX_WBITS
_PLAIN = frozenset(range(0x20, 0x7F)) - {0x25}
"""Bytes of a status message that need no escape."""


class Status(IntEnum):
    """Outcomes of a call."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


class Failed(Exception):
    """A call that ends with another status than OK; `message` is for the caller."""

    def __init__(self, status: Status, message: str) -> None:
        super().__init__(f"{status.name}: {message}")
        self.status = status
        self.message = message


HEAD = encode(((b":status", b"200"), (b"content-type", b"application/grpc")))
"""The block with which an answer begins."""

DONE = encode(((b"grpc-status", b"0"),))
"""The block with which a good one ends."""


@lru_cache(maxsize=256)
def failure(status: Status, message: str) -> bytes:
    """The block of trailers that ends an answer that has begun."""
    return encode(_said(status, message))


@lru_cache(maxsize=256)
def failure_alone(status: Status, message: str) -> bytes:
    """The one block of an answer that fails before it begins."""
    return HEAD + encode(_said(status, message))


def _said(status: Status, message: str) -> tuple[tuple[bytes, bytes], ...]:
    escaped = b"".join([bytes([byte]) if byte in _PLAIN else b"%%%02X" % byte for byte in message.encode()])
    return ((b"grpc-status", b"%d" % status), (b"grpc-message", escaped))


def framed(message: bytes) -> bytes:
    """A message as it stands in a body."""
    return _prefix.pack(0, len(message)) + message


def timeout_s(text: bytes) -> float:
    """How long the caller waits, as `grpc-timeout` says it. Failed."""
    digits, unit = text[:-1], text[-1:]
    if not digits.isdigit() or len(digits) > _TIMEOUT_DIGITS_MAX or unit not in _UNITS:
        raise Failed(Status.INVALID_ARGUMENT, f"grpc-timeout is {text.decode(errors='replace')!r}")
    return int(digits) * _UNITS[unit]


class Messages:
    """The messages of one request's body, from pieces of it that are cut anywhere."""

    __slots__ = ("_bytes_max", "_gzip", "_rest")

    def __init__(self, bytes_max: int, encoding: bytes = b"identity") -> None:
        """`encoding` is what `grpc-encoding` said. Failed."""
        if encoding not in (b"identity", b"gzip"):
            raise Failed(Status.UNIMPLEMENTED, f"grpc-encoding {encoding.decode(errors='replace')!r} is not known here")
        self._bytes_max = bytes_max
        self._gzip = encoding == b"gzip"
        self._rest = b""

    @property
    def whole(self) -> bool:
        """Nothing of a message is left over."""
        return not self._rest

    @property
    def held(self) -> int:
        """Bytes of a message that is not whole."""
        return len(self._rest)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Messages that are whole now. Failed."""
        data = self._rest + data if self._rest else data
        at = 0
        while at + _prefix.size <= len(data):
            compressed, length = _prefix.unpack_from(data, at)
            if length > self._bytes_max:
                self._too_large(length)
            end = at + _prefix.size + length
            if end > len(data):
                break
            body = data[at + _prefix.size : end]
            at = end
            yield self._plain(body) if compressed else body
        self._rest = data[at:]

    def _plain(self, body: bytes) -> bytes:
        if not self._gzip:
            raise Failed(Status.INTERNAL, "a message is compressed, and grpc-encoding does not say how")
        unpacker = zlib.decompressobj(_GZIP)
        try:
            plain = unpacker.decompress(body, self._bytes_max + 1)
        except zlib.error as error:
            raise Failed(Status.INTERNAL, f"a message cannot be decompressed: {error}") from error
        if len(plain) > self._bytes_max:
            self._too_large(len(plain))
        return plain

    def _too_large(self, size: int) -> None:
        raise Failed(
            Status.RESOURCE_EXHAUSTED,
            f"grpc: received message larger than max ({size} vs. {self._bytes_max})",
        )
