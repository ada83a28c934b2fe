"""What the audit reads, all in one snapshot."""

from dataclasses import dataclass
from uuid import UUID

from serai.kernel.money import Money
from serai.runtime.postgres.database import Transaction
from serai.systems.simcards.model import SaleState


@dataclass(frozen=True, slots=True)
class SoldNumber:
    """A sale beside the number that it should have."""

    sale_id: UUID
    claim_id: UUID
    state: SaleState
    pool_no: int
    unit_key: int | None
    number_sale_id: UUID | None
    total: Money
    refund_minor: int


async def snapshot(tx: Transaction) -> None:
    """From here on the transaction reads the database as of now."""
    await tx.execute("set transaction isolation level repeatable read read only")


async def sales(tx: Transaction) -> list[SoldNumber]:
    """Every sale of the tenant."""
    rows = await tx.fetch(
        """
        select s.sale_id, s.claim_id, s.state, p.pool_no, n.unit_key, n.sale_id, s.total_minor, s.currency,
               s.refund_minor
        from simcards.sales s join simcards.pools p using (tenant_id, pool_id)
        left join simcards.numbers n on n.tenant_id = s.tenant_id and n.number = s.number
        where s.tenant_id = %s order by s.sale_id
        """,
        (tx.owner,),
    )
    return [
        SoldNumber(sale_id, claim_id, SaleState(state), pool_no, key, holder, Money(minor, currency), refund)
        for sale_id, claim_id, state, pool_no, key, holder, minor, currency, refund in rows
    ]
