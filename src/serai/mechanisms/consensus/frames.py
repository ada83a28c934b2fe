"""Messages as bytes: a frame is its length, a checksum, and the message as MessagePack.

It prevents a message that a wire or a memory has altered from being believed, and a peer that claims an endless frame
from filling the memory. A decoder takes any cut of the stream.

    length u32 | crc32 u32 | body        little-endian; the checksum covers length and body
"""

import struct
from collections.abc import Iterator
from zlib import crc32

import msgspec

from serai.mechanisms.consensus.errors import BadFrame
from serai.mechanisms.consensus.messages import AnyMessage
from serai.mechanisms.consensus.settings import MIB

FRAME_BYTES_MAX = 64 * MIB
"""A frame that claims more is not ours: the largest is one entry or one chunk with its envelope."""

_HEAD = struct.Struct("<II")
_LENGTH = struct.Struct("<I")
_encode = msgspec.msgpack.Encoder().encode
_decoder: msgspec.msgpack.Decoder[AnyMessage] = msgspec.msgpack.Decoder(AnyMessage)


def encode(message: AnyMessage) -> bytes:
    """One frame."""
    body = _encode(message)
    assert len(body) <= FRAME_BYTES_MAX, "entries and chunks are limited far below a frame"
    return _HEAD.pack(len(body), crc32(body, crc32(_LENGTH.pack(len(body))))) + body


class Decoder:
    """A stream of frames from one peer. After BadFrame it is of no use: close the connection."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[AnyMessage]:
        """Messages that are complete now. BadFrame."""
        self._buffer += data
        while len(self._buffer) >= _HEAD.size:
            length, checksum = _HEAD.unpack_from(self._buffer)
            if length > FRAME_BYTES_MAX:
                raise BadFrame(f"a frame claims {length} bytes; at most {FRAME_BYTES_MAX} are sent")
            if len(self._buffer) < _HEAD.size + length:
                return
            body = bytes(self._buffer[_HEAD.size : _HEAD.size + length])
            del self._buffer[: _HEAD.size + length]
            yield _message(body, checksum)


def _message(body: bytes, checksum: int) -> AnyMessage:
    if crc32(body, crc32(_LENGTH.pack(len(body)))) != checksum:
        raise BadFrame(f"a frame of {len(body)} bytes does not match its checksum")
    try:
        return _decoder.decode(body)
    except msgspec.DecodeError as error:
        raise BadFrame(f"a frame of {len(body)} bytes is no message: {error}") from error
