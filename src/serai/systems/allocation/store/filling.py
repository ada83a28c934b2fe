"""Filling a fungible pool of millions of units in batches, each with one ledger line that names a span of keys."""

from serai.runtime.postgres.database import Transaction
from serai.systems.allocation.model import Filling


async def plan_pool(tx: Transaction, owner: str, size: int) -> int:
    """A fungible pool without units yet; returns its number."""
    row = await tx.fetch_one(
        "insert into allocation.pools (tenant_id, owner, fungible, size, filled) values (%s, %s, true, %s, 0)"
        " returning pool_no",
        (tx.owner, owner, size),
    )
    assert row is not None
    return int(row[0])


async def fill(tx: Transaction, pool_no: int, units_max: int, actor: str) -> Filling | None:
    """Adds the next units, at most so many, with their blocks and one ledger line. Locks the pool's row.

    Keys ascend, so the rows and the key's index are written in order. None: there is no such pool.
    """
    row = await tx.fetch_one(
        """
        with pool as materialized (
          select filled as first, least(filled + %(most)s::bigint, size) as past, size from allocation.pools
          where tenant_id = %(tenant)s::uuid and pool_no = %(pool)s::int for update
        ), batch as materialized (
          select first, past from pool where past > first
        ), units as (
          insert into allocation.units (tenant_id, pool_no, key)
          select %(tenant)s::uuid, %(pool)s::int, key from batch, generate_series(first, past - 1) as key
        ), blocks as (
          insert into allocation.unit_blocks (tenant_id, pool_no, block)
          select %(tenant)s::uuid, %(pool)s::int, block
          from batch, generate_series(first >> 11, (past - 1) >> 11) as block
          on conflict do nothing
        ), entry as (
          insert into allocation.ledger (tenant_id, move, pool_no, keys, span, state, actor)
          select %(tenant)s::uuid, 'fill', %(pool)s::int, '{}', int8range(first, past), 'free', %(actor)s::text
          from batch
        ), grown as (
          update allocation.pools p set filled = past from batch
          where p.tenant_id = %(tenant)s::uuid and p.pool_no = %(pool)s::int
        )
        select past, size from pool
        """,
        {"tenant": tx.owner, "pool": pool_no, "most": units_max, "actor": actor},
    )
    return None if row is None else Filling(*row)


async def filling_of(tx: Transaction, pool_no: int) -> Filling | None:
    """How far a pool is, by primary key."""
    row = await tx.fetch_one(
        "select filled, size from allocation.pools where tenant_id = %s and pool_no = %s", (tx.owner, pool_no)
    )
    return None if row is None else Filling(*row)
