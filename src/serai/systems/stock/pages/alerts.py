"""/stock/alerts: the inbox of what is low, and one alert with what to buy and why."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from serai.kernel.errors import Invalid
from serai.runtime.http.answers import path_uuid
from serai.runtime.http.principal import Principal
from serai.runtime.postgres.database import Transaction
from serai.runtime.postgres.keyset import Slice
from serai.systems.identity.api import done, refused
from serai.systems.stock.errors import NoSuchAlert
from serai.systems.stock.flows import AlertState
from serai.systems.stock.http.models import OrderIn
from serai.systems.stock.http.parts import Manager, Mover, PlainId, Viewer
from serai.systems.stock.pages.parts import SHOWN_AGAIN, Floor, Options, chosen_location, location_options
from serai.systems.stock.pages.policies import HISTORY_DAYS
from serai.systems.stock.reorder import SERVICE_PERCENT
from serai.systems.stock.service.alerts import Shown
from serai.systems.stock.store import catalogue, pages
from serai.web.forms import Form, read_document, read_form
from serai.web.listing import Column, Filter, Listing, read_listing

HREF = "/stock/alerts"

COLUMNS = (
    Column("Product"),
    Column("Place"),
    Column("On hand", side="end"),
    Column("To buy", side="end"),
    Column("Since", "at"),
    Column("State"),
    Column("Actions", side="end quiet"),
)
STATES = (
    ("", "All open"),
    (AlertState.RAISED.value, "New"),
    (AlertState.ACKNOWLEDGED.value, "Seen"),
    (AlertState.ORDERED.value, "Ordered"),
)


class AlertsPages:
    """Shows what is low and works it off."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    def add_to(self, router: APIRouter) -> None:
        """Adds the routes."""
        router.add_api_route("/alerts", self.show_all, methods=["GET"])
        router.add_api_route("/alerts/{alert_id}", self.show, methods=["GET"])
        router.add_api_route("/alerts/{alert_id}/acknowledge", self.acknowledge, methods=["POST"])
        router.add_api_route("/alerts/{alert_id}/order", self.order, methods=["POST"])

    async def show_all(self, request: Request, principal: Viewer) -> Response:
        """The inbox, the newest first."""
        alerts = self._floor.stock.alerts

        async def read(tx: Transaction) -> Listing:
            places = await catalogue.locations(tx, real=True)
            asked = _asked(request, location_options(places, "All places"))
            place = chosen_location(places, asked.chosen["location"])
            number = place.location_no if place else None
            found = await pages.alerts(tx, asked.chosen["state"], number, asked.seek)
            shown = {each.alert.alert_id: each for each in await alerts.of_ids(tx, found.items)}
            return asked.showing(Slice(tuple(shown[each] for each in found.items), found.previous, found.next))

        return self._floor.page(
            request, principal, "alerts", alerts=await self._floor.stock.read(principal.tenant, read)
        )

    async def show(self, request: Request, principal: Viewer, alert_id: PlainId) -> Response:
        """One alert."""
        return await self._page(request, principal, _id(alert_id), None)

    async def acknowledge(self, request: Request, principal: Mover, alert_id: PlainId) -> Response:
        """Somebody has seen it; leads back to where the button stood."""
        found, form = _id(alert_id), await read_form(request)
        href = HREF if form.value("back") == "inbox" else f"{HREF}/{found}"
        alerts = self._floor.stock.alerts
        try:
            shown = await self._floor.stock.run(
                principal.tenant, lambda tx: alerts.acknowledge(tx, found, principal.label)
            )
        except SHOWN_AGAIN as error:
            return refused(request, href, error)
        return done(request, href, f"{shown.product.name} at {shown.location.name}: somebody has seen it.")

    async def order(self, request: Request, principal: Manager, alert_id: PlainId) -> Response:
        """Somebody has ordered, or the form again."""
        found, form = _id(alert_id), await read_form(request)
        alerts = self._floor.stock.alerts
        try:
            quantity = form.value("quantity").replace(",", ".") or None
            wanted = read_document(OrderIn, {"reference": form.value("reference"), "quantity": quantity})
            shown = await self._floor.stock.run(
                principal.tenant,
                lambda tx: alerts.order(tx, found, wanted.reference, wanted.quantity, principal.label),
            )
        except SHOWN_AGAIN as error:
            return await self._page(request, principal, found, form.refused(error), error.status)
        return done(request, f"{HREF}/{found}", f"{shown.product.name} is ordered. The alert clears when it arrives.")

    async def _page(
        self, request: Request, principal: Principal, found: UUID, form: Form | None, status: int = 200
    ) -> Response:
        async def read(tx: Transaction) -> dict[str, Any]:
            shown = await self._floor.stock.alerts.get(tx, found)
            return {
                "shown": shown,
                "suggestion": await self._suggestion(tx, shown),
                "form": form or Form({"quantity": shown.product.written(shown.to_buy) if shown.to_buy else ""}),
            }

        context = await self._floor.stock.read(principal.tenant, read)
        return self._floor.page(request, principal, "alert", status, **context)

    async def _suggestion(self, tx: Transaction, shown: Shown) -> Any:
        if shown.policy is None:
            return None
        try:
            _, found = await self._floor.stock.alerts.suggestion(
                tx,
                shown.product.product_id,
                shown.location.location_id,
                HISTORY_DAYS,
                shown.policy.lead_time_days,
                SERVICE_PERCENT,
            )
        except Invalid:
            return None
        return found


def _id(text: str) -> UUID:
    return path_uuid(text, NoSuchAlert, "alert")


def _asked(request: Request, places: Options) -> Listing:
    return read_listing(
        request,
        noun=("alert", "alerts"),
        columns=COLUMNS,
        usual="-at",
        filters=(
            Filter("state", "State", "layers", STATES),
            Filter("location", "Place", "map-pin", places),
        ),
    )
