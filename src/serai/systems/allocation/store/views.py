"""Reading pools without a lock: versions, whole pictures, and what is free. Only `lock_pool` takes one."""

from collections.abc import Sequence
from uuid import UUID

from serai.mechanisms.allocation.claims import UnitState
from serai.mechanisms.allocation.ledger import Bucket
from serai.runtime.postgres.database import Transaction
from serai.systems.allocation.model import PoolView

_STATES = {state.value: state for state in UnitState}


async def pool_versions(tx: Transaction, pool_nos: Sequence[int]) -> dict[int, int]:
    """The versions of these pools, by primary keys: each rises with every change of its units and counters."""
    rows = await tx.fetch(
        """
        select p.pool_no, (p.version + coalesce(c.version, 0))::bigint
        from allocation.pools p
        left join (select pool_no, sum(version) as version from allocation.counters
                   where tenant_id = %(tenant)s::uuid and pool_no = any(%(pools)s::int[]) group by pool_no) c
          using (pool_no)
        where p.tenant_id = %(tenant)s::uuid and p.pool_no = any(%(pools)s::int[])
        """,
        {"tenant": tx.owner, "pools": list(pool_nos)},
    )
    return dict(rows)


async def pool_views(tx: Transaction, pool_nos: Sequence[int]) -> list[PoolView]:
    """Whole pools, each with the version that belongs to its states: one statement, one snapshot."""
    rows = await tx.fetch(
        """
        select p.pool_no, (p.version + coalesce(c.version, 0))::bigint, u.keys, u.states, c.counters
        from allocation.pools p
        left join (select pool_no, array_agg(key) as keys, array_agg(
                     case when state = 'held' and expires_at <= clock_timestamp() then 'free'
                          else state::text end) as states
                   from allocation.units where tenant_id = %(tenant)s::uuid and pool_no = any(%(pools)s::int[])
                   group by pool_no) u using (pool_no)
        left join (select pool_no, sum(version) as version,
                          jsonb_agg(jsonb_build_array(key, capacity, overbook, held, sold)) as counters
                   from (select pool_no, key, sum(version) as version, sum(capacity) as capacity,
                                sum(overbook) as overbook, sum(held) as held, sum(sold) as sold
                         from allocation.counters
                         where tenant_id = %(tenant)s::uuid and pool_no = any(%(pools)s::int[])
                         group by pool_no, key) as whole
                   group by pool_no) c using (pool_no)
        where p.tenant_id = %(tenant)s::uuid and p.pool_no = any(%(pools)s::int[])
        """,
        {"tenant": tx.owner, "pools": list(pool_nos)},
    )
    return [
        PoolView(
            pool_no,
            version,
            {key: _STATES[state] for key, state in zip(keys or (), states or (), strict=True)},
            {key: Bucket(*content) for key, *content in counters or ()},
        )
        for pool_no, version, keys, states, counters in rows
    ]


async def free_counts(tx: Transaction, pool_nos: Sequence[int]) -> dict[int, int]:
    """Units free now, by pool."""
    rows = await tx.fetch(
        """
        select pool_no, count(*) from allocation.units
        where tenant_id = %s and pool_no = any(%s::int[])
          and (state = 'free' or state = 'held' and expires_at <= clock_timestamp()) group by pool_no
        """,
        (tx.owner, list(pool_nos)),
    )
    counts: dict[int, int] = dict(rows)
    return {pool_no: counts.get(pool_no, 0) for pool_no in pool_nos}


async def live_claims(tx: Transaction) -> int:
    """Claims of every tenant that are held or being paid (role serai_jobs); by the partial index claims_due."""
    row = await tx.fetch_one("select count(*) from allocation.claims where state in ('held', 'paying')")
    assert row is not None
    return int(row[0])


async def state_counts(tx: Transaction, pool_nos: Sequence[int]) -> dict[int, dict[UnitState, int]]:
    """How many units are in each state, by pool; a state without units is 0, and expired holds are free."""
    rows = await tx.fetch(
        """
        select pool_no,
               count(*) filter (where state = 'free' or state = 'held' and expires_at <= clock_timestamp()),
               count(*) filter (where state = 'held' and expires_at > clock_timestamp()),
               count(*) filter (where state = 'sold'), count(*) filter (where state = 'blocked')
        from allocation.units where tenant_id = %s and pool_no = any(%s::int[]) group by pool_no
        """,
        (tx.owner, list(pool_nos)),
    )
    order = (UnitState.FREE, UnitState.HELD, UnitState.SOLD, UnitState.BLOCKED)
    return {pool_no: dict(zip(order, counts, strict=True)) for pool_no, *counts in rows}


async def lock_pool(tx: Transaction, pool_no: int) -> int:
    """How many units are with a claim, expired ones included; until the transaction ends no other can open one.

    Locks the pool's row, which is the last that a claim locks: it waits for claims in flight, and they for it.
    """
    await tx.fetch(
        "select 1 from allocation.pools where tenant_id = %s and pool_no = %s for update", (tx.owner, pool_no)
    )
    # A statement of its own: its snapshot begins after the wait, so it sees what was waited for.
    row = await tx.fetch_one(
        "select count(*) from allocation.units where tenant_id = %s and pool_no = %s and claim_id is not null",
        (tx.owner, pool_no),
    )
    assert row is not None
    return int(row[0])


async def sold_units(tx: Transaction, owner: str) -> list[tuple[UUID, int, int]]:
    """(claim, pool, key) of every sold unit of a system, for audits; reads all of its pools."""
    rows = await tx.fetch(
        """
        select u.claim_id, u.pool_no, u.key from allocation.pools p join allocation.units u using (tenant_id, pool_no)
        where p.tenant_id = %s and p.owner = %s and u.state = 'sold' order by u.pool_no, u.key
        """,
        (tx.owner, owner),
    )
    return [(claim_id, pool_no, key) for claim_id, pool_no, key in rows]


async def live_units(tx: Transaction, pool_no: int) -> int:
    """How many units of a pool are held now; reads the tenant's living claims, not the pool."""
    row = await tx.fetch_one(
        """
        select count(*) from allocation.claims c join allocation.claim_lines l using (tenant_id, claim_id)
        where c.tenant_id = %s and l.pool_no = %s and c.state in ('held', 'paying', 'unknown')
          and c.expires_at > clock_timestamp()
        """,
        (tx.owner, pool_no),
    )
    assert row is not None
    return int(row[0])


async def free_keys(tx: Transaction, pool_no: int, keys: Sequence[int]) -> set[int]:
    """Those of the keys that are free now, by primary key, without a lock."""
    rows = await tx.fetch(
        """
        select key from allocation.units where tenant_id = %s and pool_no = %s and key = any(%s)
          and (state = 'free' or state = 'held' and expires_at <= clock_timestamp())
        """,
        (tx.owner, pool_no, list(keys)),
    )
    return {key for (key,) in rows}
