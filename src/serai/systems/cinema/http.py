"""The public JSON API of the cinema, /api/cinema/v1: browse, hold, book, cancel. Guests need no account.

A hold's or booking's id is a secret that proves its holder; who shows it may act on it.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Header, Path, Query, Request, Response
from pydantic import EmailStr, Field

from serai.kernel.errors import Invalid
from serai.kernel.ids import Capability
from serai.runtime.http.edge import is_loopback
from serai.runtime.http.idempotency import Key, owner_of
from serai.runtime.http.models import LINE, PAGE_MAX, Amount, Instant, Model, Page
from serai.runtime.http.principal import Asking, Principal
from serai.runtime.postgres.database import Database
from serai.systems.allocation.api import UnitState, free_counts
from serai.systems.cinema.errors import NoSuchBooking, NoSuchHold, NoSuchShow
from serai.systems.cinema.model import Listing, Show
from serai.systems.cinema.seating import best
from serai.systems.cinema.service.bookings import Bookings, Purchase
from serai.systems.cinema.service.holds import Hold, Holds
from serai.systems.cinema.service.live import LiveMaps
from serai.systems.cinema.service.replies import Reply, booking_json, seat_json
from serai.systems.cinema.service.shows import Shows
from serai.systems.cinema.service.tickets import Tickets
from serai.systems.cinema.settings import CinemaSettings
from serai.systems.cinema.store import catalogue
from serai.web.live import EventStream


class MovieOut(Model):
    """A movie in a list of shows."""

    id: str
    title: str
    duration_min: int
    rating: str


class TheaterOut(Model):
    """A theater in a list of shows; `time_zone` is an IANA name."""

    id: str
    name: str
    city: str
    time_zone: str


class ShowOut(Model):
    """A show in a list."""

    id: str
    movie: MovieOut
    theater: TheaterOut
    screen: str
    starts_at: Instant
    from_price: Amount
    seats_free: int


class SeatOut(Model):
    """A seat of a hold or booking."""

    id: str
    row: str
    number: str
    category: str
    price: Amount


class SeatOnMap(SeatOut):
    """A seat of a show's map; x and y are the plan's pixels."""

    x: float
    y: float
    accessible: bool
    state: str


class MapOut(Model):
    """A show's seats; `version` rises with every change."""

    version: int
    seats: list[SeatOnMap]
    plan: dict[str, Any]


class BestOut(Model):
    """The best free seats together."""

    seat_ids: list[str]


class HoldIn(Model):
    """Which seats to hold."""

    show_id: Annotated[str, Field(max_length=64)]
    seat_ids: Annotated[list[Annotated[str, Field(max_length=32)]], Field(max_length=1000)]


class HoldOut(Model):
    """A hold. Its id is a secret: whoever has it may pay, extend or release the hold."""

    id: str
    state: str
    show_id: str
    expires_at: Instant
    seats: list[SeatOut]
    total: Amount


class BookingIn(Model):
    """Who pays what with which payment method (a token of the gateway, never a card number)."""

    hold_id: Annotated[str, Field(max_length=64)]
    payment_method: Annotated[str, Field(min_length=3, max_length=120, pattern=r"^[A-Za-z0-9_]+$")]
    email: Annotated[EmailStr, Field(max_length=254)]
    name: Annotated[str, Field(max_length=120, pattern=LINE)] = ""


class BookingOut(Model):
    """A booking. Its id is a secret: it opens, cancels and prints the ticket."""

    id: str
    state: str
    confirmation_code: str
    total: Amount
    seats: list[SeatOut]
    show_id: str
    refund: Amount
    refunded: bool
    reason: str


@dataclass(frozen=True)
class Cinema:
    """What the routes stand on."""

    database: Database
    shows: Shows
    holds: Holds
    bookings: Bookings
    live: LiveMaps
    tickets: Tickets
    settings: CinemaSettings


ShowId = Annotated[str, Path(max_length=64)]
SecretId = Annotated[str, Path(max_length=64)]


def make_router(cinema: Cinema) -> APIRouter:
    """The public routes."""
    router = APIRouter(prefix="/api/cinema/v1", tags=["cinema"])
    _browse(router, cinema)
    _hold(router, cinema)
    _book(router, cinema)
    return router


def _browse(router: APIRouter, cinema: Cinema) -> None:
    @router.get("/shows", response_model=Page[ShowOut], summary="What plays, earliest first")
    async def list_shows(
        principal: Asking,
        city: Annotated[str | None, Query(max_length=80, pattern=LINE)] = None,
        date: Annotated[date | None, Query(description="A local date of the theater")] = None,
        movie: Annotated[UUID | None, Query()] = None,
        q: Annotated[
            str | None, Query(max_length=80, pattern=LINE, description="Part of a movie's or theater's name")
        ] = None,
        cursor: Annotated[str | None, Query(max_length=120)] = None,
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 50,
    ) -> Response:
        wanted = catalogue.Wanted(
            city=city,
            day=date.isoformat() if date else None,
            movie=movie,
            text=q,
            after=_read_cursor(cursor),
            limit=limit + 1,
        )
        async with cinema.database.transaction(principal.tenant) as tx:
            found = await catalogue.upcoming(tx, wanted)
            free = await free_counts(tx, [show.pool_no for show in found[:limit]])
        more = _cursor(found[limit - 1]) if len(found) > limit else None
        items = [_listing(show, free[show.pool_no]) for show in found[:limit]]
        return _json({"items": items, "next_cursor": more})

    @router.get("/shows/{show_id}/seats", response_model=MapOut, summary="The seat map")
    async def seat_map(
        principal: Asking, show_id: ShowId, if_none_match: Annotated[str | None, Header()] = None
    ) -> Response:
        show = await _show(cinema, principal, show_id)
        live = await cinema.live.map_of(principal.tenant, show)
        tag = f'"{live.told}"'
        if if_none_match == tag:
            return Response(status_code=304, headers={"ETag": tag})
        return Response(live.body(), media_type="application/json", headers={"ETag": tag, "Cache-Control": "no-cache"})

    @router.get("/shows/{show_id}/events", summary="Changes of the seat map as server-sent events")
    async def seat_events(
        principal: Asking, show_id: ShowId, last_event_id: Annotated[str | None, Header(max_length=20)] = None
    ) -> Response:
        show = await _show(cinema, principal, show_id)
        channel, subscriber = await cinema.live.subscribe(principal.tenant, show, last_event_id)
        return EventStream(channel, subscriber)

    @router.get("/shows/{show_id}/best", response_model=BestOut, summary="The best free seats together")
    async def best_seats(
        principal: Asking,
        show_id: ShowId,
        count: Annotated[int, Query(ge=1, le=100)],
        category: Annotated[str | None, Query(max_length=80, pattern=LINE)] = None,
        accessible: bool = False,
    ) -> Response:
        show = await _show(cinema, principal, show_id)
        if category is not None and category not in show.prices:
            raise Invalid.of("category", "unknown_category", f"This show has no category {category!r}.")
        live = await cinema.live.map_of(principal.tenant, show)
        free = {key for key, state in live.view.states.items() if state is UnitState.FREE}
        keys = best(show.plan, free, count, category, accessible)
        return _json({"seat_ids": [show.seat_id(key) for key in keys]})


def _hold(router: APIRouter, cinema: Cinema) -> None:
    @router.post("/holds", response_model=HoldOut, status_code=201, summary="Hold seats for ten minutes")
    async def make_hold(principal: Asking, wanted: HoldIn) -> Response:
        show_id = _uuid(wanted.show_id)
        if show_id is None:
            raise Invalid.of("show_id", "unknown_show", f"There is no show {wanted.show_id!r}.")
        try:
            hold = await cinema.holds.hold(
                principal.tenant,
                show_id,
                wanted.seat_ids,
                holder=principal.label,
                holds_max=_holds_max(principal, cinema.settings),
            )
        except NoSuchShow as error:
            raise Invalid.of("show_id", "unknown_show", error.message) from None
        return _json(_hold_json(hold), 201)

    @router.get("/holds/{hold_id}", response_model=HoldOut, summary="A hold as it stands")
    async def get_hold(principal: Asking, hold_id: SecretId) -> Response:
        return _json(_hold_json(await cinema.holds.get(principal.tenant, _hold_capability(hold_id))))

    @router.post("/holds/{hold_id}/extend", response_model=HoldOut, summary="Ten minutes from now on")
    async def extend_hold(principal: Asking, hold_id: SecretId) -> Response:
        return _json(_hold_json(await cinema.holds.extend(principal.tenant, _hold_capability(hold_id))))

    @router.delete("/holds/{hold_id}", status_code=204, summary="Give the seats back")
    async def release_hold(principal: Asking, hold_id: SecretId) -> Response:
        await cinema.holds.release(principal.tenant, _hold_capability(hold_id))
        return Response(status_code=204)


def _book(router: APIRouter, cinema: Cinema) -> None:
    @router.post("/bookings", response_model=BookingOut, status_code=201, summary="Pay for a hold")
    async def book(
        request: Request,
        principal: Asking,
        wanted: BookingIn,
        idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
    ) -> Response:
        hold = Capability.parse(wanted.hold_id)
        if hold is None:
            raise Invalid.of("hold_id", "unknown_hold", "This is not the id of a hold.")
        owner = wanted.hold_id if principal.kind == "guest" else principal.label
        key = Key.of(
            idempotency_key,
            owner=owner_of(principal.tenant, owner),
            method="POST",
            path=request.url.path,
            body=await request.body(),
        )
        purchase = Purchase(hold, wanted.payment_method, wanted.email, wanted.name)
        return _reply(await cinema.bookings.book(principal.tenant, purchase, key))

    @router.post("/bookings/{booking_id}/continue", response_model=BookingOut, summary="After the bank's confirmation")
    async def resume(principal: Asking, booking_id: SecretId) -> Response:
        return _reply(await cinema.bookings.resume(principal.tenant, _booking_capability(booking_id)))

    @router.get("/bookings/{booking_id}", response_model=BookingOut, summary="A booking as it stands")
    async def get_booking(principal: Asking, booking_id: SecretId) -> Response:
        show, booking = await cinema.bookings.get(principal.tenant, _booking_capability(booking_id))
        return _json(booking_json(show, booking))

    @router.post("/bookings/{booking_id}/cancel", response_model=BookingOut, summary="Give the seats back for a refund")
    async def cancel(principal: Asking, booking_id: SecretId) -> Response:
        show, booking = await cinema.bookings.cancel(principal.tenant, _booking_capability(booking_id))
        return _json(booking_json(show, booking))

    @router.get("/bookings/{booking_id}/ticket.pdf", summary="The ticket, a QR code for each seat")
    async def ticket(principal: Asking, booking_id: SecretId) -> Response:
        capability = _booking_capability(booking_id)
        _, booking = await cinema.bookings.get(principal.tenant, capability)
        pdf = await cinema.tickets.pdf(principal.tenant, booking.booking_id)
        name = f'inline; filename="tickets-{booking.confirmation_code}.pdf"'
        return Response(pdf, media_type="application/pdf", headers={"Content-Disposition": name})


async def _show(cinema: Cinema, principal: Principal, show_id: str) -> Show:
    parsed = _uuid(show_id)
    if parsed is None:
        raise NoSuchShow(f"There is no show {show_id!r}.")
    return await cinema.shows.get(principal.tenant, parsed)


def _holds_max(principal: Principal, settings: CinemaSettings) -> int | None:
    """The limit of holds counts per cookie; a bare address may stand for many people, and our own for a test."""
    by_address = principal.kind == "guest" and principal.id.startswith("address ")
    if principal.kind == "key" or (by_address and is_loopback(principal.address)):
        return None
    return settings.holds_per_guest_max * (5 if by_address else 1)


def _hold_capability(text: str) -> Capability:
    if (found := Capability.parse(text)) is None:
        raise NoSuchHold("There is no such hold.")
    return found


def _booking_capability(text: str) -> Capability:
    if (found := Capability.parse(text)) is None:
        raise NoSuchBooking("There is no such booking.")
    return found


def _listing(show: Listing, free: int) -> dict[str, Any]:
    movie, theater = show.movie, show.theater
    return {
        "id": str(show.show_id),
        "movie": {
            "id": str(movie.movie_id),
            "title": movie.title,
            "duration_min": movie.duration_min,
            "rating": movie.rating,
        },
        "theater": {
            "id": str(theater.theater_id),
            "name": theater.name,
            "city": theater.city,
            "time_zone": theater.time_zone,
        },
        "screen": show.screen,
        "starts_at": show.starts_at,
        "from_price": show.from_price.json(),
        "seats_free": free,
    }


def _hold_json(hold: Hold) -> dict[str, Any]:
    return {
        "id": hold.capability.text(),
        "state": hold.state,
        "show_id": str(hold.show.show_id),
        "expires_at": hold.expires_at,
        "seats": [seat_json(hold.show, key) for key in hold.seat_keys],
        "total": hold.total.json(),
    }


def _json(document: Mapping[str, Any], status: int = 200) -> Response:
    body = orjson.dumps(document, option=orjson.OPT_UTC_Z)
    return Response(body, status, media_type="application/json")


def _reply(reply: Reply) -> Response:
    media_type = "application/json" if reply.status < 400 else "application/problem+json"
    return Response(reply.body, reply.status, media_type=media_type, headers={"Cache-Control": "no-store"})


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _cursor(show: Listing) -> str:
    return base64.urlsafe_b64encode(f"{show.starts_at.isoformat()} {show.show_id}".encode()).decode()


def _read_cursor(text: str | None) -> tuple[datetime, UUID] | None:
    if text is None:
        return None
    try:
        at, _, show_id = base64.urlsafe_b64decode(text.encode()).decode().partition(" ")
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None:
            raise ValueError("a moment without its zone")
        return moment, UUID(show_id)
    except (ValueError, binascii.Error):
        raise Invalid.of("cursor", "bad_cursor", "Use the next_cursor of an earlier answer, unchanged.") from None
