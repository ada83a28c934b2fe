"""What the audit reads of cinema: everything that somebody paid for, and every ticket. Reads whole tables."""

from dataclasses import dataclass
from uuid import UUID

from serai.kernel.money import Money
from serai.runtime.postgres.database import Transaction
from serai.systems.cinema.model import BookingState


@dataclass(frozen=True, slots=True)
class Sale:
    """A booking with the seats of its valid tickets, which its state says what they must be."""

    booking_id: UUID
    state: BookingState
    claim_id: UUID
    pool_no: int
    seat_keys: tuple[int, ...]
    ticket_keys: tuple[int, ...]
    total: Money
    refund_minor: int


async def snapshot(tx: Transaction) -> None:
    """All that this transaction reads is of one moment, so that buyers may go on. Before its first query."""
    await tx.execute("set transaction isolation level repeatable read read only")


async def sales(tx: Transaction) -> list[Sale]:
    """Every booking."""
    rows = await tx.fetch(
        """
        select b.booking_id, b.state, b.claim_id, s.pool_no, b.seat_keys, coalesce(t.keys, '{}'), b.total_minor,
               b.currency, b.refund_minor
        from cinema.bookings b join cinema.shows s using (tenant_id, show_id)
        left join (select booking_id, array_agg(seat_key order by seat_key) as keys from cinema.tickets
                   where tenant_id = %(tenant)s and revoked_at is null group by booking_id) t using (booking_id)
        where b.tenant_id = %(tenant)s order by b.booking_id
        """,
        {"tenant": tx.owner},
    )
    return [
        Sale(booking, BookingState(state), claim, pool, tuple(sorted(seats)), tuple(keys), Money(minor, currency), back)
        for booking, state, claim, pool, seats, keys, minor, currency, back in rows
    ]


async def stray_tickets(tx: Transaction) -> list[tuple[int, UUID]]:
    """(serial, booking) of tickets that name another show than their booking."""
    rows = await tx.fetch(
        "select t.serial, t.booking_id from cinema.tickets t join cinema.bookings b using (tenant_id, booking_id)"
        " where t.tenant_id = %s and t.show_id <> b.show_id order by t.serial",
        (tx.owner,),
    )
    return [(serial, booking_id) for serial, booking_id in rows]
