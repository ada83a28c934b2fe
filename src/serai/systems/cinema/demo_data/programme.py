"""Which film runs where and when, for a number of days from now.

A house's wall clock decides: the evening show starts at eight there, in summer and in winter. What a screen plays
hangs on its name and the date alone, never on when one asks, so yesterday's answer and today's agree on every day
that both hold.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from serai.kernel.money import Money
from serai.systems.cinema.demo_data.chance import demo_id, draw, shuffled
from serai.systems.cinema.demo_data.houses import CITIES, City, Screen, Theater
from serai.systems.cinema.demo_data.movies import MOVIES, Movie

DAYS_MAX = 60
BETWEEN_MIN = 30
"""Advertisements, trailers, cleaning: what a show needs beyond its film."""
START_STEP_MIN = 15
FILMS_PER_SCREEN = 4
LAST_START = time(22, 30)
EVENING = time(17, 0)
FAMILY_UNTIL = time(18, 30)
"""Films for children do not start later than this."""
CHILD_RATING = "0+"
MATINEE_PERCENT = 80
WEEKEND_PERCENT = 110


@dataclass(frozen=True, slots=True)
class Show:
    """One showing. Times are UTC; `prices` has one entry for each category of the screen's plan."""

    id: UUID
    movie: Movie
    city: City
    theater: Theater
    screen: Screen
    starts_at: datetime
    ends_at: datetime
    prices: Mapping[str, Money]


@dataclass(frozen=True, slots=True)
class Programme:
    """Everything that the demo holds."""

    cities: tuple[City, ...]
    movies: tuple[Movie, ...]
    shows: tuple[Show, ...]


def programme(now: datetime, days: int = 14, seed: int = 0) -> Programme:
    """The shows that start after `now` (timezone-aware), for `days` local dates from each city's today."""
    assert now.tzinfo is not None, "now must be timezone-aware"
    assert 1 <= days <= DAYS_MAX, f"{days} days; the limit is {DAYS_MAX}"
    shows = [
        show
        for city in CITIES
        for offset in range(days)
        for show in _day(city, now.astimezone(ZoneInfo(city.time_zone)).date() + timedelta(days=offset), seed)
        if show.starts_at > now
    ]
    shows.sort(key=lambda show: (show.starts_at, show.screen.slug))
    return Programme(CITIES, MOVIES, tuple(shows))


def _day(city: City, day: date, seed: int) -> Iterator[Show]:
    for theater in city.theaters:
        for screen in theater.screens:
            yield from _screen_day(city, theater, screen, day, seed)


def _screen_day(city: City, theater: Theater, screen: Screen, day: date, seed: int) -> Iterator[Show]:
    """One screen's day: from its first show, one film after the other, until it is late."""
    films = shuffled(_roster(screen, day, seed), seed, screen.slug, day)
    start = _opening(screen, day, seed)
    turn = 0
    while start.date() == day and start.time() <= LAST_START:
        movie = _fitting(films, turn, start.time())
        yield _show(city, theater, screen, movie, start)
        minutes = movie.duration_min + BETWEEN_MIN
        start += timedelta(minutes=-(-minutes // START_STEP_MIN) * START_STEP_MIN)
        turn += 1


def _roster(screen: Screen, day: date, seed: int) -> tuple[Movie, ...]:
    """The films of a screen's week; weeks begin on Thursday, when cinemas change."""
    week = (day.toordinal() - date(2024, 1, 4).toordinal()) // 7
    return shuffled(MOVIES, seed, screen.slug, "week", week)[:FILMS_PER_SCREEN]


def _opening(screen: Screen, day: date, seed: int) -> datetime:
    """The first start on the wall clock, without a zone yet: from eleven at weekends, from two on other days."""
    first = 11 * 60 if day.weekday() >= 5 else 14 * 60
    return datetime.combine(day, time()) + timedelta(
        minutes=first + START_STEP_MIN * draw(7, seed, screen.slug, day, "opening")
    )


def _fitting(films: tuple[Movie, ...], turn: int, start: time) -> Movie:
    """The next film in turn that suits the hour; the one in turn if none does."""
    order = [films[(turn + step) % len(films)] for step in range(len(films))]
    suits = (movie for movie in order if start <= FAMILY_UNTIL or movie.rating != CHILD_RATING)
    return next(suits, order[0])


def _show(city: City, theater: Theater, screen: Screen, movie: Movie, wall: datetime) -> Show:
    zone = ZoneInfo(city.time_zone)
    local = wall.replace(tzinfo=zone)
    starts_at = local.astimezone(UTC)
    assert starts_at.astimezone(zone).replace(tzinfo=None) == wall, f"{wall} does not exist in {city.time_zone}"
    return Show(
        demo_id("show", f"{screen.slug}/{wall.isoformat()}/{movie.slug}"),
        movie,
        city,
        theater,
        screen,
        starts_at,
        starts_at + timedelta(minutes=movie.duration_min + BETWEEN_MIN // 2),
        _prices(city, screen, wall),
    )


def _prices(city: City, screen: Screen, wall: datetime) -> dict[str, Money]:
    """Cheaper before the evening, dearer on weekend evenings, always a price that one would print."""
    percent = 100
    if wall.time() < EVENING:
        percent = MATINEE_PERCENT
    elif wall.weekday() in {4, 5}:
        percent = WEEKEND_PERCENT
    return {
        category.name: Money(_rounded(city.prices[category.name] * percent // 100, city.step), city.currency)
        for category in screen.plan.categories
    }


def _rounded(minor: int, step: int) -> int:
    """The nearest multiple of `step`, half up."""
    return (minor + step // 2) // step * step
