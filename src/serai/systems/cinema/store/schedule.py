"""SQL of the schedule as those who run the house look at it: shows past and to come, called off or not. Reads only."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from serai.kernel.money import Money
from serai.runtime.postgres.database import Row, Transaction
from serai.runtime.postgres.keyset import Order, Seek, Slice, clauses
from serai.systems.cinema.store.catalogue import like_part

SHOW_ORDERS = {
    "time": Order("s.starts_at", "timestamptz"),
    "movie": Order("m.title"),
    "theater": Order("t.name"),
}


@dataclass(frozen=True, slots=True)
class ShowLine:
    """A show in the house's list."""

    show_id: UUID
    movie: str
    theater: str
    screen: str
    time_zone: str
    starts_at: datetime
    begun: bool
    cancelled: bool
    from_price: Money
    pool_no: int


@dataclass(frozen=True, slots=True)
class ShowsWanted:
    """Which shows. `state`: "coming", "past", "off" or "" for all; `day` is a local date of the theaters."""

    state: str = "coming"
    text: str | None = None
    theater: UUID | None = None
    movie: UUID | None = None
    day: str | None = None


async def shows(tx: Transaction, wanted: ShowsWanted, seek: Seek) -> Slice[ShowLine]:
    """By one of SHOW_ORDERS. A house has some thousand shows; those of one state are sorted in memory."""
    page = clauses(seek, SHOW_ORDERS, "s.show_id")
    rows = await tx.fetch(
        f"""
        select {page.columns}, s.show_id, m.title, t.name, c.name, t.time_zone, s.starts_at,
               s.starts_at <= clock_timestamp(), s.cancelled_at is not null, s.pool_no, s.from_minor, s.currency
        from cinema.shows s
        join cinema.movies m using (tenant_id, movie_id)
        join cinema.screens c using (tenant_id, screen_id)
        join cinema.theaters t using (tenant_id, theater_id)
        where s.tenant_id = %(tenant)s
          and case %(state)s::text
                when 'coming' then s.cancelled_at is null and s.starts_at > clock_timestamp()
                when 'past' then s.cancelled_at is null and s.starts_at <= clock_timestamp()
                when 'off' then s.cancelled_at is not null else true end
          and (%(theater)s::uuid is null or t.theater_id = %(theater)s::uuid)
          and (%(movie)s::uuid is null or s.movie_id = %(movie)s::uuid)
          and (%(day)s::date is null or (s.starts_at at time zone t.time_zone)::date = %(day)s::date)
          and (%(text)s::text is null or m.title ilike %(text)s::text)
          and {page.where} {page.end}
        """,
        {
            "tenant": tx.owner,
            "state": wanted.state,
            "theater": wanted.theater,
            "movie": wanted.movie,
            "day": wanted.day,
            "text": like_part(wanted.text),
            **page.params,
        },
    )
    return page.page(rows, _line)


def _line(row: Row) -> ShowLine:
    *facts, pool_no, minor, currency = row
    return ShowLine(*(*facts, Money(minor, currency), pool_no))


@dataclass(frozen=True, slots=True)
class Terms:
    """Prices in minor units by category, and the terms of cancellation."""

    prices: Mapping[str, int]
    cancel_until_min: int = 60
    cancel_fee_percent: int = 0


async def latest_terms(tx: Transaction, screen_id: UUID) -> Terms | None:
    """Of the screen's latest show: what the next one most likely costs too."""
    row = await tx.fetch_one(
        "select prices, cancel_until_min, cancel_fee_percent from cinema.shows"
        " where tenant_id = %s and screen_id = %s order by starts_at desc, show_id limit 1",
        (tx.owner, screen_id),
    )
    return Terms(*row) if row else None


@dataclass(frozen=True, slots=True)
class Sales:
    """The bookings of a show: how many there are, what they brought, and who waits for seats."""

    confirmed: int
    pending: int
    cancelled: int
    revenue: Money
    """Of sold bookings all, of cancelled ones what was not returned."""
    paid: Money
    """What the confirmed ones paid: what goes back if the show is called off."""
    waiting: int


async def sales(tx: Transaction, show_id: UUID, currency: str) -> Sales:
    """By the indexes bookings_of_show and of the waiting list."""
    row = await tx.fetch_one(
        """
        select count(*) filter (where state = 'confirmed'), count(*) filter (where state = 'pending'),
               count(*) filter (where state = 'cancelled'),
               coalesce(sum(total_minor - case state when 'cancelled' then refund_minor else 0 end)
                        filter (where state in ('confirmed', 'cancelled')), 0)::bigint,
               coalesce(sum(total_minor) filter (where state = 'confirmed'), 0)::bigint,
               (select count(*) from cinema.waiting w
                where w.tenant_id = %(tenant)s and w.show_id = %(show)s and w.state in ('waiting', 'offered'))
        from cinema.bookings where tenant_id = %(tenant)s and show_id = %(show)s
        """,
        {"tenant": tx.owner, "show": show_id},
    )
    assert row is not None
    return Sales(row[0], row[1], row[2], Money(row[3], currency), Money(row[4], currency), row[5])


async def house_counts(tx: Transaction) -> tuple[int, int, int]:
    """(movies that are shown, theaters, screens)."""
    row = await tx.fetch_one(
        "select (select count(*) from cinema.movies where tenant_id = %(tenant)s and retired_at is null),"
        " (select count(*) from cinema.theaters where tenant_id = %(tenant)s),"
        " (select count(*) from cinema.screens where tenant_id = %(tenant)s)",
        {"tenant": tx.owner},
    )
    assert row is not None
    return row[0], row[1], row[2]
