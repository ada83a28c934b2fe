"""/simcards/desk/cards: the stock of SIM cards, and sheets that fill it after a dry run."""

from fastapi import APIRouter, Request, Response

from serai.runtime.sheets import BadSheet, SheetRefused
from serai.systems.identity.api import done
from serai.systems.simcards.http.parts import Manager, Seller
from serai.systems.simcards.numbering.plans import shown
from serai.systems.simcards.pages.desk.parts import DESK, Desk
from serai.systems.simcards.service.cards import COLUMNS as SHEET
from serai.web.importing import Importing, read_upload
from serai.web.listing import Column, Filter, Listing, read_listing

HREF = f"{DESK}/cards"

COLUMNS = (
    Column("ICCID", "iccid"),
    Column("IMSI"),
    Column("Number"),
    Column("Batch", "batch"),
    Column("Added", "added"),
)
STATES = (("", "All cards"), ("free", "Without a number"), ("paired", "With a number"))
PAIRED = {"": None, "free": False, "paired": True}


class CardsPages:
    """Lists cards and takes sheets of them."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def add_to(self, pages: APIRouter) -> None:
        """Adds the routes."""
        at = HREF.removeprefix("/simcards")
        pages.add_api_route(at, self.show_all, methods=["GET"])
        pages.add_api_route(f"{at}/import", self.show_import, methods=["GET"])
        pages.add_api_route(f"{at}/import", self.take, methods=["POST"])

    async def show_all(self, request: Request, principal: Seller) -> Response:
        """A page of the stock."""
        board, asked = self._desk.shop.board, _asked(request)
        found = await board.cards(principal.tenant, asked.text, PAIRED[asked.chosen["state"]], asked.seek)
        total, paired = await board.card_counts(principal.tenant)
        rows = found.map(lambda card: (card, shown(card.number) if card.number else ""))
        return self._desk.page(request, principal, "cards", cards=asked.showing(rows), total=total, paired=paired)

    async def show_import(self, request: Request, principal: Manager) -> Response:
        """The file, and which columns it has."""
        return self._importing(request, principal, Importing("cards"))

    async def take(self, request: Request, principal: Manager) -> Response:
        """A dry run of the file; with what it said confirmed, the import. Twice sent, its cards are known already."""
        try:
            upload = await read_upload(request)
            report = await self._desk.shop.cards.load(principal.tenant, upload.raw, dry_run=not upload.confirmed)
        except (BadSheet, SheetRefused) as error:
            return self._importing(request, principal, Importing("cards", refused=error.message), error.status)
        if upload.confirmed and not report.errors:
            return done(
                request, HREF, f"{report.imported} {'card is' if report.imported == 1 else 'cards are'} in stock."
            )
        shown_again = Importing("cards", upload, report)
        return self._importing(request, principal, shown_again, 422 if report.errors else 200)

    def _importing(self, request: Request, principal: Manager, importing: Importing, status: int = 200) -> Response:
        return self._desk.page(request, principal, "import", status, importing=importing, columns=SHEET)


def _asked(request: Request) -> Listing:
    return read_listing(
        request,
        noun=("card", "cards"),
        columns=COLUMNS,
        usual="iccid",
        search="ICCID, IMSI, number or batch",
        filters=(Filter("state", "State", "credit-card", STATES),),
    )
