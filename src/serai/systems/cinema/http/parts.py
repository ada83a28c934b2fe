"""What the routes stand on: the use cases, and how ids, cursors and documents are read and written."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Path

from serai.kernel.ids import Capability
from serai.runtime.http.answers import (
    as_uuid,
    bad_cursor,
    body_uuid,
    json_response,
    path_uuid,
    read_cursor,
    time_cursor,
    write_cursor,
)
from serai.runtime.http.principal import Principal, Requires
from serai.runtime.postgres.database import Database
from serai.systems.cinema.errors import NoSuchBooking, NoSuchShow
from serai.systems.cinema.model import Movie, Show, Theater
from serai.systems.cinema.service.bookings import Bookings
from serai.systems.cinema.service.doors import Doors
from serai.systems.cinema.service.holds import Holds
from serai.systems.cinema.service.house import House
from serai.systems.cinema.service.live import LiveMaps
from serai.systems.cinema.service.reports import Reports
from serai.systems.cinema.service.schedule import Schedule
from serai.systems.cinema.service.shows import Shows
from serai.systems.cinema.service.swaps import Swaps
from serai.systems.cinema.service.tickets import Tickets
from serai.systems.cinema.service.waiting import Waiting
from serai.systems.cinema.settings import CinemaSettings

__all__ = [
    "Cinema",
    "Doorkeeper",
    "Manager",
    "PlainId",
    "SecretId",
    "ShowId",
    "as_uuid",
    "bad_cursor",
    "body_uuid",
    "booking_capability",
    "find_show",
    "json_response",
    "movie_json",
    "path_uuid",
    "read_cursor",
    "theater_json",
    "time_cursor",
    "write_cursor",
]


@dataclass(frozen=True)
class Cinema:
    """The use cases, and what they share."""

    database: Database
    shows: Shows
    holds: Holds
    bookings: Bookings
    swaps: Swaps
    live: LiveMaps
    tickets: Tickets
    house: House
    schedule: Schedule
    reports: Reports
    doors: Doors
    waiting: Waiting
    settings: CinemaSettings


ShowId = Annotated[str, Path(max_length=64)]
PlainId = Annotated[str, Path(max_length=64)]
SecretId = Annotated[str, Path(max_length=64)]

Manager = Annotated[Principal, Depends(Requires("cinema:manage"))]
"""`principal: Manager` in a route's signature: whoever runs the house."""

Doorkeeper = Annotated[Principal, Depends(Requires("cinema:door"))]
"""Whoever stands at a door, or the device there."""


async def find_show(cinema: Cinema, principal: Principal, show_id: str) -> Show:
    """The show of a path; NoSuchShow."""
    parsed = as_uuid(show_id)
    if parsed is None:
        raise NoSuchShow(f"There is no show {show_id!r}.")
    return await cinema.shows.get(principal.tenant, parsed)


def booking_capability(text: str) -> Capability:
    """The booking's capability in a path; NoSuchBooking."""
    if (found := Capability.parse(text)) is None:
        raise NoSuchBooking("There is no such booking.")
    return found


def movie_json(movie: Movie) -> dict[str, Any]:
    """A movie in a list of shows."""
    return {
        "id": str(movie.movie_id),
        "title": movie.title,
        "duration_min": movie.duration_min,
        "rating": movie.rating,
    }


def theater_json(theater: Theater) -> dict[str, Any]:
    """A theater in a list of shows."""
    return {
        "id": str(theater.theater_id),
        "name": theater.name,
        "city": theater.city,
        "time_zone": theater.time_zone,
    }
