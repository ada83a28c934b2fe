"""Lines that a provider keeps. Whoever changes one has locked its claim before, so no two can wait for each other."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

import orjson

from serai.mechanisms.allocation.external import LIVE, LineState
from serai.mechanisms.allocation.ledger import Remote
from serai.runtime.postgres.database import Row, Transaction
from serai.systems.allocation.model import ExternalAsk, ExternalLine

LEASE_S = 20
"""How long a line belongs to the process that has just changed it: longer than its call may take."""

_COLUMNS = """tenant_id, line_id, claim_id, provider, thing, state, version, remote_ref, ends_at, reason, tries,
  extract(epoch from clock_timestamp() - created_at)::float8"""

_ENTRY = """
insert into allocation.external_ledger (tenant_id, move, claim_id, line_id, state, remote_ref, ends_at, actor)
select tenant_id, %(move)s::text, claim_id, line_id, state, remote_ref, ends_at, %(actor)s::text from line
"""


def _line(row: Row) -> ExternalLine:
    tenant, line_id, claim_id, provider, thing, state, *rest = row
    return ExternalLine(tenant, line_id, claim_id, provider, thing, LineState(state), *rest)


async def insert_lines(
    tx: Transaction, claim_id: UUID, asks: Sequence[ExternalAsk], line_ids: Sequence[UUID], actor: str
) -> tuple[ExternalLine, ...]:
    """Lines of a claim that this transaction has opened, leased to whoever sends them after its commit."""
    rows = await tx.fetch(
        f"""
        with line as (
          insert into allocation.external_lines (tenant_id, line_id, claim_id, provider, thing, state, next_try)
          select %(tenant)s::uuid, line_id, %(claim)s::uuid, provider, thing, 'asked',
                 clock_timestamp() + make_interval(secs => %(lease)s::int)
          from unnest(%(lines)s::uuid[], %(providers)s::text[], %(things)s::jsonb[]) as a(line_id, provider, thing)
          returning *
        ), entry as ({_ENTRY})
        select {_COLUMNS} from line order by line_id
        """,
        {
            "tenant": tx.owner,
            "claim": claim_id,
            "lines": list(line_ids),
            "providers": [ask.provider for ask in asks],
            "things": [orjson.dumps(ask.thing).decode() for ask in asks],
            "lease": LEASE_S,
            "move": "hold",
            "actor": actor,
        },
    )
    return tuple(_line(row) for row in rows)


async def lines_of(tx: Transaction, claim_id: UUID) -> tuple[ExternalLine, ...]:
    """A claim's external lines, by the index on claims, without a lock."""
    rows = await tx.fetch(
        f"select {_COLUMNS} from allocation.external_lines where tenant_id = %s and claim_id = %s order by line_id",
        (tx.owner, claim_id),
    )
    return tuple(_line(row) for row in rows)


async def lock_claim(tx: Transaction, claim_id: UUID) -> None:
    """Keeps the claim and its external lines as they are until the transaction ends; by primary key."""
    await tx.execute(
        "select from allocation.claims where tenant_id = %s and claim_id = %s for update", (tx.owner, claim_id)
    )


async def move_lines(
    tx: Transaction, claim_id: UUID, sources: Collection[LineState], to: LineState, move: str, actor: str
) -> None:
    """Moves those of a locked claim's lines that are in one of these states, leased to whoever sends them."""
    await tx.execute(
        f"""
        with line as (
          update allocation.external_lines e
          set state = %(to)s::allocation.line_state, version = version + 1, tries = 0,
              next_try = clock_timestamp() + make_interval(secs => %(lease)s::int)
          where tenant_id = %(tenant)s::uuid and claim_id = %(claim)s::uuid and state::text = any(%(sources)s::text[])
          returning *
        ) {_ENTRY}
        """,
        {
            "tenant": tx.owner,
            "claim": claim_id,
            "sources": [source.value for source in sources],
            "to": to,
            "lease": LEASE_S,
            "move": move,
            "actor": actor,
        },
    )


async def record(
    tx: Transaction,
    line: ExternalLine,
    to: LineState,
    *,
    answer: str,
    remote_ref: str | None,
    ends_at: datetime | None,
    reason: str | None,
    next_try_s: float | None,
) -> ExternalLine | None:
    """Writes what the provider said, if the line is as it was read; None if not. By primary key; its claim is locked.

    `next_try_s`: when recovery looks at it next; None rests it.
    """
    row = await tx.fetch_one(
        f"""
        with line as (
          update allocation.external_lines
          set state = %(to)s::allocation.line_state, version = version + 1,
              remote_ref = coalesce(%(remote)s::text, remote_ref), ends_at = coalesce(%(ends)s::timestamptz, ends_at),
              reason = coalesce(%(reason)s::text, reason),
              tries = case when state = %(to)s::allocation.line_state then tries + 1 else 0 end,
              next_try = clock_timestamp() + make_interval(secs => %(pause)s::float8)
          where tenant_id = %(tenant)s::uuid and line_id = %(line)s::uuid and version = %(version)s::int
          returning *
        ), entry as ({_ENTRY})
        select {_COLUMNS} from line
        """,
        {
            "tenant": tx.owner,
            "line": line.line_id,
            "version": line.version,
            "to": to,
            "remote": remote_ref,
            "ends": ends_at,
            "reason": reason,
            "pause": next_try_s,
            "move": answer,
            "actor": line.provider,
        },
    )
    return _line(row) if row else None


async def lasts(tx: Transaction, claim_id: UUID, seconds: int) -> bool:
    """Whether every provider holds its part of the claim for so long from now on."""
    row = await tx.fetch_one(
        """
        select coalesce(bool_and(ends_at is null or ends_at >= clock_timestamp() + make_interval(secs => %s)), true)
        from allocation.external_lines where tenant_id = %s and claim_id = %s
        """,
        (seconds, tx.owner, claim_id),
    )
    assert row is not None
    return bool(row[0])


async def lease_due(tx: Transaction, limit: int) -> list[ExternalLine]:
    """Lines that nobody is working on, across tenants (role serai_jobs), by the index external_lines_due.

    Skips those that somebody has locked. The version stays: a call that is still under way may yet be recorded.
    """
    rows = await tx.fetch(
        f"""
        update allocation.external_lines e set next_try = clock_timestamp() + make_interval(secs => %(lease)s::int)
        from (select tenant_id as tenant, line_id as line from allocation.external_lines
              where next_try <= clock_timestamp()
              order by next_try limit %(limit)s::int for update skip locked) as due
        where e.tenant_id = due.tenant and e.line_id = due.line
        returning {_COLUMNS}
        """,
        {"lease": LEASE_S, "limit": limit},
    )
    return [_line(row) for row in rows]


async def line_differences(tx: Transaction, owner: str, limit: int) -> tuple[int, list[tuple[UUID, Remote, Remote]]]:
    """How many external lines an owner's claims have, and the first that are not what their last ledger line says.

    One statement, hence one snapshot. Each with what the table and what the ledger has.
    """
    rows = await tx.fetch(
        """
        with mine as (
          select e.line_id, e.state::text, e.remote_ref, e.ends_at from allocation.external_lines e
          join allocation.claims c using (tenant_id, claim_id)
          where e.tenant_id = %(tenant)s::uuid and c.owner = %(owner)s
        ), said as (
          select distinct on (l.line_id) l.line_id, l.state::text, l.remote_ref, l.ends_at
          from allocation.external_ledger l join allocation.claims c using (tenant_id, claim_id)
          where l.tenant_id = %(tenant)s::uuid and c.owner = %(owner)s
          order by l.line_id, l.entry_no desc
        ), differing as (
          select line_id, m.state, m.remote_ref, m.ends_at, s.state as said, s.remote_ref as said_ref,
                 s.ends_at as said_ends
          from mine m full join said s using (line_id)
          where (m.state, m.remote_ref, m.ends_at) is distinct from (s.state, s.remote_ref, s.ends_at)
          order by line_id limit %(limit)s::int
        )
        select compared.count, differing.* from (select count(*) from mine) as compared left join differing on true
        """,
        {"tenant": tx.owner, "owner": owner, "limit": limit},
    )
    found = [(row[1], Remote(*row[2:5]), Remote(*row[5:])) for row in rows if row[1] is not None]
    return int(rows[0][0]), found


async def forgotten_lines(tx: Transaction, owner: str, limit: int) -> list[UUID]:
    """Lines that their claim does not answer for: live ones of a claim that is over, and others of a confirmed one."""
    rows = await tx.fetch(
        """
        select e.line_id from allocation.external_lines e join allocation.claims c using (tenant_id, claim_id)
        where e.tenant_id = %(tenant)s::uuid and c.owner = %(owner)s
          and case when c.state in ('released', 'expired', 'cancelled') then e.state::text = any(%(live)s::text[])
                   when c.state = 'confirmed' then e.state <> 'confirmed'
                   else e.state not in ('asked', 'held', 'confirming', 'confirmed') end
        order by e.line_id limit %(limit)s::int
        """,
        {"tenant": tx.owner, "owner": owner, "live": [state.value for state in LIVE], "limit": limit},
    )
    return [line_id for (line_id,) in rows]
