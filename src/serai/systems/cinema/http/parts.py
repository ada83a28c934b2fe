"""What the routes stand on: the use cases, and how ids, cursors and documents are read and written."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import Depends, Path, Response

from serai.kernel.errors import Invalid, NotFound
from serai.kernel.ids import Capability
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


def as_uuid(text: str) -> UUID | None:
    """The UUID that a text writes, or None."""
    try:
        return UUID(text)
    except ValueError:
        return None


def path_uuid(text: str, error: type[NotFound], noun: str) -> UUID:
    """The id in a path; `error` for a text that is none."""
    if (found := as_uuid(text)) is None:
        raise error(f"There is no {noun} {text!r}.")
    return found


def body_uuid(field: str, text: str, noun: str) -> UUID:
    """The id in a field of the body; Invalid names the field."""
    if (found := as_uuid(text)) is None:
        raise Invalid.of(field, f"unknown_{noun}", f"There is no {noun} {text!r}.")
    return found


def json_response(document: Mapping[str, Any], status: int = 200) -> Response:
    """A JSON answer; times in UTC with Z."""
    body = orjson.dumps(document, option=orjson.OPT_UTC_Z)
    return Response(body, status, media_type="application/json")


def write_cursor(*parts: str) -> str:
    """Where a page ended, for its reader only to send back."""
    return base64.urlsafe_b64encode("\0".join(parts).encode()).decode()


def read_cursor(text: str | None, count: int) -> list[str] | None:
    """The parts that `write_cursor` wrote; Invalid for anything else."""
    if text is None:
        return None
    try:
        parts = base64.urlsafe_b64decode(text.encode()).decode().split("\0")
    except (ValueError, binascii.Error):
        parts = []
    if len(parts) != count or not all(part.isprintable() for part in parts):
        raise bad_cursor()
    return parts


def time_cursor(text: str | None) -> tuple[datetime, UUID] | None:
    """A cursor of a moment and an id."""
    parts = read_cursor(text, 2)
    if parts is None:
        return None
    try:
        at, found = datetime.fromisoformat(parts[0]), UUID(parts[1])
    except ValueError:
        raise bad_cursor() from None
    if at.tzinfo is None:
        raise bad_cursor()
    return at.astimezone(UTC), found


def bad_cursor() -> Invalid:
    """The cursor is none of ours."""
    return Invalid.of("cursor", "bad_cursor", "Use the next_cursor of an earlier answer, unchanged.")


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
