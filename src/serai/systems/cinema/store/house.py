"""SQL of the house: movies, theaters, screens and shows, as those who run it see and change them.

Locks are `for no key update`: two edits of a row follow one another, and no buyer waits, whose booking refers to it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString
from uuid import UUID

import orjson

from serai.runtime.postgres.database import Row, Transaction
from serai.runtime.postgres.keyset import Order, Seek, Slice, clauses
from serai.systems.cinema.model import Movie, Screen, Theater
from serai.systems.cinema.store.catalogue import like_part

_MOVIE = "movie_id, title, duration_min, rating, synopsis, genre, poster, retired_at is not null"
_THEATER = "theater_id, name, city, time_zone, currency, address"
_SCREEN = """
  c.screen_id, c.theater_id, c.name, c.plan_id, p.name, p.seats
  from cinema.screens c join cinema.plans p using (tenant_id, plan_id)
"""


MOVIE_ORDERS = {
    "title": Order("title"),
    "duration": Order("duration_min", "int"),
    "rating": Order("rating"),
    "genre": Order("genre"),
}


async def movies(tx: Transaction, text: str | None, seek: Seek, retired: bool | None = None) -> Slice[Movie]:
    """A house has hundreds of movies, so a sort is cheap. `retired`: only those that are, or that are not."""
    page = clauses(seek, MOVIE_ORDERS, "movie_id")
    rows = await tx.fetch(
        f"""
        select {page.columns}, {_MOVIE} from cinema.movies
        where tenant_id = %(tenant)s and (%(text)s::text is null or title ilike %(text)s::text)
          and (%(retired)s::boolean is null or (retired_at is not null) = %(retired)s::boolean)
          and {page.where} {page.end}
        """,
        {"tenant": tx.owner, "text": like_part(text), "retired": retired, **page.params},
    )
    return page.page(rows, lambda row: Movie(*row))


THEATER_ORDERS = {"name": Order("name"), "city": Order("city")}


async def theaters(tx: Transaction, city: str | None, seek: Seek, text: str | None = None) -> Slice[Theater]:
    """Of a city, or with a text in name or city."""
    page = clauses(seek, THEATER_ORDERS, "theater_id")
    rows = await tx.fetch(
        f"""
        select {page.columns}, {_THEATER} from cinema.theaters
        where tenant_id = %(tenant)s and (%(city)s::text is null or lower(city) = lower(%(city)s::text))
          and (%(text)s::text is null or name ilike %(text)s::text or city ilike %(text)s::text)
          and {page.where} {page.end}
        """,
        {"tenant": tx.owner, "city": city, "text": like_part(text), **page.params},
    )
    return page.page(rows, lambda row: Theater(*row))


SCREEN_ORDERS = {"name": Order("c.name")}


async def screens(tx: Transaction, theater: UUID | None, seek: Seek) -> Slice[Screen]:
    """Of a theater, or all."""
    page = clauses(seek, SCREEN_ORDERS, "c.screen_id")
    rows = await tx.fetch(
        f"""
        select {page.columns}, {_SCREEN}
        where c.tenant_id = %(tenant)s and (%(theater)s::uuid is null or c.theater_id = %(theater)s::uuid)
          and {page.where} {page.end}
        """,
        {"tenant": tx.owner, "theater": theater, **page.params},
    )
    return page.page(rows, lambda row: Screen(*row))


async def screens_of(tx: Transaction, theaters: Sequence[UUID]) -> dict[UUID, list[Screen]]:
    """The screens of these theaters, each theater's by name."""
    rows = await tx.fetch(
        f"select {_SCREEN} where c.tenant_id = %s and c.theater_id = any(%s) order by c.name, c.screen_id",
        (tx.owner, list(theaters)),
    )
    found: dict[UUID, list[Screen]] = {theater_id: [] for theater_id in theaters}
    for row in rows:
        found[row[1]].append(Screen(*row))
    return found


_LOCKS: Mapping[str, LiteralString] = {
    "movie": "select 1 from cinema.movies where tenant_id = %s and movie_id = %s for no key update",
    "theater": "select 1 from cinema.theaters where tenant_id = %s and theater_id = %s for no key update",
    "screen": "select 1 from cinema.screens where tenant_id = %s and screen_id = %s for no key update",
}


async def lock(tx: Transaction, noun: str, subject: UUID) -> None:
    """Locks a movie, theater or screen until the transaction ends, by primary key; read it after this."""
    await tx.fetch(_LOCKS[noun], (tx.owner, subject))


async def movie(tx: Transaction, movie_id: UUID) -> Movie | None:
    """By primary key."""
    row = await tx.fetch_one(
        f"select {_MOVIE} from cinema.movies where tenant_id = %s and movie_id = %s", (tx.owner, movie_id)
    )
    return Movie(*row) if row else None


async def theater(tx: Transaction, theater_id: UUID) -> Theater | None:
    """By primary key."""
    row = await tx.fetch_one(
        f"select {_THEATER} from cinema.theaters where tenant_id = %s and theater_id = %s", (tx.owner, theater_id)
    )
    return Theater(*row) if row else None


async def screen(tx: Transaction, screen_id: UUID) -> Screen | None:
    """By primary key, with its present plan."""
    row = await tx.fetch_one(f"select {_SCREEN} where c.tenant_id = %s and c.screen_id = %s", (tx.owner, screen_id))
    return Screen(*row) if row else None


async def retire_movie(tx: Transaction, movie_id: UUID, retired: bool) -> None:
    """No new shows of it, or again."""
    await tx.execute(
        "update cinema.movies set retired_at = case when %s then coalesce(retired_at, clock_timestamp()) end"
        " where tenant_id = %s and movie_id = %s",
        (retired, tx.owner, movie_id),
    )


@dataclass(frozen=True, slots=True)
class ShowRow:
    """A show as its editor needs it."""

    show_id: UUID
    pool_no: int
    currency: str
    prices: Mapping[str, int]
    cancel_until_min: int
    cancel_fee_percent: int
    begun: bool
    cancelled: bool


async def show(tx: Transaction, show_id: UUID) -> ShowRow | None:
    """By primary key, locked; whether it has begun by the database's clock."""
    row = await tx.fetch_one(
        "select show_id, pool_no, currency, prices, cancel_until_min, cancel_fee_percent,"
        " starts_at <= clock_timestamp(), cancelled_at is not null from cinema.shows"
        " where tenant_id = %s and show_id = %s for no key update",
        (tx.owner, show_id),
    )
    return ShowRow(*row) if row else None


async def change_show(
    tx: Transaction, show_id: UUID, prices: Mapping[str, int], cancel_until_min: int, cancel_fee_percent: int
) -> None:
    """New prices and terms, and the next edition."""
    await tx.execute(
        "update cinema.shows set prices = %s, from_minor = %s, cancel_until_min = %s, cancel_fee_percent = %s,"
        " edition = edition + 1 where tenant_id = %s and show_id = %s",
        (
            orjson.dumps(prices).decode(),
            min(prices.values()),
            cancel_until_min,
            cancel_fee_percent,
            tx.owner,
            show_id,
        ),
    )


async def cancel_show(tx: Transaction, show_id: UUID) -> bool:
    """From now on nothing of it is sold; false if it was cancelled before."""
    changed = await tx.execute(
        "update cinema.shows set cancelled_at = clock_timestamp(), edition = edition + 1"
        " where tenant_id = %s and show_id = %s and cancelled_at is null",
        (tx.owner, show_id),
    )
    return changed == 1


async def begins_in_future(tx: Transaction, starts_at: datetime, days_max: int) -> tuple[bool, bool]:
    """(after now, within so many days), by the database's clock."""
    row = await tx.fetch_one(
        "select %s > clock_timestamp(), %s < clock_timestamp() + make_interval(days => %s)",
        (starts_at, starts_at, days_max),
    )
    assert row is not None
    return row[0], row[1]


async def shows_to_settle(tx: Transaction, limit: int) -> list[tuple[UUID, UUID]]:
    """(tenant, show) of cancelled shows that still have bookings to return, oldest first (role serai_jobs)."""
    rows = await tx.fetch(
        "select tenant_id, show_id from cinema.shows where cancelled_at is not null and settled_at is null"
        " order by cancelled_at limit %s",
        (limit,),
    )
    return [(tenant, show_id) for tenant, show_id in rows]


async def bookings_to_return(tx: Transaction, show_id: UUID, limit: int) -> list[UUID]:
    """Bookings of a cancelled show that are not over yet, by the index bookings_of_show."""
    rows = await tx.fetch(
        "select booking_id from cinema.bookings where tenant_id = %s and show_id = %s"
        " and state in ('pending', 'confirmed') order by booking_id limit %s",
        (tx.owner, show_id, limit),
    )
    return _ids(rows)


async def settle_show(tx: Transaction, show_id: UUID) -> bool:
    """Notes that nothing is left to return, if that is so; a booking in flight still counts as pending."""
    changed = await tx.execute(
        "update cinema.shows s set settled_at = clock_timestamp()"
        " where tenant_id = %s and show_id = %s and cancelled_at is not null and not exists"
        " (select from cinema.bookings b where b.tenant_id = s.tenant_id and b.show_id = s.show_id"
        "  and b.state in ('pending', 'confirmed'))",
        (tx.owner, show_id),
    )
    return changed == 1


def _ids(rows: Sequence[Row]) -> list[UUID]:
    return [found for (found,) in rows]
