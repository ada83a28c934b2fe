"""Proves on a live database that no number was sold twice and no money is without its number.

Compared in one snapshot: each number's unit with its ledger, each claim with its units, each sale with its number and
its money, each number with the unit under it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from serai.runtime.postgres.database import Database
from serai.systems.allocation.api import Allocation, sold_units
from serai.systems.checkout.api import Billed, Expects, money_findings
from serai.systems.payments.api import taken_of
from serai.systems.simcards.model import OWNER, SaleState
from serai.systems.simcards.store.audit import SoldNumber, sales, snapshot

_EXPECTS = {
    SaleState.PENDING: Expects.NOTHING,
    SaleState.FAILED: Expects.NOTHING,
    SaleState.SOLD: Expects.KEPT,
    SaleState.ACTIVE: Expects.KEPT,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be."""

    kind: str
    """'ledger', 'claim', 'number' or 'money'."""
    what: str


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What was compared, and what differs; nothing, it is to be hoped."""

    units: int
    sales: int
    payments: int
    findings: tuple[Finding, ...]


async def audit(database: Database, tenant: UUID, allocation: Allocation) -> AuditReport:
    """Compares everything of one tenant; buyers may go on meanwhile."""
    async with database.transaction(tenant) as tx:
        await snapshot(tx)
        units, differences = await allocation.audit(tx, OWNER)
        found = [Finding("ledger", str(each)) for each in differences]
        found += [Finding("claim", str(each)) for each in await allocation.breaches(tx, OWNER)]
        listed, sold, taken = await sales(tx), await sold_units(tx, OWNER), await taken_of(tx, OWNER)
    found += [Finding("number", each) for each in number_findings(listed, sold)]
    found += [Finding("money", each) for each in money_findings([_billed(sale) for sale in listed], taken)]
    return AuditReport(units, len(listed), len(taken), tuple(found))


def number_findings(listed: Sequence[SoldNumber], sold: Sequence[tuple[UUID, int, int]]) -> Iterator[str]:
    """A sold unit is a living sale's, and a living sale's number is sold to its claim."""
    units = {claim_id: (pool_no, key) for claim_id, pool_no, key in sold}
    for sale in listed:
        lives = sale.state in (SaleState.SOLD, SaleState.ACTIVE)
        under = units.pop(sale.claim_id, None) if lives else None
        if lives and under != (sale.pool_no, sale.unit_key):
            yield f"sale {sale.sale_id} has unit {sale.unit_key} of pool {sale.pool_no}, its claim is sold {under}"
        if lives and sale.number_sale_id != sale.sale_id:
            yield f"sale {sale.sale_id} is {sale.state}, and its number is with sale {sale.number_sale_id}"
    for claim_id, place in units.items():
        yield f"unit {place} is sold to claim {claim_id}, which no living sale has"


def _billed(sale: SoldNumber) -> Billed:
    expects = _EXPECTS.get(sale.state, Expects.RETURNED if sale.refund_minor else Expects.KEPT)
    return Billed(sale.sale_id, "sale", sale.state, expects, sale.total, sale.refund_minor)
