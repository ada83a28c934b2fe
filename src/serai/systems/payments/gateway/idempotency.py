"""What a repeated Idempotency-Key means: run, replay the first answer, or refuse.

It prevents a retried request from taking money twice, and a reused key from hiding a different request.
Source: docs.stripe.com/api/idempotent_requests. Answers are kept once execution began, whatever their status.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from serai.systems.payments.gateway.errors import GatewayError, IdempotencyMismatch

KEY_CHARS_MAX = 255


@dataclass(frozen=True, slots=True)
class Kept:
    """The first request under a key and its answer. `request_id` is the first request's own id."""

    path: str
    fingerprint: bytes
    status: int
    body: bytes
    request_id: str


def fingerprint(pairs: Sequence[tuple[str, str]]) -> bytes:
    """A digest of the parameters that does not depend on their order."""
    digest = sha256()
    for name, value in sorted(pairs):
        digest.update(b"%d:%b%d:%b" % (len(name), name.encode(), len(value), value.encode()))
    return digest.digest()


def objection(kept: Kept, key: str, path: str, print_: bytes) -> GatewayError | None:
    """Why this request may not use `key`, or None if it repeats the first one and gets the same answer."""
    if kept.path != path:
        return IdempotencyMismatch(
            "Keys for idempotent requests can only be used for the same endpoint they were first used for "
            f"('{path}' vs '{kept.path}'). Try using a key other than '{key}' if you meant to execute a different "
            "request."
        )
    if kept.fingerprint != print_:
        return IdempotencyMismatch(
            "Keys for idempotent requests can only be used with the same parameters they were first used with. "
            f"Try using a key other than '{key}' if you meant to execute a different request."
        )
    return None
