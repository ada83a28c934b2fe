"""/simcards/desk/portings: the inbox of numbers that come and go, and one request with what may be done."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from serai.runtime.http.answers import path_uuid
from serai.runtime.http.principal import Principal
from serai.systems.identity.api import done, refused
from serai.systems.simcards import porting
from serai.systems.simcards.errors import NoSuchPorting
from serai.systems.simcards.http.models import ReasonIn
from serai.systems.simcards.http.parts import Manager, PlainId, Seller
from serai.systems.simcards.numbering.plans import shown
from serai.systems.simcards.pages.desk.parts import DESK, SHOWN_AGAIN, Desk
from serai.systems.simcards.porting import Direction, PortingMove
from serai.web.forms import read_document, read_form
from serai.web.listing import Column, Filter, Listing, read_listing

HREF = f"{DESK}/portings"

COLUMNS = (
    Column("Asked", "asked"),
    Column("Number"),
    Column("Way"),
    Column("Other carrier", "carrier"),
    Column("In the name of"),
    Column("State"),
)
WAYS = (("", "Both ways"), (Direction.IN.value, "Coming"), (Direction.OUT.value, "Leaving"))
STATES = (("", "Waiting"), ("over", "Over"), ("all", "All"))
WAITING = {"": True, "over": False, "all": None}

SAID = {
    PortingMove.ACCEPT: "The other carrier agrees. Complete it when both networks have switched.",
    PortingMove.COMPLETE: "The number has moved.",
    PortingMove.REJECT: "The request is rejected; the number stays where it is.",
}
"""What this page does; a request is withdrawn by who made it."""


class PortingsPages:
    """Lists, shows and decides requests."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def add_to(self, pages: APIRouter) -> None:
        """Adds the routes."""
        at = HREF.removeprefix("/simcards")
        pages.add_api_route(at, self.show_all, methods=["GET"])
        pages.add_api_route(f"{at}/{{porting_id}}", self.show, methods=["GET"])
        pages.add_api_route(f"{at}/{{porting_id}}/accept", self.accept, methods=["POST"])
        pages.add_api_route(f"{at}/{{porting_id}}/complete", self.complete, methods=["POST"])
        pages.add_api_route(f"{at}/{{porting_id}}/reject", self.reject, methods=["POST"])

    async def show_all(self, request: Request, principal: Seller) -> Response:
        """What waits, the oldest first."""
        asked = _asked(request)
        found = await self._desk.shop.board.portings(
            principal.tenant, asked.chosen["way"], WAITING[asked.chosen["state"]], asked.seek
        )
        rows = found.map(lambda one: (one, shown(one.number)))
        return self._desk.page(request, principal, "portings", portings=asked.showing(rows))

    async def show(self, request: Request, principal: Seller, porting_id: PlainId) -> Response:
        """One request."""
        found = await self._desk.shop.portings.of_id(principal.tenant, _id(porting_id))
        moves = {move.value for move in SAID if (found.state, move) in porting.MOVES}
        return self._desk.page(request, principal, "porting", porting=found, number=shown(found.number), moves=moves)

    async def accept(self, request: Request, principal: Manager, porting_id: PlainId) -> Response:
        """The other carrier agrees."""
        return await self._moved(request, principal, _id(porting_id), PortingMove.ACCEPT)

    async def complete(self, request: Request, principal: Manager, porting_id: PlainId) -> Response:
        """Both networks have switched."""
        return await self._moved(request, principal, _id(porting_id), PortingMove.COMPLETE)

    async def reject(self, request: Request, principal: Manager, porting_id: PlainId) -> Response:
        """It cannot be."""
        return await self._moved(request, principal, _id(porting_id), PortingMove.REJECT)

    async def _moved(self, request: Request, principal: Principal, porting_id: UUID, move: PortingMove) -> Response:
        here, form = f"{HREF}/{porting_id}", await read_form(request)
        try:
            reason = read_document(ReasonIn, {"reason": form.value("reason")}).reason
            await self._desk.shop.portings.move(principal.tenant, porting_id, move, principal.label, reason)
        except SHOWN_AGAIN as error:
            return refused(request, here, error)
        return done(request, here, SAID[move])


def _id(text: str) -> UUID:
    return path_uuid(text, NoSuchPorting, "porting request")


def _asked(request: Request) -> Listing:
    return read_listing(
        request,
        noun=("request", "requests"),
        columns=COLUMNS,
        usual="asked",
        filters=(
            Filter("state", "State", "inbox", STATES),
            Filter("way", "Way", "send", WAYS),
        ),
    )
