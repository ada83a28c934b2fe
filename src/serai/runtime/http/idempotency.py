"""Idempotency keys: the same key and body get the same answer, however often and whenever they are sent.

It prevents the double charge of a retried request. The reservation stands in the transaction of the work's first
effect, and the answer in that of its last, so the key can never say more or less than what happened. A reservation
whose process died is taken over after its deadline: the handler is then called again and must resume, not repeat.
"""

import hashlib
from dataclasses import dataclass
from uuid import UUID

from serai.kernel.errors import Conflict, Invalid
from serai.runtime.postgres.database import Database, Transaction

KEY_CHARS_MAX = 200
"""Longest Idempotency-Key that is accepted."""

IN_FLIGHT_S = 60
"""How long a reservation belongs to the request that made it; after that a twin may resume the work."""

RETENTION_H = 48
"""How long an answer can be replayed."""


class IdempotencyKeyReused(Invalid):
    """The key was used before with another body."""

    code = "idempotency_key_reused"
    title = "The idempotency key was used for another request"


class RequestInFlight(Conflict):
    """A twin of this request is running right now."""

    code = "request_in_flight"
    title = "The same request is being worked on"
    retryable = True


@dataclass(frozen=True, slots=True)
class Key:
    """One caller's key on one route. `scope` and `request_hash` are SHA-256 digests."""

    scope: bytes
    request_hash: bytes

    @classmethod
    def of(cls, header: str | None, *, owner: str, method: str, path: str, body: bytes) -> "Key":
        """From the Idempotency-Key header; `owner` is the principal, or for a guest the secret in the request."""
        if not header:
            raise Invalid.of("Idempotency-Key", "missing", "Send an Idempotency-Key header, such as a fresh UUID.")
        if len(header) > KEY_CHARS_MAX or not header.isascii():
            raise Invalid.of("Idempotency-Key", "too_long", f"Use at most {KEY_CHARS_MAX} ASCII characters.")
        scope = hashlib.sha256("\0".join((owner, method, path, header)).encode()).digest()
        return cls(scope, hashlib.sha256(body).digest())


@dataclass(frozen=True, slots=True)
class Replay:
    """The answer that the first request of this key got."""

    status: int
    body: bytes


async def reserve(tx: Transaction, key: Key) -> Replay | None:
    """Takes the key for this request. Returns the stored answer if there is one; None means: do the work.

    Raises IdempotencyKeyReused for another body, RequestInFlight while a twin works.
    """
    # Insert or take over in one statement; locks the row of the key, by its primary key.
    taken = await tx.fetch_one(
        """
        insert into runtime.idempotency as row (tenant_id, scope, request_hash, locked_until)
        values (%s, %s, %s, clock_timestamp() + make_interval(secs => %s))
        on conflict (tenant_id, scope) do update set locked_until = excluded.locked_until
        where row.status is null and row.locked_until < clock_timestamp() and row.request_hash = excluded.request_hash
        returning 1
        """,
        (tx.owner, key.scope, key.request_hash, IN_FLIGHT_S),
    )
    return None if taken else await _answer_of_twin(tx, key)


async def _answer_of_twin(tx: Transaction, key: Key) -> Replay:
    row = await tx.fetch_one(
        "select request_hash, status, body from runtime.idempotency where tenant_id = %s and scope = %s",
        (tx.owner, key.scope),
    )
    # Its retention may have ended between the two statements: then it is as with one that ends in a moment.
    request_hash, status, body = row or (key.request_hash, None, None)
    if bytes(request_hash) != key.request_hash:
        raise IdempotencyKeyReused("This Idempotency-Key was sent before with another body; use a new key.")
    if status is None:
        raise RequestInFlight("A request with this Idempotency-Key is being worked on; ask again.", retry_after_s=1)
    return Replay(status, bytes(body))


async def record(tx: Transaction, key: Key, status: int, body: bytes) -> None:
    """Stores the answer, in the transaction that makes it true."""
    await tx.execute(
        "update runtime.idempotency set status = %s, body = %s where tenant_id = %s and scope = %s",
        (status, body, tx.owner, key.scope),
    )


async def release(tx: Transaction, key: Key) -> None:
    """Gives the key back after a failure that may be retried: the next request with it resumes at once."""
    await tx.execute(
        "update runtime.idempotency set locked_until = '-infinity'"
        " where tenant_id = %s and scope = %s and status is null",
        (tx.owner, key.scope),
    )


async def forget_old(jobs: Database, batch_max: int = 10_000) -> int:
    """Deletes the keys past their retention, across tenants, a batch a transaction; returns how many."""
    deleted = 0
    while True:
        async with jobs.transaction(None) as tx:
            batch = await _forget_batch(tx, batch_max)
        deleted += batch
        if batch < batch_max:
            return deleted


async def _forget_batch(tx: Transaction, batch_max: int) -> int:
    # By the index on created_at.
    return await tx.execute(
        "delete from runtime.idempotency where (tenant_id, scope) in (select tenant_id, scope from runtime.idempotency"
        " where created_at < clock_timestamp() - make_interval(hours => %s) limit %s)",
        (RETENTION_H, batch_max),
    )


def owner_of(tenant: UUID, principal_label: str) -> str:
    """The scope of a principal's keys."""
    return f"{tenant}/{principal_label}"
