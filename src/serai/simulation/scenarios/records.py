"""A log of checksummed records for the scenarios' machines: what is whole is read, a torn end is told apart."""

from collections.abc import Iterator
from json import dumps, loads
from struct import Struct
from typing import Any
from zlib import crc32

_HEAD = Struct("<II")
"""Length and CRC-32 of the content."""


def packed(content: object) -> bytes:
    """A record."""
    data = dumps(content).encode()
    return _HEAD.pack(len(data), crc32(data)) + data


def unpacked(log: bytes) -> Iterator[tuple[Any, int]]:
    """Records from the start with the offset behind each, up to the first that is not whole."""
    at = 0
    while at + _HEAD.size <= len(log):
        size, checksum = _HEAD.unpack_from(log, at)
        data = log[at + _HEAD.size : at + _HEAD.size + size]
        if len(data) < size or not size or crc32(data) != checksum:
            return
        at += _HEAD.size + size
        yield loads(data), at
