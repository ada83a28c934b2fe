"""/stock/locations: the places, and what is at one of them."""

from typing import Any

from fastapi import APIRouter, Request, Response

from serai.runtime.http.answers import path_uuid
from serai.runtime.postgres.database import Transaction
from serai.systems.stock.errors import NoSuchLocation
from serai.systems.stock.http.parts import PlainId, Viewer
from serai.systems.stock.http.reorder import OPEN
from serai.systems.stock.pages.parts import Floor
from serai.systems.stock.store import alerts as alert_store
from serai.systems.stock.store import catalogue

ROWS = 50
"""Products on one page of a place."""

RECENT_MAX = 6
ALERTS_MAX = 100


class LocationsPages:
    """Lists and shows places."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    def add_to(self, router: APIRouter) -> None:
        """Adds the routes."""
        router.add_api_route("/locations", self.show_all, methods=["GET"])
        router.add_api_route("/locations/{location_id}", self.show, methods=["GET"])

    async def show_all(self, request: Request, principal: Viewer) -> Response:
        """All places; a chain has a hundred, not a thousand."""

        async def read(tx: Transaction) -> dict[str, Any]:
            places = await catalogue.locations(tx, real=True)
            shown = await self._floor.stock.alerts.inbox(tx, None, OPEN, None, ALERTS_MAX)
            low = [each.location.location_no for each in shown]
            return {"locations": places, "low": {each.location_no: low.count(each.location_no) for each in places}}

        return self._floor.page(request, principal, "locations", **await self._floor.stock.read(principal.tenant, read))

    async def show(self, request: Request, principal: Viewer, location_id: PlainId) -> Response:
        """A page of what is at the place, by the order in which products were added."""
        found = path_uuid(location_id, NoSuchLocation, "location")
        text = request.query_params.get("after", "")
        after = int(text) if text.isascii() and text.isdecimal() and len(text) <= 9 else 0
        stock = self._floor.stock

        async def read(tx: Transaction) -> dict[str, Any]:
            location = await stock.catalogue.location(tx, found)
            levels = await stock.levels.of_location(tx, location, after, ROWS + 1)
            numbers = [there.product.product_no for there in levels[:ROWS]]
            rules = {row.product_no: row for row in await alert_store.policies(tx, numbers, location.location_no)}
            parent = None
            if location.parent_id:
                parent = await stock.catalogue.location(tx, location.parent_id)
            return {
                "location": location,
                "parent": parent,
                "levels": levels[:ROWS],
                "rules": rules,
                "next": f"{request.url.path}?after={numbers[-1]}" if len(levels) > ROWS else None,
                "previous": request.url.path if after else None,
                "alerts": await stock.alerts.inbox(tx, location.location_no, OPEN, None, RECENT_MAX),
                "recent": await stock.movements.listed(tx, None, location.location_no, None, RECENT_MAX),
            }

        return self._floor.page(request, principal, "location", **await stock.read(principal.tenant, read))
