"""Opening a claim: one statement locks what is asked, looks whether all of it is there, and only then takes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import orjson
from psycopg.errors import LockNotAvailable

from serai.runtime.postgres.database import Transaction
from serai.systems.allocation.model import Ask, CounterAsk, DrawAsk, UnitRef
from serai.systems.allocation.store import TOPIC


@dataclass(frozen=True, slots=True)
class Taking:
    """What came of opening a claim. Unless `done`, nothing was changed, and the rest says why."""

    done: bool
    expires_at: datetime
    holder_claims: int
    missing: tuple[UnitRef, ...] = ()
    """Units that do not exist."""
    lost: tuple[UnitRef, ...] = ()
    """Units that somebody else has."""
    unknown: tuple[CounterAsk, ...] = ()
    """Counters that do not exist."""
    left: Mapping[CounterAsk, int] = field(default_factory=dict)
    """Room that each counter had when the statement began, over all its buckets."""


async def open_claim(
    tx: Transaction, ask: Ask, units: Sequence[UnitRef], event_id: UUID, *, start: int, wide: bool
) -> Taking:
    """Takes the units that are free or whose hold has expired, and room of the counters, and writes the claim.

    Locks the holder if there is a limit; the units by primary key in sorted order, NOWAIT (LockNotAvailable if somebody
    is changing one right now); one bucket of each counter that has the room, the next from `start` on. `wide` waits for
    all buckets instead, and takes from several. What looks taken when the statement begins is not locked at all, so
    refusals of a besieged thing write nothing.
    """
    units = sorted(units, key=lambda unit: (unit.pool_no, unit.key))
    counters = ask.counters
    row = await tx.fetch_one(
        _OPEN if counters else _OPEN_UNITS,
        {
            **_common(tx, ask, event_id),
            "unit_pools": [unit.pool_no for unit in units],
            "unit_keys": [unit.key for unit in units],
            "unit_count": len(units),
            "counter_pools": [counter.pool_no for counter in counters],
            "counter_keys": [counter.key for counter in counters],
            "counter_counts": [counter.count for counter in counters],
            "counter_total": sum(counter.count for counter in counters),
            "start": start,
            "wide": wide,
        },
    )
    assert row is not None
    done, expires_at, holder_claims, seen, *counted = row
    if done:
        return Taking(True, expires_at, holder_claims)
    rooms = [(CounterAsk(pool_no, key, count), left) for pool_no, key, count, left in (counted[0] if counted else [])]
    return Taking(
        False,
        expires_at,
        holder_claims,
        missing=tuple(UnitRef(pool_no, key) for pool_no, key, exists, _ in seen or [] if not exists),
        lost=tuple(UnitRef(pool_no, key) for pool_no, key, exists, ours in seen or [] if exists and not ours),
        unknown=tuple(counter for counter, left in rooms if left is None),
        left={counter: left for counter, left in rooms if left is not None},
    )


async def open_drawn(
    tx: Transaction, ask: Ask, draw: DrawAsk, event_id: UUID, start: int
) -> tuple[UnitRef, Taking] | None:
    """Draws one unit and opens the claim on it, in one statement. None: that found nothing, which proves nothing.

    `start`: 32 bits of chance. LockNotAvailable if what it found was freed so recently that the statement's snapshot
    does not show it; the transaction must then begin again.
    """
    row = await tx.fetch_one(
        OPEN_DRAWN,
        {**_common(tx, ask, event_id), "unit_count": draw.count, "draw_pool": draw.pool_no, "share": start / 2**32},
    )
    assert row is not None
    done, expires_at, holder_claims, seen, key = row
    if seen:
        raise LockNotAvailable("the unit that was drawn had just been freed")
    return (UnitRef(draw.pool_no, key), Taking(True, expires_at, holder_claims)) if done else None


def _common(tx: Transaction, ask: Ask, event_id: UUID) -> dict[str, object]:
    return {
        "tenant": tx.owner,
        "claim": ask.capability.id,
        "key": ask.capability.key,
        "owner": ask.owner,
        "holder": ask.holder,
        "holder_max": ask.holder_max,
        "ttl": ask.ttl_s,
        "terms": orjson.dumps(ask.terms).decode(),
        "actor": ask.actor,
        "event": event_id,
        "topic": TOPIC,
        "subject": str(ask.capability.id),
        "type": f"{TOPIC}.held.v1",
        "external": bool(ask.externals),
    }


# In a READ COMMITTED statement a lock waits for the row's other writer and then looks at the row as that one left it:
# `where` is asked again, and the columns are the new ones. A row that no longer fits drops out of `locked`.
_MOMENT = """
with holder as materialized (
  select case when %(holder_max)s::int is null then 0
              else allocation.lock_holder(%(tenant)s::uuid, %(owner)s::text, %(holder)s::text) end as claims
), moment as materialized (
  select clock_timestamp() as now, clock_timestamp() + make_interval(secs => %(ttl)s::int) as until,
         claims as holder_claims, coalesce(claims < %(holder_max)s::int, true) as allowed
  from holder
"""

_NAMED = """
), asked as materialized (
  select * from unnest(%(unit_pools)s::int[], %(unit_keys)s::bigint[]) as a(pool_no, key)
"""

_DRAWN = """
), asked as materialized (
  select %(draw_pool)s::int as pool_no, key
  from moment, unnest(allocation.draw_units(%(tenant)s::uuid, %(draw_pool)s::int, %(unit_count)s::int,
                                            %(share)s::float8, false)) as key
  where allowed
"""

_LOCKED = """
), locked as materialized (
  select u.pool_no, u.key, u.claim_id
  from moment m, asked a join allocation.units u
    on u.tenant_id = %(tenant)s::uuid and u.pool_no = a.pool_no and u.key = a.key
  where m.allowed and (u.state = 'free' or u.state = 'held' and u.expires_at <= m.now)
  order by u.pool_no, u.key for update of u nowait
), units_complete as materialized (
  select allowed and (select count(*) from locked) = %(unit_count)s::int as yes from moment
"""

_NO_COUNTERS = """
), complete as materialized (
  select yes from units_complete
"""

# `counted` sets every column from the locked row: PostgreSQL tries the checks on the row as the snapshot has it, before
# it sees that the row has moved on, and an old `held` beside the new count can break them for nothing.
# `picked` is chosen by what was committed when the statement began: too little room then is a refusal without a lock.
_COUNTERS = """
), wanted as materialized (
  select * from unnest(%(counter_pools)s::int[], %(counter_keys)s::bigint[], %(counter_counts)s::bigint[])
    as w(pool_no, key, count)
), buckets as materialized (
  select w.pool_no, w.key, w.count, c.bucket, c.capacity + c.overbook - c.held - c.sold as room,
         (c.bucket + %(start)s::int) %% count(*) over (partition by w.pool_no, w.key) as turn
  from wanted w join allocation.counters c on c.tenant_id = %(tenant)s::uuid and c.pool_no = w.pool_no and c.key = w.key
), ranked as (
  select pool_no, key, count, bucket, room, sum(room) over (partition by pool_no, key) as spare,
         row_number() over (partition by pool_no, key order by room < count, turn) as rank
  from buckets
), picked as materialized (
  select pool_no, key, count, bucket from ranked
  where (%(wide)s::bool and spare >= count) or (not %(wide)s::bool and rank = 1 and room >= count)
), promising as materialized (
  select yes and (select count(distinct (pool_no, key)) from picked) = (select count(*) from wanted) as yes
  from units_complete
), locked_buckets as materialized (
  select c.pool_no, c.key, c.bucket, c.capacity, c.overbook, c.held, c.sold, c.version, p.count,
         c.capacity + c.overbook - c.held - c.sold as room
  from promising, picked p join allocation.counters c
    on c.tenant_id = %(tenant)s::uuid and c.pool_no = p.pool_no and c.key = p.key and c.bucket = p.bucket
  where promising.yes
  order by c.pool_no, c.key, c.bucket for update of c
), drawn as materialized (
  select pool_no, key, bucket, capacity, overbook, held, sold, version,
         least(room, greatest(count - before, 0))::bigint as count
  from (select *, coalesce(sum(room) over (partition by pool_no, key order by bucket
                           rows between unbounded preceding and 1 preceding), 0) as before from locked_buckets) as l
), complete as materialized (
  select yes and (select coalesce(sum(count), 0) from drawn) = %(counter_total)s::bigint as yes from promising
), counted as (
  update allocation.counters c
  set capacity = d.capacity, overbook = d.overbook, held = d.held + d.count, sold = d.sold, version = d.version + 1
  from drawn d, complete
  where complete.yes and d.count > 0
    and c.tenant_id = %(tenant)s::uuid and c.pool_no = d.pool_no and c.key = d.key and c.bucket = d.bucket
  returning c.pool_no, c.key, c.bucket, d.count, c.capacity, c.overbook, c.held, c.sold
), counts as (
  insert into allocation.claim_counts (tenant_id, claim_id, pool_no, key, bucket, count)
  select %(tenant)s::uuid, %(claim)s::uuid, pool_no, key, bucket, count from counted
), count_entry as (
  insert into allocation.counter_ledger (tenant_id, move, claim_id, pool_no, key, bucket, capacity, overbook, held,
                                         sold, actor)
  select %(tenant)s::uuid, 'hold', %(claim)s::uuid, pool_no, key, bucket, capacity, overbook, held, sold,
         %(actor)s::text
  from counted
"""

_TAKE = """
), taken as (
  update allocation.units u set state = 'held', claim_id = %(claim)s::uuid, expires_at = moment.until
  from locked l, moment, complete
  where complete.yes and u.tenant_id = %(tenant)s::uuid and u.pool_no = l.pool_no and u.key = l.key
  returning u.pool_no, u.key, l.claim_id as displaced, u.expires_at
), claim as (
  insert into allocation.claims (tenant_id, claim_id, key, owner, holder, state, expires_at, held_until, terms,
                                 external)
  select %(tenant)s::uuid, %(claim)s::uuid, %(key)s::bytea, %(owner)s::text, %(holder)s::text, 'held', until, until,
         %(terms)s::jsonb, %(external)s::bool
  from moment, complete where yes
), lines as (
  insert into allocation.claim_lines (tenant_id, claim_id, pool_no, key)
  select %(tenant)s::uuid, %(claim)s::uuid, pool_no, key from taken
), entry as (
  insert into allocation.ledger (tenant_id, move, claim_id, pool_no, keys, state, unit_claim_id, expires_at, displaced,
                                 actor)
  select %(tenant)s::uuid, 'hold', %(claim)s::uuid, pool_no, array_agg(key order by key), 'held', %(claim)s::uuid,
         min(expires_at), coalesce(array_agg(distinct displaced) filter (where displaced is not null), '{}'),
         %(actor)s::text
  from taken group by pool_no
), event as (
  insert into runtime.outbox (tenant_id, id, topic, key, type, data)
  select %(tenant)s::uuid, %(event)s::uuid, %(topic)s::text, %(subject)s::text, %(type)s::text,
         jsonb_build_object('owner', %(owner)s::text, 'expires_at', until,
           'units', (select coalesce(jsonb_agg(jsonb_build_array(pool_no, key) order by pool_no, key), '[]')
                     from taken))
  from moment, complete where yes
), bump as (
  update allocation.pools p set version = version + 1
  from (select p.pool_no from allocation.pools p
        where p.tenant_id = %(tenant)s::uuid and p.pool_no in (select pool_no from taken)
          and not p.fungible
        order by p.pool_no for update of p) as touched
  where p.tenant_id = %(tenant)s::uuid and p.pool_no = touched.pool_no
)
select complete.yes, m.until, m.holder_claims,
       case when not complete.yes then
         (select jsonb_agg(jsonb_build_array(a.pool_no, a.key, u.key is not null, l.key is not null))
          from asked a left join locked l using (pool_no, key) left join allocation.units u
            on u.tenant_id = %(tenant)s::uuid and u.pool_no = a.pool_no and u.key = a.key)
       end
"""

_WHAT_WAS_LEFT = """
     , case when not complete.yes then
         (select jsonb_agg(jsonb_build_array(w.pool_no, w.key, w.count, r.spare))
          from wanted w left join (select pool_no, key, sum(room)::bigint as spare from buckets group by pool_no, key) r
            using (pool_no, key))
       end
"""

_FROM = """
from moment m, complete
"""

_DRAWN_KEY = """
     , (select key from taken)
"""

_OPEN_UNITS = _MOMENT + _NAMED + _LOCKED + _NO_COUNTERS + _TAKE + _FROM
_OPEN = _MOMENT + _NAMED + _LOCKED + _COUNTERS + _TAKE + _WHAT_WAS_LEFT + _FROM
OPEN_DRAWN = _MOMENT + _DRAWN + _LOCKED + _NO_COUNTERS + _TAKE + _DRAWN_KEY + _FROM


async def units_taken(tx: Transaction, units: Sequence[UnitRef]) -> frozenset[UnitRef]:
    """Those of the units that are not free now, by primary key, without a lock."""
    rows = await tx.fetch(
        """
        select u.pool_no, u.key from unnest(%(pools)s::int[], %(keys)s::bigint[]) as asked(pool_no, key)
        join allocation.units u
          on u.tenant_id = %(tenant)s::uuid and u.pool_no = asked.pool_no and u.key = asked.key
        where not (u.state = 'free' or u.state = 'held' and u.expires_at <= clock_timestamp())
        """,
        {"pools": [unit.pool_no for unit in units], "keys": [unit.key for unit in units], "tenant": tx.owner},
    )
    return frozenset(UnitRef(pool_no, key) for pool_no, key in rows)


async def units_unavailable(tx: Transaction, units: Sequence[UnitRef]) -> frozenset[UnitRef]:
    """Those of the units that are taken, or that somebody is changing at this moment: all that cannot be locked."""
    rows = await tx.fetch(
        """
        select u.pool_no, u.key from unnest(%(pools)s::int[], %(keys)s::bigint[]) as asked(pool_no, key)
        join allocation.units u
          on u.tenant_id = %(tenant)s::uuid and u.pool_no = asked.pool_no and u.key = asked.key
        where u.state = 'free' or u.state = 'held' and u.expires_at <= clock_timestamp()
        for update of u skip locked
        """,
        {"pools": [unit.pool_no for unit in units], "keys": [unit.key for unit in units], "tenant": tx.owner},
    )
    return frozenset(units) - frozenset(UnitRef(pool_no, key) for pool_no, key in rows)
