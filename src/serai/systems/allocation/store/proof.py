"""What the audit reads: rows beside the last ledger line that names them, and claims beside what they should own."""

from collections.abc import Sequence
from uuid import UUID

from serai.mechanisms.allocation.claims import UNIT_AFTER, ClaimState, UnitState
from serai.mechanisms.allocation.ledger import Bucket, Content, Difference, Place, Unit
from serai.runtime.postgres.database import Row, Transaction


async def pools_of(tx: Transaction, owner: str) -> list[int]:
    """The numbers of all pools of one system."""
    rows = await tx.fetch(
        "select pool_no from allocation.pools where tenant_id = %s and owner = %s order by pool_no", (tx.owner, owner)
    )
    return [int(pool_no) for (pool_no,) in rows]


async def unit_differences(tx: Transaction, pool_no: int, limit: int) -> tuple[int, list[Difference]]:
    """How many units a pool has, and the first of those that are not what their last ledger line says.

    One statement, hence one snapshot: a change and its line commit together, so buyers may go on. Sorts the pool's
    lines by key and spills to disk, so memory does not grow with the pool.
    """
    rows = await tx.fetch(_UNIT_DIFFERENCES, {"tenant": tx.owner, "pool": pool_no, "limit": limit})
    found = [
        Difference(Place(pool_no, key), _unit(*row[:4]), _unit(*row[4:])) for _, key, *row in rows if key is not None
    ]
    return int(rows[0][0]), found


def _unit(here: bool, state: str, claim_id: UUID | None, expires_at: object) -> Content | None:
    return Unit(UnitState(state), claim_id, expires_at) if here else None  # type: ignore[arg-type]  # a timestamptz


_UNIT_DIFFERENCES = """
with said as (
  select distinct on (key) key, state, unit_claim_id as claim_id, expires_at, true as here
  from (select k.key, l.entry_no, l.state, l.unit_claim_id, l.expires_at
        from allocation.ledger l, unnest(l.keys) as k(key)
        where l.tenant_id = %(tenant)s::uuid and l.pool_no = %(pool)s::int
        union all
        select k.key, l.entry_no, l.state, l.unit_claim_id, l.expires_at
        from allocation.ledger l, generate_series(lower(l.span), upper(l.span) - 1) as k(key)
        where l.tenant_id = %(tenant)s::uuid and l.pool_no = %(pool)s::int and l.span is not null) as lines
  order by key, entry_no desc
), stands as (
  select key, state, claim_id, expires_at, true as here
  from allocation.units where tenant_id = %(tenant)s::uuid and pool_no = %(pool)s::int
), differing as (
  select key, stands.here is not null as in_table, stands.state as state, stands.claim_id as claim_id,
         stands.expires_at as expires_at, said.here is not null as in_ledger, said.state as said_state,
         said.claim_id as said_claim_id, said.expires_at as said_expires_at
  from stands full join said using (key)
  where (stands.state, stands.claim_id, stands.expires_at, stands.here)
        is distinct from (said.state, said.claim_id, said.expires_at, said.here)
  order by key limit %(limit)s::int
)
select compared.count, differing.* from (select count(*) from stands) as compared left join differing on true
order by differing.key
"""


async def counter_differences(tx: Transaction, pool_no: int, limit: int) -> tuple[int, list[Difference]]:
    """The same for the buckets of a pool's counters."""
    rows = await tx.fetch(_COUNTER_DIFFERENCES, {"tenant": tx.owner, "pool": pool_no, "limit": limit})
    found = [
        Difference(Place(pool_no, key, bucket), _bucket(row[:4]), _bucket(row[4:]))
        for _, key, bucket, *row in rows
        if key is not None
    ]
    return int(rows[0][0]), found


def _bucket(numbers: Sequence[int | None]) -> Content | None:
    present = [number for number in numbers if number is not None]
    return Bucket(*present) if len(present) == len(numbers) else None


_COUNTER_DIFFERENCES = """
with said as (
  select distinct on (key, bucket) key, bucket, capacity, overbook, held, sold
  from allocation.counter_ledger
  where tenant_id = %(tenant)s::uuid and pool_no = %(pool)s::int
  order by key, bucket, entry_no desc
), stands as (
  select key, bucket, capacity, overbook, held, sold
  from allocation.counters where tenant_id = %(tenant)s::uuid and pool_no = %(pool)s::int
), differing as (
  select key, bucket, t.capacity, t.overbook, t.held, t.sold, s.capacity as said_capacity,
         s.overbook as said_overbook, s.held as said_held, s.sold as said_sold
  from stands t full join said s using (key, bucket)
  where (t.capacity, t.overbook, t.held, t.sold) is distinct from (s.capacity, s.overbook, s.held, s.sold)
  order by key, bucket limit %(limit)s::int
)
select compared.count, differing.* from (select count(*) from stands) as compared left join differing on true
order by differing.key, differing.bucket
"""

_KEEPING = [state.value for state in ClaimState if UNIT_AFTER[state] is not UnitState.FREE]
_SOLD = [state.value for state in ClaimState if UNIT_AFTER[state] is UnitState.SOLD]


async def incomplete_claims(tx: Transaction, owner: str, limit: int) -> list[UUID]:
    """Claims that promise more than they have: no line at all, or a unit that does not carry their id any more.

    A held claim whose time is over may have lost units to another; everything else may not.
    """
    return _ids(
        await tx.fetch(
            """
            select c.claim_id from allocation.claims c
            where c.tenant_id = %(tenant)s::uuid and c.owner = %(owner)s and c.state::text = any(%(keeping)s::text[])
              and (c.state in ('confirmed', 'unknown') or c.expires_at > clock_timestamp())
              and exists (select from allocation.claim_lines l
                          left join allocation.units u
                            on u.tenant_id = l.tenant_id and u.pool_no = l.pool_no and u.key = l.key
                              and u.claim_id = l.claim_id
                              and u.state = case when c.state::text = any(%(sold)s::text[])
                                            then 'sold' else 'held' end::allocation.unit_state
                          where l.tenant_id = c.tenant_id and l.claim_id = c.claim_id and u.key is null)
            union all
            select c.claim_id from allocation.claims c
            where c.tenant_id = %(tenant)s::uuid and c.owner = %(owner)s
              and not exists (select from allocation.claim_lines l
                              where l.tenant_id = c.tenant_id and l.claim_id = c.claim_id)
              and not exists (select from allocation.claim_counts l
                              where l.tenant_id = c.tenant_id and l.claim_id = c.claim_id)
              and not exists (select from allocation.external_lines l
                              where l.tenant_id = c.tenant_id and l.claim_id = c.claim_id)
            limit %(limit)s::int
            """,
            {"tenant": tx.owner, "owner": owner, "keeping": _KEEPING, "sold": _SOLD, "limit": limit},
        )
    )


async def stray_units(tx: Transaction, owner: str, limit: int) -> list[Place]:
    """Units that carry the id of a claim which has no line for them, or is over, or is not sold as they are."""
    rows = await tx.fetch(
        """
        select u.pool_no, u.key from allocation.pools p
        join allocation.units u using (tenant_id, pool_no)
        left join allocation.claims c on c.tenant_id = u.tenant_id and c.claim_id = u.claim_id
        left join allocation.claim_lines l
          on l.tenant_id = u.tenant_id and l.claim_id = u.claim_id and l.pool_no = u.pool_no and l.key = u.key
        where p.tenant_id = %(tenant)s::uuid and p.owner = %(owner)s and u.claim_id is not null
          and (l.key is null or c.claim_id is null or c.state::text <> all(%(keeping)s::text[])
               or (u.state = 'sold') <> (c.state::text = any(%(sold)s::text[])))
        order by u.pool_no, u.key limit %(limit)s::int
        """,
        {"tenant": tx.owner, "owner": owner, "keeping": _KEEPING, "sold": _SOLD, "limit": limit},
    )
    return [Place(pool_no, key) for pool_no, key in rows]


async def miscounted_buckets(tx: Transaction, owner: str, limit: int) -> list[tuple[Place, Row]]:
    """Buckets whose held or sold is not the sum of what their claims have; each with (held, sold) here and there."""
    rows = await tx.fetch(
        """
        with counted as (
          select l.pool_no, l.key, l.bucket, c.state::text = any(%(sold)s::text[]) as sold, l.count
          from allocation.claims c join allocation.claim_counts l using (tenant_id, claim_id)
          where c.tenant_id = %(tenant)s::uuid and c.owner = %(owner)s and c.state::text = any(%(keeping)s::text[])
        ), summed as (
          select pool_no, key, bucket, coalesce(sum(count) filter (where not sold), 0)::bigint as held,
                 coalesce(sum(count) filter (where sold), 0)::bigint as sold
          from counted group by pool_no, key, bucket
        )
        select pool_no, key, bucket, t.held, t.sold, coalesce(s.held, 0), coalesce(s.sold, 0)
        from (select r.* from allocation.pools p join allocation.counters r using (tenant_id, pool_no)
              where p.tenant_id = %(tenant)s::uuid and p.owner = %(owner)s) t
        full join summed s using (pool_no, key, bucket)
        where (t.held, t.sold) is distinct from (coalesce(s.held, 0), coalesce(s.sold, 0))
        order by pool_no, key, bucket limit %(limit)s::int
        """,
        {"tenant": tx.owner, "owner": owner, "keeping": _KEEPING, "sold": _SOLD, "limit": limit},
    )
    return [(Place(*row[:3]), row[3:]) for row in rows]


def _ids(rows: Sequence[Row]) -> list[UUID]:
    return [claim_id for (claim_id,) in rows]
