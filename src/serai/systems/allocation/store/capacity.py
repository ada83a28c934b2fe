"""Moving the capacities of several counters at once, all or none; and looking at counters by their keys.

Goods come and go while buyers claim them, so a move is by a delta, never to a value that was read before.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from serai.mechanisms.allocation.ledger import Bucket
from serai.runtime.postgres.database import Row, Transaction
from serai.systems.allocation.model import CapacityMove, CounterRef, KeyRange


@dataclass(frozen=True, slots=True)
class MovedCapacity:
    """What came of moving capacities. Unless `done`, nothing was changed, and the rest says why."""

    done: bool
    counters: Mapping[CounterRef, Bucket]
    """Each as the sum of its buckets, locked until the transaction ends; nothing where one of them does not exist."""


async def move_capacity(tx: Transaction, moves: Sequence[CapacityMove], actor: str) -> MovedCapacity:
    """Adds each delta to its counter, if all exist and none is left with less room than nothing.

    Locks the buckets by primary key, in the order of pool, key and bucket, which is the order of claims too: so
    opposite moves wait for one another and none can meet another in a circle. Unless all counters exist it locks none.
    """
    rows = await tx.fetch(_MOVE, {"tenant": tx.owner, **_columns(moves), "actor": actor})
    done = bool(rows) and all(row[0] for row in rows)
    return MovedCapacity(done, _buckets(row[1:] for row in rows))


# `moved` sets every column from the locked row, for the reason given in opening.py. What comes in is spread evenly over
# a counter's buckets; what goes out is taken from the first that have it.
_MOVE = """
with wanted as materialized (
  select * from unnest(%(pools)s::int[], %(keys)s::bigint[], %(deltas)s::bigint[]) as w(pool_no, key, delta)
), known as materialized (
  select count(*) = (select count(*) from wanted) as yes
  from wanted w
  where exists (select from allocation.counters c
                where c.tenant_id = %(tenant)s::uuid and c.pool_no = w.pool_no and c.key = w.key)
), locked as materialized (
  select c.pool_no, c.key, c.bucket, c.capacity, c.overbook, c.held, c.sold, c.version, w.delta,
         c.capacity + c.overbook - c.held - c.sold as room
  from known, wanted w join allocation.counters c
    on c.tenant_id = %(tenant)s::uuid and c.pool_no = w.pool_no and c.key = w.key
  where known.yes
  order by c.pool_no, c.key, c.bucket for update of c
), beside as materialized (
  select l.*, (sum(room) over (partition by pool_no, key))::bigint as spare,
         count(*) over (partition by pool_no, key) as buckets,
         row_number() over (partition by pool_no, key order by bucket) - 1 as place,
         coalesce(sum(room) over (partition by pool_no, key order by bucket
                                  rows between unbounded preceding and 1 preceding), 0)::bigint as before
  from locked l
), fit as materialized (
  select not exists (select from beside where spare + delta < 0) as yes
), shares as materialized (
  select b.*, case when delta >= 0 then delta / buckets + (place < delta %% buckets)::int
                   else -least(room, greatest(-delta - before, 0)) end as share
  from beside b
), moved as (
  update allocation.counters c
  set capacity = s.capacity + s.share, overbook = s.overbook, held = s.held, sold = s.sold, version = s.version + 1
  from shares s, fit
  where fit.yes and s.share <> 0
    and c.tenant_id = %(tenant)s::uuid and c.pool_no = s.pool_no and c.key = s.key and c.bucket = s.bucket
  returning c.pool_no, c.key, c.bucket, c.capacity, c.overbook, c.held, c.sold
), entry as (
  insert into allocation.counter_ledger (tenant_id, move, pool_no, key, bucket, capacity, overbook, held, sold, actor)
  select %(tenant)s::uuid, 'move', pool_no, key, bucket, capacity, overbook, held, sold, %(actor)s::text from moved
)
select fit.yes, s.pool_no, s.key, (sum(s.capacity) + case when fit.yes then max(s.delta) else 0 end)::bigint,
       sum(s.overbook)::bigint, sum(s.held)::bigint, sum(s.sold)::bigint
from shares s, fit group by fit.yes, s.pool_no, s.key
"""


async def create_missing(tx: Transaction, moves: Sequence[CapacityMove], actor: str) -> None:
    """Empty counters of one bucket for those of the moves that have none, in pools that exist, with ledger lines.

    Waits, in the order of pool and key, for others that make the same ones; the caller has locked none of them yet.
    """
    await tx.execute(
        """
        with made as (
          insert into allocation.counters (tenant_id, pool_no, key, bucket, capacity, overbook)
          select p.tenant_id, w.pool_no, w.key, 0, 0, w.overbook
          from unnest(%(pools)s::int[], %(keys)s::bigint[], %(overbooks)s::bigint[]) as w(pool_no, key, overbook)
          join allocation.pools p on p.tenant_id = %(tenant)s::uuid and p.pool_no = w.pool_no
          where not exists (select from allocation.counters c
                            where c.tenant_id = p.tenant_id and c.pool_no = w.pool_no and c.key = w.key)
          order by w.pool_no, w.key
          on conflict do nothing
          returning pool_no, key, overbook
        )
        insert into allocation.counter_ledger (tenant_id, move, pool_no, key, bucket, capacity, overbook, held, sold,
                                               actor)
        select %(tenant)s::uuid, 'create', pool_no, key, 0, 0, overbook, 0, 0, %(actor)s::text from made
        """,
        {"tenant": tx.owner, **_columns(moves), "actor": actor},
    )


async def counters_in(tx: Transaction, ranges: Sequence[KeyRange]) -> dict[CounterRef, Bucket]:
    """Counters whose keys lie in one of the ranges, each as the sum of its buckets; by primary key, without a lock.

    Each range by itself: how wide ranges are cannot be estimated, and joined all of the table would be read.
    """
    rows = await tx.fetch(
        """
        select c.* from unnest(%(pools)s::int[], %(lows)s::bigint[], %(highs)s::bigint[]) as r(pool_no, low, high)
        cross join lateral (
          select c.pool_no, c.key, sum(c.capacity)::bigint, sum(c.overbook)::bigint, sum(c.held)::bigint,
                 sum(c.sold)::bigint
          from allocation.counters c
          where c.tenant_id = %(tenant)s::uuid and c.pool_no = r.pool_no and c.key between r.low and r.high
          group by c.pool_no, c.key
        ) c order by c.pool_no, c.key
        """,
        {
            "tenant": tx.owner,
            "pools": [each.pool_no for each in ranges],
            "lows": [each.low for each in ranges],
            "highs": [each.high for each in ranges],
        },
    )
    return _buckets(rows)


async def set_overbook(tx: Transaction, pool_no: int, overbook: int, actor: str) -> bool:
    """What each counter of a pool may be sold beyond its capacity; False, and no change, if more is taken from one.

    Locks all counters of the pool in the order of their keys. Each has one bucket, as `create_missing` makes them.
    """
    row = await tx.fetch_one(
        """
        with locked as materialized (
          select c.key, c.bucket, c.capacity, c.held, c.sold, c.version from allocation.counters c
          where c.tenant_id = %(tenant)s::uuid and c.pool_no = %(pool)s::int
          order by c.key, c.bucket for update of c
        ), fit as materialized (
          select not exists (select from locked where held + sold > capacity + %(overbook)s::bigint) as yes
        ), changed as (
          update allocation.counters c
          set capacity = l.capacity, overbook = %(overbook)s::bigint, held = l.held, sold = l.sold,
              version = l.version + 1
          from locked l, fit
          where fit.yes and c.tenant_id = %(tenant)s::uuid and c.pool_no = %(pool)s::int and c.key = l.key
            and c.bucket = l.bucket
          returning c.key, c.bucket, c.capacity, c.overbook, c.held, c.sold
        ), entry as (
          insert into allocation.counter_ledger (tenant_id, move, pool_no, key, bucket, capacity, overbook, held, sold,
                                                 actor)
          select %(tenant)s::uuid, 'resize', %(pool)s::int, key, bucket, capacity, overbook, held, sold, %(actor)s::text
          from changed
        )
        select yes from fit
        """,
        {"tenant": tx.owner, "pool": pool_no, "overbook": overbook, "actor": actor},
    )
    assert row is not None
    return bool(row[0])


def _columns(moves: Sequence[CapacityMove]) -> dict[str, list[int]]:
    return {
        "pools": [move.counter.pool_no for move in moves],
        "keys": [move.counter.key for move in moves],
        "deltas": [move.delta for move in moves],
        "overbooks": [move.overbook for move in moves],
    }


_WHOLE = """
select pool_no, key, sum(capacity)::bigint, sum(overbook)::bigint, sum(held)::bigint, sum(sold)::bigint
from allocation.counters
"""


async def counters_of(tx: Transaction, refs: Sequence[CounterRef]) -> dict[CounterRef, Bucket]:
    """Those of the counters that exist, each as the sum of its buckets; by primary key, without a lock."""
    rows = await tx.fetch(
        f"""
        {_WHOLE} where tenant_id = %(tenant)s::uuid
          and (pool_no, key) in (select * from unnest(%(pools)s::int[], %(keys)s::bigint[]))
        group by pool_no, key
        """,
        {"tenant": tx.owner, "pools": [ref.pool_no for ref in refs], "keys": [ref.key for ref in refs]},
    )
    return _buckets(rows)


async def counters_between(
    tx: Transaction, pool_nos: Sequence[int], low: int, high: int, after: CounterRef | None = None, limit: int = 10_000
) -> dict[CounterRef, Bucket]:
    """Counters of these pools with low <= key <= high, in the order of pool and key, <= limit; by primary key."""
    rows = await tx.fetch(
        f"""
        {_WHOLE} where tenant_id = %(tenant)s::uuid and pool_no = any(%(pools)s::int[])
          and key between %(low)s::bigint and %(high)s::bigint
          and (%(pool)s::int is null or (pool_no, key) > (%(pool)s::int, %(key)s::bigint))
        group by pool_no, key order by pool_no, key limit %(limit)s::int
        """,
        {
            "tenant": tx.owner,
            "pools": list(pool_nos),
            "low": low,
            "high": high,
            "pool": after.pool_no if after else None,
            "key": after.key if after else None,
            "limit": limit,
        },
    )
    return _buckets(rows)


def _buckets(rows: Iterable[Row]) -> dict[CounterRef, Bucket]:
    return {CounterRef(pool_no, key): Bucket(*sizes) for pool_no, key, *sizes in rows}
