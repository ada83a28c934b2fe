"""What plays, as people look for it: by city and day, movie by movie, theater by theater.

A day is the theater's own: a show at half past midnight in Tokyo is tomorrow's there, wherever the reader is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import groupby
from uuid import UUID
from zoneinfo import ZoneInfo

from serai.kernel.money import Money
from serai.kernel.ports import Clock
from serai.runtime.postgres.database import Database, Transaction
from serai.systems.allocation.api import free_counts
from serai.systems.cinema.errors import NoSuchMovie
from serai.systems.cinema.model import Listing, Movie, Show, Theater
from serai.systems.cinema.poster import plain
from serai.systems.cinema.store import catalogue

DAYS = 14
"""So many days ahead are offered, today included."""

SHOWS_MAX = 600
"""Shows on one page: a city's busiest day, or a movie's two weeks in one city."""


@dataclass(frozen=True, slots=True)
class Showing:
    """A show with the seats that are still free."""

    listing: Listing
    free: int

    @property
    def local(self) -> datetime:
        """Its start on the theater's clock."""
        return self.listing.starts_at.astimezone(ZoneInfo(self.listing.theater.time_zone))


@dataclass(frozen=True, slots=True)
class AtTheater:
    """One theater's showings, earliest first."""

    theater: Theater
    showings: tuple[Showing, ...]


@dataclass(frozen=True, slots=True)
class OfMovie:
    """A movie's showings of one day, by theater."""

    movie: Movie
    theaters: tuple[AtTheater, ...]

    @property
    def from_price(self) -> Money:
        """The cheapest seat of all of them."""
        prices = (showing.listing.from_price for at in self.theaters for showing in at.showings)
        return min(prices, key=lambda price: price.minor)


@dataclass(frozen=True, slots=True)
class City:
    """A city and its clock."""

    name: str
    time_zone: str

    def today(self, now: datetime) -> date:
        """The date there."""
        return now.astimezone(ZoneInfo(self.time_zone)).date()


@dataclass(frozen=True, slots=True)
class DayProgramme:
    """What a city plays on one day."""

    city: City
    day: date
    days: tuple[date, ...]
    movies: tuple[OfMovie, ...]
    other_day: date | None
    """Where nothing plays on `day`: one on which something does."""


@dataclass(frozen=True, slots=True)
class MovieProgramme:
    """A movie's coming shows in one city, day by day."""

    movie: Movie
    city: City
    days: tuple[tuple[date, tuple[AtTheater, ...]], ...]


class Programme:
    """Reads the programme."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def cities(self, tenant: UUID) -> list[City]:
        """Every city with a theater."""
        async with self._database.transaction(tenant) as tx:
            return [City(name, zone) for name, zone in (await catalogue.city_zones(tx)).items()]

    async def day(self, tenant: UUID, city: City, day: date | None, text: str) -> DayProgramme:
        """The city's day; without a `day`, or with one that is not offered, the first on which something plays."""
        today = city.today(self._clock.now())
        days = tuple(today + timedelta(days=number) for number in range(DAYS))
        wanted = catalogue.Wanted(city=city.name, text=text or None, limit=SHOWS_MAX)
        async with self._database.transaction(tenant) as tx:
            chosen = day if day in days else today
            shows = await catalogue.upcoming(tx, replace(wanted, day=chosen.isoformat()))
            other = None if shows else await self._other_day(tx, wanted, chosen, days)
            if other and day not in days:
                chosen, other = other, None
                shows = await catalogue.upcoming(tx, replace(wanted, day=chosen.isoformat()))
            movies = await self._by_movie(tx, shows)
        return DayProgramme(city, chosen, days, movies, other)

    async def movie(self, tenant: UUID, movie_id: UUID, city: City) -> MovieProgramme:
        """The movie's coming shows there; NoSuchMovie."""
        async with self._database.transaction(tenant) as tx:
            found = await catalogue.movies_by_id(tx, [movie_id])
            if movie_id not in found:
                raise NoSuchMovie(f"There is no movie {movie_id}.")
            wanted = catalogue.Wanted(city=city.name, movie=movie_id, limit=SHOWS_MAX)
            showings = await _with_free(tx, await catalogue.upcoming(tx, wanted))
        days = groupby(showings, key=lambda showing: showing.local.date())
        return MovieProgramme(found[movie_id], city, tuple((day, _by_theater(each)) for day, each in days))

    async def free(self, tenant: UUID, show: Show) -> int:
        """Seats of the show that nobody holds or has, right now."""
        async with self._database.transaction(tenant) as tx:
            return (await free_counts(tx, [show.pool_no]))[show.pool_no]

    async def poster(self, tenant: UUID, movie_id: UUID) -> str:
        """A movie's poster as SVG, a plain one if it has none; NoSuchMovie."""
        async with self._database.transaction(tenant) as tx:
            found = await catalogue.poster(tx, movie_id)
        if found is None:
            raise NoSuchMovie(f"There is no movie {movie_id}.")
        return found[0] or plain(found[1])

    async def _by_movie(self, tx: Transaction, shows: Sequence[Listing]) -> tuple[OfMovie, ...]:
        """Those that begin first, first."""
        showings = await _with_free(tx, shows)
        movies = await catalogue.movies_by_id(tx, list({show.movie.movie_id for show in shows}))
        by_movie: dict[UUID, list[Showing]] = {}
        for showing in showings:
            by_movie.setdefault(showing.listing.movie.movie_id, []).append(showing)
        return tuple(OfMovie(movies[movie_id], _by_theater(each)) for movie_id, each in by_movie.items())

    @staticmethod
    async def _other_day(tx: Transaction, wanted: catalogue.Wanted, chosen: date, days: Sequence[date]) -> date | None:
        """The next offered day after the chosen one on which something plays, else the first of all."""
        shows = await catalogue.upcoming(tx, wanted)
        playing = sorted({Showing(show, 0).local.date() for show in shows} & set(days))
        return next((day for day in playing if day > chosen), playing[0] if playing else None)


async def _with_free(tx: Transaction, shows: Sequence[Listing]) -> list[Showing]:
    free = await free_counts(tx, [show.pool_no for show in shows])
    return [Showing(show, free[show.pool_no]) for show in shows]


def _by_theater(showings: Iterable[Showing]) -> tuple[AtTheater, ...]:
    theaters: dict[UUID, list[Showing]] = {}
    for showing in showings:
        theaters.setdefault(showing.listing.theater.theater_id, []).append(showing)
    found = (AtTheater(each[0].listing.theater, tuple(each)) for each in theaters.values())
    return tuple(sorted(found, key=lambda at: at.theater.name))
