"""The chain of hashes over movements and changes, and its signed heads: who rewrites history cannot hide it.

Each link's hash covers the record's canonical text and the hash before it, so a changed, removed or inserted record
breaks every link behind it. Somebody who rewrites the whole chain cannot sign its daily heads, whose copies may lie
elsewhere.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

GENESIS = bytes(32)
"""The hash before the first."""

_CONTEXT = b"serai stock chain head v1\0"
_SEED = b"serai stock chain key v1\0"


@dataclass(frozen=True, slots=True)
class Record:
    """What a link covers: a movement with its lines, or a change, by its number."""

    source: str
    number: int
    content: Mapping[str, Any]

    def text(self) -> bytes:
        """The canonical text: JSON with sorted keys, times in UTC."""
        document = {"source": self.source, "number": self.number, "content": self.content}
        return orjson.dumps(document, option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z)


@dataclass(frozen=True, slots=True)
class Link:
    """One link: the record it covers, by number, and its hash."""

    seq: int
    source: str
    number: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain as it was on a day, signed."""

    tenant: UUID
    day: date
    seq: int
    hash: bytes
    key_id: int
    signature: bytes = b""

    def message(self) -> bytes:
        """What is signed."""
        return _CONTEXT + self.tenant.bytes + self.day.isoformat().encode() + self.seq.to_bytes(8) + self.hash


def hash_after(before: bytes, record: Record) -> bytes:
    """The link's hash: SHA-256 of the one before and of the record."""
    return sha256(before + record.text()).digest()


def chained(records: Iterable[Record], before: bytes, seq: int) -> Iterator[Link]:
    """The links of these records behind a link that has this hash and number."""
    for record in records:
        seq += 1
        before = hash_after(before, record)
        yield Link(seq, record.source, record.number, before)


@dataclass(frozen=True, slots=True)
class HeadKey:
    """The key that signs heads. It is made from a secret of the site, and belongs to heads alone."""

    id: int
    private: Ed25519PrivateKey

    @classmethod
    def from_secret(cls, key_id: int, secret: bytes) -> "HeadKey":
        """The key that a secret makes; the same secret makes the same key."""
        return cls(key_id, Ed25519PrivateKey.from_private_bytes(sha256(_SEED + secret).digest()))

    def public(self) -> bytes:
        """The 32 bytes that an auditor keeps."""
        return self.private.public_key().public_bytes_raw()

    def sign(self, head: Head) -> bytes:
        """64 bytes."""
        return self.private.sign(head.message())


def signed_by(public: bytes, head: Head) -> bool:
    """Whether the key with this public half signed the head."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(head.signature, head.message())
    except (InvalidSignature, ValueError):
        return False
    return True
