"""SQL of the audit trail: changes, the chain over movements and changes, and its signed heads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from serai.runtime.postgres.database import Row, Transaction
from serai.systems.stock.chain import Head, Link, Record


async def insert_change(
    tx: Transaction,
    actor: str,
    noun: str,
    subject: str,
    what: str,
    reason: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
) -> None:
    """A line, and its place in the queue for the chain."""
    await tx.execute(
        """
        with made as (
          insert into stock.changes (tenant_id, actor, noun, subject, what, reason, before, after)
          values (%(tenant)s, %(actor)s, %(noun)s, %(subject)s, %(what)s, %(reason)s, %(before)s, %(after)s)
          returning change_no
        )
        insert into stock.unchained (tenant_id, source, number) select %(tenant)s, 'change', change_no from made
        """,
        {
            "tenant": tx.owner,
            "actor": actor,
            "noun": noun,
            "subject": subject,
            "what": what,
            "reason": reason,
            "before": orjson.dumps(before).decode(),
            "after": orjson.dumps(after).decode(),
        },
    )


@dataclass(frozen=True, slots=True)
class Change:
    """A line of the trail."""

    change_no: int
    at: datetime
    actor: str
    noun: str
    subject: str
    what: str
    reason: str
    before: dict[str, Any]
    after: dict[str, Any]


async def changes(tx: Transaction, subject: str | None, before: int | None, limit: int) -> list[Change]:
    """The newest first, all or those of one thing."""
    rows = await tx.fetch(
        """
        select change_no, at, actor, noun, subject, what, reason, before, after from stock.changes
        where tenant_id = %(tenant)s and (%(subject)s::text is null or subject = %(subject)s::text)
          and change_no < %(before)s::bigint order by change_no desc limit %(limit)s
        """,
        {
            "tenant": tx.owner,
            "subject": subject,
            "before": before if before is not None else 2**63 - 1,
            "limit": limit,
        },
    )
    return [Change(*row) for row in rows]


async def lock_chain(tx: Transaction) -> bool:
    """Whether this worker may chain now; another one that does means no. Until the transaction ends."""
    row = await tx.fetch_one("select pg_try_advisory_xact_lock(%s)", (0x570C4,))
    assert row is not None
    return bool(row[0])


async def waiting(tx: Transaction, limit: int) -> list[tuple[UUID, int, str, int]]:
    """(tenant, entry, source, number) of records that are not chained yet, in the order of their entries."""
    rows = await tx.fetch(
        "select tenant_id, entry_no, source, number from stock.unchained order by tenant_id, entry_no limit %s",
        (limit,),
    )
    return [(tenant, entry, source, number) for tenant, entry, source, number in rows]


async def end_of_chain(tx: Transaction, tenant: UUID) -> tuple[int, bytes] | None:
    """The number and hash of the last link; None where there is none."""
    row = await tx.fetch_one(
        "select seq, hash from stock.chain where tenant_id = %s order by seq desc limit 1", (tenant,)
    )
    return (int(row[0]), bytes(row[1])) if row else None


async def append(tx: Transaction, tenant: UUID, links: Sequence[Link], entries: Sequence[int]) -> None:
    """Adds links and takes their records off the queue (role serai_jobs)."""
    await tx.execute(
        """
        with gone as (
          delete from stock.unchained where tenant_id = %(tenant)s and entry_no = any(%(entries)s::bigint[])
        )
        insert into stock.chain (tenant_id, seq, source, number, hash)
        select %(tenant)s::uuid, l.*
        from unnest(%(seqs)s::bigint[], %(sources)s::text[], %(numbers)s::bigint[], %(hashes)s::bytea[]) as l
        """,
        {
            "tenant": tenant,
            "entries": list(entries),
            "seqs": [link.seq for link in links],
            "sources": [link.source for link in links],
            "numbers": [link.number for link in links],
            "hashes": [link.hash for link in links],
        },
    )


async def links_after(tx: Transaction, tenant: UUID, seq: int, limit: int) -> list[Link]:
    """Links behind a number, in order."""
    rows = await tx.fetch(
        "select seq, source, number, hash from stock.chain where tenant_id = %s and seq > %s order by seq limit %s",
        (tenant, seq, limit),
    )
    return [Link(seq, source, number, bytes(hashed)) for seq, source, number, hashed in rows]


async def records(tx: Transaction, tenant: UUID, wanted: Sequence[tuple[str, int]]) -> dict[tuple[str, int], Record]:
    """Those of the records that exist, as they are now, by source and number."""
    found = await _movement_records(tx, tenant, [number for source, number in wanted if source == "movement"])
    rows = await tx.fetch(
        "select change_no, at, actor, noun, subject, what, reason, before, after from stock.changes"
        " where tenant_id = %s and change_no = any(%s)",
        (tenant, [number for source, number in wanted if source == "change"]),
    )
    names = ("at", "actor", "noun", "subject", "what", "reason", "before", "after")
    for number, *values in rows:
        found["change", number] = Record("change", number, dict(zip(names, values, strict=True)))
    return found


_MOVEMENT = ("movement_id", "kind", "at", "recorded_at", "actor", "reason", "reference", "corrects")
_LINE = ("line_no", "product_no", "batch_no", "location_no", "quantity", "level", "cost_minor", "serials", "at")


async def _movement_records(tx: Transaction, tenant: UUID, numbers: Sequence[int]) -> dict[tuple[str, int], Record]:
    movements = await tx.fetch(
        "select movement_no, movement_id, kind, at, recorded_at, actor, reason, reference, corrects"
        " from stock.movements where tenant_id = %s and movement_no = any(%s)",
        (tenant, list(numbers)),
    )
    lines = await tx.fetch(
        "select movement_no, line_no, product_no, batch_no, location_no, quantity, level, cost_minor, serials, at"
        " from stock.lines where tenant_id = %s and movement_no = any(%s) order by movement_no, line_no",
        (tenant, list(numbers)),
    )
    of: dict[int, list[dict[str, Any]]] = {number: [] for number in numbers}
    for number, *values in lines:
        of[number].append(dict(zip(_LINE, values, strict=True)))
    return {("movement", row[0]): Record("movement", row[0], _movement(row, of[row[0]])) for row in movements}


def _movement(row: Row, lines: list[dict[str, Any]]) -> dict[str, Any]:
    return {**dict(zip(_MOVEMENT, row[1:], strict=True)), "lines": lines}


async def unchained_count(tx: Transaction) -> int:
    """Records that wait for the job."""
    row = await tx.fetch_one("select count(*) from stock.unchained where tenant_id = %s", (tx.owner,))
    assert row is not None
    return int(row[0])


async def unlinked_records(tx: Transaction, limit: int) -> list[tuple[str, int]]:
    """Records that are neither chained nor waiting: somebody put them there past the product."""
    rows = await tx.fetch(
        """
        select source, number from (
          select 'movement' as source, movement_no as number from stock.movements where tenant_id = %(tenant)s
          union all select 'change', change_no from stock.changes where tenant_id = %(tenant)s) r
        where not exists (select from stock.chain c
                          where c.tenant_id = %(tenant)s and c.source = r.source and c.number = r.number)
          and not exists (select from stock.unchained u
                          where u.tenant_id = %(tenant)s and u.source = r.source and u.number = r.number)
        order by source, number limit %(limit)s
        """,
        {"tenant": tx.owner, "limit": limit},
    )
    return [(source, number) for source, number in rows]


async def chained_tenants(tx: Transaction) -> list[UUID]:
    """Tenants with a chain (role serai_jobs)."""
    rows = await tx.fetch("select distinct tenant_id from stock.chain")
    return [tenant for (tenant,) in rows]


async def insert_head(tx: Transaction, head: Head) -> bool:
    """Whether it is the first of its tenant's day."""
    return bool(
        await tx.execute(
            "insert into stock.heads (tenant_id, day, seq, hash, key_id, signature) values (%s, %s, %s, %s, %s, %s)"
            " on conflict do nothing",
            (head.tenant, head.day, head.seq, head.hash, head.key_id, head.signature),
        )
    )


async def heads(tx: Transaction) -> list[Head]:
    """All heads of the tenant, oldest first."""
    rows = await tx.fetch(
        "select tenant_id, day, seq, hash, key_id, signature from stock.heads where tenant_id = %s order by day",
        (tx.owner,),
    )
    return [
        Head(tenant, day, seq, bytes(hashed), key_id, bytes(signature))
        for tenant, day, seq, hashed, key_id, signature in rows
    ]


async def hash_at(tx: Transaction, seq: int) -> bytes | None:
    """The hash of one link."""
    row = await tx.fetch_one("select hash from stock.chain where tenant_id = %s and seq = %s", (tx.owner, seq))
    return bytes(row[0]) if row else None


@dataclass(frozen=True, slots=True)
class LedgerLevel:
    """A level as its lines say it: their sum, and what the newest says that was on hand after it."""

    location_no: int
    product_no: int
    batch_no: int
    total: int
    last: int


async def ledger_levels(tx: Transaction, location_no: int) -> list[LedgerLevel]:
    """Every level of a location that has lines; by the index lines_of_level."""
    rows = await tx.fetch(
        """
        select location_no, product_no, batch_no, sum(quantity)::bigint,
               (array_agg(level order by movement_no desc, line_no desc))[1]
        from stock.lines where tenant_id = %s and location_no = %s and level is not null group by 1, 2, 3
        """,
        (tx.owner, location_no),
    )
    return [LedgerLevel(*row) for row in rows]


async def unbalanced(tx: Transaction, limit: int) -> list[int]:
    """Movements whose lines do not sum to zero."""
    rows = await tx.fetch(
        "select movement_no from stock.lines where tenant_id = %s group by movement_no, product_no, batch_no"
        " having sum(quantity) <> 0 order by movement_no limit %s",
        (tx.owner, limit),
    )
    return [number for (number,) in rows]


async def snapshot(tx: Transaction) -> None:
    """All that this transaction reads is of one moment. Before its first query."""
    await tx.execute("set transaction isolation level repeatable read read only")
