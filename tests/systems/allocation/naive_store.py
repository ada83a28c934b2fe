"""The design's own store, read-then-write, kept as the control of the race: it must sell a unit twice.

It reads the states, finds the units free, and then updates them by id, as the sample code of the design does. Only the
race tests know it; the product has no such switch.
"""

from collections.abc import Sequence
from uuid import UUID

from serai.runtime.postgres.database import Database
from serai.systems.allocation.api import UnitRef


async def buy(database: Database, tenant: UUID, units: Sequence[UnitRef], claim_id: UUID) -> bool:
    """Whether the buyer was told that the units are theirs."""
    keys = sorted(unit.key for unit in units)
    pool_no = units[0].pool_no
    async with database.transaction(tenant) as tx:
        states = await tx.fetch(
            "select state::text from allocation.units where tenant_id = %s and pool_no = %s and key = any(%s)",
            (tenant, pool_no, keys),
        )
        if any(state != "free" for (state,) in states):
            return False
        await tx.execute(
            "update allocation.units set state = 'sold', claim_id = %s"
            " where tenant_id = %s and pool_no = %s and key = any(%s)",
            (claim_id, tenant, pool_no, keys),
        )
    return True
