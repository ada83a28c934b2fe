"""What moves and what there is: movements, levels, history, barcodes, worth, the trail."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime

from serai.kernel.errors import Invalid
from serai.runtime.http.answers import bad_cursor, body_uuid, path_uuid, read_cursor, write_cursor
from serai.runtime.http.models import LINE, Page
from serai.runtime.http.routing import Router
from serai.runtime.postgres.database import Transaction
from serai.systems.stock.errors import NoSuchMovement
from serai.systems.stock.http.answers import (
    ChangeOut,
    EntryOut,
    ExpiringOut,
    Heads,
    LevelOut,
    MovementOut,
    PointOut,
    ScanOut,
    ValuationOut,
)
from serai.systems.stock.http.documents import (
    entry_json,
    expiring_json,
    movement_json,
    scan_json,
    there_json,
    worth_json,
)
from serai.systems.stock.http.models import CorrectionIn, ItemIn, MovementIn, MovementsIn
from serai.systems.stock.http.parts import (
    PREFIX,
    Approver,
    Cursor,
    Desk,
    IdQuery,
    Limit,
    Mover,
    OnceKey,
    PlainId,
    Text,
    Viewer,
    asked_location,
    asked_product,
    find_location,
    find_product,
    listed,
    looked,
    name_cursor,
    number_cursor,
    once,
    page,
)
from serai.systems.stock.posting import Kind
from serai.systems.stock.service.book import Item
from serai.systems.stock.service.ledger import Posted
from serai.systems.stock.service.levels import SERIES_DAYS_MAX
from serai.systems.stock.service.movements import Draft, Full, whole_book
from serai.systems.stock.service.worth import Method, totals, valued
from serai.systems.stock.store import catalogue, trail

LINE_NO_MAX = 32_767

ITEMS_MAX = 1_000
"""Lines of all movements that are posted together."""


def ledger_router(desk: Desk) -> APIRouter:
    """Movements and what comes of them."""
    router = Router(prefix=PREFIX, tags=["stock: ledger"])
    _movements(router, desk)
    _posted(router, desk)
    _levels(router, desk)
    _history(router, desk)
    _lists(router, desk)
    _trail(router, desk)
    return router


def items_of(items: list[ItemIn], at: str = "items") -> tuple[Item, ...]:
    """Lines of a request; Invalid names the field of an id that is none."""
    return tuple(
        Item(
            body_uuid(f"{at}.{place}.product_id", item.product_id, "product"),
            item.quantity,
            item.batch,
            item.expires_on,
            tuple(item.serials),
            item.cost.amount if item.cost else None,
        )
        for place, item in enumerate(items)
    )


def draft_of(wanted: MovementIn, at: str = "") -> Draft:
    """A movement of a request; Invalid names the field of an id that is none."""
    return Draft(
        Kind(wanted.kind),
        body_uuid(f"{at}location_id", wanted.location_id, "location"),
        items_of(wanted.items, f"{at}items"),
        body_uuid(f"{at}to_id", wanted.to_id, "location") if wanted.to_id is not None else None,
        wanted.at,
        wanted.reason,
        wanted.reference,
    )


def posted_json(posted: Posted) -> dict[str, Any]:
    """A movement that was written just now."""
    return movement_json(Full(posted.movement, posted.lines, posted.book))


def _movements(router: APIRouter, desk: Desk) -> None:
    movements = desk.stock.movements

    @router.post("/movements", response_model=MovementOut, status_code=201, summary="Move goods")
    async def post_movement(
        principal: Mover, request: Request, wanted: MovementIn, idempotency_key: OnceKey = None
    ) -> Response:
        draft = draft_of(wanted)

        async def work(tx: Transaction) -> Mapping[str, Any]:
            return posted_json((await movements.post(tx, [draft], principal.label))[0])

        return await once(desk, principal, request, idempotency_key, work)

    @router.post(
        "/movements/batch", response_model=Page[MovementOut], status_code=201, summary="Move goods, all or none"
    )
    async def post_movements(
        principal: Mover, request: Request, wanted: MovementsIn, idempotency_key: OnceKey = None
    ) -> Response:
        drafts = [draft_of(each, f"movements.{place}.") for place, each in enumerate(wanted.movements)]
        if sum(len(draft.items) for draft in drafts) > ITEMS_MAX:
            raise Invalid.of("movements", "too_many_lines", f"Post at most {ITEMS_MAX} lines together.")

        async def work(tx: Transaction) -> Mapping[str, Any]:
            return listed([posted_json(each) for each in await movements.post(tx, drafts, principal.label)])

        return await once(desk, principal, request, idempotency_key, work)


def _posted(router: APIRouter, desk: Desk) -> None:
    movements = desk.stock.movements

    @router.get("/movements", response_model=Page[MovementOut], summary="Movements, the newest first")
    async def list_movements(
        principal: Viewer,
        product_id: IdQuery = None,
        location_id: IdQuery = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Response:
        before = number_cursor(cursor)

        async def work(tx: Transaction) -> Mapping[str, Any]:
            product = await asked_product(desk, tx, product_id)
            location = await asked_location(desk, tx, location_id)
            found = await movements.listed(
                tx,
                product.product_no if product else None,
                location.location_no if location else None,
                before,
                limit + 1,
            )
            return page([(movement_json(each), (each.movement.movement_no,)) for each in found], limit)

        return await looked(desk, principal, work)

    @router.get("/movements/{movement_id}", response_model=MovementOut, summary="A movement")
    async def get_movement(principal: Viewer, movement_id: PlainId) -> Response:
        found = path_uuid(movement_id, NoSuchMovement, "movement")

        async def work(tx: Transaction) -> Mapping[str, Any]:
            return movement_json(await movements.get(tx, found))

        return await looked(desk, principal, work)

    @router.post(
        "/movements/{movement_id}/correct", response_model=MovementOut, status_code=201, summary="Take it back"
    )
    async def correct(
        principal: Approver,
        request: Request,
        movement_id: PlainId,
        wanted: CorrectionIn,
        idempotency_key: OnceKey = None,
    ) -> Response:
        found = path_uuid(movement_id, NoSuchMovement, "movement")

        async def work(tx: Transaction) -> Mapping[str, Any]:
            return posted_json(await movements.correct(tx, found, principal.label, wanted.reason, wanted.at))

        return await once(desk, principal, request, idempotency_key, work)


def _levels(router: APIRouter, desk: Desk) -> None:
    levels = desk.stock.levels

    @router.get(
        "/products/{product_id}/levels",
        response_model=Page[LevelOut],
        summary="What there is of a product at each place, now or at a past moment",
    )
    async def of_product(
        principal: Viewer, product_id: PlainId, at: Annotated[AwareDatetime | None, Query()] = None
    ) -> Response:
        async def work(tx: Transaction) -> Mapping[str, Any]:
            product = await find_product(desk, tx, product_id)
            if at is None:
                found = await levels.of_product(tx, product)
            else:
                found = await levels.at(tx, [product], await catalogue.locations(tx), at)
            return listed([there_json(each) for each in found])

        return await looked(desk, principal, work)

    @router.get("/locations/{location_id}/levels", response_model=Page[LevelOut], summary="What there is at a place")
    async def of_location(
        principal: Viewer, location_id: PlainId, cursor: Cursor = None, limit: Limit = 50
    ) -> Response:
        after = number_cursor(cursor) or 0

        async def work(tx: Transaction) -> Mapping[str, Any]:
            location = await find_location(desk, tx, location_id)
            found = await levels.of_location(tx, location, after, limit + 1)
            return page([(there_json(each), (each.product.product_no,)) for each in found], limit)

        return await looked(desk, principal, work)


def _history(router: APIRouter, desk: Desk) -> None:
    levels = desk.stock.levels

    @router.get(
        "/products/{product_id}/history", response_model=Page[EntryOut], summary="A product's lines, the newest first"
    )
    async def history(
        principal: Viewer, product_id: PlainId, location_id: IdQuery = None, cursor: Cursor = None, limit: Limit = 50
    ) -> Response:
        after = _line_cursor(cursor)

        async def work(tx: Transaction) -> Mapping[str, Any]:
            product = await find_product(desk, tx, product_id)
            location = await asked_location(desk, tx, location_id)
            found = await levels.history(tx, product, location.location_no if location else None, after, limit + 1)
            book = await whole_book(tx, [product.product_no])
            return page([(entry_json(book, each), (each.movement.movement_no, each.line_no)) for each in found], limit)

        return await looked(desk, principal, work)

    @router.get(
        "/products/{product_id}/series", response_model=Page[PointOut], summary="A level at the end of each day"
    )
    async def series(
        principal: Viewer,
        product_id: PlainId,
        location_id: Annotated[str, Query(max_length=64)],
        days: Annotated[int, Query(ge=1, le=SERIES_DAYS_MAX)] = 90,
    ) -> Response:
        async def work(tx: Transaction) -> Mapping[str, Any]:
            product = await find_product(desk, tx, product_id)
            location = await find_location(desk, tx, location_id)
            points = [
                {
                    "day": point.day,
                    "on_hand": product.written(point.on_hand),
                    "came": product.written(point.came),
                    "went": product.written(point.went),
                }
                for point in await levels.series(tx, product, location, days)
            ]
            return listed(points)

        return await looked(desk, principal, work)

    @router.get("/products/{product_id}/serials", response_model=Page[str], summary="Serial numbers at a place")
    async def serials(
        principal: Viewer, product_id: PlainId, location_id: Annotated[str, Query(max_length=64)], limit: Limit = 100
    ) -> Response:
        async def work(tx: Transaction) -> Mapping[str, Any]:
            product = await find_product(desk, tx, product_id)
            location = await find_location(desk, tx, location_id)
            return {"items": await levels.serials(tx, product, location, limit), "next_cursor": None}

        return await looked(desk, principal, work)


def _lists(router: APIRouter, desk: Desk) -> None:
    levels = desk.stock.levels

    @router.get("/scan", response_model=ScanOut, summary="The product that a barcode names")
    async def scan(principal: Viewer, code: Annotated[str, Query(min_length=1, max_length=400)]) -> Response:
        async def work(tx: Transaction) -> Mapping[str, Any]:
            return scan_json(await levels.scan(tx, code))

        return await looked(desk, principal, work)

    @router.get("/expiring", response_model=Page[ExpiringOut], summary="Batches that expire by a day, soonest first")
    async def expiring(
        principal: Viewer, until: Annotated[date, Query()], cursor: Cursor = None, limit: Limit = 50
    ) -> Response:
        after = _expiry_cursor(cursor)

        async def work(tx: Transaction) -> Mapping[str, Any]:
            found, last = await levels.expiring(tx, until, after, limit)
            more = write_cursor(last[0].isoformat(), str(last[1])) if last else None
            return {"items": [expiring_json(batch, there) for batch, there in found], "next_cursor": more}

        return await looked(desk, principal, work)

    @router.get("/valuation", response_model=ValuationOut, summary="What products are worth, by name")
    async def valuation(
        principal: Viewer,
        method: Annotated[Method, Query()] = Method.FIFO,
        at: Annotated[AwareDatetime | None, Query()] = None,
        q: Text = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Response:
        after = name_cursor(cursor)

        async def work(tx: Transaction) -> Mapping[str, Any]:
            products = await catalogue.products(tx, q, None, after, limit + 1)
            found = await valued(tx, products, method, at)
            answered = page([(worth_json(each), (each.product.name, each.product.product_id)) for each in found], limit)
            return answered | {"method": method, "totals": [money.json() for money in totals(found[:limit])]}

        return await looked(desk, principal, work)


def _trail(router: APIRouter, desk: Desk) -> None:
    @router.get("/changes", response_model=Page[ChangeOut], summary="Who changed what, the newest first")
    async def changes(
        principal: Viewer,
        subject: Annotated[str | None, Query(max_length=64, pattern=LINE)] = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Response:
        before = number_cursor(cursor)

        async def work(tx: Transaction) -> Mapping[str, Any]:
            found = await trail.changes(tx, subject, before, limit + 1)
            return page([(_change_json(each), (each.change_no,)) for each in found], limit)

        return await looked(desk, principal, work)

    @router.get("/heads", response_model=Heads, summary="The signed ends of the chain, and their keys")
    async def heads(principal: Viewer) -> Response:
        async def work(tx: Transaction) -> Mapping[str, Any]:
            items = [
                {
                    "day": head.day,
                    "seq": head.seq,
                    "hash": head.hash.hex(),
                    "key_id": head.key_id,
                    "signature": head.signature.hex(),
                }
                for head in await trail.heads(tx)
            ]
            return listed(items) | {"keys": {str(number): key.hex() for number, key in desk.publics.items()}}

        return await looked(desk, principal, work)


def _line_cursor(text: str | None) -> tuple[int, int] | None:
    parts = read_cursor(text, 2)
    if parts is None:
        return None
    if not all(part.isascii() and part.isdecimal() and len(part) < 19 for part in parts) or int(parts[1]) > LINE_NO_MAX:
        raise bad_cursor()
    return int(parts[0]), int(parts[1])


def _expiry_cursor(text: str | None) -> tuple[date, int] | None:
    parts = read_cursor(text, 2)
    if parts is None:
        return None
    try:
        return date.fromisoformat(parts[0]), min(int(parts[1]), 2**31 - 1)
    except ValueError:
        raise bad_cursor() from None


def _change_json(change: trail.Change) -> dict[str, Any]:
    return {
        "number": change.change_no,
        "at": change.at,
        "actor": change.actor,
        "noun": change.noun,
        "subject": change.subject,
        "what": change.what,
        "reason": change.reason,
        "before": change.before,
        "after": change.after,
    }
