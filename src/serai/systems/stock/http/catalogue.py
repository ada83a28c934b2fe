"""What there is and where: products, categories, places."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from serai.runtime.http.answers import body_uuid, path_uuid
from serai.runtime.http.models import Model, Page
from serai.runtime.http.routing import Router
from serai.runtime.postgres.database import Transaction
from serai.systems.stock.errors import NoSuchLocation, NoSuchProduct
from serai.systems.stock.http.answers import CategoryOut, LocationOut, ProductOut
from serai.systems.stock.http.documents import location_json, product_json
from serai.systems.stock.http.models import CategoryIn, LocationIn, LocationPatch, ProductIn, ProductPatch
from serai.systems.stock.http.parts import (
    PREFIX,
    Cursor,
    Desk,
    IdQuery,
    Limit,
    Manager,
    PlainId,
    Text,
    Viewer,
    answer,
    find_location,
    find_product,
    listed,
    looked,
    name_cursor,
    page,
)
from serai.systems.stock.model import Category, Location, Product
from serai.systems.stock.store import catalogue as store

NEW = UUID(int=0)
"""Stands in a wanted thing for the id that it will get."""


def catalogue_router(desk: Desk) -> APIRouter:
    """Products, categories, places."""
    router = Router(prefix=PREFIX, tags=["stock: catalogue"])
    _products(router, desk)
    _product_changes(router, desk)
    _categories(router, desk)
    _locations(router, desk)
    _location_changes(router, desk)
    return router


def product_of(wanted: ProductIn) -> Product:
    """A product of a request, which gets its id when it is made."""
    return Product(
        0,
        NEW,
        wanted.sku,
        wanted.name,
        wanted.unit,
        wanted.decimals,
        wanted.tracking,
        wanted.currency,
        wanted.gtin,
        body_uuid("category_id", wanted.category_id, "category") if wanted.category_id else None,
    )


def _products(router: APIRouter, desk: Desk) -> None:
    catalogue = desk.stock.catalogue

    @router.get("/products", response_model=Page[ProductOut], summary="Products by name")
    async def list_products(
        principal: Viewer, q: Text = None, category_id: IdQuery = None, cursor: Cursor = None, limit: Limit = 50
    ) -> Response:
        after = name_cursor(cursor)

        async def work(tx: Transaction) -> dict[str, Any]:
            branch = await catalogue.branch(tx, category_id) if category_id else None
            found = await store.products(tx, q, branch, after, limit + 1)
            return page([(product_json(each), (each.name, each.product_id)) for each in found], limit)

        return await looked(desk, principal, work)

    @router.get("/products/{product_id}", response_model=ProductOut, summary="A product")
    async def get_product(principal: Viewer, product_id: PlainId) -> Response:
        async def work(tx: Transaction) -> dict[str, Any]:
            return product_json(await find_product(desk, tx, product_id))

        return await looked(desk, principal, work)


def _product_changes(router: APIRouter, desk: Desk) -> None:
    catalogue = desk.stock.catalogue

    @router.post("/products", response_model=ProductOut, status_code=201, summary="Add a product")
    async def add_product(principal: Manager, wanted: ProductIn) -> Response:
        product = product_of(wanted)

        async def work(tx: Transaction) -> dict[str, Any]:
            return product_json(await catalogue.add_product(tx, product, principal.label))

        return await answer(desk, principal, work, 201)

    @router.patch("/products/{product_id}", response_model=ProductOut, summary="Change a product")
    async def edit_product(principal: Manager, product_id: PlainId, wanted: ProductPatch) -> Response:
        found = path_uuid(product_id, NoSuchProduct, "product")
        changes = _changes(wanted)
        if changes.get("category_id"):
            changes["category_id"] = body_uuid("category_id", changes["category_id"], "category")
        elif "category_id" in changes:
            changes["category_id"] = None

        async def work(tx: Transaction) -> dict[str, Any]:
            return product_json(await catalogue.edit_product(tx, found, changes, principal.label))

        return await answer(desk, principal, work)


def _categories(router: APIRouter, desk: Desk) -> None:
    @router.get("/categories", response_model=Page[CategoryOut], summary="The tree of products, by name")
    async def list_categories(principal: Viewer) -> Response:
        async def work(tx: Transaction) -> dict[str, Any]:
            return listed([_category_json(each) for each in await store.categories(tx)])

        return await looked(desk, principal, work)

    @router.post("/categories", response_model=CategoryOut, status_code=201, summary="Add a category")
    async def add_category(principal: Manager, wanted: CategoryIn) -> Response:
        parent_id = body_uuid("parent_id", wanted.parent_id, "category") if wanted.parent_id else None

        async def work(tx: Transaction) -> dict[str, Any]:
            return _category_json(await desk.stock.catalogue.add_category(tx, wanted.name, parent_id, principal.label))

        return await answer(desk, principal, work, 201)


def _locations(router: APIRouter, desk: Desk) -> None:
    @router.get("/locations", response_model=Page[LocationOut], summary="Places by code")
    async def list_locations(principal: Viewer) -> Response:
        async def work(tx: Transaction) -> dict[str, Any]:
            return listed([location_json(each) for each in await store.locations(tx, real=True)])

        return await looked(desk, principal, work)

    @router.get("/locations/{location_id}", response_model=LocationOut, summary="A place")
    async def get_location(principal: Viewer, location_id: PlainId) -> Response:
        async def work(tx: Transaction) -> dict[str, Any]:
            return location_json(await find_location(desk, tx, location_id))

        return await looked(desk, principal, work)


def _location_changes(router: APIRouter, desk: Desk) -> None:
    catalogue = desk.stock.catalogue

    @router.post("/locations", response_model=LocationOut, status_code=201, summary="Add a place")
    async def add_location(principal: Manager, wanted: LocationIn) -> Response:
        location = Location(
            0,
            NEW,
            wanted.code,
            wanted.name,
            wanted.kind,
            None,
            body_uuid("parent_id", wanted.parent_id, "location") if wanted.parent_id else None,
            wanted.address,
            wanted.alert_email,
            wanted.backorders_max,
        )

        async def work(tx: Transaction) -> dict[str, Any]:
            return location_json(await catalogue.add_location(tx, location, principal.label))

        return await answer(desk, principal, work, 201)

    @router.patch("/locations/{location_id}", response_model=LocationOut, summary="Change a place")
    async def edit_location(principal: Manager, location_id: PlainId, wanted: LocationPatch) -> Response:
        found = path_uuid(location_id, NoSuchLocation, "location")

        async def work(tx: Transaction) -> dict[str, Any]:
            return location_json(await catalogue.edit_location(tx, found, _changes(wanted), principal.label))

        return await answer(desk, principal, work)


def _changes(patch: Model) -> dict[str, Any]:
    """What a merge-patch changes; null empties a text."""
    given: Mapping[str, Any] = patch.model_dump(include=patch.model_fields_set)
    return {name: "" if value is None else value for name, value in given.items()}


def _category_json(category: Category) -> dict[str, Any]:
    return {
        "id": str(category.category_id),
        "parent_id": str(category.parent_id) if category.parent_id else None,
        "name": category.name,
    }
