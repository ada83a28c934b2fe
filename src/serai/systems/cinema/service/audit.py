"""Proves on a live database that nothing was sold twice and no money is without its ticket.

Three comparisons, in one snapshot: each seat with the ledger of its moves; each booking with the seats and tickets that
it should have; each booking with the money that was taken for it. Whatever differs is named, the first first.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from serai.kernel.money import Money
from serai.runtime.postgres.database import Database
from serai.systems.allocation.api import Allocation, sold_units
from serai.systems.cinema.model import OWNER, BookingState
from serai.systems.cinema.store.audit import Sale, sales, snapshot, stray_tickets
from serai.systems.payments.api import PaymentState, Taken, taken_of


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
    found += [*seat_findings(listed, sold), *ticket_findings(listed), *money_findings(listed, taken)]
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


def money_findings(listed: Sequence[Sale], taken: Sequence[Taken]) -> Iterator[Finding]:
    """A confirmed booking is paid once, a cancelled one refunded as it says, and no other has cost anything."""
    of_order: dict[UUID, list[Taken]] = defaultdict(list)
    for payment in taken:
        of_order[payment.order_id].append(payment)
    for sale in listed:
        payments = of_order.pop(sale.booking_id, [])
        if not _paid_as_it_should(sale, payments):
            said = ", ".join(_described(each) for each in payments) or "nothing"
            back = f", {sale.refund_minor} of it to be returned" if sale.state is BookingState.CANCELLED else ""
            total = f"{sale.total.minor} {sale.total.currency}"
            yield Finding("money", f"booking {sale.booking_id} is {sale.state} for {total}{back}; paid: {said}")
    for order_id, payments in of_order.items():
        said = ", ".join(_described(each) for each in payments)
        yield Finding("money", f"no booking {order_id}, and yet it was paid: {said}")


def _paid_as_it_should(sale: Sale, payments: Sequence[Taken]) -> bool:
    if sale.state in (BookingState.PENDING, BookingState.FAILED):
        return not payments
    if len(payments) != 1 or payments[0].amount != sale.total:
        return False
    if sale.state is BookingState.CONFIRMED:
        return payments[0].state in (PaymentState.CAPTURING, PaymentState.CAPTURED)
    returned = payments[0].state in (PaymentState.REFUNDING, PaymentState.REFUNDED)
    return returned and payments[0].refund_minor == sale.refund_minor


def _described(payment: Taken) -> str:
    paid: Money = payment.amount
    return f"{paid.minor} {paid.currency} ({payment.state}, {payment.refund_minor} to return)"
