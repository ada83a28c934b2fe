"""Snapshots as files: chunks, each with its checksum, and a last record that says how many there must be.

A file is written chunk by chunk, so that a large state neither fills the memory nor holds up the log, and the log
counts on it only when all of it is durable. It prevents a start from half a snapshot: a file that the log counts on and
that is not whole is refused by name.

    magic 8, then records: length u32 | crc32 u32 | kind u8 | body
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from zlib import crc32

from serai.kernel.machines import Append, Replace, Write
from serai.kernel.ports import Disk
from serai.mechanisms.consensus.errors import DamagedSnapshot
from serai.mechanisms.consensus.messages import Image

MAGIC = b"SERAISN1"
_HEAD = struct.Struct("<IIB")
_CHUNK, _END = 1, 2
_COUNT = struct.Struct("<QQQ")


def snapshot_name(group: int, index: int, sequence: int) -> str:
    """A file's name. `sequence` is the log's when it was begun: a name is never used twice."""
    return f"snapshot-{group:05d}-{index:020d}-{sequence}"


def is_snapshot(file: str) -> bool:
    """Whether a file is one."""
    return file.startswith("snapshot-")


def _record(kind: int, body: bytes) -> bytes:
    return _HEAD.pack(len(body), crc32(body, kind), kind) + body


@dataclass(slots=True)
class Writing:
    """A snapshot on its way to the disk: one write at a time, the next when the last is durable."""

    image: Image
    file: str
    foreign: bool
    """It came from a leader, and the applied state is to be restored from it."""
    _written: int = field(default=-1)

    def next(self) -> Write | None:
        """The next write, or None when all are done."""
        self._written += 1
        total = len(self.image.chunks)
        if self._written == 0:
            return Replace(self.file, MAGIC)
        if self._written <= total:
            return Append(self.file, _record(_CHUNK, self.image.chunks[self._written - 1]))
        if self._written == total + 1:
            return Append(self.file, _record(_END, _COUNT.pack(self.image.index, self.image.term, total)))
        return None


def read_snapshot(disk: Disk, file: str, index: int, term: int) -> list[bytes]:
    """The chunks of the snapshot at `index`. DamagedSnapshot."""
    try:
        data = disk.read(file)
    except FileNotFoundError:
        raise DamagedSnapshot.at(file, "it is missing, and the log begins behind it") from None
    if not data.startswith(MAGIC):
        raise DamagedSnapshot.at(file, "it does not begin as a snapshot does")
    chunks: list[bytes] = []
    for kind, body in _records(file, data):
        if kind == _CHUNK:
            chunks.append(body)
        elif kind == _END and body == _COUNT.pack(index, term, len(chunks)):
            return chunks
        else:
            break
    raise DamagedSnapshot.at(file, f"it does not end as the snapshot at entry {index} of term {term} does")


def _records(file: str, data: bytes) -> Iterator[tuple[int, bytes]]:
    offset = len(MAGIC)
    while offset + _HEAD.size <= len(data):
        length, checksum, kind = _HEAD.unpack_from(data, offset)
        body = data[offset + _HEAD.size : offset + _HEAD.size + length]
        if len(body) < length or crc32(body, kind) != checksum:
            raise DamagedSnapshot.at(file, f"the record at byte {offset} does not match its checksum")
        yield kind, body
        offset += _HEAD.size + length
