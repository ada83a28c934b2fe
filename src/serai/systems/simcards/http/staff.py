"""What those who run the shop may ask: pools, plans, numbers, portings, cards."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from serai.kernel.errors import Invalid
from serai.runtime.http.answers import json_response, path_uuid
from serai.runtime.http.models import LINE, Page
from serai.runtime.http.routing import Router
from serai.systems.simcards.errors import NoSuchNumber, NoSuchPool, NoSuchPorting
from serai.systems.simcards.http.models import (
    ActivateIn,
    CardOut,
    EvidenceOut,
    ImportOut,
    NumberOut,
    PlanOut,
    PoolIn,
    PoolsOut,
    PortingOut,
    PortingsOut,
    ReasonIn,
    SaleLineOut,
    StandingOut,
)
from serai.systems.simcards.http.parts import (
    Cursor,
    Limit,
    Manager,
    PlainId,
    Seller,
    Simcards,
    card_json,
    page_json,
    pool_json,
    porting_json,
    sale_line_json,
    seek_of,
    standing_json,
)
from serai.systems.simcards.model import SaleState
from serai.systems.simcards.numbering.cards import BadCard, parse_iccid
from serai.systems.simcards.numbering.classes import NumberClass, class_of
from serai.systems.simcards.numbering.plans import (
    Kind,
    NoSuchPlan,
    Wanted,
    calling_code,
    numbers_of,
    parse_number,
    shown,
)
from serai.systems.simcards.porting import PortingMove
from serai.systems.simcards.service.pools import NewPool


def staff_router(shop: Simcards) -> APIRouter:
    """For the roles `simcards:manage` and, where a counter needs it, `simcards:sell`."""
    router = Router(prefix="/api/simcards/v1", tags=["simcards: shop"])
    _pools(router, shop)
    _sales(router, shop)
    _numbers(router, shop)
    _portings(router, shop)
    _cards(router, shop)
    return router


def _pools(router: APIRouter, shop: Simcards) -> None:
    @router.get("/plans", response_model=PlanOut, summary="How many numbers a range of a plan has")
    async def plan(
        principal: Manager,
        region: Annotated[str, Query(pattern=r"^[A-Z]{2}$")],
        kind: Annotated[Literal["mobile", "fixed"], Query()] = "mobile",
        prefix: Annotated[str, Query(max_length=15, pattern=r"^[0-9]*$")] = "",
        length: Annotated[int | None, Query(ge=2, le=15)] = None,
    ) -> Response:
        try:
            numbers, digits = numbers_of(Wanted(region, Kind(kind), prefix, length))
        except NoSuchPlan as error:
            raise Invalid.of(error.field, "not_in_plan", str(error)) from None
        document = {
            "region": region,
            "calling_code": calling_code(region),
            "kind": kind,
            "prefix": prefix,
            "length": digits,
            "numbers": numbers.size,
        }
        return json_response(document)

    @router.post("/pools", response_model=StandingOut, status_code=201, summary="Plan a pool; a job fills it")
    async def make_pool(principal: Manager, wanted: PoolIn) -> Response:
        new = NewPool(
            name=wanted.name,
            wanted=Wanted(wanted.region, Kind(wanted.kind), wanted.prefix, wanted.length),
            prices={NumberClass(name): minor for name, minor in wanted.prices.items()},
            currency=wanted.currency,
            quarantine_days=wanted.quarantine_days,
        )
        pool = await shop.pools.plan(principal.tenant, new)
        return json_response(standing_json(await shop.pools.standing(principal.tenant, pool.pool_id)), 201)

    @router.get("/pools/all", response_model=PoolsOut, summary="Every pool, planned ones too")
    async def all_pools(principal: Seller) -> Response:
        pools = await shop.pools.all(principal.tenant)
        return json_response({"items": [pool_json(pool) for pool in pools], "next_cursor": None})

    @router.get("/pools/{pool_id}", response_model=StandingOut, summary="A pool's numbers by state")
    async def standing(principal: Seller, pool_id: PlainId) -> Response:
        found = path_uuid(pool_id, NoSuchPool, "pool")
        return json_response(standing_json(await shop.pools.standing(principal.tenant, found)))

    @router.post("/pools/{pool_id}/randomness", response_model=EvidenceOut, summary="Can anybody tell the next number?")
    async def randomness(principal: Manager, pool_id: PlainId) -> Response:
        found = path_uuid(pool_id, NoSuchPool, "pool")
        return json_response((await shop.witness.gather(principal.tenant, found)).json())


def _sales(router: APIRouter, shop: Simcards) -> None:
    @router.get("/sales", response_model=Page[SaleLineOut], summary="Sales, the newest first")
    async def sales(
        principal: Seller,
        text: Annotated[str, Query(max_length=254, pattern=LINE)] = "",
        state: Annotated[SaleState | None, Query()] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response:
        seek = seek_of("at", limit, cursor, descending=True)
        found = await shop.board.sales(principal.tenant, text, state or "", seek)
        return json_response(page_json(found.map(sale_line_json)))


def _numbers(router: APIRouter, shop: Simcards) -> None:
    @router.get("/numbers/{number}", response_model=NumberOut, summary="A number and what happened to it")
    async def story(principal: Seller, number: PlainId) -> Response:
        row, pool, lines = await shop.numbers.story(principal.tenant, _number(number))
        document = {
            "number": f"+{row.number}",
            "shown": shown(row.number),
            "state": row.state,
            "pool_id": str(pool.pool_id) if pool else None,
            "class": class_of(row.number),
            "rests_until": row.rests_until,
            "history": [line.json() for line in lines],
        }
        return json_response(document)

    @router.post("/numbers/{number}/retire", status_code=204, summary="Take a number off the shop for good")
    async def retire(principal: Manager, number: PlainId, wanted: ReasonIn) -> Response:
        await shop.numbers.retire(principal.tenant, _number(number), principal.label, wanted.reason)
        return Response(status_code=204)

    @router.put("/numbers/{number}/card", status_code=204, summary="A new card for a number in use")
    async def put_on_card(principal: Seller, number: PlainId, wanted: ActivateIn) -> Response:
        try:
            iccid = parse_iccid(wanted.iccid)
        except BadCard as error:
            raise Invalid.of("iccid", error.code, str(error)) from None
        await shop.numbers.put_on_card(principal.tenant, _number(number), iccid, principal.label)
        return Response(status_code=204)

    @router.post("/numbers/{number}/come-back", status_code=204, summary="A ported number was given up elsewhere")
    async def come_back(principal: Manager, number: PlainId) -> Response:
        await shop.numbers.come_back(principal.tenant, _number(number), principal.label)
        return Response(status_code=204)


def _portings(router: APIRouter, shop: Simcards) -> None:
    @router.get("/portings", response_model=PortingsOut, summary="Requests that wait for somebody")
    async def waiting(principal: Seller) -> Response:
        found = await shop.portings.waiting(principal.tenant)
        return json_response({"items": [porting_json(each, secret=False) for each in found], "next_cursor": None})

    def decides(move: PortingMove, summary: str) -> None:
        @router.post(
            f"/portings/{{porting_id}}/{move}", response_model=PortingOut, summary=summary, name=f"{move}_porting"
        )
        async def decide(principal: Manager, porting_id: PlainId, wanted: ReasonIn) -> Response:
            found = path_uuid(porting_id, NoSuchPorting, "porting request")
            moved = await shop.portings.move(principal.tenant, found, move, principal.label, wanted.reason)
            return json_response(porting_json(moved, secret=False))

    decides(PortingMove.ACCEPT, "The other carrier agrees")
    decides(PortingMove.COMPLETE, "The number has moved")
    decides(PortingMove.REJECT, "It cannot be")


def _cards(router: APIRouter, shop: Simcards) -> None:
    @router.post(
        "/cards/import",
        response_model=ImportOut,
        summary="Load cards from a sheet: iccid, imsi, batch",
        openapi_extra={"requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string"}}}}},
    )
    async def load(request: Request, principal: Manager, dry_run: Annotated[bool, Query()] = False) -> Response:
        report = await shop.cards.load(principal.tenant, await request.body(), dry_run=dry_run)
        if not dry_run:
            report.refuse()
        return json_response(report.json())

    @router.get("/cards", response_model=Page[CardOut], summary="The stock of cards, by ICCID")
    async def cards(
        principal: Seller,
        text: Annotated[str, Query(max_length=80, pattern=LINE)] = "",
        paired: Annotated[bool | None, Query()] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response:
        found = await shop.board.cards(principal.tenant, text, paired, seek_of("iccid", limit, cursor))
        return json_response(page_json(found.map(card_json)))

    @router.get("/cards.csv", summary="The stock as a sheet", responses={200: {"content": {"text/csv": {}}}})
    async def sheet(principal: Manager) -> Response:
        text = await shop.cards.sheet(principal.tenant)
        headers = {"Content-Disposition": 'attachment; filename="cards.csv"'}
        return Response(text, media_type="text/csv", headers=headers)


def _number(text: str) -> int:
    found = parse_number(text)
    if found is None:
        raise NoSuchNumber(f"{text!r} is not a number with its country code.")
    return found
