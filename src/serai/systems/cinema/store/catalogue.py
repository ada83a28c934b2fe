"""SQL of movies, theaters, screens, plans and shows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import orjson

from serai.kernel.money import Money
from serai.runtime.postgres.database import Row, Transaction
from serai.systems.cinema.model import Listing, Movie, Show, Theater
from serai.systems.cinema.plan import Plan, export_plan

_LISTING = """
  s.show_id, s.starts_at, s.from_minor, s.currency, s.pool_no, c.name,
  m.movie_id, m.title, m.duration_min, m.rating, t.theater_id, t.name, t.city, t.time_zone, t.currency
  from cinema.shows s
  join cinema.movies m using (tenant_id, movie_id)
  join cinema.screens c using (tenant_id, screen_id)
  join cinema.theaters t using (tenant_id, theater_id)
"""


def _listing(row: Row) -> Listing:
    show_id, starts_at, minor, currency, pool_no, screen, *rest = row
    movie, theater = Movie(*rest[:4]), Theater(*rest[4:])
    return Listing(show_id, movie, theater, screen, starts_at, Money(minor, currency), pool_no)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which shows a list asks for. `after` is the last (starts_at, show_id) of the page before."""

    city: str | None = None
    day: str | None = None
    """A local date of the theater, 'YYYY-MM-DD'."""
    movie: UUID | None = None
    text: str | None = None
    after: tuple[datetime, UUID] | None = None
    limit: int = 50


async def upcoming(tx: Transaction, wanted: Wanted) -> list[Listing]:
    """Shows that have not begun, earliest first; by the index shows_by_time."""
    after = wanted.after or (None, None)
    rows = await tx.fetch(
        f"""
        select {_LISTING}
        where s.tenant_id = %(tenant)s and s.starts_at > clock_timestamp() and s.cancelled_at is null
          and (%(city)s::text is null or lower(t.city) = lower(%(city)s::text))
          and (%(day)s::date is null or (s.starts_at at time zone t.time_zone)::date = %(day)s::date)
          and (%(movie)s::uuid is null or s.movie_id = %(movie)s::uuid)
          and (%(text)s::text is null or m.title ilike %(text)s::text or t.name ilike %(text)s::text)
          and (%(at)s::timestamptz is null or (s.starts_at, s.show_id) > (%(at)s::timestamptz, %(id)s::uuid))
        order by s.starts_at, s.show_id limit %(limit)s
        """,
        {
            "tenant": tx.owner,
            "city": wanted.city,
            "day": wanted.day,
            "movie": wanted.movie,
            "text": like_part(wanted.text),
            "at": after[0],
            "id": after[1],
            "limit": wanted.limit,
        },
    )
    return [_listing(row) for row in rows]


def like_part(text: str | None) -> str | None:
    """A LIKE pattern for what contains the text, in which none of its characters is a wildcard."""
    if not text:
        return None
    literal = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{literal}%"


@dataclass(frozen=True, slots=True)
class ShowFacts:
    """A show without its hall; `plan_id` names the plan, which never changes."""

    show: Callable[[Plan], Show]
    plan_id: UUID


async def show_facts(tx: Transaction, show_id: UUID) -> ShowFacts | None:
    """A show with its movie and theater, by primary keys."""
    row = await tx.fetch_one(
        """
        select s.plan_id, s.starts_at, s.ends_at, s.pool_no, s.prices, s.cancel_until_min, s.cancel_fee_percent,
               s.cancelled_at is not null, s.edition, c.name,
               m.movie_id, m.title, m.duration_min, m.rating, m.synopsis, m.genre, m.poster,
               t.theater_id, t.name, t.city, t.time_zone, t.currency, t.address
        from cinema.shows s
        join cinema.movies m using (tenant_id, movie_id)
        join cinema.screens c using (tenant_id, screen_id)
        join cinema.theaters t using (tenant_id, theater_id)
        where s.tenant_id = %s and s.show_id = %s
        """,
        (tx.owner, show_id),
    )
    if row is None:
        return None
    plan_id, starts_at, ends_at, pool_no, prices, until, fee, cancelled, edition, screen, *rest = row
    complete = partial(
        Show,
        show_id=show_id,
        movie=Movie(*rest[:7]),
        theater=Theater(*rest[7:]),
        screen=screen,
        starts_at=starts_at,
        ends_at=ends_at,
        pool_no=pool_no,
        prices=prices,
        cancel_until_min=until,
        cancel_fee_percent=fee,
        cancelled=cancelled,
        edition=edition,
    )
    return ShowFacts(lambda plan: complete(plan=plan), plan_id)


@dataclass(frozen=True, slots=True)
class Standing:
    """What may change of a show while it is sold, by the database's clock."""

    begun: bool
    cancelled: bool
    edition: int


async def standing(tx: Transaction, show_id: UUID) -> Standing | None:
    """By primary key; None without such a show."""
    row = await tx.fetch_one(
        "select starts_at <= clock_timestamp(), cancelled_at is not null, edition from cinema.shows"
        " where tenant_id = %s and show_id = %s",
        (tx.owner, show_id),
    )
    return Standing(*row) if row else None


async def cancellable(tx: Transaction, show_id: UUID) -> bool:
    """Whether bookings of the show can still be cancelled by its policy, by the database's clock."""
    row = await tx.fetch_one(
        "select clock_timestamp() <= starts_at - make_interval(mins => cancel_until_min) from cinema.shows"
        " where tenant_id = %s and show_id = %s",
        (tx.owner, show_id),
    )
    return bool(row and row[0])


async def city_zones(tx: Transaction) -> dict[str, str]:
    """Every city with a theater and its time zone, sorted by name."""
    rows = await tx.fetch(
        "select city, min(time_zone) from cinema.theaters where tenant_id = %s group by city order by city", (tx.owner,)
    )
    return dict(rows)


async def movies_by_id(tx: Transaction, movie_ids: Sequence[UUID]) -> dict[UUID, Movie]:
    """Movies without their posters, by primary keys."""
    rows = await tx.fetch(
        "select movie_id, title, duration_min, rating, synopsis, genre from cinema.movies"
        " where tenant_id = %s and movie_id = any(%s)",
        (tx.owner, list(movie_ids)),
    )
    return {row[0]: Movie(*row) for row in rows}


async def poster(tx: Transaction, movie_id: UUID) -> tuple[str, str] | None:
    """A movie's poster as SVG, which may be empty, and its title; by primary key."""
    row = await tx.fetch_one(
        "select poster, title from cinema.movies where tenant_id = %s and movie_id = %s", (tx.owner, movie_id)
    )
    return (row[0], row[1]) if row else None


async def cities(tx: Transaction) -> list[str]:
    """Every city with a theater, sorted."""
    rows = await tx.fetch("select distinct city from cinema.theaters where tenant_id = %s order by city", (tx.owner,))
    return [city for (city,) in rows]


async def upsert_movie(tx: Transaction, movie: Movie) -> None:
    """A new movie, or a new version of one."""
    await tx.execute(
        """
        insert into cinema.movies (tenant_id, movie_id, title, duration_min, rating, synopsis, genre, poster)
        values (%s, %s, %s, %s, %s, %s, %s, %s)
        on conflict (tenant_id, movie_id) do update set title = excluded.title, duration_min = excluded.duration_min,
          rating = excluded.rating, synopsis = excluded.synopsis, genre = excluded.genre, poster = excluded.poster
        """,
        (
            tx.owner,
            movie.movie_id,
            movie.title,
            movie.duration_min,
            movie.rating,
            movie.synopsis,
            movie.genre,
            movie.poster,
        ),
    )


async def upsert_theater(tx: Transaction, theater: Theater) -> None:
    """A new theater, or a new version of one. Its zone and currency stay what they were."""
    await tx.execute(
        """
        insert into cinema.theaters (tenant_id, theater_id, name, city, time_zone, currency, address)
        values (%s, %s, %s, %s, %s, %s, %s)
        on conflict (tenant_id, theater_id) do update
        set name = excluded.name, city = excluded.city, address = excluded.address
        """,
        (
            tx.owner,
            theater.theater_id,
            theater.name,
            theater.city,
            theater.time_zone,
            theater.currency,
            theater.address,
        ),
    )


async def insert_plan(tx: Transaction, plan_id: UUID, plan: Plan) -> None:
    """A plan; one that exists stays as it is."""
    await tx.execute(
        "insert into cinema.plans (tenant_id, plan_id, name, document, seats) values (%s, %s, %s, %s, %s)"
        " on conflict do nothing",
        (tx.owner, plan_id, plan.name, orjson.dumps(export_plan(plan)).decode(), len(plan.seats)),
    )


async def plan_by_id(tx: Transaction, plan_id: UUID) -> dict[str, Any] | None:
    """A plan's document, by primary key."""
    row = await tx.fetch_one(
        "select document from cinema.plans where tenant_id = %s and plan_id = %s", (tx.owner, plan_id)
    )
    return row[0] if row else None


async def upsert_screen(tx: Transaction, screen_id: UUID, theater_id: UUID, name: str, plan_id: UUID) -> None:
    """A screen with its current plan; shows made before keep theirs."""
    await tx.execute(
        "insert into cinema.screens (tenant_id, screen_id, theater_id, name, plan_id) values (%s, %s, %s, %s, %s)"
        " on conflict (tenant_id, screen_id) do update set name = excluded.name, plan_id = excluded.plan_id",
        (tx.owner, screen_id, theater_id, name, plan_id),
    )


@dataclass(frozen=True, slots=True)
class NewShow:
    """A show to be made."""

    show_id: UUID
    movie_id: UUID
    screen_id: UUID
    plan_id: UUID
    starts_at: datetime
    ends_at: datetime
    currency: str
    prices: Mapping[str, int]
    cancel_until_min: int = 60
    cancel_fee_percent: int = 0


async def insert_show(tx: Transaction, show: NewShow, pool_no: int) -> None:
    """A show over a pool of free seats."""
    await tx.execute(
        """
        insert into cinema.shows (tenant_id, show_id, movie_id, screen_id, plan_id, starts_at, ends_at, pool_no,
                                  currency, prices, from_minor, cancel_until_min, cancel_fee_percent)
        values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        """,
        (
            tx.owner,
            show.show_id,
            show.movie_id,
            show.screen_id,
            show.plan_id,
            show.starts_at,
            show.ends_at,
            pool_no,
            show.currency,
            orjson.dumps(show.prices).decode(),
            min(show.prices.values()),
            show.cancel_until_min,
            show.cancel_fee_percent,
        ),
    )


async def overlapping(tx: Transaction, screen_id: UUID, starts_at: datetime, ends_at: datetime) -> UUID | None:
    """A show that this screen plays in that time. The caller holds the screen's row, so none can slip in."""
    await tx.fetch_one(
        "select 1 from cinema.screens where tenant_id = %s and screen_id = %s for no key update", (tx.owner, screen_id)
    )
    row = await tx.fetch_one(
        "select show_id from cinema.shows where tenant_id = %s and screen_id = %s and cancelled_at is null"
        " and starts_at < %s and ends_at > %s limit 1",
        (tx.owner, screen_id, ends_at, starts_at),
    )
    return row[0] if row else None


async def existing_shows(tx: Transaction, show_ids: list[UUID]) -> set[UUID]:
    """Those of the ids that are shows already."""
    rows = await tx.fetch(
        "select show_id from cinema.shows where tenant_id = %s and show_id = any(%s)", (tx.owner, show_ids)
    )
    return {show_id for (show_id,) in rows}


async def screen_facts(tx: Transaction, screen_id: UUID) -> tuple[UUID, str, str] | None:
    """(plan, currency, time zone) of a screen."""
    row = await tx.fetch_one(
        "select c.plan_id, t.currency, t.time_zone from cinema.screens c join cinema.theaters t using (tenant_id,"
        " theater_id) where c.tenant_id = %s and c.screen_id = %s",
        (tx.owner, screen_id),
    )
    return (row[0], row[1], row[2]) if row else None
