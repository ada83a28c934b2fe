"""Frames between peers: what a connection begins with, and what travels on it afterwards.

    length u32 | channel u8 | body            little-endian

A hello says which version, which cluster and who; a connection that begins with anything else is closed. Messages are
whatever the machine's codec makes of them. A request and its reply find each other by a number.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

import msgspec

VERSION = 1
FRAME_BYTES_MAX = 64 * 1024 * 1024 + 1024
HELLO_BYTES_MAX = 4096
"""Before a peer has said who it is, no more is taken of it."""

_HEAD = struct.Struct("<IB")
_NUMBER = struct.Struct("<Q")


class Channel(IntEnum):
    """What a frame is."""

    HELLO = 0
    MESSAGE = 1
    REQUEST = 2
    REPLY = 3
    REFUSAL = 4
    """A reply that says why there is none; with number 0 instead of a hello, why the caller is not spoken with."""
    FAREWELL = 5
    """Whoever hears this is no member any more."""


class Hello(msgspec.Struct, frozen=True, array_like=True):
    """Who speaks. `to` is whom it takes the other side for."""

    version: int
    cluster: str
    name: str
    to: str


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame."""

    channel: Channel
    body: bytes


class BadFrame(Exception):
    """Bytes that no peer of ours sends."""


def frame(channel: Channel, body: bytes) -> bytes:
    """One frame."""
    assert len(body) < FRAME_BYTES_MAX, "what is sent is limited elsewhere"
    return _HEAD.pack(len(body), channel) + body


def numbered(number: int, body: bytes) -> bytes:
    """A request's or a reply's body."""
    return _NUMBER.pack(number) + body


def number_of(body: bytes) -> tuple[int, bytes]:
    """The number and the rest. BadFrame."""
    if len(body) < _NUMBER.size:
        raise BadFrame("a request or a reply has no number")
    return _NUMBER.unpack_from(body)[0], body[_NUMBER.size :]


def read_hello(body: bytes) -> Hello:
    """BadFrame."""
    try:
        return msgspec.msgpack.decode(body, type=Hello)
    except msgspec.DecodeError as error:
        raise BadFrame(f"a hello cannot be read: {error}") from error


class Frames:
    """The frames of a stream that is cut anywhere."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self.bytes_max = HELLO_BYTES_MAX
        """Of a frame's body; more once the peer is known."""

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Those that are whole now. BadFrame."""
        rest = self._rest
        rest += data
        at = 0
        try:
            while len(rest) - at >= _HEAD.size:
                length, channel = _HEAD.unpack_from(rest, at)
                if length > self.bytes_max:
                    raise BadFrame(f"a frame claims {length} bytes; at most {self.bytes_max} are taken")
                end = at + _HEAD.size + length
                if end > len(rest):
                    break
                body = bytes(memoryview(rest)[at + _HEAD.size : end])
                at = end
                yield Frame(_channel(channel), body)
        finally:
            del rest[:at]


def _channel(number: int) -> Channel:
    try:
        return Channel(number)
    except ValueError as error:
        raise BadFrame(f"there is no channel {number}") from error
