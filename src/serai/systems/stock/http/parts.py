"""What the routes stand on: the use cases, who may do what, and doing a thing once however often it is sent."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import Depends, Header, Path, Query, Request, Response

from serai.runtime.http.answers import bad_cursor, json_response, path_uuid, read_cursor, write_cursor
from serai.runtime.http.idempotency import Key, owner_of, record, reserve
from serai.runtime.http.models import LINE, PAGE_MAX
from serai.runtime.http.principal import Principal, Requires
from serai.runtime.postgres.database import Transaction
from serai.systems.stock.errors import NoSuchLocation, NoSuchProduct
from serai.systems.stock.model import Location, Product
from serai.systems.stock.service.chaining import Chaining
from serai.systems.stock.whole import Stock

PREFIX = "/api/stock/v1"

PlainId = Annotated[str, Path(max_length=64)]
IdQuery = Annotated[UUID | None, Query()]
Text = Annotated[str | None, Query(max_length=80, pattern=LINE)]
Cursor = Annotated[str | None, Query(max_length=700)]
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX)]
OnceKey = Annotated[str | None, Header(alias="Idempotency-Key")]

Viewer = Annotated[Principal, Depends(Requires("stock:view"))]
"""`principal: Viewer` in a route's signature: whoever may look."""

Mover = Annotated[Principal, Depends(Requires("stock:move"))]
"""Whoever moves goods: at a till, in a warehouse, with a scanner."""

Approver = Annotated[Principal, Depends(Requires("stock:approve"))]
"""Whoever answers for differences: approves stock-takes, writes off what was lost, takes movements back."""

Manager = Annotated[Principal, Depends(Requires("stock:manage"))]
"""Whoever decides what there is, where, and when it is ordered."""


@dataclass(frozen=True)
class Desk:
    """What the routes use."""

    stock: Stock
    chaining: Chaining
    publics: Mapping[int, bytes]
    """Public halves of the keys whose heads are believed."""


Work = Callable[[Transaction], Awaitable[Mapping[str, Any]]]


async def once(
    desk: Desk, principal: Principal, request: Request, header: str | None, work: Work, status: int = 201
) -> Response:
    """Does the work under the request's Idempotency-Key: its answer commits with it, and is what a repeat gets."""
    key = Key.of(
        header,
        owner=owner_of(principal.tenant, principal.label),
        method=request.method,
        path=request.url.path,
        body=await request.body(),
    )

    async def done(tx: Transaction) -> tuple[int, bytes]:
        if (replay := await reserve(tx, key)) is not None:
            return replay.status, replay.body
        body = orjson.dumps(await work(tx), option=orjson.OPT_UTC_Z)
        await record(tx, key, status, body)
        return status, body

    code, body = await desk.stock.run(principal.tenant, done)
    return Response(body, code, media_type="application/json")


async def answer(desk: Desk, principal: Principal, work: Work, status: int = 200) -> Response:
    """Does work that writes, and that by itself cannot be done twice."""
    return json_response(await desk.stock.run(principal.tenant, work), status)


async def looked(desk: Desk, principal: Principal, work: Work) -> Response:
    """Answers what only reads."""
    return json_response(await desk.stock.read(principal.tenant, work))


async def find_product(desk: Desk, tx: Transaction, text: str) -> Product:
    """The product of a path; NoSuchProduct."""
    return await desk.stock.catalogue.product(tx, path_uuid(text, NoSuchProduct, "product"))


async def find_location(desk: Desk, tx: Transaction, text: str) -> Location:
    """The location of a path; NoSuchLocation."""
    return await desk.stock.catalogue.location(tx, path_uuid(text, NoSuchLocation, "location"))


async def asked_location(desk: Desk, tx: Transaction, location_id: UUID | None) -> Location | None:
    """The location that a query asks for, if it does."""
    return None if location_id is None else await desk.stock.catalogue.location(tx, location_id)


async def asked_product(desk: Desk, tx: Transaction, product_id: UUID | None) -> Product | None:
    """The product that a query asks for, if it does."""
    return None if product_id is None else await desk.stock.catalogue.product(tx, product_id)


def number_cursor(text: str | None) -> int | None:
    """A cursor of one number."""
    parts = read_cursor(text, 1)
    if parts is None:
        return None
    if not (parts[0].isascii() and parts[0].isdecimal() and len(parts[0]) < 19):
        raise bad_cursor()
    return int(parts[0])


def name_cursor(text: str | None) -> tuple[str, UUID] | None:
    """A cursor of a name and an id."""
    parts = read_cursor(text, 2)
    if parts is None:
        return None
    try:
        return parts[0], UUID(parts[1])
    except ValueError:
        raise bad_cursor() from None


def page(found: list[tuple[dict[str, Any], tuple[object, ...]]], limit: int) -> dict[str, Any]:
    """A page of (document, what its cursor says), of which one more than the limit was read."""
    more = write_cursor(*map(str, found[limit - 1][1])) if len(found) > limit else None
    return {"items": [document for document, _ in found[:limit]], "next_cursor": more}


def listed(items: list[dict[str, Any]]) -> dict[str, Any]:
    """A list that is whole."""
    return {"items": items, "next_cursor": None}
