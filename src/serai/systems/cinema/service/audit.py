"""Proves on a live database that nothing was sold twice and no money is without its ticket.

Three comparisons, in one snapshot: each seat with the ledger of its moves; each booking with the seats and tickets that
it should have; each booking with the money that was taken for it. Whatever differs is named, the first first.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from serai.runtime.postgres.database import Database
from serai.systems.allocation.api import Allocation, sold_units
from serai.systems.checkout.api import Billed, Expects, money_findings
from serai.systems.cinema.model import OWNER, BookingState
from serai.systems.cinema.store.audit import Sale, sales, snapshot, stray_tickets
from serai.systems.payments.api import taken_of


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be."""

    kind: str
    """'ledger', 'claim', 'seats', 'tickets' or 'money'."""
    what: str


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What was compared, and what differs; nothing, it is to be hoped."""

    units: int
    bookings: int
    tickets: int
    payments: int
    findings: tuple[Finding, ...]


async def audit(database: Database, tenant: UUID, allocation: Allocation) -> AuditReport:
    """Compares everything of one tenant; buyers may go on meanwhile."""
    async with database.transaction(tenant) as tx:
        await snapshot(tx)
        units, differences = await allocation.audit(tx, OWNER)
        breaches = await allocation.breaches(tx, OWNER)
        found = [Finding("ledger", str(each)) for each in differences]
        found += [Finding("claim", str(each)) for each in breaches]
        listed, sold, taken = await sales(tx), await sold_units(tx, OWNER), await taken_of(tx, OWNER)
        found += [
            Finding("tickets", f"ticket {serial} is of another show than its booking {booking}")
            for serial, booking in await stray_tickets(tx)
        ]
    found += [*seat_findings(listed, sold), *ticket_findings(listed)]
    found += [Finding("money", each) for each in money_findings([_billed(sale) for sale in listed], taken)]
    tickets = sum(len(sale.ticket_keys) for sale in listed)
    return AuditReport(units, len(listed), tickets, len(taken), tuple(found))


def seat_findings(listed: Sequence[Sale], sold: Sequence[tuple[UUID, int, int]]) -> Iterator[Finding]:
    """A sold seat is a confirmed booking's, and a confirmed booking's seats are sold to its claim."""
    held: dict[UUID, list[tuple[int, int]]] = defaultdict(list)
    for claim_id, pool_no, key in sold:
        held[claim_id].append((pool_no, key))
    for sale in listed:
        if sale.state is BookingState.CONFIRMED:
            expected = [(sale.pool_no, key) for key in sale.seat_keys]
            found = sorted(held.pop(sale.claim_id, []))
            if found != expected:
                said = f"booking {sale.booking_id} has seats {expected}, its claim {sale.claim_id} is sold {found}"
                yield Finding("seats", said)
    for claim_id, places in held.items():
        yield Finding("seats", f"seats {places} are sold to claim {claim_id}, which no confirmed booking has")


def ticket_findings(listed: Sequence[Sale]) -> Iterator[Finding]:
    """A confirmed booking has a valid ticket for each seat; any other has none."""
    for sale in listed:
        expected = sale.seat_keys if sale.state is BookingState.CONFIRMED else ()
        if sale.ticket_keys != expected:
            said = f"booking {sale.booking_id} is {sale.state} with seats {list(sale.seat_keys)}"
            yield Finding("tickets", f"{said}, and its valid tickets are for {list(sale.ticket_keys)}")


_EXPECTS = {
    BookingState.PENDING: Expects.NOTHING,
    BookingState.FAILED: Expects.NOTHING,
    BookingState.CONFIRMED: Expects.KEPT,
    BookingState.CANCELLED: Expects.RETURNED,
}


def _billed(sale: Sale) -> Billed:
    return Billed(sale.booking_id, "booking", sale.state, _EXPECTS[sale.state], sale.total, sale.refund_minor)
