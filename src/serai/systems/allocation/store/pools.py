"""Making pools, units and counters, changing a counter's size, and taking units off sale."""

from collections.abc import Sequence
from dataclasses import dataclass

from serai.mechanisms.allocation.claims import UnitState
from serai.mechanisms.allocation.ledger import Bucket
from serai.runtime.postgres.database import Transaction
from serai.systems.allocation.model import UnitRef
from serai.systems.allocation.store.drawing import REOPENED


async def create_pool(tx: Transaction, owner: str, keys: Sequence[int], actor: str) -> int:
    """A pool with a free unit for each key, in one statement, and one ledger line; returns its number.

    The line names the keys, or where they follow each other the span that they fill.
    """
    low, high = (min(keys), max(keys)) if keys else (0, -1)
    dense = bool(keys) and high - low + 1 == len(keys)
    row = await tx.fetch_one(
        """
        with pool as (
          insert into allocation.pools (tenant_id, owner, size, filled)
          values (%(tenant)s::uuid, %(owner)s::text, cardinality(%(keys)s::bigint[]), cardinality(%(keys)s::bigint[]))
          returning tenant_id, pool_no
        ), units as (
          insert into allocation.units (tenant_id, pool_no, key)
          select tenant_id, pool_no, key from pool, unnest(%(keys)s::bigint[]) as key
        ), entry as (
          insert into allocation.ledger (tenant_id, move, pool_no, keys, span, state, actor)
          select tenant_id, 'create', pool_no, %(listed)s::bigint[],
                 case when %(dense)s::bool then int8range(%(low)s::bigint, %(high)s::bigint, '[]') end,
                 'free', %(actor)s::text
          from pool
        )
        select pool_no from pool
        """,
        {
            "tenant": tx.owner,
            "owner": owner,
            "keys": list(keys),
            "listed": [] if dense else list(keys),
            "dense": dense,
            "low": low,
            "high": high,
            "actor": actor,
        },
    )
    assert row is not None
    return int(row[0])


@dataclass(frozen=True, slots=True)
class NewBucket:
    """A row to be made: one bucket of a counter."""

    key: int
    bucket: int
    capacity: int
    overbook: int


async def create_buckets(tx: Transaction, pool_no: int, buckets: Sequence[NewBucket], actor: str) -> None:
    """Empty buckets of new or growing counters, each with its ledger line."""
    await tx.execute(
        """
        with made as (
          insert into allocation.counters (tenant_id, pool_no, key, bucket, capacity, overbook)
          select %(tenant)s::uuid, %(pool)s::int, b.*
          from unnest(%(keys)s::bigint[], %(buckets)s::smallint[], %(capacities)s::bigint[],
                      %(overbooks)s::bigint[]) as b
          returning key, bucket, capacity, overbook
        )
        insert into allocation.counter_ledger (tenant_id, move, pool_no, key, bucket, capacity, overbook, held, sold,
                                               actor)
        select %(tenant)s::uuid, 'create', %(pool)s::int, key, bucket, capacity, overbook, 0, 0, %(actor)s::text
        from made
        """,
        {
            "tenant": tx.owner,
            "pool": pool_no,
            "keys": [bucket.key for bucket in buckets],
            "buckets": [bucket.bucket for bucket in buckets],
            "capacities": [bucket.capacity for bucket in buckets],
            "overbooks": [bucket.overbook for bucket in buckets],
            "actor": actor,
        },
    )


async def lock_buckets(tx: Transaction, pool_no: int, key: int) -> list[Bucket]:
    """A counter's buckets in order, locked until the transaction ends; by primary key."""
    rows = await tx.fetch(
        """
        select capacity, overbook, held, sold from allocation.counters
        where tenant_id = %s and pool_no = %s and key = %s order by bucket for update
        """,
        (tx.owner, pool_no, key),
    )
    return [Bucket(*row) for row in rows]


async def resize_buckets(
    tx: Transaction, pool_no: int, key: int, capacities: Sequence[int], overbooks: Sequence[int], actor: str
) -> None:
    """New sizes for the first buckets of a counter, whose rows the caller has locked, each with its ledger line."""
    await tx.execute(
        """
        with sized as (
          update allocation.counters c set capacity = s.capacity, overbook = s.overbook, version = c.version + 1
          from unnest(%(capacities)s::bigint[], %(overbooks)s::bigint[]) with ordinality as s(capacity, overbook, place)
          where c.tenant_id = %(tenant)s::uuid and c.pool_no = %(pool)s::int and c.key = %(key)s::bigint
            and c.bucket = s.place - 1
          returning c.bucket, c.capacity, c.overbook, c.held, c.sold
        )
        insert into allocation.counter_ledger (tenant_id, move, pool_no, key, bucket, capacity, overbook, held, sold,
                                               actor)
        select %(tenant)s::uuid, 'resize', %(pool)s::int, %(key)s::bigint, bucket, capacity, overbook, held, sold,
               %(actor)s::text
        from sized
        """,
        {
            "tenant": tx.owner,
            "pool": pool_no,
            "key": key,
            "capacities": list(capacities),
            "overbooks": list(overbooks),
            "actor": actor,
        },
    )


@dataclass(frozen=True, slots=True)
class Blocking:
    """What came of blocking or unblocking: unless `done`, nothing was changed."""

    done: bool
    existing: frozenset[UnitRef]
    fit: frozenset[UnitRef]
    """Those that were in the state to be changed."""


async def block_units(tx: Transaction, units: Sequence[UnitRef], blocked: bool, actor: str) -> Blocking:
    """Takes free units off sale, or puts blocked ones back, all or none. Waits for their locks, in sorted order."""
    ordered = sorted(units, key=lambda unit: (unit.pool_no, unit.key))
    rows = await tx.fetch(
        _BLOCK if blocked else _UNBLOCK,
        {
            "pools": [unit.pool_no for unit in ordered],
            "keys": [unit.key for unit in ordered],
            "count": len(ordered),
            "tenant": tx.owner,
            "from": UnitState.FREE if blocked else UnitState.BLOCKED,
            "to": UnitState.BLOCKED if blocked else UnitState.FREE,
            "move": "block" if blocked else "unblock",
            "actor": actor,
        },
    )
    existing = frozenset(UnitRef(pool_no, key) for pool_no, key, _, _ in rows)
    fit = frozenset(UnitRef(pool_no, key) for pool_no, key, fits, _ in rows if fits)
    return Blocking(bool(rows) and bool(rows[0][3]), existing, fit)


# A held unit past its expiry is free, so it can be blocked; the ledger names the claim that it is taken from.
_LOCKED = """
with locked as materialized (
  select u.tenant_id, u.pool_no, u.key, u.claim_id,
         u.state = %(from)s::allocation.unit_state
           or %(from)s::text = 'free' and u.state = 'held' and u.expires_at <= clock_timestamp() as fits
  from unnest(%(pools)s::int[], %(keys)s::bigint[]) as asked(pool_no, key)
  join allocation.units u on u.tenant_id = %(tenant)s::uuid and u.pool_no = asked.pool_no and u.key = asked.key
  order by u.pool_no, u.key for update of u
"""

_COMPLETE = """
), complete as materialized (
  select count(*) = %(count)s::int as yes from locked where fits
"""

_REOPENED_AND_COMPLETE = (
    REOPENED
    + """
), complete as materialized (
  select count(*) = %(count)s::int as yes, (select count(*) from reopened) as blocks from locked where fits
"""
)

_CHANGE = """
), changed as (
  update allocation.units u set state = %(to)s::allocation.unit_state, claim_id = null, expires_at = null
  from locked l, complete
  where complete.yes and u.tenant_id = %(tenant)s::uuid and u.pool_no = l.pool_no and u.key = l.key
  returning u.pool_no, u.key, l.claim_id as displaced
), entry as (
  insert into allocation.ledger (tenant_id, move, pool_no, keys, state, displaced, actor)
  select %(tenant)s::uuid, %(move)s::text, pool_no, array_agg(key order by key), %(to)s::allocation.unit_state,
         coalesce(array_agg(distinct displaced) filter (where displaced is not null), '{}'), %(actor)s::text
  from changed group by pool_no
), bump as (
  update allocation.pools p set version = version + 1
  from (select p.pool_no from allocation.pools p
        where p.tenant_id = %(tenant)s::uuid and p.pool_no in (select pool_no from changed)
          and not p.fungible
        order by p.pool_no for update) as touched
  where p.tenant_id = %(tenant)s::uuid and p.pool_no = touched.pool_no
)
select pool_no, key, fits, complete.yes from locked, complete
"""

_BLOCK = _LOCKED + _COMPLETE + _CHANGE
_UNBLOCK = _LOCKED + _REOPENED_AND_COMPLETE + _CHANGE
