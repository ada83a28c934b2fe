"""/stock/import: products and deliveries from CSV, after a dry run that shows what is wrong, line by line."""

from fastapi import APIRouter, Request, Response

from serai.runtime.http.principal import Principal
from serai.runtime.postgres.database import Transaction
from serai.runtime.sheets import BadSheet, Column, ImportReport, SheetRefused
from serai.systems.identity.api import done
from serai.systems.stock.http.parts import Manager
from serai.systems.stock.pages.parts import Floor
from serai.systems.stock.service.sheets import DELIVERIES, PRODUCTS
from serai.web.forms import Form
from serai.web.importing import Importing, Upload, read_upload

HREF = "/stock/import"

KINDS: dict[str, tuple[str, str, tuple[Column, ...]]] = {
    "products": ("Products", "New products, and new names and GTINs of those whose SKU is known.", PRODUCTS),
    "deliveries": ("Deliveries", "Goods that came from suppliers, such as the opening stock.", DELIVERIES),
}


class SheetsPages:
    """Takes sheets."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    def add_to(self, router: APIRouter) -> None:
        """Adds the routes."""
        router.add_api_route("/import", self.show, methods=["GET"])
        router.add_api_route("/import", self.take, methods=["POST"])

    async def show(self, request: Request, principal: Manager) -> Response:
        """Which sheet, and the file."""
        return self._page(request, principal, Importing(_kind(request)))

    async def take(self, request: Request, principal: Manager) -> Response:
        """A dry run of the file; with what it said confirmed, the import."""
        kind = _kind(request)
        try:
            upload = await read_upload(request)
            report = await self._imported(request, principal, kind, upload)
        except BadSheet as error:
            return self._page(request, principal, Importing(kind, refused=error.message), error.status)
        if upload.confirmed and not report.errors:
            said = f"{report.imported} {'line is' if report.imported == 1 else 'lines are'} imported."
            return done(request, "/stock/products" if kind == "products" else "/stock/movements", said)
        return self._page(request, principal, Importing(kind, upload, report), 422 if report.errors else 200)

    async def _imported(self, request: Request, principal: Principal, kind: str, upload: Upload) -> ImportReport:
        stock, dry_run = self._floor.stock, not upload.confirmed

        async def work(tx: Transaction) -> ImportReport:
            if kind == "products":
                return await stock.sheets.import_products(tx, upload.raw, principal.label, dry_run=dry_run)
            return await stock.sheets.import_deliveries(tx, upload.raw, upload.name, principal.label, dry_run=dry_run)

        if dry_run:
            return await stock.imported(principal.tenant, work)
        refused: list[ImportReport] = []

        async def kept(tx: Transaction) -> str:
            report = await work(tx)
            refused[:] = [report]
            report.refuse()
            return str(report.imported)

        form = Form({"attempt": upload.attempt, "file": upload.packed})
        try:
            count = int(await self._floor.once(principal, request, form, kept))
        except SheetRefused:
            return refused[0]
        return ImportReport(False, count, count)

    def _page(self, request: Request, principal: Principal, importing: Importing, status: int = 200) -> Response:
        return self._floor.page(
            request, principal, "import", status, importing=importing, kinds=KINDS, sheet=KINDS[importing.kind]
        )


def _kind(request: Request) -> str:
    asked = request.query_params.get("sheet", "")
    return asked if asked in KINDS else "products"
