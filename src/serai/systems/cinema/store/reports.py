"""SQL of reports. Reads only; by the index shows_by_time and bookings_of_show."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from serai.kernel.money import Money
from serai.runtime.postgres.database import Transaction


@dataclass(frozen=True, slots=True)
class ShowTakings:
    """A show and what it has brought: of sold bookings all, of cancelled ones what was not returned."""

    show_id: UUID
    pool_no: int
    movie: str
    theater: str
    screen: str
    starts_at: datetime
    time_zone: str
    cancelled: bool
    revenue: Money
    movie_id: UUID
    theater_id: UUID


async def takings(tx: Transaction, first: date, last: date, theater: UUID | None, limit: int) -> list[ShowTakings]:
    """Shows that begin on these days of their theaters, earliest first."""
    rows = await tx.fetch(
        """
        with chosen as (
          select s.show_id, s.pool_no, m.title, t.name as theater, c.name as screen, s.starts_at, t.time_zone,
                 s.cancelled_at is not null as cancelled, s.currency, s.movie_id, t.theater_id
          from cinema.shows s
          join cinema.movies m using (tenant_id, movie_id)
          join cinema.screens c using (tenant_id, screen_id)
          join cinema.theaters t using (tenant_id, theater_id)
          where s.tenant_id = %(tenant)s::uuid
            -- A theater's day lies within a day of the same date in UTC; these two use the index.
            and s.starts_at >= %(first)s::date - interval '1 day' and s.starts_at < %(last)s::date + interval '2 days'
            and (s.starts_at at time zone t.time_zone)::date between %(first)s::date and %(last)s::date
            and (%(theater)s::uuid is null or t.theater_id = %(theater)s::uuid)
          order by s.starts_at, s.show_id limit %(limit)s
        )
        select c.show_id, c.pool_no, c.title, c.theater, c.screen, c.starts_at, c.time_zone, c.cancelled,
               coalesce((select sum(b.total_minor - case b.state when 'cancelled' then b.refund_minor else 0 end)
                         from cinema.bookings b
                         where b.tenant_id = %(tenant)s::uuid and b.show_id = c.show_id
                           and b.state in ('confirmed', 'cancelled')), 0)::bigint,
               c.currency, c.movie_id, c.theater_id
        from chosen c order by c.starts_at, c.show_id
        """,
        {"tenant": tx.owner, "first": first, "last": last, "theater": theater, "limit": limit},
    )
    return [_takings(*row) for row in rows]


def _takings(*row: Any) -> ShowTakings:
    *facts, minor, currency, movie_id, theater_id = row
    return ShowTakings(*(*facts, Money(minor, currency), movie_id, theater_id))
