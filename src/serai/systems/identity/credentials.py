"""The texts that prove something: API keys, session tokens, guest cookies, form tokens. Pure; chance is an argument.

A key or token is 208 random bits and the id of its tenant, so the row can be looked up inside a transaction of that
tenant and no query ever sees across tenants. A forged tenant finds nothing: the hash is looked up there and is not.
Only SHA-256 digests are stored; with that much chance in a secret a slow hash would protect nothing.
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from uuid import UUID

from serai.kernel.ports import Random

KEY_PREFIX = "sk_serai_"
"""How an API key begins, so that people and secret scanners recognise one."""

HINT_CHARS = len(KEY_PREFIX) + 6
"""So much of a key's text is kept readable; 172 unknown bits remain."""

_SECRET_BYTES = 26
_TOKEN_BYTES = _SECRET_BYTES + 16  # 42 bytes are exactly 56 characters: one text per value
_TOKEN_CHARS = 56
_GUEST_BYTES = 16
_MAC_BYTES = 16


@dataclass(frozen=True, slots=True)
class Token:
    """What a key or session cookie says: whose row to look for, and by which digest."""

    tenant: UUID
    digest: bytes

    def __repr__(self) -> str:
        return f"Token({self.tenant})"


def new_token(tenant: UUID, random: Random) -> str:
    """56 URL-safe characters of a fresh secret for `tenant`."""
    return _b64(random.token(_SECRET_BYTES) + tenant.bytes)


def parse_token(text: str) -> Token | None:
    """The token that `text` writes, or None if it writes none: such a text costs no query."""
    raw = _unb64(text, _TOKEN_CHARS, _TOKEN_BYTES)
    return None if raw is None else Token(UUID(bytes=raw[_SECRET_BYTES:]), hashlib.sha256(text.encode()).digest())


def new_key(tenant: UUID, random: Random) -> str:
    """The text of a fresh API key."""
    return KEY_PREFIX + new_token(tenant, random)


def parse_key(text: str) -> Token | None:
    """The key that `text` writes, or None."""
    return parse_token(text[len(KEY_PREFIX) :]) if text.startswith(KEY_PREFIX) else None


def key_hint(text: str) -> str:
    """How a key is shown once its text is gone: 'sk_serai_a1B2c3'."""
    return text[:HINT_CHARS]


class Signer:
    """Signs what we hand to browsers without storing it. Each purpose has a key of its own, derived from one secret."""

    def __init__(self, secret: bytes) -> None:
        assert len(secret) >= 16, "a signing secret of less than 128 bits"
        self._guest = hmac.digest(secret, b"serai identity guest", "sha256")
        self._csrf = hmac.digest(secret, b"serai identity csrf", "sha256")
        self._note = hmac.digest(secret, b"serai identity note", "sha256")

    def new_guest(self, random: Random) -> str:
        """A guest cookie: a random name and our signature, so that nobody can wear many names at will."""
        name = random.token(_GUEST_BYTES)
        return f"{_b64(name)}.{_b64(_mac(self._guest, name))}"

    def guest_name(self, cookie: str) -> str | None:
        """The name in a guest cookie, or None if we did not sign it."""
        name, _, mac = cookie.partition(".")
        raw, signature = _unb64(name, 22, _GUEST_BYTES), _unb64(mac, 22, _MAC_BYTES)
        if raw is None or signature is None or not hmac.compare_digest(signature, _mac(self._guest, raw)):
            return None
        return name

    def new_csrf(self, binding: str, random: Random) -> str:
        """A form token that only the holder of the cookie `binding` can use. Salted, so no two pages show the same."""
        salt = random.token(_MAC_BYTES)
        return _b64(salt + _mac(self._csrf, salt + binding.encode()))

    def csrf_fits(self, token: str, binding: str) -> bool:
        """Whether we made this form token for this cookie."""
        raw = _unb64(token, 43, 2 * _MAC_BYTES)
        if raw is None:
            return False
        return hmac.compare_digest(raw[_MAC_BYTES:], _mac(self._csrf, raw[:_MAC_BYTES] + binding.encode()))

    def seal(self, note: str) -> str:
        """A short text that a browser keeps for us, readable by it but not changeable."""
        raw = note.encode()
        return f"{_b64(raw)}.{_b64(_mac(self._note, raw))}"

    def unseal(self, sealed: str) -> str | None:
        """The text, or None if we did not seal it."""
        body, _, mac = sealed.partition(".")
        size = len(body) * 3 // 4
        raw, signature = _unb64(body, len(body), size), _unb64(mac, 22, _MAC_BYTES)
        if raw is None or signature is None or not hmac.compare_digest(signature, _mac(self._note, raw)):
            return None
        return raw.decode()


def _mac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")[:_MAC_BYTES]


def _b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _unb64(text: str, chars: int, size: int) -> bytes | None:
    """The bytes of a text that is exactly what `_b64` would write, else None."""
    if len(text) != chars or not text.isascii():
        return None
    try:
        raw = urlsafe_b64decode(text + "=" * (-chars % 4))
    except ValueError:
        return None
    return raw if len(raw) == size and _b64(raw) == text else None
