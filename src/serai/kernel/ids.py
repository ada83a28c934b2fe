"""Identifiers: sortable ones for things, unguessable ones for possession, readable ones for people.

A UUIDv7 tells when it was made and is half predictable, so it must never prove anything. What proves possession
is a `Capability`: the id of the thing and 128 random bits beside it.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from uuid import UUID

from serai.kernel.ports import Clock, Random

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O, U, so a code can be read aloud and typed from paper."""

_KEY_BYTES = 16
_CAPABILITY_CHARS = 43  # 32 bytes in base64 without padding


def uuid7(clock: Clock, random: Random) -> UUID:
    """A time-ordered identifier (RFC 9562 section 5.7): 48 bits of milliseconds, 74 random bits."""
    millis = int(clock.now().timestamp() * 1000) & 0xFFFF_FFFF_FFFF
    tail = int.from_bytes(random.token(10))
    value = millis << 80 | 0x7 << 76 | (tail >> 64 & 0xFFF) << 64 | 0b10 << 62 | tail & 0x3FFF_FFFF_FFFF_FFFF
    return UUID(int=value)


@dataclass(frozen=True, slots=True)
class Capability:
    """An id that proves the right to the thing it names: whoever shows it may act on it.

    Its text starts with the id, so its first characters may be logged; the key never is.
    """

    id: UUID
    key: bytes

    @classmethod
    def new(cls, clock: Clock, random: Random) -> "Capability":
        """A fresh id with a fresh key."""
        return cls(uuid7(clock, random), random.token(_KEY_BYTES))

    @classmethod
    def parse(cls, text: str) -> "Capability | None":
        """The capability that `text` writes, or None if it writes none."""
        if len(text) != _CAPABILITY_CHARS:
            return None
        try:
            raw = urlsafe_b64decode(text + "=")
        except ValueError:
            return None
        if len(raw) != 16 + _KEY_BYTES or urlsafe_b64encode(raw).rstrip(b"=").decode() != text:
            return None
        return cls(UUID(bytes=raw[:16]), raw[16:])

    def text(self) -> str:
        """43 URL-safe characters."""
        return urlsafe_b64encode(self.id.bytes + self.key).rstrip(b"=").decode()

    def opens(self, key: bytes) -> bool:
        """Whether this is the capability of the thing whose stored key is `key`; in constant time."""
        return hmac.compare_digest(self.key, key)

    def __repr__(self) -> str:
        return f"Capability({self.text()[:8]}…)"


def human_code(random: Random, length: int = 8) -> str:
    """A code for people, 5 bits a character: 'K7M2QX4D'."""
    return "".join(CROCKFORD[random.below(32)] for _ in range(length))


def fold_human_code(text: str) -> str:
    """What somebody typed, as the code they meant: case, hyphens and the look-alikes I, L, O are forgiven."""
    folded = text.upper().replace("-", "").replace(" ", "")
    return folded.translate(str.maketrans("ILO", "110"))
