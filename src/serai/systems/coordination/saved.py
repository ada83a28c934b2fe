"""A snapshot as a file: what `etcdctl snapshot save` and `serai coordination snapshot` write, and a restore reads.

    magic · frames (length, CRC-32, bytes): the head, then chunks · a frame of length 0 · zeros up to 512 n · SHA-256

The length and the digest at the end are what etcd's clients look for before they call a snapshot whole. It prevents a
file that was cut off or altered from being restored in part: the digest is checked before anything is read.
"""

import hashlib
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
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


def read(path: Path) -> tuple[Head, Sequence[bytes]]:
    """What a file says. SnapshotDamaged."""
    data = path.read_bytes()
    if not data.startswith(MAGIC):
        raise SnapshotDamaged(f"{path} is no snapshot of coordination's; etcd's own snapshots cannot be restored here.")
    if hashlib.sha256(data[:-DIGEST_BYTES]).digest() != data[-DIGEST_BYTES:]:
        raise SnapshotDamaged(f"{path} is cut off or altered; take another snapshot.")
    frames = list(_frames(data, path))
    return msgspec.msgpack.decode(frames[0], type=Head), frames[1:]


def _frames(data: bytes, path: Path) -> Iterator[bytes]:
    at = len(MAGIC)
    while True:
        length, check = _FRAME.unpack_from(data, at)
        if length == 0:
            return
        at += _FRAME.size
        frame = data[at : at + length]
        at += length
        if crc32(frame) != check:
            raise SnapshotDamaged(f"{path} is altered at byte {at - length}; take another snapshot.")
        yield frame
