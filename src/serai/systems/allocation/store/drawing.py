"""Drawing units of a pool, whichever are free, and keeping the blocks in which a draw need not look.

A fungible pool may have millions of units and be nearly sold out, so a draw must not walk through what is sold. Its
keys are cut into blocks of BLOCK_KEYS; a draw that finds a block empty closes it until its first hold expires, and
whoever frees a unit reopens the block in the same statement (`REOPENED`). The functions are in the migration: a draw is
one round trip, and looks again with a new snapshot where it must.
"""

from collections.abc import Sequence

from serai.runtime.postgres.database import Transaction
from serai.systems.allocation.model import UnitRef

BLOCK_KEYS = 2_048
"""Keys of one block; the migration writes it as a shift by 11 bits."""

REOPENED = """
), reopened as (
  update allocation.unit_blocks b set free_from = '-infinity'
  from (select b.tenant_id, b.pool_no, b.block
        from (select distinct tenant_id, pool_no, key >> 11 as block from locked) as l
          join allocation.unit_blocks b using (tenant_id, pool_no, block)
        order by b.tenant_id, b.pool_no, b.block for update of b) as touched
  where b.tenant_id = touched.tenant_id and b.pool_no = touched.pool_no and b.block = touched.block
  returning b.block
"""
"""The part of a statement that reopens the blocks of the units in `locked` (tenant_id, pool_no, key).

Locks come after those of units and before those of counters. A pool without blocks costs an index probe for each unit.
Reopening too much is harmless: the next draw that finds nothing closes the block again.
"""


async def draw_units(tx: Transaction, pool_no: int, count: int, start: int, *, wait: bool) -> Sequence[UnitRef] | None:
    """Locks up to `count` free units of the pool, any of them. The caller opens a claim on them, or rolls back.

    Skips busy ones, going round the keys from a point that `start` (32 bits of chance) chooses. With `wait` it takes
    the lowest keys and waits for busy ones: what it does not find then was not there. None: the pool is not full yet.
    """
    row = await tx.fetch_one(
        "select allocation.draw_units(%s, %s, %s, %s, %s)", (tx.owner, pool_no, count, start / 2**32, wait)
    )
    assert row is not None
    return None if row[0] is None else [UnitRef(pool_no, key) for key in row[0]]


async def close_empty(tx: Transaction, pool_no: int) -> None:
    """Closes every open block that has nothing free, in a transaction that does nothing else.

    A refused draw is rolled back, and what it closed with it; this makes the next refusal cheap.
    """
    await tx.execute(
        """
        select allocation.close_block(tenant_id, pool_no, block) from allocation.unit_blocks
        where tenant_id = %s and pool_no = %s and free_from <= clock_timestamp()
        """,
        (tx.owner, pool_no),
    )
