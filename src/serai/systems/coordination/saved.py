"""A snapshot as a file: what `etcdctl snapshot save` and `serai coordination snapshot` write, and a restore reads.

    magic · frames (length, CRC-32, bytes): the head, then chunks · a frame of length 0 · zeros up to 512 n · SHA-256

The length and the digest at the end are what etcd's clients look for before they call a snapshot whole. It prevents a
file that was cut off or altered from being restored in part: the digest is checked before anything is read.
"""

import hashlib
import os
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO
from zlib import crc32

import msgspec

from serai.kernel.errors import Misconfigured
from serai.systems.coordination.member import Snapshot

MAGIC = b"serai coordination snapshot 1\n"
BLOB_BYTES = 256 * 1024
"""Of one message at most."""
BLOCK_BYTES = 512
DIGEST_BYTES = 32

_FRAME = struct.Struct(">II")


class SnapshotDamaged(Misconfigured):
    """A snapshot's file is not what was written."""

    code = "coordination_snapshot_damaged"


class Head(msgspec.Struct, frozen=True):
    """As of what the snapshot is."""

    index: int
    term: int
    revision: int


def _framed(data: bytes) -> bytes:
    assert data, "a frame of length 0 ends the file"
    return _FRAME.pack(len(data), crc32(data)) + data


def _parts(snapshot: Snapshot) -> Iterator[tuple[bytes, int]]:
    """The file's parts, each with the number of chunks that follow."""
    left = len(snapshot.chunks)
    head = Head(snapshot.index, snapshot.term, snapshot.revision)
    yield MAGIC + _framed(msgspec.msgpack.encode(head)), left
    for number in range(left):
        yield _framed(snapshot.chunks[number]), left - number - 1


def written(snapshot: Snapshot) -> Iterator[tuple[int, bytes]]:
    """The file in pieces, each with about how many bytes follow: never more than before, and 0 for the last alone."""
    digest = hashlib.sha256()
    size = 0
    follow = 1 << 62
    for part, left in _parts(snapshot):
        digest.update(part)
        size += len(part)
        for start in range(0, len(part), BLOB_BYTES):
            follow = min(follow, left * BLOB_BYTES + len(part) - start + DIGEST_BYTES)
            yield follow, part[start : start + BLOB_BYTES]
    end = bytes(_FRAME.size + -(size + _FRAME.size) % BLOCK_BYTES)
    digest.update(end)
    yield 0, end + digest.digest()


class SavedChunks(Sequence[bytes]):
    """The chunks of a file, each read when it is asked for: a snapshot may be larger than the memory."""

    def __init__(self, path: Path, places: list[tuple[int, int, int]]) -> None:
        """`places` are (offset, length, CRC-32)."""
        self._path = path
        self._places = places

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, number: int) -> bytes:  # type: ignore[override]  # nobody slices a snapshot
        offset, length, check = self._places[number]
        with self._path.open("rb") as file:
            file.seek(offset)
            chunk = file.read(length)
        if crc32(chunk) != check:
            raise SnapshotDamaged(f"{self._path} is altered at byte {offset}; take another snapshot.")
        return chunk


def read(path: Path) -> tuple[Head, Sequence[bytes]]:
    """What a file says: all of it is checked before anything is told. SnapshotDamaged."""
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise SnapshotDamaged(
                f"{path} is no snapshot of coordination's; etcd's own snapshots cannot be restored here."
            )
        size = path.stat().st_size - DIGEST_BYTES
        if _digest(file, size) != file.read():
            raise SnapshotDamaged(f"{path} is cut off or altered; take another snapshot.")
        first, *others = _places(file)
    head = SavedChunks(path, [first])[0]
    return msgspec.msgpack.decode(head, type=Head), SavedChunks(path, others)


def digest_of(path: Path) -> str:
    """By which one file is told from another."""
    with path.open("rb") as file:
        file.seek(-DIGEST_BYTES, os.SEEK_END)
        return file.read().hex()


def _digest(file: BinaryIO, size: int) -> bytes:
    """Of so many bytes from the start; the file then stands behind them."""
    digest = hashlib.sha256()
    file.seek(0)
    while size > 0 and (part := file.read(min(size, BLOB_BYTES))):
        digest.update(part)
        size -= len(part)
    return digest.digest()


def _places(file: BinaryIO) -> Iterator[tuple[int, int, int]]:
    at = len(MAGIC)
    while True:
        file.seek(at)
        length, check = _FRAME.unpack(file.read(_FRAME.size))
        if length == 0:
            return
        yield at + _FRAME.size, length, check
        at += _FRAME.size + length
