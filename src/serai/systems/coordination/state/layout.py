"""Where things are in the ordered map: the first byte says what a record is, the rest orders it.

    k KEY                    a key that is there, as it is now
    h KEY' NOT-REVISION      when a key changed, newest first: what it was at any revision is one short scan away
    r REVISION SUB           what changed, in order: what watchers catch up from and what compaction walks along
    l LEASE                  a lease
    a LEASE KEY              a key that ends with its lease
    m NAME                   one of a kind: the marks (applied entry, revisions, size), members, users

KEY' is the key with its zero bytes escaped and an end that sorts before any continuation, so that keys of any bytes
keep their order in front of a revision. Revisions are eight bytes, the newest first where they are inverted.
"""

import struct

_REVISION = struct.Struct(">Q")
_PLACE = struct.Struct(">QI")
_TOP = (1 << 64) - 1

CURRENT = b"k"
HISTORY = b"h"
CHANGES = b"r"
LEASES = b"l"
ATTACHED = b"a"
ONE_OF_A_KIND = b"m"

EVERYTHING = (b"", b"\xff")
"""Bounds of all records."""

_END = b"\x00\x01"


def after(prefix: bytes) -> bytes:
    """The first record behind all that begin with this, which does not end in 0xff."""
    return prefix[:-1] + bytes([prefix[-1] + 1])


def bounds(key: bytes, range_end: bytes) -> tuple[bytes, bytes]:
    """A range of keys as etcd says it: first and end. An end of b"" alone means that there is none."""
    if not range_end:
        return key, key + b"\x00"
    if range_end == b"\x00":
        return key, b""
    return key, max(key, range_end)


def current(key: bytes) -> bytes:
    """Of a key that is there."""
    return CURRENT + key


def current_range(first: bytes, end: bytes) -> tuple[bytes, bytes]:
    """Of the keys between."""
    return CURRENT + first, CURRENT + end if end else after(CURRENT)


def escaped(key: bytes) -> bytes:
    """A key that sorts as it does, and before whatever continues it."""
    return key.replace(b"\x00", b"\x00\xff") + _END


def unescaped(record: bytes) -> tuple[bytes, int]:
    """The key and the revision of a record of history."""
    (inverted,) = _REVISION.unpack_from(record, len(record) - _REVISION.size)
    key = record[len(HISTORY) : -_REVISION.size - len(_END)].replace(b"\x00\xff", b"\x00")
    return key, _TOP - inverted


def history(key: bytes, revision: int) -> bytes:
    """A change of a key; a scan from here finds this one or the next older."""
    return HISTORY + escaped(key) + _REVISION.pack(_TOP - revision)


def history_of(key: bytes) -> tuple[bytes, bytes]:
    """All changes of a key, newest first."""
    start = HISTORY + escaped(key)
    return start, after(start)


def history_range(first: bytes, end: bytes) -> tuple[bytes, bytes]:
    """All changes of the keys between."""
    return HISTORY + escaped(first), HISTORY + escaped(end) if end else after(HISTORY)


def change(revision: int, sub: int) -> bytes:
    """What changed, as number `sub` of a revision."""
    return CHANGES + _PLACE.pack(revision, sub)


def change_place(record: bytes) -> tuple[int, int]:
    """Revision and number."""
    revision, sub = _PLACE.unpack_from(record, len(CHANGES))
    return revision, sub


def changes(first: int, end: int) -> tuple[bytes, bytes]:
    """Changes with first <= revision < end."""
    return change(first, 0), change(end, 0)


def lease(number: int) -> bytes:
    """A lease."""
    return LEASES + _REVISION.pack(number & _TOP)


def attached(number: int, key: bytes) -> bytes:
    """A key of a lease."""
    return ATTACHED + _REVISION.pack(number & _TOP) + key


def attached_to(number: int) -> tuple[bytes, bytes]:
    """All keys of a lease."""
    start = attached(number, b"")
    return start, ATTACHED + _REVISION.pack((number & _TOP) + 1) if number & _TOP < _TOP else after(ATTACHED)


def attached_key(record: bytes) -> bytes:
    """The key."""
    return record[len(ATTACHED) + _REVISION.size :]


def only(name: str) -> bytes:
    """One of a kind."""
    return ONE_OF_A_KIND + name.encode()
