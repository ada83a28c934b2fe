"""Expiring claims whose time is over: in batches by the sweep, or one counter's at the moment when it runs short."""

from collections.abc import Sequence
from uuid import UUID

from serai.runtime.postgres.database import Transaction
from serai.systems.allocation.model import CounterAsk
from serai.systems.allocation.store import TOPIC
from serai.systems.allocation.store.drawing import REOPENED

ClaimId = tuple[UUID, UUID]
"""(tenant, claim)."""


async def due_claims(tx: Transaction, limit: int) -> list[ClaimId]:
    """Claims past their expiry, oldest first, locked, skipping busy ones; by the index claims_due (role serai_jobs)."""
    rows = await tx.fetch(
        """
        select tenant_id, claim_id from allocation.claims
        where state in ('held', 'paying') and expires_at <= clock_timestamp()
        order by expires_at limit %s for update skip locked
        """,
        (limit,),
    )
    return [(tenant_id, claim_id) for tenant_id, claim_id in rows]


async def due_on_counters(tx: Transaction, counters: Sequence[CounterAsk], limit: int) -> list[ClaimId]:
    """Claims past their expiry that have counts on these counters, locked in the order of their ids.

    Waits for busy ones: to skip one would be to call sold out what is being freed.
    """
    rows = await tx.fetch(
        """
        select c.tenant_id, c.claim_id from allocation.claims c
        where c.tenant_id = %(tenant)s::uuid and c.state in ('held', 'paying') and c.expires_at <= clock_timestamp()
          and exists (select from allocation.claim_counts l
                      where l.tenant_id = c.tenant_id and l.claim_id = c.claim_id
                        and (l.pool_no, l.key) in (select * from unnest(%(pools)s::int[], %(keys)s::bigint[])))
        order by c.claim_id limit %(limit)s::int for update
        """,
        {
            "tenant": tx.owner,
            "pools": [counter.pool_no for counter in counters],
            "keys": [counter.key for counter in counters],
            "limit": limit,
        },
    )
    return [(tenant_id, claim_id) for tenant_id, claim_id in rows]


async def counters_have_room(tx: Transaction, counters: Sequence[CounterAsk]) -> bool:
    """Whether each counter has that much room now, over all its buckets; by primary key, without a lock."""
    row = await tx.fetch_one(
        """
        select bool_and(coalesce((select sum(c.capacity + c.overbook - c.held - c.sold) from allocation.counters c
                                  where c.tenant_id = %(tenant)s::uuid and c.pool_no = w.pool_no and c.key = w.key), 0)
                        >= w.count)
        from unnest(%(pools)s::int[], %(keys)s::bigint[], %(counts)s::bigint[]) as w(pool_no, key, count)
        """,
        {
            "tenant": tx.owner,
            "pools": [counter.pool_no for counter in counters],
            "keys": [counter.key for counter in counters],
            "counts": [counter.count for counter in counters],
        },
    )
    assert row is not None
    return bool(row[0])


async def expire_claims(tx: Transaction, due: Sequence[ClaimId], event_ids: Sequence[UUID]) -> None:
    """Expires claims that the caller has locked; frees their counts and the units that still carry their ids."""
    await tx.execute(
        _EXPIRE,
        {
            "tenants": [tenant for tenant, _ in due],
            "claims": [claim for _, claim in due],
            "events": list(event_ids),
            "topic": TOPIC,
            "type": f"{TOPIC}.expired.v1",
        },
    )


_EXPIRE = (
    """
with due as materialized (
  select * from unnest(%(tenants)s::uuid[], %(claims)s::uuid[], %(events)s::uuid[]) as d(tenant_id, claim_id, event_id)
), locked as materialized (
  select u.tenant_id, u.pool_no, u.key, u.claim_id
  from due join allocation.claim_lines l using (tenant_id, claim_id)
  join allocation.units u on u.tenant_id = l.tenant_id and u.pool_no = l.pool_no and u.key = l.key
    and u.claim_id = l.claim_id
  order by u.tenant_id, u.pool_no, u.key for update of u
"""
    + REOPENED
    + """
), freed as (
  update allocation.units u set state = 'free', claim_id = null, expires_at = null
  from locked l where u.tenant_id = l.tenant_id and u.pool_no = l.pool_no and u.key = l.key
  returning u.tenant_id, u.pool_no, u.key, l.claim_id
), after_units as materialized (
  select count(*) as units, (select count(*) from reopened) as blocks from freed
), counts as materialized (
  select l.tenant_id, l.pool_no, l.key, l.bucket, sum(l.count)::bigint as count,
         case when count(distinct l.claim_id) = 1 then min(l.claim_id::text)::uuid end as claim_id
  from after_units, due join allocation.claim_counts l using (tenant_id, claim_id)
  group by l.tenant_id, l.pool_no, l.key, l.bucket
), locked_buckets as materialized (
  select c.tenant_id, c.pool_no, c.key, c.bucket, c.capacity, c.overbook, c.held, c.sold, c.version, l.count,
         l.claim_id
  from counts l join allocation.counters c using (tenant_id, pool_no, key, bucket)
  order by c.tenant_id, c.pool_no, c.key, c.bucket for update of c
), counted as (
  update allocation.counters c
  set capacity = l.capacity, overbook = l.overbook, held = l.held - l.count, sold = l.sold, version = l.version + 1
  from locked_buckets l
  where c.tenant_id = l.tenant_id and c.pool_no = l.pool_no and c.key = l.key and c.bucket = l.bucket
  returning c.tenant_id, l.claim_id, c.pool_no, c.key, c.bucket, c.capacity, c.overbook, c.held, c.sold
), count_entry as (
  insert into allocation.counter_ledger (tenant_id, move, claim_id, pool_no, key, bucket, capacity, overbook, held,
                                         sold, actor)
  select tenant_id, 'expire', claim_id, pool_no, key, bucket, capacity, overbook, held, sold, 'sweep' from counted
), claim as (
  update allocation.claims c set state = 'expired', version = version + 1
  from due where c.tenant_id = due.tenant_id and c.claim_id = due.claim_id
  returning c.tenant_id, c.claim_id, c.owner, due.event_id
), entry as (
  insert into allocation.ledger (tenant_id, move, claim_id, pool_no, keys, state, actor)
  select tenant_id, 'expire', claim_id, pool_no, array_agg(key order by key), 'free', 'sweep'
  from freed group by tenant_id, claim_id, pool_no
), dropped as (
  update allocation.external_lines e
  set state = 'returning', version = e.version + 1, tries = 0, next_try = clock_timestamp()
  from claim where e.tenant_id = claim.tenant_id and e.claim_id = claim.claim_id
    and e.state in ('asked', 'held', 'confirming', 'confirmed')
  returning e.tenant_id, e.claim_id, e.line_id, e.state, e.remote_ref, e.ends_at
), external_entry as (
  insert into allocation.external_ledger (tenant_id, move, claim_id, line_id, state, remote_ref, ends_at, actor)
  select tenant_id, 'expire', claim_id, line_id, state, remote_ref, ends_at, 'sweep' from dropped
), event as (
  insert into runtime.outbox (tenant_id, id, topic, key, type, data)
  select tenant_id, event_id, %(topic)s::text, claim_id::text, %(type)s::text, jsonb_build_object('owner', owner,
    'units', (select coalesce(jsonb_agg(jsonb_build_array(f.pool_no, f.key) order by f.pool_no, f.key), '[]')
              from freed f where f.tenant_id = claim.tenant_id and f.claim_id = claim.claim_id))
  from claim
), bump as (
  update allocation.pools p set version = version + 1
  from (select p.tenant_id, p.pool_no from (select count(*) from counted) as after_counters, allocation.pools p
        where (p.tenant_id, p.pool_no) in (select tenant_id, pool_no from freed) and not p.fungible
        order by p.tenant_id, p.pool_no for update of p) as touched
  where p.tenant_id = touched.tenant_id and p.pool_no = touched.pool_no
)
select count(*) from claim
"""
)
