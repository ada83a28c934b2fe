"""/simcards/desk/sales: what was sold to whom, and one sale."""

from fastapi import APIRouter, Request, Response

from serai.kernel.money import Money
from serai.runtime.http.answers import path_uuid
from serai.systems.simcards.errors import NoSuchSale
from serai.systems.simcards.http.parts import PlainId, Seller
from serai.systems.simcards.model import SaleState
from serai.systems.simcards.numbering.cards import masked_tail
from serai.systems.simcards.numbering.plans import shown
from serai.systems.simcards.pages.desk.parts import DESK, Desk
from serai.systems.simcards.pages.parts import DOCUMENTS, country
from serai.web.listing import Column, Filter, Listing, read_listing

HREF = f"{DESK}/sales"

COLUMNS = (
    Column("When", "at"),
    Column("Number"),
    Column("Buyer"),
    Column("Code"),
    Column("Paid", "price", side="end"),
    Column("State"),
)
STATES = (
    ("", "All sales"),
    (SaleState.SOLD.value, "Sold"),
    (SaleState.ACTIVE.value, "Active"),
    (SaleState.RETURNED.value, "Returned"),
    (SaleState.PENDING.value, "Waiting for money"),
    (SaleState.FAILED.value, "Failed"),
)


class SalesPages:
    """Lists and shows sales."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def add_to(self, pages: APIRouter) -> None:
        """Adds the routes."""
        at = HREF.removeprefix("/simcards")
        pages.add_api_route(at, self.show_all, methods=["GET"])
        pages.add_api_route(f"{at}/{{sale_uuid}}", self.show, methods=["GET"])

    async def show_all(self, request: Request, principal: Seller) -> Response:
        """A page of the sales, the newest first."""
        asked = _asked(request)
        found = await self._desk.shop.board.sales(principal.tenant, asked.text, asked.chosen["state"], asked.seek)
        rows = found.map(lambda sale: (sale, shown(sale.number)))
        return self._desk.page(request, principal, "sales", sales=asked.showing(rows))

    async def show(self, request: Request, principal: Seller, sale_uuid: PlainId) -> Response:
        """One sale. The buyer's own page does what a buyer may do; a counter opens it for them."""
        found = path_uuid(sale_uuid, NoSuchSale, "sale")
        standing = await self._desk.shop.sales.of_id(principal.tenant, found)
        sale, identity = standing.sale, standing.identity
        return self._desk.page(
            request,
            principal,
            "sale",
            sale=sale,
            pool=standing.pool,
            payment=standing.payment,
            identity=identity,
            document=dict(DOCUMENTS).get(identity.document_kind, identity.document_kind),
            issued_by=country(identity.country),
            number=shown(sale.number),
            where=country(standing.pool.region),
            card=masked_tail(sale.iccid) if sale.iccid else "",
            refund=Money(sale.refund_minor, sale.total.currency),
            buyers_page=f"/simcards/sales/{sale.capability.text()}",
        )


def _asked(request: Request) -> Listing:
    return read_listing(
        request,
        noun=("sale", "sales"),
        columns=COLUMNS,
        usual="-at",
        search="Code, number or e-mail",
        filters=(Filter("state", "State", "layers", STATES),),
    )
