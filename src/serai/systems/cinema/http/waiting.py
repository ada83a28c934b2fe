"""Waiting for seats. The id of an entry is a secret: whoever shows it sees the entry and may leave the list."""

from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import EmailStr, Field

from serai.kernel.ids import Capability
from serai.runtime.http.models import LINE, Instant, Model
from serai.runtime.http.principal import Asking
from serai.runtime.http.routing import Router
from serai.systems.cinema.errors import NoSuchEntry, NoSuchShow
from serai.systems.cinema.http.parts import Cinema, SecretId, ShowId, json_response, path_uuid
from serai.systems.cinema.service.waiting import Standing


class WaitIn(Model):
    """For how many seats, of which category (any, if none is named), and where an offer is mailed to."""

    count: int
    email: Annotated[EmailStr, Field(max_length=254)]
    category: Annotated[str, Field(max_length=190, pattern=LINE)] | None = None


class OfferOut(Model):
    """Seats that are held for the entry: pay for the hold before it ends."""

    hold_id: str
    expires_at: Instant


class EntryOut(Model):
    """An entry of a waiting list. `place` counts from 1; 0 once it does not wait any more."""

    id: str
    state: str
    show_id: str
    count: int
    category: str | None
    place: int
    offer: OfferOut | None


def waiting_router(cinema: Cinema) -> APIRouter:
    """Join, look, leave."""
    router = Router(prefix="/api/cinema/v1", tags=["cinema"])

    @router.post(
        "/shows/{show_id}/waiting", response_model=EntryOut, status_code=201, summary="Wait for seats of a show"
    )
    async def join(principal: Asking, show_id: ShowId, wanted: WaitIn) -> Response:
        found = path_uuid(show_id, NoSuchShow, "show")
        standing = await cinema.waiting.join(principal.tenant, found, wanted.email, wanted.count, wanted.category)
        return json_response(_entry_json(standing), 201)

    @router.get("/waiting/{entry_id}", response_model=EntryOut, summary="An entry as it stands")
    async def look(principal: Asking, entry_id: SecretId) -> Response:
        return json_response(_entry_json(await cinema.waiting.get(principal.tenant, _capability(entry_id))))

    @router.delete("/waiting/{entry_id}", status_code=204, summary="Leave the waiting list")
    async def leave(principal: Asking, entry_id: SecretId) -> Response:
        await cinema.waiting.leave(principal.tenant, _capability(entry_id))
        return Response(status_code=204)

    return router


def _capability(text: str) -> Capability:
    if (found := Capability.parse(text)) is None:
        raise NoSuchEntry("There is no such entry on a waiting list.")
    return found


def _entry_json(standing: Standing) -> dict[str, Any]:
    entry = standing.entry
    offer = None
    if standing.offer is not None:
        offer = {"hold_id": standing.offer.text(), "expires_at": standing.offer_expires_at}
    return {
        "id": entry.capability.text(),
        "state": entry.state,
        "show_id": str(entry.show_id),
        "count": entry.seats,
        "category": entry.category,
        "place": standing.place,
        "offer": offer,
    }
