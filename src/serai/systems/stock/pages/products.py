"""/stock/products: the list, a product with all that is known of it, and its form."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response

from serai.runtime.http.answers import path_uuid
from serai.runtime.postgres.database import Transaction
from serai.runtime.postgres.keyset import Slice
from serai.systems.identity.api import done
from serai.systems.stock.errors import NoSuchProduct
from serai.systems.stock.http.catalogue import product_of
from serai.systems.stock.http.models import ProductIn, ProductPatch
from serai.systems.stock.http.parts import Manager, PlainId, Viewer
from serai.systems.stock.model import NOTHING, Level, Location, Product, Tracking
from serai.systems.stock.pages.parts import (
    SHOWN_AGAIN,
    Floor,
    Options,
    branch_of,
    category_options,
    chosen_location,
    location_options,
)
from serai.systems.stock.service.levels import There
from serai.systems.stock.store import alerts as alert_store
from serai.systems.stock.store import catalogue, pages
from serai.web.charts import by_day
from serai.web.forms import Form, read_document, read_form
from serai.web.listing import Column, Filter, Listing, read_listing

HREF = "/stock/products"
CHART_DAYS = 90
CHART_LINES_MAX = 4
"""Places that one chart draws; more lines are a tangle."""

ENTRIES_MAX = 15
"""Lines of history on a product's page; the list of movements has them all."""

FIELDS = {"sku_taken": "sku", "gtin_taken": "gtin"}
"""The field that a refusal without fields is about, by its code."""

COLUMNS = (
    Column("Product", "name"),
    Column("SKU", "sku"),
    Column("On hand", side="end"),
    Column("Reserved", side="end"),
    Column("State"),
)
STATES = (("", "All products"), ("kept", "Kept"), ("low", "Low somewhere"), ("retired", "Retired"))
TRACKINGS = (
    (Tracking.NONE.value, "Pieces alike"),
    (Tracking.BATCH.value, "Batches, with expiry"),
    (Tracking.SERIAL.value, "Serial numbers"),
)


@dataclass(frozen=True, slots=True)
class Kept:
    """A row of the list."""

    product: Product
    level: Level
    low: tuple[str, ...]
    """Names of the places where it is low."""


class ProductsPages:
    """Lists, shows, adds and changes products."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    def add_to(self, router: APIRouter) -> None:
        """Adds the routes."""
        router.add_api_route("/products", self.show_all, methods=["GET"])
        router.add_api_route("/products/new", self.show_new, methods=["GET"])
        router.add_api_route("/products/new", self.add, methods=["POST"])
        router.add_api_route("/products/{product_id}", self.show, methods=["GET"])
        router.add_api_route("/products/{product_id}/edit", self.show_edit, methods=["GET"])
        router.add_api_route("/products/{product_id}/edit", self.edit, methods=["POST"])

    async def show_all(self, request: Request, principal: Viewer) -> Response:
        """A page of the products."""

        async def read(tx: Transaction) -> Listing:
            asked = _asked(request, await category_options(tx, "All categories"))
            branch = await branch_of(tx, asked.chosen["category"])
            found = await pages.products(tx, asked.text, branch, asked.chosen["state"], asked.seek)
            rows = {row.product.product_no: row for row in await self._kept(tx, found.items)}
            return asked.showing(Slice(tuple(rows[number] for number in found.items), found.previous, found.next))

        products = await self._floor.stock.read(principal.tenant, read)
        return self._floor.page(request, principal, "products", products=products)

    async def _kept(self, tx: Transaction, numbers: Sequence[int]) -> list[Kept]:
        known = await catalogue.products_by_no(tx, numbers)
        places = await catalogue.locations(tx, real=True)
        names = {place.location_no: place.name for place in places}
        totals: dict[int, Level] = {}
        for there in await self._floor.stock.levels.of_products(tx, list(known.values()), places):
            totals[there.product.product_no] = totals.get(there.product.product_no, NOTHING) + there.level
        low: dict[int, list[str]] = {}
        for row in await alert_store.policies(tx, numbers, None):
            if row.low and row.location_no in names:
                low.setdefault(row.product_no, []).append(names[row.location_no])
        return [Kept(each, totals.get(number, NOTHING), tuple(low.get(number, ()))) for number, each in known.items()]

    async def show(self, request: Request, principal: Viewer, product_id: PlainId) -> Response:
        """The product: levels, course, policies, history."""
        found = path_uuid(product_id, NoSuchProduct, "product")
        chosen = request.query_params.get("location", "")
        context = await self._floor.stock.read(principal.tenant, lambda tx: self._read(tx, found, chosen))
        return self._floor.page(request, principal, "product", **context)

    async def _read(self, tx: Transaction, product_id: Any, chosen: str) -> dict[str, Any]:
        stock = self._floor.stock
        product = await stock.catalogue.product(tx, product_id)
        places = await catalogue.locations(tx, real=True)
        place = chosen_location(places, chosen)
        levels = await stock.levels.of_product(tx, product)
        policies = await stock.alerts.policies(tx, [product.product_no], None)
        number = place.location_no if place else None
        entries = await stock.levels.history(tx, product, number, None, ENTRIES_MAX)
        total = NOTHING
        for there in levels:
            total += there.level
        tree = {each.category_id: each.name for each in await catalogue.categories(tx)}
        return {
            "product": product,
            "category": tree.get(product.category_id) if product.category_id else None,
            "levels": levels,
            "total": total,
            "rules": {each.location.location_no: each for each in policies},
            "locations": places,
            "options": location_options(places, "All places"),
            "chosen": str(place.location_id) if place else "",
            "chart": await self._chart(tx, product, [place] if place else _largest(levels)),
            "entries": entries,
            "names": {each.location_no: each.name for each in await catalogue.locations(tx)},
            "batch_codes": {
                batch.batch_no: batch.code for batch in await catalogue.batches_of(tx, [product.product_no])
            },
            "alerts": await stock.alerts.of_product(tx, product.product_no, None, ENTRIES_MAX),
        }

    async def _chart(self, tx: Transaction, product: Product, places: Sequence[Location]) -> dict[str, Any] | None:
        """The level at the end of each day, a line for each place."""
        if not places:
            return None
        courses = [await self._floor.stock.levels.series(tx, product, place, CHART_DAYS) for place in places]
        return by_day(
            [point.day for point in courses[0]],
            *(
                {
                    "label": place.name,
                    "unit": product.unit,
                    "values": [float(product.written(point.on_hand)) for point in course],
                }
                for place, course in zip(places, courses, strict=True)
            ),
        )

    async def show_new(self, request: Request, principal: Manager) -> Response:
        """An empty form."""
        usual = Form({"unit": "piece", "decimals": "0", "tracking": Tracking.NONE.value, "currency": "EUR"})
        return await self._form(request, principal, usual, None)

    async def add(self, request: Request, principal: Manager) -> Response:
        """Adds the product, or shows the form again."""
        form = await read_form(request)
        try:
            names = {name: form.value(name) for name in ProductIn.model_fields} | {
                "category_id": form.value("category_id")
            }
            wanted = product_of(form.read_as(ProductIn, names))
            product = await self._floor.stock.run(
                principal.tenant, lambda tx: self._floor.stock.catalogue.add_product(tx, wanted, principal.label)
            )
        except SHOWN_AGAIN as error:
            return await self._form(request, principal, form.refused(error, fields=FIELDS), None, error.status)
        return done(request, f"{HREF}/{product.product_id}", f"{product.name} is added.")

    async def show_edit(self, request: Request, principal: Manager, product_id: PlainId) -> Response:
        """The product's form."""
        product = await self._product(principal, product_id)
        values = {"sku": product.sku, "name": product.name, "gtin": product.gtin}
        values |= {"category_id": str(product.category_id or ""), "retired": "yes" if product.retired else ""}
        return await self._form(request, principal, Form(values), product)

    async def edit(self, request: Request, principal: Manager, product_id: PlainId) -> Response:
        """Changes the product, or shows the form again."""
        product = await self._product(principal, product_id)
        form = await read_form(request)
        try:
            names = {name: form.value(name) for name in ("sku", "name", "gtin", "category_id")}
            wanted = read_document(ProductPatch, names | {"retired": form.checked("retired")})
            changes: dict[str, Any] = wanted.model_dump()
            changes["category_id"] = (
                path_uuid(names["category_id"], NoSuchProduct, "category") if names["category_id"] else None
            )
            await self._floor.stock.run(
                principal.tenant,
                lambda tx: self._floor.stock.catalogue.edit_product(tx, product.product_id, changes, principal.label),
            )
        except SHOWN_AGAIN as error:
            return await self._form(request, principal, form.refused(error, fields=FIELDS), product, error.status)
        return done(request, f"{HREF}/{product.product_id}", f"{form.value('name')} is saved.")

    async def _product(self, principal: Manager, product_id: str) -> Product:
        found = path_uuid(product_id, NoSuchProduct, "product")
        return await self._floor.stock.read(principal.tenant, lambda tx: self._floor.stock.catalogue.product(tx, found))

    async def _form(
        self, request: Request, principal: Manager, form: Form, product: Product | None, status: int = 200
    ) -> Response:
        options = await self._floor.stock.read(principal.tenant, lambda tx: category_options(tx, "No category"))
        return self._floor.page(
            request,
            principal,
            "product_form",
            status,
            form=form,
            product=product,
            categories=options,
            trackings=TRACKINGS,
        )


def _asked(request: Request, categories: Options) -> Listing:
    filters = (
        Filter("category", "Category", "layers", categories),
        Filter("state", "State", "package", STATES),
    )
    return read_listing(
        request,
        noun=("product", "products"),
        columns=COLUMNS,
        usual="name",
        search="Name, SKU or GTIN",
        filters=filters,
    )


def _largest(levels: Sequence[There]) -> list[Location]:
    """Places with the most of a product, where people can put things."""
    real = [there for there in levels if there.location.code[0] != "@"]
    ordered = sorted(real, key=lambda there: there.level.on_hand, reverse=True)
    return [there.location for there in ordered[:CHART_LINES_MAX]]
