"""Moving a claim: one statement compares its state and version, and what it still has, and only then moves it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from serai.mechanisms.allocation.claims import NEEDS_ALL_UNITS, UNIT_AFTER, ClaimState, Move, UnitState
from serai.runtime.postgres.database import Transaction
from serai.systems.allocation.model import DECLINE_GRACE_S, NEVER, Claim, CounterAsk, UnitRef
from serai.systems.allocation.store import TOPIC
from serai.systems.allocation.store.drawing import REOPENED
from serai.systems.allocation.store.external import lines_of


@dataclass(frozen=True, slots=True)
class Moved:
    """What came of a move. Unless `done`, nothing was changed, and the rest says why."""

    done: bool
    as_read: bool
    """The claim still had the state and version that were read, and, for EXTEND and PAY, time left."""
    expires_at: datetime | None


async def move_claim(
    tx: Transaction, claim: Claim, move: Move, to: ClaimState, seconds: int, *, event_id: UUID, actor: str
) -> Moved:
    """Moves the claim with those of its units that still carry its id, and its counts.

    Locks the claim's row by primary key, then its units and buckets sorted, then the pools. EXTEND and PAY ask for
    `seconds`, and only for a claim whose time is not over.
    """
    was, becomes = UNIT_AFTER[claim.state], UNIT_AFTER[to]
    # A declined payment may end a hold sooner than a draw has noted that it would.
    frees = becomes is UnitState.FREE or move is Move.DECLINE
    plain, counting = (_FREE, _FREE_COUNTS) if frees else (_MOVE, _MOVE_COUNTS)
    row = await tx.fetch_one(
        counting if claim.counters else plain,
        {
            "tenant": tx.owner,
            "claim": claim.claim_id,
            "version": claim.version,
            "from": claim.state,
            "to": to,
            "move": move,
            "seconds": seconds,
            "grace": DECLINE_GRACE_S,
            "never": NEVER,
            "timely": move in (Move.EXTEND, Move.PAY),
            "units": len(claim.units) if move in NEEDS_ALL_UNITS else None,
            "unit_state": becomes,
            "unit_claim": claim.claim_id if becomes in (UnitState.HELD, UnitState.SOLD) else None,
            "stays_held": becomes is UnitState.HELD,
            "held": (becomes is UnitState.HELD) - (was is UnitState.HELD),
            "sold": (becomes is UnitState.SOLD) - (was is UnitState.SOLD),
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
    return Moved(*row)


# `going` reads `still` even where the number does not matter: what nobody reads, PostgreSQL runs last, and then the
# buckets would be locked before the units.
_HEAD = """
with moment as materialized (
  select clock_timestamp() as now, clock_timestamp() + make_interval(secs => %(seconds)s::int) as until
), mine as materialized (
  select c.claim_id, c.expires_at <= m.now as late
  from moment m, allocation.claims c
  where c.tenant_id = %(tenant)s::uuid and c.claim_id = %(claim)s::uuid
    and c.state = %(from)s::allocation.claim_state and c.version = %(version)s::int
    and (not %(timely)s::bool or c.expires_at > m.now)
  for update of c
), locked as materialized (
  select u.tenant_id, u.pool_no, u.key
  from mine join allocation.claim_lines l on l.tenant_id = %(tenant)s::uuid and l.claim_id = mine.claim_id
    join allocation.units u on u.tenant_id = %(tenant)s::uuid and u.pool_no = l.pool_no and u.key = l.key
      and u.claim_id = mine.claim_id
  order by u.pool_no, u.key for update of u
"""

_STILL = """
), still as materialized (
  select count(*) as units from locked
"""

_STILL_AND_REOPENED = (
    REOPENED
    + """
), still as materialized (
  select count(*) as units, (select count(*) from reopened) as blocks from locked
"""
)

_GOING = """
), going as materialized (
  select mine.claim_id, mine.late from mine, still where still.units = coalesce(%(units)s::int, still.units)
"""

_NO_COUNTS = """
), ready as materialized (
  select * from going
"""

# Only selling and freeing change a count; while a claim stays held, its buckets are not even locked.
# Every column is set from the locked row, for the reason given in opening.py.
_COUNTS = """
), locked_buckets as materialized (
  select c.pool_no, c.key, c.bucket, c.capacity, c.overbook, c.held, c.sold, c.version, l.count
  from going join allocation.claim_counts l on l.tenant_id = %(tenant)s::uuid and l.claim_id = going.claim_id
    join allocation.counters c
      on c.tenant_id = %(tenant)s::uuid and c.pool_no = l.pool_no and c.key = l.key and c.bucket = l.bucket
  where %(held)s::int <> 0 or %(sold)s::int <> 0
  order by c.pool_no, c.key, c.bucket for update of c
), counted as (
  update allocation.counters c
  set capacity = l.capacity, overbook = l.overbook, held = l.held + l.count * %(held)s::int,
      sold = l.sold + l.count * %(sold)s::int, version = l.version + 1
  from locked_buckets l
  where c.tenant_id = %(tenant)s::uuid and c.pool_no = l.pool_no and c.key = l.key and c.bucket = l.bucket
  returning c.pool_no, c.key, c.bucket, c.capacity, c.overbook, c.held, c.sold
), count_entry as (
  insert into allocation.counter_ledger (tenant_id, move, claim_id, pool_no, key, bucket, capacity, overbook, held,
                                         sold, actor)
  select %(tenant)s::uuid, %(move)s::text, %(claim)s::uuid, pool_no, key, bucket, capacity, overbook, held, sold,
         %(actor)s::text
  from counted
), ready as materialized (
  select going.* from going, (select count(*) from locked_buckets) as and_buckets
"""

_TAIL = """
), claim as (
  update allocation.claims c set state = %(to)s::allocation.claim_state, version = c.version + 1,
    payments = c.payments + %(attempt)s::int,
    held_until = case when %(move)s::text = 'extend' then m.until else c.held_until end,
    expires_at = case %(move)s::text
      when 'extend' then m.until
      when 'pay' then greatest(c.expires_at, m.until)
      when 'decline' then greatest(c.held_until, m.now + make_interval(secs => %(grace)s::int))
      when 'doubt' then %(never)s::timestamptz else c.expires_at end
  from moment m, ready
  where c.tenant_id = %(tenant)s::uuid and c.claim_id = ready.claim_id
  returning c.claim_id, c.expires_at, ready.late
), changed as (
  update allocation.units u set state = %(unit_state)s::allocation.unit_state, claim_id = %(unit_claim)s::uuid,
    expires_at = case when %(stays_held)s::bool then claim.expires_at end
  from claim, locked l
  where u.tenant_id = %(tenant)s::uuid and u.pool_no = l.pool_no and u.key = l.key
  returning u.pool_no, u.key, u.expires_at
), entry as (
  insert into allocation.ledger (tenant_id, move, claim_id, pool_no, keys, state, unit_claim_id, expires_at, actor)
  select %(tenant)s::uuid, %(move)s::text, %(claim)s::uuid, pool_no, array_agg(key order by key),
         %(unit_state)s::allocation.unit_state, %(unit_claim)s::uuid, min(expires_at), %(actor)s::text
  from changed group by pool_no
), event as (
  insert into runtime.outbox (tenant_id, id, topic, key, type, data)
  select %(tenant)s::uuid, %(event)s::uuid, %(topic)s::text, %(key)s::text, %(type)s::text,
         jsonb_build_object('owner', %(owner)s::text,
           'units', (select coalesce(jsonb_agg(jsonb_build_array(pool_no, key) order by pool_no, key), '[]')
                     from changed))
  from claim
), bump as (
  update allocation.pools p set version = version + 1
  from (select p.pool_no from allocation.pools p
        where p.tenant_id = %(tenant)s::uuid and p.pool_no in (select pool_no from changed) and not p.fungible
          and (not %(stays_held)s::bool or exists (select from claim where late))
        order by p.pool_no for update) as touched
  where p.tenant_id = %(tenant)s::uuid and p.pool_no = touched.pool_no
)
select exists (select from claim), exists (select from mine), (select expires_at from claim)
"""

_MOVE = _HEAD + _STILL + _GOING + _NO_COUNTS + _TAIL
_MOVE_COUNTS = _HEAD + _STILL + _GOING + _COUNTS + _TAIL
_FREE = _HEAD + _STILL_AND_REOPENED + _GOING + _NO_COUNTS + _TAIL
_FREE_COUNTS = _HEAD + _STILL_AND_REOPENED + _GOING + _COUNTS + _TAIL

_CLAIM = """
select c.claim_id, c.key, c.owner, c.holder, c.state, c.version, c.expires_at, c.payments,
       extract(epoch from clock_timestamp() - c.created_at)::float8, c.terms,
       c.expires_at <= clock_timestamp(),
       (select array_agg(l.pool_no order by l.pool_no, l.key) from allocation.claim_lines l
        where l.tenant_id = c.tenant_id and l.claim_id = c.claim_id),
       (select array_agg(l.key order by l.pool_no, l.key) from allocation.claim_lines l
        where l.tenant_id = c.tenant_id and l.claim_id = c.claim_id),
       (select jsonb_agg(jsonb_build_array(n.pool_no, n.key, n.count) order by n.pool_no, n.key)
        from (select l.pool_no, l.key, sum(l.count) as count from allocation.claim_counts l
              where l.tenant_id = c.tenant_id and l.claim_id = c.claim_id group by l.pool_no, l.key) n),
       c.external
from allocation.claims c
where c.tenant_id = %s and c.claim_id = %s
"""


async def claim_by_id(tx: Transaction, claim_id: UUID) -> Claim | None:
    """A claim with its lines, by primary key; takes no lock, moves compare the version instead."""
    row = await tx.fetch_one(_CLAIM, (tx.owner, claim_id))
    if row is None:
        return None
    found_id, key, owner, holder, state, version, expires_at, payments, age_s, terms, expired, *lines = row
    pools, keys, counts, external = lines
    return Claim(
        claim_id=found_id,
        key=bytes(key),
        owner=owner,
        holder=holder,
        state=ClaimState(state),
        version=version,
        expires_at=expires_at,
        payments=payments,
        age_s=age_s,
        terms=terms,
        expired=expired,
        units=tuple(UnitRef(pool_no, key) for pool_no, key in zip(pools or (), keys or (), strict=True)),
        counters=tuple(CounterAsk(*count) for count in counts or ()),
        externals=await lines_of(tx, claim_id) if external else (),
    )
