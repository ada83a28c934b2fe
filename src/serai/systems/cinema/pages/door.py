"""The door: choose the show that begins here, then let people in.

Those who are not signed in are led to the sign-in page and back. The check-in page carries all that it needs to draw an
answer without asking (seats by key, the words of each decision), because the network may be gone when it has to.
"""

from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from starlette.responses import RedirectResponse

from serai.kernel.errors import Forbidden
from serai.runtime.http.principal import Asking, Principal
from serai.systems.cinema.http import Cinema
from serai.systems.cinema.http.parts import as_uuid, find_show
from serai.systems.cinema.model import Show
from serai.systems.cinema.service.tickets import opens_at
from serai.systems.cinema.store.doors import DoorTheater
from serai.systems.cinema.tickets.checkin import TABLE
from serai.web.formats import rfc3339
from serai.web.shell import Shell

ROLE = "cinema:door"

WORKER = "cinema/door/worker.js"

THEATER_COOKIE = "cinema_door"
THEATER_LIFE_S = 30 * 86_400


class DoorPages:
    """/cinema/door and /cinema/door/{show}."""

    def __init__(self, cinema: Cinema, shell: Shell) -> None:
        self._cinema = cinema
        self._shell = shell

    def add_to(self, pages: APIRouter) -> None:
        """Adds the routes. The worker's comes before the show's, whose pattern would take it."""
        pages.add_api_route("/door", self.choose, methods=["GET"])
        pages.add_api_route("/door/worker.js", self.worker, methods=["GET"])
        pages.add_api_route("/door/{show_id}", self.check_in, methods=["GET"])

    async def choose(
        self, request: Request, principal: Asking, theater: Annotated[str, Query(max_length=40)] = ""
    ) -> Response:
        """Tonight's shows of a theater; the theater that was chosen is remembered."""
        if refusal := _without_role(request, principal):
            return refusal
        theaters = await self._cinema.doors.theaters(principal.tenant)
        chosen = _chosen(theaters, theater or request.cookies.get(THEATER_COOKIE, ""))
        response = self._shell.render(
            request,
            "cinema/door_choose.html",
            system="cinema",
            theaters=theaters,
            chosen=chosen,
            shows=await self._cinema.doors.tonight(principal.tenant, chosen.theater_id) if chosen else [],
        )
        if chosen and theater == str(chosen.theater_id):
            response.set_cookie(
                THEATER_COOKIE, theater, THEATER_LIFE_S, path="/cinema/door", samesite="lax", httponly=True
            )
        return response

    async def check_in(self, request: Request, principal: Asking, show_id: str) -> Response:
        """The page that stands at the door of one show."""
        if refusal := _without_role(request, principal):
            return refusal
        show = await find_show(self._cinema, principal, show_id)
        return self._shell.render(
            request, "cinema/door.html", system="cinema", show=show, data=_data(show, principal.tenant)
        )

    async def worker(self) -> Response:
        """The service worker, under the address whose pages it may keep."""
        headers = {"cache-control": "no-cache"}
        return Response(self._shell.assets.text(WORKER), media_type="text/javascript", headers=headers)


def _without_role(request: Request, principal: Principal) -> Response | None:
    """Where somebody goes who may not keep a door: a guest to sign in. Raises Forbidden for others."""
    if principal.may(ROLE):
        return None
    if principal.kind == "guest":
        return RedirectResponse(f"/sign-in?next={quote(request.url.path, safe='')}", 303)
    raise Forbidden("Only door staff check tickets in; ask the owner of your organisation for that role.")


def _chosen(theaters: list[DoorTheater], wanted: str) -> DoorTheater | None:
    """The wanted theater, else the first: an old cookie still opens a door."""
    theater_id = as_uuid(wanted)
    first = theaters[0] if theaters else None
    return next((theater for theater in theaters if theater.theater_id == theater_id), first)


def _data(show: Show, tenant: UUID) -> dict[str, Any]:
    """What the page's script knows from the start."""
    return {
        "house": str(tenant),
        "show": {
            "id": str(show.show_id),
            "title": show.movie.title,
            "screen": show.screen,
            "starts_at": rfc3339(show.starts_at),
            "opens_at": rfc3339(opens_at(show)),
        },
        "zone": show.theater.time_zone,
        "seats": {seat.key: [seat.row, seat.number, seat.category] for seat in show.plan.seats},
        "decisions": {
            rule.decision.reason: {"outcome": rule.decision.outcome, "message": rule.decision.message} for rule in TABLE
        },
    }
