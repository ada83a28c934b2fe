"""What plays: the programme of a city's day, and a movie."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from babel.dates import format_date
from fastapi import APIRouter, Query, Request, Response

from serai.kernel.ports import Clock
from serai.runtime.http.principal import Asking
from serai.systems.cinema.errors import NoSuchMovie
from serai.systems.cinema.http import Cinema
from serai.systems.cinema.poster import POLICY, drawn
from serai.systems.cinema.service.programme import City, DayProgramme, Programme
from serai.web.shell import Shell

HREF = "/cinema"

CITY_COOKIE = "cinema_city"
CITY_LIFE_S = 365 * 86_400

POSTER_CACHE = "public, max-age=3600, stale-while-revalidate=86400"
"""An hour without a question; afterwards the old poster may still be shown while the new one is fetched."""

CityName = Annotated[str, Query(max_length=80)]


@dataclass(frozen=True, slots=True)
class Day:
    """One day of the strip."""

    weekday: str
    number: int
    month: str
    words: str
    """The whole date, for those who hear it."""
    href: str
    iso: str
    current: bool


class ProgrammePages:
    """/cinema and /cinema/movies."""

    def __init__(self, cinema: Cinema, programme: Programme, shell: Shell, clock: Clock) -> None:
        self._cinema = cinema
        self._programme = programme
        self._shell = shell
        self._clock = clock

    def add_to(self, pages: APIRouter) -> None:
        """Adds the routes."""
        pages.add_api_route("", self.day, methods=["GET"])
        pages.add_api_route("/movies/{movie_id}", self.movie, methods=["GET"])
        pages.add_api_route("/posters/{movie_id}.svg", self.poster, methods=["GET"])

    async def day(
        self,
        request: Request,
        principal: Asking,
        city: CityName = "",
        day: Annotated[str, Query(max_length=10)] = "",
        q: Annotated[str, Query(max_length=80)] = "",
    ) -> Response:
        """What a city plays on a day; a city that was chosen is remembered."""
        cities = await self._programme.cities(principal.tenant)
        if not cities:
            return self._shell.render(request, "cinema/empty.html", system="cinema")
        chosen = _city(cities, city or request.cookies.get(CITY_COOKIE, ""))
        programme = await self._programme.day(principal.tenant, chosen, _date(day), q.strip())
        response = self._shell.render(
            request,
            "cinema/programme.html",
            system="cinema",
            city_options=[(each.name, each.name) for each in cities],
            programme=programme,
            days=_days(programme, q),
            text=q,
            day_words=_words(programme, self._clock),
            other_day=_other_day(programme, q),
        )
        if city == chosen.name:
            response.set_cookie(CITY_COOKIE, _plain(city), CITY_LIFE_S, path=HREF, samesite="lax", httponly=True)
        return response

    async def movie(self, request: Request, principal: Asking, movie_id: str, city: CityName = "") -> Response:
        """A movie and its coming shows in one city."""
        cities = await self._programme.cities(principal.tenant)
        chosen = _city(cities, city or request.cookies.get(CITY_COOKIE, "")) if cities else City("", "UTC")
        found = await self._programme.movie(principal.tenant, _movie_id(movie_id), chosen)
        today = chosen.today(self._clock.now())
        return self._shell.render(
            request,
            "cinema/movie.html",
            system="cinema",
            movie=found.movie,
            city=chosen.name,
            cities=[each.name for each in cities],
            days=[(_day_words(day, today), theaters) for day, theaters in found.days],
        )

    async def poster(self, request: Request, principal: Asking, movie_id: str) -> Response:
        """A movie's poster."""
        picture = drawn(await self._programme.poster(principal.tenant, _movie_id(movie_id)))
        headers = {"cache-control": POSTER_CACHE, "etag": picture.etag, "content-security-policy": POLICY}
        if picture.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(picture.content, media_type="image/svg+xml", headers=headers)


def _city(cities: list[City], name: str) -> City:
    """The named city, else the first: an address from elsewhere or an old cookie still shows a programme."""
    wanted = name.casefold()
    return next((city for city in cities if wanted in (city.name.casefold(), _plain(city.name).casefold())), cities[0])


def _plain(name: str) -> str:
    """A name as a cookie may carry it."""
    return urlencode({"": name})[1:]


def _date(text: str) -> date | None:
    """The date, or None for anything else: a mistyped address shows today, not an error."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _movie_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NoSuchMovie(f"There is no movie {text!r}.") from None


def _href(programme: DayProgramme, day: date, text: str) -> str:
    query = {"city": programme.city.name, "day": day.isoformat(), **({"q": text} if text else {})}
    return f"{HREF}?{urlencode(query)}"


def _days(programme: DayProgramme, text: str) -> list[Day]:
    return [
        Day(
            weekday="Today" if place == 0 else format_date(day, "EEE", locale="en"),
            number=day.day,
            month=format_date(day, "MMM", locale="en"),
            words=format_date(day, "EEEE d MMMM", locale="en"),
            href=_href(programme, day, text),
            iso=day.isoformat(),
            current=day == programme.day,
        )
        for place, day in enumerate(programme.days)
    ]


def _words(programme: DayProgramme, clock: Clock) -> str:
    return _day_words(programme.day, programme.city.today(clock.now()))


def _day_words(day: date, today: date) -> str:
    """'Today, 24 November', 'Thursday, 26 November'."""
    names = {0: "Today", 1: "Tomorrow"}
    name = names.get((day - today).days) or format_date(day, "EEEE", locale="en")
    return f"{name}, {format_date(day, 'd MMMM', locale='en')}"


def _other_day(programme: DayProgramme, text: str) -> tuple[str, str] | None:
    """Words and address of a day on which something plays, for a day without anything."""
    day = programme.other_day
    return (format_date(day, "EEEE d MMMM", locale="en"), _href(programme, day, text)) if day else None
