"""The words of identity, and what each may look like. Refusals name the field, so that a form can show them there."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from serai.kernel.errors import Invalid

NAME_CHARS_MAX = 200
EMAIL_CHARS_MAX = 254
"""RFC 5321 section 4.5.3.1.3 leaves this many for an address."""

PASSWORD_CHARS_MIN = 12
PASSWORD_CHARS_MAX = 200
"""Long enough for any passphrase, short enough that hashing it is not an attack."""

ROLES_MAX = 32
KEY_LIFE_DAYS_MAX = 3_650

NAMED_ROLES: dict[str, frozenset[str]] = {
    "owner": frozenset({"*"}),
    "manager": frozenset({"cinema:*", "simcards:*", "stock:*", "allocation:*", "payments:*", "identity:manage"}),
    "door-staff": frozenset({"cinema:door", "cinema:view"}),
    "stock-staff": frozenset({"stock:view", "stock:move"}),
    "viewer": frozenset({"cinema:view", "stock:view", "payments:view", "allocation:view"}),
}
"""Roles by the name of a job. A membership or key keeps the name, so that a later release may refine what it means."""

_ROLE = re.compile(r"\*|[a-z][a-z0-9_]{0,40}:(\*|[a-z][a-z0-9_]{0,40})")
_SLUG = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f.]+(\.[^@\s\x00-\x1f\x7f.]+)+")


@dataclass(frozen=True, slots=True)
class Organisation:
    """A tenant: everything that it owns carries its id."""

    id: UUID
    slug: str
    name: str


@dataclass(frozen=True, slots=True)
class Member:
    """A user as one organisation sees them."""

    id: UUID
    email: str
    name: str
    roles: tuple[str, ...]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Membership:
    """An organisation as one of its members sees it."""

    organisation: Organisation
    roles: tuple[str, ...]
    since: datetime


@dataclass(frozen=True, slots=True)
class Session:
    """Where a user is signed in. `device` and `address` are those of the sign-in."""

    id: UUID
    device: str
    address: str
    created_at: datetime
    last_seen_at: datetime
    current: bool


@dataclass(frozen=True, slots=True)
class NewUser:
    """Somebody to be made. `password_hash` is computed before the transaction opens: it takes tens of milliseconds."""

    email: str
    name: str
    password_hash: str
    roles: tuple[str, ...]
    demo: bool = False


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a sign-in is checked against."""

    user: UUID
    name: str
    password_hash: str
    session_epoch: int


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is listed: never its secret."""

    id: UUID
    hint: str
    name: str
    roles: tuple[str, ...]
    created_by: str
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None
    state: str
    """'active', 'expired' or 'revoked', by the database's clock."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key at the only moment when its text is known."""

    key: ApiKey
    text: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session at the only moment when its token is known."""

    token: str
    member: Member
    organisation: Organisation
    expires_at: datetime


def expand_roles(roles: Iterable[str]) -> frozenset[str]:
    """What roles allow: named ones become the 'system:verb' strings they stand for."""
    allowed: set[str] = set()
    for role in roles:
        allowed |= NAMED_ROLES.get(role, {role})
    return frozenset(allowed)


def checked_roles(roles: Iterable[str], field: str = "roles") -> tuple[str, ...]:
    """Roles without repetition, in a stable order; Invalid names the one that is none."""
    wanted = tuple(sorted(set(roles)))
    if not 1 <= len(wanted) <= ROLES_MAX:
        raise Invalid.of(field, "count", f"Give between 1 and {ROLES_MAX} roles.")
    for role in wanted:
        if role not in NAMED_ROLES and not _ROLE.fullmatch(role):
            known = ", ".join(NAMED_ROLES)
            raise Invalid.of(field, "unknown_role", f"{role!r} is no role; use one of {known}, or 'system:verb'.")
    return wanted


def checked_slug(slug: str) -> str:
    """A slug fit for addresses and settings."""
    if not _SLUG.fullmatch(slug):
        raise Invalid.of("slug", "malformed", f"{slug[:80]!r} is no slug; use 1 to 63 of a-z, 0-9 and inner hyphens.")
    return slug


def checked_name(name: str, field: str = "name") -> str:
    """A name for people: trimmed, not empty, without control characters."""
    trimmed = name.strip()
    if not 1 <= len(trimmed) <= NAME_CHARS_MAX:
        raise Invalid.of(field, "length", f"Give a name of 1 to {NAME_CHARS_MAX} characters.")
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in trimmed):
        raise Invalid.of(field, "control_character", "A name cannot contain control characters.")
    return trimmed


def checked_email(email: str) -> str:
    """An e-mail address as typed, trimmed. Whether it exists is for a mail to find out."""
    trimmed = email.strip()
    if len(trimmed) > EMAIL_CHARS_MAX or not _EMAIL.fullmatch(trimmed):
        raise Invalid.of("email", "malformed", f"{trimmed[:80]!r} is not an e-mail address.")
    return trimmed


def email_key(email: str) -> str:
    """The form in which addresses are compared: case does not make another person."""
    return unicodedata.normalize("NFC", email.strip()).lower()


def checked_password(password: str, field: str = "password") -> str:
    """A password that may be set. Length is the only rule that helps (NIST SP 800-63B section 5.1.1.2)."""
    if not PASSWORD_CHARS_MIN <= len(password) <= PASSWORD_CHARS_MAX:
        message = f"Choose a password of {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters."
        raise Invalid.of(field, "length", message)
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in password):
        raise Invalid.of(field, "control_character", "A password cannot contain control characters.")
    return password
