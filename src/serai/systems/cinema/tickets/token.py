"""The signed token in a ticket's QR: who may sit where and when, provable without a network.

A guessable or forgeable ticket lets strangers in, and a bulky one does not scan from a dim phone. So the token is 32
bytes and their Ed25519 signature, written in the 32 letters that QR packs tightest (alphanumeric mode): 154
characters, a version 6 symbol. It names no person. Times are steps of five minutes: the window opens early and closes
late by less than one step, never the other way round.

    byte  0      format, 1              bytes 21-26  serial, unique among all tickets of the installation
    bytes 1-2    key id                 bytes 27-29  window opens, in 5-minute steps since 2020
    bytes 3-18   show id (a UUID)       bytes 30-31  length of the window, in 5-minute steps
    bytes 19-20  seat key               bytes 32-95  Ed25519 signature (RFC 8032)
"""

from base64 import b32decode, b32encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from struct import Struct
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

FORMAT: Final = 1
KEY_ID_MAX: Final = 2**16 - 1
SEAT_KEY_MAX: Final = 2**16 - 1
SERIAL_MAX: Final = 2**48 - 1
STEP_S: Final = 300
WINDOW_STEPS_MAX: Final = 2**16 - 1
EPOCH: Final = datetime(2020, 1, 1, tzinfo=UTC)
PAYLOAD_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
TOKEN_CHARS: Final = 154

_CONTEXT = b"serai cinema ticket\x00"
"""Signed before the payload, so that no signature of this key for anything else can be shown as a ticket."""
_PAYLOAD = Struct(">BH16sHHIHBH")
"""Format, key id, show, seat, serial (high 16 and low 32 bits), opening (high 16 and low 8 bits), length."""
assert _PAYLOAD.size == PAYLOAD_BYTES


class Verification(StrEnum):
    """What a token proves."""

    OK = "ok"
    BAD_SIGNATURE = "bad_signature"
    """Not a token of ours at all, or changed after it was signed."""
    UNKNOWN_KEY = "unknown_key"
    """Well formed, but signed by a key that this door does not hold."""
    WRONG_SHOW = "wrong_show"
    NOT_YET = "not_yet"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Ticket:
    """The right to one seat of one show, within a window of time (UTC)."""

    show_id: UUID
    seat_key: int
    serial: int
    opens_at: datetime
    closes_at: datetime

    def __post_init__(self) -> None:
        assert 1 <= self.seat_key <= SEAT_KEY_MAX, f"seat key {self.seat_key} does not fit a token"
        assert 0 <= self.serial <= SERIAL_MAX, f"serial {self.serial} does not fit a token"
        assert EPOCH <= self.opens_at < self.closes_at, f"an empty window, {self.opens_at} to {self.closes_at}"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """What a door needs to verify tickets: a key's number and its 32 public bytes."""

    id: int
    raw: bytes

    def signed(self, signature: bytes, message: bytes) -> bool:
        """Whether this key signed the message."""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except (InvalidSignature, ValueError):
            # ValueError: the bytes are not a key at all; such a key signed nothing.
            return False
        return True


@dataclass(frozen=True, slots=True, repr=False)
class TicketKey:
    """A signing key. Keep its 32-byte seed secret; rotate by adding a key of another id and keeping the old public."""

    id: int
    private: Ed25519PrivateKey

    @classmethod
    def from_seed(cls, key_id: int, seed: bytes) -> "TicketKey":
        """The key that a 32-byte seed makes; the same seed makes the same key."""
        assert 0 <= key_id <= KEY_ID_MAX, f"key id {key_id} does not fit a token"
        return cls(key_id, Ed25519PrivateKey.from_private_bytes(seed))

    @property
    def public(self) -> PublicKey:
        """Its public half."""
        return PublicKey(self.id, self.private.public_key().public_bytes_raw())

    def sign(self, ticket: Ticket) -> str:
        """The ticket's token: 154 characters of A-Z and 2-7."""
        payload = _pack(self.id, ticket)
        signed = payload + self.private.sign(_CONTEXT + payload)
        text = b32encode(signed).rstrip(b"=").decode()
        assert len(text) == TOKEN_CHARS
        return text

    def __repr__(self) -> str:
        return f"TicketKey({self.id})"


@dataclass(frozen=True, slots=True)
class Checked:
    """What a token proves, and the ticket that it carries whenever its signature is good."""

    verification: Verification
    ticket: Ticket | None = None


def verify(token: str, keys: Mapping[int, PublicKey], *, show_id: UUID | None, at: datetime) -> Checked:
    """What `token` proves at a door of show `show_id` (None: any show) at the time `at`.

    The signature is judged first: nothing that an unsigned token says is believed.
    """
    raw = _raw(token)
    if raw is None:
        return Checked(Verification.BAD_SIGNATURE)
    payload, signature = raw[:PAYLOAD_BYTES], raw[PAYLOAD_BYTES:]
    key_id, ticket = _unpack(payload)
    if key_id not in keys:
        return Checked(Verification.UNKNOWN_KEY)
    if ticket is None or not keys[key_id].signed(signature, _CONTEXT + payload):
        return Checked(Verification.BAD_SIGNATURE)
    return Checked(_judge(ticket, show_id, at), ticket)


def _judge(ticket: Ticket, show_id: UUID | None, at: datetime) -> Verification:
    if show_id is not None and ticket.show_id != show_id:
        return Verification.WRONG_SHOW
    if at < ticket.opens_at:
        return Verification.NOT_YET
    return Verification.EXPIRED if at >= ticket.closes_at else Verification.OK


def _pack(key_id: int, ticket: Ticket) -> bytes:
    opens = (ticket.opens_at - EPOCH) // timedelta(seconds=STEP_S)
    closes = -((EPOCH - ticket.closes_at) // timedelta(seconds=STEP_S))
    assert opens < 2**24 and closes - opens <= WINDOW_STEPS_MAX, "the window is too far away or too long"
    serial = ticket.serial
    return _PAYLOAD.pack(
        FORMAT,
        key_id,
        ticket.show_id.bytes,
        ticket.seat_key,
        serial >> 32,
        serial & 0xFFFF_FFFF,
        opens >> 8,
        opens & 0xFF,
        closes - opens,
    )


def _unpack(payload: bytes) -> tuple[int, Ticket | None]:
    """The key id and the ticket; no ticket if the fields make none (which no key of ours ever signed)."""
    form, key_id, show, seat, high, low, opens_high, opens_low, length = _PAYLOAD.unpack(payload)
    if form != FORMAT or seat == 0 or length == 0:
        return key_id, None
    opens_at = EPOCH + timedelta(seconds=STEP_S) * (opens_high << 8 | opens_low)
    closes_at = opens_at + timedelta(seconds=STEP_S) * length
    return key_id, Ticket(UUID(bytes=show), seat, high << 32 | low, opens_at, closes_at)


def _raw(token: str) -> bytes | None:
    """The bytes that a token writes, or None. Case and surrounding blanks are forgiven, as scanners add them."""
    text = token.strip().upper()
    if len(text) != TOKEN_CHARS or not text.isascii():
        return None
    try:
        raw = b32decode(text + "=" * (-len(text) % 8))
    except ValueError:
        return None
    # Two spare bits at the end must be zero: a ticket has one spelling, not four.
    return raw if b32encode(raw).rstrip(b"=").decode() == text else None
