"""What buyers may ask: browse, hold, book, cancel. Guests need no account.

A hold's or booking's id is a secret that proves its holder; who shows it may act on it.
"""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response

from serai.kernel.errors import Invalid
from serai.kernel.ids import Capability
from serai.runtime.http.models import LINE, PAGE_MAX, Page
from serai.runtime.http.principal import Asking, limit_of
from serai.runtime.http.routing import Router
from serai.systems.allocation.api import UnitState, free_counts
from serai.systems.checkout.api import Reply, paid_hold
from serai.systems.cinema.errors import NoSuchHold, NoSuchShow
from serai.systems.cinema.http.models import BestOut, BookingIn, BookingOut, HoldIn, HoldOut, MapOut, ShowOut, SwapIn
from serai.systems.cinema.http.parts import (
    Cinema,
    SecretId,
    ShowId,
    as_uuid,
    booking_capability,
    find_show,
    json_response,
    movie_json,
    theater_json,
    time_cursor,
    write_cursor,
)
from serai.systems.cinema.model import Listing
from serai.systems.cinema.seating import best
from serai.systems.cinema.service.bookings import Purchase
from serai.systems.cinema.service.holds import Hold
from serai.systems.cinema.service.replies import booking_json, seat_json
from serai.systems.cinema.store import catalogue
from serai.web.live import EventStream


def public_router(cinema: Cinema) -> APIRouter:
    """Browse, hold, book, cancel."""
    router = Router(prefix="/api/cinema/v1", tags=["cinema"])
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
            after=time_cursor(cursor),
            limit=limit + 1,
        )
        async with cinema.database.transaction(principal.tenant) as tx:
            found = await catalogue.upcoming(tx, wanted)
            free = await free_counts(tx, [show.pool_no for show in found[:limit]])
        more = _after(found[limit - 1]) if len(found) > limit else None
        items = [_listing(show, free[show.pool_no]) for show in found[:limit]]
        return json_response({"items": items, "next_cursor": more})

    @router.get("/shows/{show_id}/seats", response_model=MapOut, summary="The seat map")
    async def seat_map(
        principal: Asking, show_id: ShowId, if_none_match: Annotated[str | None, Header()] = None
    ) -> Response:
        show = await find_show(cinema, principal, show_id)
        live = await cinema.live.map_of(principal.tenant, show)
        tag = f'"{live.told}.{live.show.edition}"'
        if if_none_match == tag:
            return Response(status_code=304, headers={"ETag": tag})
        return Response(live.body(), media_type="application/json", headers={"ETag": tag, "Cache-Control": "no-cache"})

    @router.get("/shows/{show_id}/events", summary="Changes of the seat map as server-sent events")
    async def seat_events(
        principal: Asking, show_id: ShowId, last_event_id: Annotated[str | None, Header(max_length=20)] = None
    ) -> Response:
        show = await find_show(cinema, principal, show_id)
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
        show = await find_show(cinema, principal, show_id)
        if category is not None and category not in show.prices:
            raise Invalid.of("category", "unknown_category", f"This show has no category {category!r}.")
        live = await cinema.live.map_of(principal.tenant, show)
        free = {key for key, state in live.view.states.items() if state is UnitState.FREE}
        keys = best(show.plan, free, count, category, accessible)
        return json_response({"seat_ids": [show.seat_id(key) for key in keys]})


def _hold(router: APIRouter, cinema: Cinema) -> None:
    @router.post("/holds", response_model=HoldOut, status_code=201, summary="Hold seats for ten minutes")
    async def make_hold(principal: Asking, wanted: HoldIn) -> Response:
        show_id = as_uuid(wanted.show_id)
        if show_id is None:
            raise Invalid.of("show_id", "unknown_show", f"There is no show {wanted.show_id!r}.")
        try:
            hold = await cinema.holds.hold(
                principal.tenant,
                show_id,
                wanted.seat_ids,
                holder=principal.label,
                holds_max=limit_of(principal, cinema.settings.holds_per_guest_max),
            )
        except NoSuchShow as error:
            raise Invalid.of("show_id", "unknown_show", error.message) from None
        return json_response(_hold_json(hold), 201)

    @router.get("/holds/{hold_id}", response_model=HoldOut, summary="A hold as it stands")
    async def get_hold(principal: Asking, hold_id: SecretId) -> Response:
        return json_response(_hold_json(await cinema.holds.get(principal.tenant, _hold_capability(hold_id))))

    @router.post("/holds/{hold_id}/extend", response_model=HoldOut, summary="Ten minutes from now on")
    async def extend_hold(principal: Asking, hold_id: SecretId) -> Response:
        return json_response(_hold_json(await cinema.holds.extend(principal.tenant, _hold_capability(hold_id))))

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
        hold, key = await paid_hold(request, principal, wanted.hold_id, idempotency_key)
        purchase = Purchase(hold, wanted.payment_method, wanted.email, wanted.name)
        return _reply(await cinema.bookings.book(principal.tenant, purchase, key))

    @router.post("/bookings/{booking_id}/continue", response_model=BookingOut, summary="After the bank's confirmation")
    async def resume(principal: Asking, booking_id: SecretId) -> Response:
        return _reply(await cinema.bookings.resume(principal.tenant, booking_capability(booking_id)))

    @router.get("/bookings/{booking_id}", response_model=BookingOut, summary="A booking as it stands")
    async def get_booking(principal: Asking, booking_id: SecretId) -> Response:
        show, booking = await cinema.bookings.get(principal.tenant, booking_capability(booking_id))
        return json_response(booking_json(show, booking))

    @router.post("/bookings/{booking_id}/cancel", response_model=BookingOut, summary="Give the seats back for a refund")
    async def cancel(principal: Asking, booking_id: SecretId) -> Response:
        show, booking = await cinema.bookings.cancel(principal.tenant, booking_capability(booking_id))
        return json_response(booking_json(show, booking))

    @router.post("/bookings/{booking_id}/swap", response_model=BookingOut, summary="Other seats at the same price")
    async def swap(principal: Asking, booking_id: SecretId, wanted: SwapIn) -> Response:
        show, booking = await cinema.swaps.swap(principal.tenant, booking_capability(booking_id), wanted.seat_ids)
        return json_response(booking_json(show, booking))

    @router.get("/bookings/{booking_id}/ticket.pdf", summary="The ticket, a QR code for each seat")
    async def ticket(principal: Asking, booking_id: SecretId) -> Response:
        capability = booking_capability(booking_id)
        _, booking = await cinema.bookings.get(principal.tenant, capability)
        pdf = await cinema.tickets.pdf(principal.tenant, booking.booking_id)
        name = f'inline; filename="tickets-{booking.confirmation_code}.pdf"'
        return Response(pdf, media_type="application/pdf", headers={"Content-Disposition": name})


def _hold_capability(text: str) -> Capability:
    if (found := Capability.parse(text)) is None:
        raise NoSuchHold("There is no such hold.")
    return found


def _listing(show: Listing, free: int) -> dict[str, Any]:
    return {
        "id": str(show.show_id),
        "movie": movie_json(show.movie),
        "theater": theater_json(show.theater),
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


def _reply(reply: Reply) -> Response:
    media_type = "application/json" if reply.status < 400 else "application/problem+json"
    return Response(reply.body, reply.status, media_type=media_type, headers={"Cache-Control": "no-store"})


def _after(show: Listing) -> str:
    return write_cursor(show.starts_at.isoformat(), str(show.show_id))
