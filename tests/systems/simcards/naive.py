"""The design's own seller, kept as the control of the race: it must sell a number twice.

It looks for the first number that is available, and then updates it by its id, as the design's table and index suggest.
Only the race test knows it; the product has no such switch.
"""

from uuid import UUID

from serai.runtime.postgres.database import Database


async def buy(database: Database, tenant: UUID, pool_no: int, claim_id: UUID) -> int | None:
    """The unit that the buyer was told is theirs; None: sold out."""
    async with database.transaction(tenant) as tx:
        row = await tx.fetch_one(
            "select key from allocation.units where tenant_id = %s and pool_no = %s and state = 'free'"
            " order by key limit 1",
            (tenant, pool_no),
        )
    if row is None:
        return None
    async with database.transaction(tenant) as tx:
        await tx.execute(
            "update allocation.units set state = 'sold', claim_id = %s"
            " where tenant_id = %s and pool_no = %s and key = %s",
            (claim_id, tenant, pool_no, row[0]),
        )
    return int(row[0])
