"""What goes in and out as CSV, and labels on paper."""

from asyncio import to_thread
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date
from importlib import import_module
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from serai.runtime.http.answers import json_response
from serai.runtime.http.models import LINE
from serai.runtime.http.principal import Principal
from serai.runtime.http.routing import Router
from serai.runtime.postgres.database import Transaction
from serai.runtime.sheets import ImportReport, write_sheet
from serai.systems.stock.http.answers import ImportOut
from serai.systems.stock.http.parts import PREFIX, Desk, Manager, OnceKey, PlainId, Viewer, find_product, once
from serai.systems.stock.service.sheets import LEVEL_HEADING, PRODUCT_HEADING

Import = Callable[[Transaction], Awaitable[ImportReport]]

CSV_BODY: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string", "format": "binary"}}}}
}
CSV_ANSWER: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {}}}}
PDF_ANSWER: dict[int | str, dict[str, Any]] = {200: {"content": {"application/pdf": {}}}}
DryRun = Annotated[bool, Query(description="Only say what would happen")]


def sheets_router(desk: Desk) -> APIRouter:
    """CSV and labels."""
    router = Router(prefix=PREFIX, tags=["stock: sheets"])
    _imports(router, desk)
    _exports(router, desk)
    _labels(router, desk)
    return router


async def _imported(
    desk: Desk, principal: Principal, request: Request, header: str | None, work: Import, *, dry_run: bool
) -> Response:
    """An import that is kept, once; or what it would do. Lines that are wrong refuse it (`SheetRefused`)."""

    async def kept(tx: Transaction) -> Mapping[str, Any]:
        report = await work(tx)
        report.refuse()
        return report.json()

    if not dry_run:
        return await once(desk, principal, request, header, kept, 200)
    return json_response((await desk.stock.imported(principal.tenant, work)).json())


def _imports(router: APIRouter, desk: Desk) -> None:
    @router.post(
        "/sheets/products", response_model=ImportOut, summary="Import products from CSV", openapi_extra=CSV_BODY
    )
    async def import_products(
        principal: Manager, request: Request, dry_run: DryRun = False, idempotency_key: OnceKey = None
    ) -> Response:
        raw = await request.body()

        async def work(tx: Transaction) -> ImportReport:
            return await desk.stock.sheets.import_products(tx, raw, principal.label, dry_run=dry_run)

        return await _imported(desk, principal, request, idempotency_key, work, dry_run=dry_run)

    @router.post(
        "/sheets/deliveries", response_model=ImportOut, summary="Import deliveries from CSV", openapi_extra=CSV_BODY
    )
    async def import_deliveries(
        principal: Manager,
        request: Request,
        reference: Annotated[str, Query(max_length=200, pattern=LINE)] = "",
        dry_run: DryRun = False,
        idempotency_key: OnceKey = None,
    ) -> Response:
        raw = await request.body()

        async def work(tx: Transaction) -> ImportReport:
            return await desk.stock.sheets.import_deliveries(tx, raw, reference, principal.label, dry_run=dry_run)

        return await _imported(desk, principal, request, idempotency_key, work, dry_run=dry_run)


def _exports(router: APIRouter, desk: Desk) -> None:
    sheets = desk.stock.sheets

    @router.get("/sheets/products", responses=CSV_ANSWER, response_class=Response, summary="Products as CSV")
    async def export_products(principal: Viewer) -> Response:
        async with desk.stock.database.transaction(principal.tenant) as tx:
            return _csv("products", PRODUCT_HEADING, [row async for row in sheets.products(tx)])

    @router.get("/sheets/levels", responses=CSV_ANSWER, response_class=Response, summary="What there is, as CSV")
    async def export_levels(principal: Viewer) -> Response:
        async with desk.stock.database.transaction(principal.tenant) as tx:
            return _csv("levels", LEVEL_HEADING, [row async for row in sheets.levels(tx)])


def _csv(name: str, heading: Sequence[str], rows: Sequence[Sequence[object]]) -> Response:
    shown = f'attachment; filename="{name}.csv"'
    text = write_sheet(heading, rows)
    return Response(text, media_type="text/csv", headers={"Content-Disposition": shown})


def _labels(router: APIRouter, desk: Desk) -> None:
    @router.get(
        "/products/{product_id}/labels.pdf",
        responses=PDF_ANSWER,
        response_class=Response,
        summary="Labels of a product, 24 to a sheet",
    )
    async def labels(
        principal: Viewer,
        product_id: PlainId,
        count: Annotated[int, Query(ge=1, le=240)] = 24,
        batch: Annotated[str, Query(max_length=20, pattern=r"^[\x21-\x7e]*$")] = "",
        expires_on: Annotated[date | None, Query()] = None,
    ) -> Response:
        async with desk.stock.database.transaction(principal.tenant) as tx:
            product = await find_product(desk, tx, product_id)
        # What draws is imported when the first label is drawn, on a thread: it is a fifth of a second of every start.
        drawing = await to_thread(import_module, "serai.systems.stock.labels")
        label = drawing.Label(product.name, product.sku, product.gtin, batch, expires_on)
        pdf = await to_thread(drawing.render_labels, [label] * count, made_at=desk.stock.clock.now())
        shown = f'inline; filename="labels-{product.sku.replace("/", "-")}.pdf"'
        return Response(pdf, media_type="application/pdf", headers={"Content-Disposition": shown})
