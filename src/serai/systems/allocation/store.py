"""SQL of claims. Each statement changes units, claim, ledger and outbox together, by the database's clock.

Locks, always in this order: units sorted by (pool, key), then the claim's own row where it exists, then pools sorted.
Taking units never waits (NOWAIT), so overlapping claims cannot deadlock. The bump of a pool's version reads from the
changed units, which makes it the last thing that the statement does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson

from serai.mechanisms.allocation.claims import UNIT_AFTER, ClaimState, Move, UnitState
from serai.mechanisms.allocation.ledger import Line, Unit
from serai.runtime.postgres.database import Transaction
from serai.systems.allocation.model import DECLINE_GRACE_S, Ask, Claim, PoolView, UnitRef

TOPIC = "serai.allocation.claim"


async def create_pool(tx: Transaction, owner: str, keys: Sequence[int], actor: str) -> int:
    """A pool with a free unit for each key, in one statement, and one ledger line; returns its number."""
    row = await tx.fetch_one(
        """
        with pool as (
          insert into allocation.pools (tenant_id, owner) values (%s, %s) returning tenant_id, pool_no
        ), units as (
          insert into allocation.units (tenant_id, pool_no, key)
          select tenant_id, pool_no, key from pool, unnest(%s::bigint[]) as key
        ), entry as (
          insert into allocation.ledger (tenant_id, move, pool_no, keys, state, actor)
          select tenant_id, 'create', pool_no, %s::bigint[], 'free', %s from pool
        )
        select pool_no from pool
        """,
        (tx.owner, owner, list(keys), list(keys), actor),
    )
    assert row is not None
    return int(row[0])


@dataclass(frozen=True, slots=True)
class Taking:
    """What came of taking units: those that exist, those that are ours now, and how many claims the holder has."""

    existing: frozenset[UnitRef]
    taken: frozenset[UnitRef]
    expires_at: datetime | None
    holder_claims: int


async def open_claim(tx: Transaction, ask: Ask, event_id: UUID) -> Taking:
    """Takes the units that are free or whose hold has expired, and writes the claim. The caller rolls back a part.

    Locks the units by primary key in sorted order, NOWAIT: LockNotAvailable if somebody is changing one right now.
    """
    units = sorted(ask.units, key=lambda unit: (unit.pool_no, unit.key))
    rows = await tx.fetch(
        _OPEN,
        (
            ask.ttl_s,
            [unit.pool_no for unit in units],
            [unit.key for unit in units],
            tx.owner,
            ask.capability.id,
            tx.owner,
            len(units),
            tx.owner,
            ask.capability.id,
            ask.capability.key,
            ask.owner,
            ask.holder,
            orjson.dumps(ask.terms).decode(),
            tx.owner,
            ask.capability.id,
            tx.owner,
            ask.capability.id,
            ask.capability.id,
            ask.actor,
            tx.owner,
            event_id,
            TOPIC,
            str(ask.capability.id),
            f"{TOPIC}.held.v1",
            ask.owner,
            tx.owner,
            tx.owner,
            ask.owner,
            ask.holder,
        ),
    )
    existing = frozenset(UnitRef(pool_no, key) for pool_no, key, *_ in rows)
    taken = frozenset(UnitRef(pool_no, key) for pool_no, key, ours, *_ in rows if ours)
    return Taking(existing, taken, rows[0][3] if rows else None, rows[0][4] if rows else 0)


_OPEN = """
with moment as materialized (
  select clock_timestamp() as now, clock_timestamp() + make_interval(secs => %s) as until
), locked as materialized (
  select u.pool_no, u.key, u.state, u.claim_id, u.expires_at
  from unnest(%s::int[], %s::bigint[]) as asked(pool_no, key)
  join allocation.units u on u.tenant_id = %s and u.pool_no = asked.pool_no and u.key = asked.key
  order by u.pool_no, u.key for update of u nowait
), taken as (
  update allocation.units u set state = 'held', claim_id = %s, expires_at = moment.until
  from locked l, moment
  where u.tenant_id = %s and u.pool_no = l.pool_no and u.key = l.key
    and (l.state = 'free' or l.state = 'held' and l.expires_at <= moment.now)
  returning u.tenant_id, u.pool_no, u.key, l.claim_id as displaced, u.expires_at
), complete as materialized (
  select count(*) = %s as yes from taken
), claim as (
  insert into allocation.claims (tenant_id, claim_id, key, owner, holder, state, expires_at, held_until, terms)
  select %s, %s, %s, %s, %s, 'held', until, until, %s from moment, complete where yes
), lines as (
  insert into allocation.claim_lines (tenant_id, claim_id, pool_no, key)
  select %s, %s, pool_no, key from taken, complete where yes
), entry as (
  insert into allocation.ledger (tenant_id, move, claim_id, pool_no, keys, state, unit_claim_id, expires_at, displaced,
                                 actor)
  select %s, 'hold', %s, pool_no, array_agg(key order by key), 'held', %s, min(expires_at),
         coalesce(array_agg(distinct displaced) filter (where displaced is not null), '{}'), %s
  from taken, complete where yes group by pool_no
), event as (
  insert into runtime.outbox (tenant_id, id, topic, key, type, data)
  select %s, %s, %s, %s, %s, jsonb_build_object('owner', %s::text, 'expires_at', until,
         'units', (select jsonb_agg(jsonb_build_array(pool_no, key) order by pool_no, key) from taken))
  from moment, complete where yes
), bump as (
  update allocation.pools p set version = version + 1
  from (select p.pool_no from allocation.pools p, complete
        where yes and p.tenant_id = %s and p.pool_no in (select pool_no from taken)
        order by p.pool_no for update of p) as touched
  where p.tenant_id = %s and p.pool_no = touched.pool_no
)
select l.pool_no, l.key, t.key is not null, until,
       (select count(*) from allocation.claims c
        where c.owner = %s and c.holder = %s and c.state in ('held', 'paying') and c.expires_at > now)
from moment, locked l left join taken t using (pool_no, key)
"""


@dataclass(frozen=True, slots=True)
class Moved:
    """What came of a move: whether the claim was still as expected, and how many of its units were still its own."""

    claim: bool
    units: int
    expires_at: datetime | None


async def move_claim(
    tx: Transaction, claim: Claim, move: Move, to: ClaimState, seconds: int, *, event_id: UUID, actor: str
) -> Moved:
    """Moves the claim if it still has the version that was read, and those of its units that still carry its id.

    Locks the claim's row by primary key, then its units, then the pools. EXTEND and PAY ask for `seconds`.
    """
    unit_state = UNIT_AFTER[to]
    keeps = unit_state in (UnitState.HELD, UnitState.SOLD)
    row = await tx.fetch_one(
        _MOVE,
        {
            "tenant": tx.owner,
            "claim": claim.claim_id,
            "version": claim.version,
            "from": claim.state,
            "to": to,
            "move": move,
            "seconds": seconds,
            "grace": DECLINE_GRACE_S,
            "unit_state": unit_state,
            "unit_claim": claim.claim_id if keeps else None,
            "timed": unit_state is UnitState.HELD,
            "attempt": 1 if move is Move.PAY else 0,
            "actor": actor,
            "event": event_id,
            "topic": TOPIC,
            "key": str(claim.claim_id),
            "type": f"{TOPIC}.{to}.v1",
            "owner": claim.owner,
        },
    )
    assert row is not None
    return Moved(bool(row[0]), int(row[1]), row[2])


_MOVE = """
with moment as materialized (
  select clock_timestamp() as now, clock_timestamp() + make_interval(secs => %(seconds)s) as until
), claim as (
  update allocation.claims c set state = %(to)s, version = c.version + 1, payments = c.payments + %(attempt)s,
    held_until = case when %(move)s = 'extend' then until else c.held_until end,
    expires_at = case %(move)s
      when 'extend' then until
      when 'pay' then greatest(c.held_until, until)
      when 'decline' then greatest(c.held_until, now + make_interval(secs => %(grace)s))
      when 'doubt' then 'infinity' else c.expires_at end
  from moment
  where c.tenant_id = %(tenant)s and c.claim_id = %(claim)s and c.state = %(from)s and c.version = %(version)s
  returning c.claim_id, c.expires_at
), changed as (
  update allocation.units u set state = %(unit_state)s, claim_id = %(unit_claim)s,
    expires_at = case when %(timed)s then c.expires_at end
  from claim c, allocation.claim_lines l
  where l.tenant_id = %(tenant)s and l.claim_id = c.claim_id
    and u.tenant_id = %(tenant)s and u.pool_no = l.pool_no and u.key = l.key and u.claim_id = c.claim_id
  returning u.pool_no, u.key, u.expires_at
), entry as (
  insert into allocation.ledger (tenant_id, move, claim_id, pool_no, keys, state, unit_claim_id, expires_at, actor)
  select %(tenant)s, %(move)s, %(claim)s, pool_no, array_agg(key order by key), %(unit_state)s, %(unit_claim)s,
         min(expires_at), %(actor)s
  from changed group by pool_no
), event as (
  insert into runtime.outbox (tenant_id, id, topic, key, type, data)
  select %(tenant)s, %(event)s, %(topic)s, %(key)s, %(type)s, jsonb_build_object('owner', %(owner)s::text,
    'units', (select coalesce(jsonb_agg(jsonb_build_array(pool_no, key) order by pool_no, key), '[]') from changed))
  from claim
), bump as (
  update allocation.pools p set version = version + 1
  from (select p.pool_no from allocation.pools p
        where p.tenant_id = %(tenant)s and p.pool_no in (select pool_no from changed)
        order by p.pool_no for update) as touched
  where p.tenant_id = %(tenant)s and p.pool_no = touched.pool_no
)
select exists (select from claim), (select count(*) from changed), (select expires_at from claim)
"""

_CLAIM = """
select c.claim_id, c.key, c.owner, c.holder, c.state, c.version, c.expires_at, c.payments,
       extract(epoch from clock_timestamp() - c.created_at)::float8, c.terms,
       c.expires_at <= clock_timestamp(),
       (select array_agg(l.pool_no order by l.pool_no, l.key) from allocation.claim_lines l
        where l.tenant_id = c.tenant_id and l.claim_id = c.claim_id),
       (select array_agg(l.key order by l.pool_no, l.key) from allocation.claim_lines l
        where l.tenant_id = c.tenant_id and l.claim_id = c.claim_id)
from allocation.claims c
"""


async def claim_by_id(tx: Transaction, claim_id: UUID) -> Claim | None:
    """A claim with its lines, by primary key; takes no lock, moves compare the version instead."""
    row = await tx.fetch_one(_CLAIM + " where c.tenant_id = %s and c.claim_id = %s", (tx.owner, claim_id))
    if row is None:
        return None
    *columns, pools, keys = row
    units = tuple(UnitRef(pool_no, key) for pool_no, key in zip(pools or (), keys or (), strict=True))
    claim_id, key, owner, holder, state, version, expires_at, payments, age_s, terms, expired = columns
    return Claim(
        claim_id,
        bytes(key),
        owner,
        holder,
        ClaimState(state),
        version,
        expires_at,
        payments,
        age_s,
        terms,
        expired,
        units,
    )


async def units_taken(tx: Transaction, units: Sequence[UnitRef]) -> frozenset[UnitRef]:
    """Those of the units that are not free now, by primary key, without a lock."""
    rows = await tx.fetch(
        """
        select u.pool_no, u.key from unnest(%s::int[], %s::bigint[]) as asked(pool_no, key)
        join allocation.units u on u.tenant_id = %s and u.pool_no = asked.pool_no and u.key = asked.key
        where not (u.state = 'free' or u.state = 'held' and u.expires_at <= clock_timestamp())
        """,
        ([unit.pool_no for unit in units], [unit.key for unit in units], tx.owner),
    )
    return frozenset(UnitRef(pool_no, key) for pool_no, key in rows)


async def pool_versions(tx: Transaction, pool_nos: Sequence[int]) -> dict[int, int]:
    """The versions of these pools, by primary key."""
    rows = await tx.fetch(
        "select pool_no, version from allocation.pools where tenant_id = %s and pool_no = any(%s)",
        (tx.owner, list(pool_nos)),
    )
    return dict(rows)


async def pool_views(tx: Transaction, pool_nos: Sequence[int]) -> list[PoolView]:
    """Whole pools, each with the version that belongs to its states: one statement, one snapshot."""
    rows = await tx.fetch(
        """
        select p.pool_no, p.version, array_agg(u.key), array_agg(
          case when u.state = 'held' and u.expires_at <= clock_timestamp() then 'free' else u.state::text end)
        from allocation.pools p join allocation.units u using (tenant_id, pool_no)
        where p.tenant_id = %s and p.pool_no = any(%s) group by p.pool_no, p.version
        """,
        (tx.owner, list(pool_nos)),
    )
    states = {value.value: value for value in UnitState}
    return [
        PoolView(pool_no, version, {key: states[state] for key, state in zip(keys, names, strict=True)})
        for pool_no, version, keys, names in rows
    ]


async def free_counts(tx: Transaction, pool_nos: Sequence[int]) -> dict[int, int]:
    """Units free now, by pool."""
    rows = await tx.fetch(
        """
        select pool_no, count(*) from allocation.units where tenant_id = %s and pool_no = any(%s)
          and (state = 'free' or state = 'held' and expires_at <= clock_timestamp()) group by pool_no
        """,
        (tx.owner, list(pool_nos)),
    )
    counts: Mapping[int, int] = dict(rows)
    return {pool_no: counts.get(pool_no, 0) for pool_no in pool_nos}


async def block_units(tx: Transaction, units: Sequence[UnitRef], blocked: bool, actor: str) -> frozenset[UnitRef]:
    """Takes free units off sale, or puts blocked ones back; returns those that it changed. Locks sorted, NOWAIT."""
    ordered = sorted(units, key=lambda unit: (unit.pool_no, unit.key))
    rows = await tx.fetch(
        """
        with locked as materialized (
          select u.pool_no, u.key, u.state, u.expires_at
          from unnest(%(pools)s::int[], %(keys)s::bigint[]) as asked(pool_no, key)
          join allocation.units u on u.tenant_id = %(tenant)s and u.pool_no = asked.pool_no and u.key = asked.key
          order by u.pool_no, u.key for update of u nowait
        ), changed as (
          update allocation.units u set state = %(to)s, claim_id = null, expires_at = null
          from locked l where u.tenant_id = %(tenant)s and u.pool_no = l.pool_no and u.key = l.key
            and (l.state = %(from)s or l.state = 'held' and l.expires_at <= clock_timestamp() and %(from)s = 'free')
          returning u.pool_no, u.key
        ), entry as (
          insert into allocation.ledger (tenant_id, move, pool_no, keys, state, actor)
          select %(tenant)s, %(move)s, pool_no, array_agg(key order by key), %(to)s, %(actor)s
          from changed group by pool_no
        ), bump as (
          update allocation.pools p set version = version + 1
          from (select p.pool_no from allocation.pools p
                where p.tenant_id = %(tenant)s and p.pool_no in (select pool_no from changed)
                order by p.pool_no for update) as touched
          where p.tenant_id = %(tenant)s and p.pool_no = touched.pool_no
        )
        select pool_no, key from changed
        """,
        {
            "pools": [unit.pool_no for unit in ordered],
            "keys": [unit.key for unit in ordered],
            "tenant": tx.owner,
            "from": UnitState.FREE if blocked else UnitState.BLOCKED,
            "to": UnitState.BLOCKED if blocked else UnitState.FREE,
            "move": "block" if blocked else "unblock",
            "actor": actor,
        },
    )
    return frozenset(UnitRef(pool_no, key) for pool_no, key in rows)


async def due_claims(tx: Transaction, limit: int) -> list[tuple[UUID, UUID]]:
    """(tenant, claim) of claims past their expiry, oldest first, locked, skipping busy ones (role serai_jobs)."""
    rows = await tx.fetch(
        """
        select tenant_id, claim_id from allocation.claims
        where state in ('held', 'paying') and expires_at <= clock_timestamp()
        order by expires_at limit %s for update skip locked
        """,
        (limit,),
    )
    return [(tenant_id, claim_id) for tenant_id, claim_id in rows]


async def expire_claims(tx: Transaction, due: Sequence[tuple[UUID, UUID]], event_ids: Sequence[UUID]) -> int:
    """Expires locked claims and frees the units that still carry their ids; returns how many units."""
    row = await tx.fetch_one(
        """
        with due as materialized (
          select * from unnest(%(tenants)s::uuid[], %(claims)s::uuid[], %(events)s::uuid[])
            as d(tenant_id, claim_id, event_id)
        ), locked as materialized (
          select u.tenant_id, u.pool_no, u.key, u.claim_id
          from due join allocation.claim_lines l using (tenant_id, claim_id)
          join allocation.units u on u.tenant_id = l.tenant_id and u.pool_no = l.pool_no and u.key = l.key
            and u.claim_id = l.claim_id
          order by u.tenant_id, u.pool_no, u.key for update of u
        ), freed as (
          update allocation.units u set state = 'free', claim_id = null, expires_at = null
          from locked l where u.tenant_id = l.tenant_id and u.pool_no = l.pool_no and u.key = l.key
            and u.claim_id = l.claim_id
          returning u.tenant_id, u.pool_no, u.key, l.claim_id
        ), claim as (
          update allocation.claims c set state = 'expired', version = version + 1
          from due where c.tenant_id = due.tenant_id and c.claim_id = due.claim_id
          returning c.tenant_id, c.claim_id, c.owner, due.event_id
        ), entry as (
          insert into allocation.ledger (tenant_id, move, claim_id, pool_no, keys, state, actor)
          select tenant_id, 'expire', claim_id, pool_no, array_agg(key order by key), 'free', 'sweep'
          from freed group by tenant_id, claim_id, pool_no
        ), event as (
          insert into runtime.outbox (tenant_id, id, topic, key, type, data)
          select tenant_id, event_id, %(topic)s, claim_id::text, %(type)s, jsonb_build_object('owner', owner) from claim
        ), bump as (
          update allocation.pools p set version = version + 1
          from (select p.tenant_id, p.pool_no from allocation.pools p
                where (p.tenant_id, p.pool_no) in (select tenant_id, pool_no from freed)
                order by p.tenant_id, p.pool_no for update) as touched
          where p.tenant_id = touched.tenant_id and p.pool_no = touched.pool_no
        )
        select count(*) from freed
        """,
        {
            "tenants": [tenant for tenant, _ in due],
            "claims": [claim for _, claim in due],
            "events": list(event_ids),
            "topic": TOPIC,
            "type": f"{TOPIC}.expired.v1",
        },
    )
    assert row is not None
    return int(row[0])


async def ledger_lines(tx: Transaction, pool_no: int) -> list[Line]:
    """A pool's lines in order, by the index ledger_of_pool."""
    rows = await tx.fetch(
        "select entry_no, move, pool_no, keys, state, unit_claim_id, expires_at from allocation.ledger"
        " where tenant_id = %s and pool_no = %s order by entry_no",
        (tx.owner, pool_no),
    )
    return [
        Line(entry_no, move, pool, tuple(keys), Unit(UnitState(state), claim_id, expires_at))
        for entry_no, move, pool, keys, state, claim_id, expires_at in rows
    ]


async def unit_rows(tx: Transaction, pool_no: int) -> dict[tuple[int, int], Unit]:
    """A pool's units exactly as they stand, expired holds included."""
    rows = await tx.fetch(
        "select key, state, claim_id, expires_at from allocation.units where tenant_id = %s and pool_no = %s",
        (tx.owner, pool_no),
    )
    return {(pool_no, key): Unit(UnitState(state), claim_id, expires_at) for key, state, claim_id, expires_at in rows}


async def pools_of(tx: Transaction, owner: str) -> list[int]:
    """The numbers of all pools of one system."""
    rows = await tx.fetch(
        "select pool_no from allocation.pools where tenant_id = %s and owner = %s order by pool_no", (tx.owner, owner)
    )
    return [int(pool_no) for (pool_no,) in rows]


async def stray_claims(tx: Transaction, owner: str) -> list[UUID]:
    """Confirmed claims that do not own every unit of their lines: must be none."""
    rows = await tx.fetch(
        """
        select distinct c.claim_id from allocation.claims c join allocation.claim_lines l using (tenant_id, claim_id)
        join allocation.units u on u.tenant_id = l.tenant_id and u.pool_no = l.pool_no and u.key = l.key
        where c.tenant_id = %s and c.owner = %s and c.state = 'confirmed'
          and (u.state <> 'sold' or u.claim_id <> c.claim_id)
        """,
        (tx.owner, owner),
    )
    return [claim_id for (claim_id,) in rows]
