"""What to buy: policies, the inbox of alerts, suggestions."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response

from serai.kernel.errors import Invalid
from serai.runtime.http.answers import body_uuid, path_uuid, time_cursor
from serai.runtime.http.models import Page
from serai.runtime.http.principal import Principal
from serai.runtime.http.routing import Router
from serai.runtime.postgres.database import Transaction
from serai.systems.stock.errors import NoSuchAlert
from serai.systems.stock.flows import AlertState
from serai.systems.stock.http.answers import AlertOut, PolicyOut, SuggestionOut
from serai.systems.stock.http.documents import alert_json, ruled_json
from serai.systems.stock.http.models import OrderIn, PolicyIn
from serai.systems.stock.http.parts import (
    PREFIX,
    Cursor,
    Desk,
    IdQuery,
    Limit,
    Manager,
    Mover,
    PlainId,
    Viewer,
    answer,
    asked_location,
    asked_product,
    listed,
    looked,
    number_cursor,
    page,
)
from serai.systems.stock.reorder import SERVICE_PERCENT
from serai.systems.stock.service.alerts import HISTORY_DAYS_MAX, Rule, Shown

OPEN = (AlertState.RAISED, AlertState.ACKNOWLEDGED, AlertState.ORDERED)


def reorder_router(desk: Desk) -> APIRouter:
    """Policies, alerts, suggestions."""
    router = Router(prefix=PREFIX, tags=["stock: reorder"])
    _policies(router, desk)
    _suggestions(router, desk)
    _alerts(router, desk)
    _steps(router, desk)
    return router


def rule_of(wanted: PolicyIn) -> Rule:
    """A policy of a request; Invalid names the field of an id that is none."""
    return Rule(
        body_uuid("product_id", wanted.product_id, "product"),
        body_uuid("location_id", wanted.location_id, "location"),
        wanted.reorder_point,
        wanted.reorder_quantity,
        wanted.level_max,
        wanted.lead_time_days,
        wanted.safety_stock,
    )


def _policies(router: APIRouter, desk: Desk) -> None:
    alerts = desk.stock.alerts

    @router.put("/policies", response_model=PolicyOut, summary="When and how much to order of a product at a place")
    async def put_policy(principal: Manager, wanted: PolicyIn) -> Response:
        rule = rule_of(wanted)

        async def work(tx: Transaction) -> Mapping[str, Any]:
            return ruled_json(await alerts.put_policy(tx, rule, principal.label))

        return await answer(desk, principal, work)

    @router.get("/policies", response_model=Page[PolicyOut], summary="Policies of a product or of a place")
    async def list_policies(
        principal: Viewer,
        product_id: IdQuery = None,
        location_id: IdQuery = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Response:
        after = number_cursor(cursor) or 0

        async def work(tx: Transaction) -> Mapping[str, Any]:
            product = await asked_product(desk, tx, product_id)
            location = await asked_location(desk, tx, location_id)
            number = location.location_no if location else None
            if product is not None:
                return listed([ruled_json(each) for each in await alerts.policies(tx, [product.product_no], number)])
            if number is None:
                raise Invalid.of("product_id", "missing", "Ask for a product or a location.")
            found = await alerts.policies_of_location(tx, number, min(after, 2**31 - 1), limit + 1)
            return page([(ruled_json(each), (each.product.product_no,)) for each in found], limit)

        return await looked(desk, principal, work)


def _suggestions(router: APIRouter, desk: Desk) -> None:
    alerts = desk.stock.alerts

    @router.get("/suggestion", response_model=SuggestionOut, summary="A reorder point from what was sold")
    async def suggestion(
        principal: Viewer,
        product_id: Annotated[str, Query(max_length=64)],
        location_id: Annotated[str, Query(max_length=64)],
        lead_time_days: Annotated[int, Query(ge=0, le=365)],
        days: Annotated[int, Query(ge=14, le=HISTORY_DAYS_MAX)] = 90,
        service: Annotated[float, Query(ge=50, lt=99.999)] = SERVICE_PERCENT,
    ) -> Response:
        of, at = body_uuid("product_id", product_id, "product"), body_uuid("location_id", location_id, "location")

        async def work(tx: Transaction) -> Mapping[str, Any]:
            product, found = await alerts.suggestion(tx, of, at, days, lead_time_days, service)
            return {
                "product_id": str(of),
                "location_id": str(at),
                "reorder_point": product.written(found.reorder_point),
                "safety_stock": product.written(found.safety_stock),
                "mean_per_day": round(found.mean_per_day, 4),
                "deviation_per_day": round(found.deviation_per_day, 4),
                "days": found.days,
                "lead_time_days": found.lead_time_days,
                "service_percent": found.service_percent,
                "formula": found.formula,
            }

        return await looked(desk, principal, work)


def _alerts(router: APIRouter, desk: Desk) -> None:
    alerts = desk.stock.alerts

    @router.get("/alerts", response_model=Page[AlertOut], summary="What is low, the newest first, and what to buy")
    async def inbox(
        principal: Viewer,
        location_id: IdQuery = None,
        state: Annotated[list[AlertState] | None, Query(max_length=4)] = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Response:
        after = time_cursor(cursor)

        async def work(tx: Transaction) -> Mapping[str, Any]:
            location = await asked_location(desk, tx, location_id)
            found = await alerts.inbox(tx, location.location_no if location else None, state or OPEN, after, limit + 1)
            ends = [(each.alert.raised_at.isoformat(), each.alert.alert_id) for each in found]
            return page([(alert_json(each), end) for each, end in zip(found, ends, strict=True)], limit)

        return await looked(desk, principal, work)

    @router.get("/alerts/{alert_id}", response_model=AlertOut, summary="An alert")
    async def get_alert(principal: Viewer, alert_id: PlainId) -> Response:
        found = path_uuid(alert_id, NoSuchAlert, "alert")

        async def work(tx: Transaction) -> Mapping[str, Any]:
            return alert_json(await alerts.get(tx, found))

        return await looked(desk, principal, work)


def _steps(router: APIRouter, desk: Desk) -> None:
    alerts = desk.stock.alerts

    async def stepped(
        principal: Principal, alert_id: str, step: Callable[[Transaction, UUID], Awaitable[Shown]]
    ) -> Response:
        found = path_uuid(alert_id, NoSuchAlert, "alert")

        async def work(tx: Transaction) -> Mapping[str, Any]:
            return alert_json(await step(tx, found))

        return await answer(desk, principal, work)

    @router.post("/alerts/{alert_id}/acknowledge", response_model=AlertOut, summary="Somebody has seen it")
    async def acknowledge(principal: Mover, alert_id: PlainId) -> Response:
        return await stepped(principal, alert_id, lambda tx, found: alerts.acknowledge(tx, found, principal.label))

    @router.post("/alerts/{alert_id}/order", response_model=AlertOut, summary="Somebody has ordered")
    async def order(principal: Manager, alert_id: PlainId, wanted: OrderIn) -> Response:
        return await stepped(
            principal,
            alert_id,
            lambda tx, found: alerts.order(tx, found, wanted.reference, wanted.quantity, principal.label),
        )
