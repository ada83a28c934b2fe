"""SQL of bookings and tickets. Changes compare the version that was read."""

from uuid import UUID

from serai.kernel.ids import Capability
from serai.kernel.money import Money
from serai.runtime.postgres.database import Row, Transaction
from serai.systems.cinema.model import Booking, BookingState

_COLUMNS = """booking_id, key, show_id, claim_id, state, version, confirmation_code, email, name, seat_keys,
  total_minor, currency, attempts, request_scope, refund_minor, refunded_at is not null, reason, created_at"""


def _booking(row: Row) -> Booking:
    (
        booking_id,
        key,
        show_id,
        claim_id,
        state,
        version,
        code,
        email,
        name,
        seats,
        minor,
        currency,
        attempts,
        scope,
        *rest,
    ) = row
    return Booking(
        booking_id,
        bytes(key),
        show_id,
        claim_id,
        BookingState(state),
        version,
        code,
        email,
        name,
        tuple(seats),
        Money(minor, currency),
        attempts,
        bytes(scope),
        *rest,
    )


async def insert_booking(
    tx: Transaction,
    booking: Capability,
    *,
    show_id: UUID,
    claim_id: UUID,
    code: str,
    email: str,
    name: str,
    seat_keys: tuple[int, ...],
    total: Money,
    request_scope: bytes,
) -> Booking:
    """A pending booking of a claim."""
    row = await tx.fetch_one(
        f"""
        insert into cinema.bookings (tenant_id, booking_id, key, show_id, hold_id, claim_id, state, confirmation_code,
                                     email, name, seat_keys, total_minor, currency, request_scope)
        values (%s, %s, %s, %s, %s, %s, 'pending', %s, %s, %s, %s, %s, %s, %s) returning {_COLUMNS}
        """,
        (
            tx.owner,
            booking.id,
            booking.key,
            show_id,
            claim_id,
            claim_id,
            code,
            email,
            name,
            list(seat_keys),
            total.minor,
            total.currency,
            request_scope,
        ),
    )
    assert row is not None
    return _booking(row)


async def booking_by_id(tx: Transaction, booking_id: UUID) -> Booking | None:
    """By primary key, without a lock."""
    row = await tx.fetch_one(
        f"select {_COLUMNS} from cinema.bookings where tenant_id = %s and booking_id = %s", (tx.owner, booking_id)
    )
    return _booking(row) if row else None


async def lock_booking(tx: Transaction, booking_id: UUID) -> None:
    """Locks its row by primary key until the transaction ends: who cancels a booking is alone with it."""
    await tx.execute(
        "select 1 from cinema.bookings where tenant_id = %s and booking_id = %s for update", (tx.owner, booking_id)
    )


async def booking_of_hold(tx: Transaction, hold_id: UUID) -> Booking | None:
    """The booking that pays for this hold, also when its seats are with another claim since; by the unique key."""
    row = await tx.fetch_one(
        f"select {_COLUMNS} from cinema.bookings where tenant_id = %s and hold_id = %s", (tx.owner, hold_id)
    )
    return _booking(row) if row else None


async def next_attempt(tx: Transaction, booking: Booking, email: str, name: str, request_scope: bytes) -> Booking:
    """The booking once more, with another payment; locks its row."""
    row = await tx.fetch_one(
        f"""
        update cinema.bookings set attempts = attempts + 1, state = 'pending', email = %s, name = %s, reason = '',
          request_scope = %s, version = version + 1
        where tenant_id = %s and booking_id = %s and state = 'pending' and version = %s returning {_COLUMNS}
        """,
        (email, name, request_scope, tx.owner, booking.booking_id, booking.version),
    )
    assert row is not None, "the claim's version lets one attempt through at a time"
    return _booking(row)


async def confirm_booking(tx: Transaction, booking: Booking, claim_id: UUID) -> bool:
    """Confirms it and writes a ticket per seat; false if it is not pending any more, or its show was cancelled."""
    row = await tx.fetch_one(
        """
        with booking as (
          update cinema.bookings set state = 'confirmed', claim_id = %s, confirmed_at = clock_timestamp(),
            version = version + 1, reason = ''
          where tenant_id = %s and booking_id = %s and state = 'pending'
            and not exists (select from cinema.shows s where s.tenant_id = bookings.tenant_id
                            and s.show_id = bookings.show_id and s.cancelled_at is not null)
          returning tenant_id, booking_id, show_id, seat_keys
        ), tickets as (
          insert into cinema.tickets (tenant_id, booking_id, show_id, seat_key)
          select tenant_id, booking_id, show_id, unnest(seat_keys) from booking
        )
        select exists (select from booking)
        """,
        (claim_id, tx.owner, booking.booking_id),
    )
    assert row is not None
    return bool(row[0])


async def note_reason(tx: Transaction, booking_id: UUID, reason: str) -> None:
    """Why the latest payment of a pending booking did not work."""
    await tx.execute(
        "update cinema.bookings set reason = %s, version = version + 1"
        " where tenant_id = %s and booking_id = %s and state = 'pending'",
        (reason, tx.owner, booking_id),
    )


async def fail_booking(tx: Transaction, booking_id: UUID, reason: str) -> bool:
    """Ends a booking that will get no seats, and revokes its tickets if it had any."""
    changed = await tx.execute(
        "update cinema.bookings set state = 'failed', reason = %s, version = version + 1"
        " where tenant_id = %s and booking_id = %s and state in ('pending', 'confirmed')",
        (reason, tx.owner, booking_id),
    )
    if changed:
        await revoke_tickets(tx, booking_id)
    return changed == 1


async def cancel_booking(tx: Transaction, booking: Booking, refund_minor: int) -> bool:
    """Cancels a confirmed booking and revokes its tickets; false if somebody was faster."""
    changed = await tx.execute(
        "update cinema.bookings set state = 'cancelled', refund_minor = %s, cancelled_at = clock_timestamp(),"
        " version = version + 1 where tenant_id = %s and booking_id = %s and state = 'confirmed' and version = %s",
        (refund_minor, tx.owner, booking.booking_id, booking.version),
    )
    if changed:
        await revoke_tickets(tx, booking.booking_id)
    return changed == 1


async def replace_seats(tx: Transaction, booking: Booking, claim_id: UUID, seat_keys: tuple[int, ...]) -> None:
    """Other seats and new tickets for a confirmed booking, whose row is locked and whose old tickets are revoked."""
    changed = await tx.execute(
        """
        with booking as (
          update cinema.bookings set claim_id = %s, seat_keys = %s, version = version + 1
          where tenant_id = %s and booking_id = %s and state = 'confirmed' and version = %s
          returning tenant_id, booking_id, show_id, seat_keys
        )
        insert into cinema.tickets (tenant_id, booking_id, show_id, seat_key)
        select tenant_id, booking_id, show_id, unnest(seat_keys) from booking
        """,
        (claim_id, list(seat_keys), tx.owner, booking.booking_id, booking.version),
    )
    assert changed == len(seat_keys), "the booking's row is locked, so nobody else can have changed it"


async def revoke_tickets(tx: Transaction, booking_id: UUID) -> None:
    """By the index tickets_of_booking."""
    await tx.execute(
        "update cinema.tickets set revoked_at = clock_timestamp()"
        " where tenant_id = %s and booking_id = %s and revoked_at is null",
        (tx.owner, booking_id),
    )


async def mark_refunded(tx: Transaction, booking_id: UUID) -> None:
    """The money is on its way back."""
    await tx.execute(
        "update cinema.bookings set refunded_at = clock_timestamp() where tenant_id = %s and booking_id = %s",
        (tx.owner, booking_id),
    )


async def tickets_of(tx: Transaction, booking_id: UUID) -> list[tuple[int, int]]:
    """(serial, seat key) of a booking's valid tickets, by seat."""
    rows = await tx.fetch(
        "select serial, seat_key from cinema.tickets where tenant_id = %s and booking_id = %s and revoked_at is null"
        " order by seat_key",
        (tx.owner, booking_id),
    )
    return [(serial, key) for serial, key in rows]


async def used_tickets(tx: Transaction, booking_id: UUID) -> int:
    """How many of a booking's tickets have been used at the door. Locks them, sorted: none can be used meanwhile."""
    row = await tx.fetch_one(
        "select count(*) filter (where used_at is not null) from (select used_at from cinema.tickets"
        " where tenant_id = %s and booking_id = %s order by serial for update) as locked",
        (tx.owner, booking_id),
    )
    assert row is not None
    return int(row[0])


async def sold_by_hour(tx: Transaction) -> tuple[int, ...]:
    """Seats confirmed in each of the last 24 hours, oldest first.

    A booking's id begins with the time at which it was made (UUIDv7), so the primary key finds the young ones; those
    that were made an hour before they were confirmed are still among them.
    """
    rows = await tx.fetch(
        """
        select floor(extract(epoch from clock_timestamp() - confirmed_at) / 3600)::int, sum(cardinality(seat_keys))::int
        from cinema.bookings
        where tenant_id = %s and state = 'confirmed' and confirmed_at > clock_timestamp() - interval '1 day'
          and booking_id > (lpad(to_hex((extract(epoch from clock_timestamp() - interval '25 hours') * 1000)::bigint),
                                 12, '0') || repeat('0', 20))::uuid
        group by 1
        """,
        (tx.owner,),
    )
    sold: dict[int, int] = dict(rows)
    return tuple(sold.get(hours_ago, 0) for hours_ago in range(23, -1, -1))
