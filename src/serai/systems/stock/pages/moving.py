"""/stock/movements/new: receive, sell, take back, adjust or scrap what a scanner reads."""

from typing import Any

from fastapi import APIRouter, Request, Response

from serai.runtime.postgres.database import Transaction
from serai.systems.identity.api import done
from serai.systems.stock.http.ledger import draft_of
from serai.systems.stock.http.models import MovementIn
from serai.systems.stock.http.parts import Mover
from serai.systems.stock.pages.lines import Filled, filled, items_in, moment_in, offered, scanned, with_lines
from serai.systems.stock.pages.parts import SHOWN_AGAIN, Floor, location_options
from serai.systems.stock.posting import Kind
from serai.systems.stock.store import catalogue
from serai.web.forms import Form, read_document, read_form

HREF = "/stock/movements"

KINDS = (
    (Kind.RECEIVE.value, "Receive", "arrow-down-right"),
    (Kind.SELL.value, "Sell", "arrow-up-right"),
    (Kind.RETURN.value, "Return", "undo-2"),
    (Kind.ADJUST.value, "Adjust", "chevrons-up-down"),
    (Kind.SCRAP.value, "Scrap", "trash-2"),
)
DID = {"receive": "received", "sell": "sold", "return": "taken back", "adjust": "adjusted", "scrap": "scrapped"}


class MovingPages:
    """The form; without script every scan is a send of its own."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    def add_to(self, router: APIRouter) -> None:
        """Adds the routes."""
        router.add_api_route("/movements/new", self.show, methods=["GET"])
        router.add_api_route("/movements/new", self.send, methods=["POST"])

    async def show(self, request: Request, principal: Mover) -> Response:
        """An empty list, of the kind and at the place that the address names."""
        query = request.query_params
        values = {"kind": query.get("kind", "")[:20], "location_id": query.get("location_id", "")[:64]}
        if scan := query.get("scan", "")[:400]:
            form = Form(values | {"scan": scan, "do": "add"})
            return await self._scan(request, principal, form)
        return await self._page(request, principal, Filled(Form(values), {}))

    async def send(self, request: Request, principal: Mover) -> Response:
        """Adds a line, takes one away, or posts the movement."""
        form = await read_form(request)
        if form.value("do") != "post":
            return await self._scan(request, principal, form)
        form = with_lines(form.values, list(form.rows("items").values()))
        shown = await self._floor.stock.read(principal.tenant, lambda tx: filled(tx, form))
        try:
            draft = draft_of(read_document(MovementIn, _document(shown)))

            async def work(tx: Transaction) -> str:
                posted = await self._floor.stock.movements.post(tx, [draft], principal.label)
                return f"{HREF}/{posted[0].movement.movement_id}"

            href = await self._floor.once(principal, request, form, work)
        except SHOWN_AGAIN as error:
            again = Filled(form.refused(error), shown.products)
            return await self._page(request, principal, again, error.status)
        count = len(shown.lines)
        said = f"{count} {'line' if count == 1 else 'lines'} {DID[draft.kind.value]}."
        return done(request, href, said)

    async def _scan(self, request: Request, principal: Mover, form: Form) -> Response:
        shown = await self._floor.stock.read(principal.tenant, lambda tx: scanned(tx, self._floor.stock, form))
        return await self._page(request, principal, shown, 422 if shown.form.errors else 200)

    async def _page(self, request: Request, principal: Mover, shown: Filled, status: int = 200) -> Response:
        async def read(tx: Transaction) -> dict[str, Any]:
            return {
                "locations": location_options(await catalogue.locations(tx, real=True)),
                "offered": await offered(tx),
            }

        kind = shown.form.value("kind")
        kind = kind if kind in DID else Kind.RECEIVE.value
        context = await self._floor.stock.read(principal.tenant, read)
        return self._floor.page(
            request, principal, "movement_new", status, shown=shown, form=shown.form, kinds=KINDS, kind=kind, **context
        )


def _document(shown: Filled) -> dict[str, Any]:
    form = shown.form
    document: dict[str, Any] = {
        "kind": form.value("kind"),
        "location_id": form.value("location_id"),
        "items": items_in(shown, costs=form.value("kind") == Kind.RECEIVE),
        "reason": form.value("reason"),
        "reference": form.value("reference"),
    }
    return document | {"at": at} if (at := moment_in(form, "at")) else document
