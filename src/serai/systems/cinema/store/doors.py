"""SQL of the doors: tonight's shows, admitting a ticket, what is known of it, and joining scans that come late."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from serai.runtime.postgres.database import Transaction
from serai.systems.cinema.tickets import Scan, Ticket

THEATERS_MAX = 500
"""Theaters that a door may be chosen from."""

SHOWS_MAX = 200
"""Shows of a theater's day."""


@dataclass(frozen=True, slots=True)
class DoorTheater:
    """A theater whose doors can be kept."""

    theater_id: UUID
    name: str
    city: str
    time_zone: str


async def theaters(tx: Transaction) -> list[DoorTheater]:
    """By city and name."""
    rows = await tx.fetch(
        "select theater_id, name, city, time_zone from cinema.theaters where tenant_id = %s"
        " order by city, name limit %s",
        (tx.owner, THEATERS_MAX),
    )
    return [DoorTheater(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Tonight:
    """A show of today, and how many of its tickets have come through the door."""

    show_id: UUID
    title: str
    screen: str
    starts_at: datetime
    ends_at: datetime
    tickets: int
    admitted: int


async def tonight(tx: Transaction, theater_id: UUID) -> list[Tonight]:
    """Shows that run now or begin later today, on the theater's own date; by shows_by_time and tickets_one_seat."""
    rows = await tx.fetch(
        """
        select s.show_id, m.title, c.name, s.starts_at, s.ends_at, k.tickets, k.admitted
        from cinema.shows s
        join cinema.movies m using (tenant_id, movie_id)
        join cinema.screens c using (tenant_id, screen_id)
        join cinema.theaters t using (tenant_id, theater_id)
        cross join lateral (
          select count(*) as tickets, count(used_at) as admitted from cinema.tickets
          where tenant_id = s.tenant_id and show_id = s.show_id and revoked_at is null
        ) k
        where s.tenant_id = %s and t.theater_id = %s and s.cancelled_at is null
          and s.starts_at > clock_timestamp() - interval '1 day' and s.starts_at < clock_timestamp() + interval '1 day'
          and s.ends_at > clock_timestamp()
          and (s.starts_at at time zone t.time_zone)::date <= (clock_timestamp() at time zone t.time_zone)::date
        order by s.starts_at, c.name limit %s
        """,
        (tx.owner, theater_id, SHOWS_MAX),
    )
    return [Tonight(*row) for row in rows]


async def admit(tx: Transaction, ticket: Ticket, device: str, nonce: str) -> datetime | None:
    """Uses a valid ticket, if nobody has: when, or None. Two doors wait for one another at the ticket's row.

    Raises UniqueViolation if this nonce has admitted another ticket.
    """
    row = await tx.fetch_one(
        """
        with taken as (
          update cinema.tickets set used_at = clock_timestamp(), used_by = %(device)s, nonce = %(nonce)s
          where tenant_id = %(tenant)s and serial = %(serial)s and show_id = %(show)s and seat_key = %(seat)s
            and used_at is null and revoked_at is null
          returning tenant_id, serial, used_at
        ), scan as (
          insert into cinema.scans (tenant_id, serial, device, nonce, scanned_at)
          select tenant_id, serial, %(device)s, %(nonce)s, used_at from taken
        )
        select used_at from taken
        """,
        {
            "tenant": tx.owner,
            "serial": ticket.serial,
            "show": ticket.show_id,
            "seat": ticket.seat_key,
            "device": device,
            "nonce": nonce,
        },
    )
    return row[0] if row else None


@dataclass(frozen=True, slots=True)
class TicketFacts:
    """What the table says of a ticket at a door."""

    serial: int
    show_id: UUID
    seat_key: int
    revoked_at: datetime | None
    used_at: datetime | None
    used_by: str
    nonce: str
    confirmation_code: str
    nonce_taken: bool
    """The nonce that was asked about has admitted another ticket."""

    def is_of(self, ticket: Ticket) -> bool:
        """Whether it was issued for the same seat; a database older than the paper may say otherwise."""
        return (self.show_id, self.seat_key) == (ticket.show_id, ticket.seat_key)


async def ticket_facts(tx: Transaction, serial: int, nonce: str) -> TicketFacts | None:
    """By primary keys; the nonce by scans_one_nonce."""
    row = await tx.fetch_one(
        """
        select t.serial, t.show_id, t.seat_key, t.revoked_at, t.used_at, t.used_by, t.nonce, b.confirmation_code,
               exists (select from cinema.scans s where s.tenant_id = t.tenant_id and s.nonce = %(nonce)s::text
                       and s.nonce <> '' and s.uploaded_at is null and s.serial <> t.serial)
        from cinema.tickets t join cinema.bookings b using (tenant_id, booking_id)
        where t.tenant_id = %(tenant)s and t.serial = %(serial)s
        """,
        {"tenant": tx.owner, "serial": serial, "nonce": nonce},
    )
    return TicketFacts(*row) if row else None


@dataclass(frozen=True, slots=True)
class DoorList:
    """A show's tickets at one moment. `revoked` only grows, so its size is the version of the list."""

    taken_at: datetime
    revoked: tuple[int, ...]
    used: tuple[int, ...]
    valid: int


async def door_list(tx: Transaction, show_id: UUID) -> DoorList:
    """In one statement; by the indexes tickets_one_seat and tickets_revoked, which have all of them between them."""
    row = await tx.fetch_one(
        """
        select clock_timestamp(),
               coalesce(array_agg(serial order by serial) filter (where revoked_at is not null), '{}'),
               coalesce(array_agg(serial order by serial) filter (where used_at is not null), '{}'),
               count(*) filter (where revoked_at is null)
        from (
          select serial, revoked_at, used_at from cinema.tickets
          where tenant_id = %(tenant)s and show_id = %(show)s and revoked_at is null
          union all
          select serial, revoked_at, used_at from cinema.tickets
          where tenant_id = %(tenant)s and show_id = %(show)s and revoked_at is not null
        ) as every
        """,
        {"tenant": tx.owner, "show": show_id},
    )
    assert row is not None
    return DoorList(row[0], tuple(row[1]), tuple(row[2]), row[3])


async def lock_tickets(tx: Transaction, serials: Sequence[int]) -> dict[int, tuple[UUID, int, datetime | None]]:
    """(show, seat, revoked at) by serial; locked in order until the transaction ends, so that doors wait."""
    rows = await tx.fetch(
        "select serial, show_id, seat_key, revoked_at from cinema.tickets"
        " where tenant_id = %s and serial = any(%s) order by serial for no key update",
        (tx.owner, list(serials)),
    )
    return {serial: (show_id, seat, revoked) for serial, show_id, seat, revoked in rows}


async def scans_of(tx: Transaction, serials: Sequence[int]) -> list[Scan]:
    """All scans on record of these tickets, by primary key."""
    rows = await tx.fetch(
        "select serial, device, nonce, scanned_at from cinema.scans where tenant_id = %s and serial = any(%s)",
        (tx.owner, list(serials)),
    )
    return [Scan(*row) for row in rows]


async def add_scans(tx: Transaction, scans: Iterable[Scan]) -> None:
    """Scans that came in from a door without a network."""
    listed = list(scans)
    await tx.execute(
        """
        insert into cinema.scans (tenant_id, serial, device, nonce, scanned_at, uploaded_at)
        select %s, s.*, clock_timestamp()
        from unnest(%s::bigint[], %s::text[], %s::text[], %s::timestamptz[]) as s(serial, device, nonce, scanned_at)
        """,
        (
            tx.owner,
            [scan.serial for scan in listed],
            [scan.device for scan in listed],
            [scan.nonce for scan in listed],
            [scan.at for scan in listed],
        ),
    )


async def judge_scans(tx: Transaction, serials: Sequence[int], conflicts: Mapping[Scan, str]) -> None:
    """Writes to each scan of these tickets whether it should not have been, and why."""
    listed = list(conflicts)
    await tx.execute(
        """
        update cinema.scans s set conflict = coalesce(c.reason, '')
        from cinema.scans o
        left join unnest(%(serials)s::bigint[], %(devices)s::text[], %(nonces)s::text[], %(reasons)s::text[])
          as c(serial, device, nonce, reason) on c.serial = o.serial and c.device = o.device and c.nonce = o.nonce
        where o.tenant_id = %(tenant)s and o.serial = any(%(all)s::bigint[])
          and s.tenant_id = o.tenant_id and s.serial = o.serial and s.device = o.device and s.nonce = o.nonce
          and s.conflict <> coalesce(c.reason, '')
        """,
        {
            "tenant": tx.owner,
            "all": list(serials),
            "serials": [scan.serial for scan in listed],
            "devices": [scan.device for scan in listed],
            "nonces": [scan.nonce for scan in listed],
            "reasons": list(conflicts.values()),
        },
    )


async def use_tickets(tx: Transaction, admissions: Iterable[Scan]) -> None:
    """Each ticket was used by its rightful scan. The caller holds the tickets' locks."""
    listed = list(admissions)
    await tx.execute(
        """
        update cinema.tickets t set used_at = a.at, used_by = a.device, nonce = a.nonce
        from unnest(%s::bigint[], %s::text[], %s::text[], %s::timestamptz[]) as a(serial, device, nonce, at)
        where t.tenant_id = %s and t.serial = a.serial
        """,
        (
            [scan.serial for scan in listed],
            [scan.device for scan in listed],
            [scan.nonce for scan in listed],
            [scan.at for scan in listed],
            tx.owner,
        ),
    )
