"""The bytes of the log on the disk: segments of batches, a batch of records.

A batch is what one write makes durable: it is there whole or not at all. It carries two numbers that let recovery tell
a write that a crash cut short from a record that a disk has lost: its own `sequence`, and up to which sequence all was
durable when it was written. Damage in a batch that a later one knows to be durable is a loss; damage in one that
nothing vouches for was never promised to anybody.

    segment:  magic 8 | number u32 | salt 8 | crc32 u32                           then batches
    batch:    magic 4 | length u32 | sequence u64 | durable u64 | crc32 u32 | body   little-endian

The salt starts every checksum of its segment, so that bytes which a client stores can never pass for a batch.
zlib's crc32 is used: 0.13 us for 100 bytes against 0.06 us of crc32c, too little for a dependency.
"""

import struct
from dataclasses import dataclass
from zlib import crc32

import msgspec

from serai.mechanisms.consensus.messages import Configuration, Entry

SEGMENT_MAGIC = b"SERAILG1"
BATCH_MAGIC = b"\xb5SRB"
SALT_BYTES = 8

_SEGMENT = struct.Struct("<8sI8sI")
_BATCH = struct.Struct("<4sIQQI")
_COVERED = struct.Struct("<IQQ")
SEGMENT_HEAD_BYTES = _SEGMENT.size


class VoteRecord(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """A group's term and vote."""

    group: int
    term: int
    vote: str | None


class EntriesRecord(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """Entries of a group. The first may lie before the log's end: then it and all after it replace what was there."""

    group: int
    entries: tuple[Entry, ...]


class SnapshotRecord(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """From here on a durable snapshot stands for a group's entries up to `index`.

    `continues`: the log held that entry, so what follows it stays; else the log was of another history and is void.
    """

    group: int
    index: int
    term: int
    configuration: Configuration
    file: str
    continues: bool


Record = VoteRecord | EntriesRecord | SnapshotRecord


@dataclass(frozen=True, slots=True)
class Batch:
    """One write. `durable`: all batches up to this sequence were durable when it was written."""

    sequence: int
    durable: int
    records: tuple[Record, ...]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[Record, ...]).decode


def segment_name(number: int) -> str:
    """Sorted by name, segments are in their order."""
    return f"log-{number:010d}"


def segment_number(file: str) -> int | None:
    """The number of a segment, or None for other files."""
    kind, _, number = file.partition("-")
    return int(number) if kind == "log" and len(number) == 10 and number.isdigit() else None


def segment_head(number: int, salt: bytes) -> bytes:
    """How a segment begins."""
    assert len(salt) == SALT_BYTES, "a salt has eight bytes"
    checksum = crc32(_SEGMENT.pack(SEGMENT_MAGIC, number, salt, 0))
    return _SEGMENT.pack(SEGMENT_MAGIC, number, salt, checksum)


def read_head(data: bytes, number: int) -> bytes | None:
    """The salt of segment `number`, or None if its head is not what was written."""
    if len(data) < _SEGMENT.size:
        return None
    salt = data[12 : 12 + SALT_BYTES]
    return salt if data[: _SEGMENT.size] == segment_head(number, salt) else None


def encode_batch(batch: Batch, salt: bytes) -> bytes:
    """A batch as it is appended."""
    body = _encode(batch.records)
    checksum = _checksum(salt, len(body), batch.sequence, batch.durable, body)
    return _BATCH.pack(BATCH_MAGIC, len(body), batch.sequence, batch.durable, checksum) + body


def _checksum(salt: bytes, length: int, sequence: int, durable: int, body: bytes | memoryview) -> int:
    return crc32(body, crc32(_COVERED.pack(length, sequence, durable), crc32(salt)))


def read_batch(data: bytes, offset: int, salt: bytes) -> tuple[Batch, int] | None:
    """The batch at `offset` and where it ends; None if there is none whole. msgspec.DecodeError: of another format."""
    if len(data) - offset < _BATCH.size:
        return None
    magic, length, sequence, durable, checksum = _BATCH.unpack_from(data, offset)
    end = offset + _BATCH.size + length
    if magic != BATCH_MAGIC or end > len(data):
        return None
    body = memoryview(data)[offset + _BATCH.size : end]
    if _checksum(salt, length, sequence, durable, body) != checksum:
        return None
    return Batch(sequence, durable, _decode(body)), end


def next_batch(data: bytes, offset: int, salt: bytes) -> tuple[Batch, int] | None:
    """The first whole batch at or behind `offset`, wherever it begins, and where it ends."""
    while (offset := data.find(BATCH_MAGIC, offset)) >= 0:
        found = read_batch(data, offset, salt)
        if found is not None:
            return found
        offset += 1
    return None
