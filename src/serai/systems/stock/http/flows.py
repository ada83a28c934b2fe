"""What takes several steps: reservations, transfers, stock-takes."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from serai.runtime.http.answers import body_uuid, path_uuid, time_cursor
from serai.runtime.http.models import Page
from serai.runtime.http.principal import Principal
from serai.runtime.http.routing import Router
from serai.runtime.postgres.database import Transaction
from serai.systems.stock.errors import NoSuchCount, NoSuchReservation, NoSuchTransfer
from serai.systems.stock.flows import TransferState
from serai.systems.stock.http.answers import CountOut, MovementOut, ReservationOut, TransferOut
from serai.systems.stock.http.documents import count_json, reserved_json, transfer_json
from serai.systems.stock.http.ledger import items_of, posted_json
from serai.systems.stock.http.models import (
    BasketIn,
    CountIn,
    ExtendIn,
    FulfilIn,
    NumbersIn,
    ReasonIn,
    ReceiveIn,
    TransferIn,
)
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
    Viewer,
    answer,
    asked_location,
    looked,
    once,
    page,
)
from serai.systems.stock.service.counts import Counted, Number, Plan
from serai.systems.stock.service.reservations import Basket
from serai.systems.stock.service.transfers import Arrival, Shipped, Wanted

T = TypeVar("T")


def flows_router(desk: Desk) -> APIRouter:
    """Reservations, transfers, stock-takes."""
    router = Router(prefix=PREFIX, tags=["stock: flows"])
    _reserving(router, desk)
    _selling(router, desk)
    _transfers(router, desk)
    _transfer_steps(router, desk)
    _arrivals(router, desk)
    _counts(router, desk)
    _count_steps(router, desk)
    return router


def transfer_of(wanted: TransferIn) -> Wanted:
    """A transfer of a request; Invalid names the field of an id that is none."""
    return Wanted(
        body_uuid("from_id", wanted.from_id, "location"),
        body_uuid("to_id", wanted.to_id, "location"),
        items_of(wanted.items),
        wanted.reference,
    )


def plan_of(wanted: CountIn) -> Plan:
    """A stock-take of a request; Invalid names the field of an id that is none."""
    return Plan(
        body_uuid("location_id", wanted.location_id, "location"),
        tuple(body_uuid(f"product_ids.{place}", text, "product") for place, text in enumerate(wanted.product_ids)),
        wanted.blind,
        wanted.note,
    )


def numbers_of(wanted: NumbersIn) -> list[Number]:
    """Numbers of a request; Invalid names the field of an id that is none."""
    return [
        Number(body_uuid(f"numbers.{place}.product_id", each.product_id, "product"), each.quantity, each.batch)
        for place, each in enumerate(wanted.numbers)
    ]


def _reserving(router: APIRouter, desk: Desk) -> None:
    reservations = desk.stock.reservations

    @router.post("/reservations", response_model=ReservationOut, status_code=201, summary="Promise goods for a while")
    async def reserve(
        principal: Mover, request: Request, wanted: BasketIn, idempotency_key: OnceKey = None
    ) -> Response:
        basket = Basket(
            body_uuid("location_id", wanted.location_id, "location"),
            items_of(wanted.items),
            wanted.reference,
            wanted.ttl_s,
        )

        async def work(tx: Transaction) -> Mapping[str, Any]:
            return reserved_json(await reservations.reserve(tx, basket, principal.label))

        return await once(desk, principal, request, idempotency_key, work)

    @router.get("/reservations", response_model=Page[ReservationOut], summary="Reservations, the newest first")
    async def list_reservations(
        principal: Viewer, location_id: IdQuery = None, cursor: Cursor = None, limit: Limit = 50
    ) -> Response:
        after = time_cursor(cursor)

        async def work(tx: Transaction) -> Mapping[str, Any]:
            location = await asked_location(desk, tx, location_id)
            found = await reservations.listed(tx, location.location_no if location else None, after, limit + 1)
            rows = [each.reservation for each in found]
            ends = [(row.created_at.isoformat(), row.reservation_id) for row in rows]
            return page([(reserved_json(each), end) for each, end in zip(found, ends, strict=True)], limit)

        return await looked(desk, principal, work)

    @router.get("/reservations/{reservation_id}", response_model=ReservationOut, summary="A reservation")
    async def get_reservation(principal: Viewer, reservation_id: PlainId) -> Response:
        found = path_uuid(reservation_id, NoSuchReservation, "reservation")

        async def work(tx: Transaction) -> Mapping[str, Any]:
            return reserved_json(await reservations.get(tx, found))

        return await looked(desk, principal, work)


def _selling(router: APIRouter, desk: Desk) -> None:
    reservations = desk.stock.reservations

    @router.post(
        "/reservations/{reservation_id}/fulfil", response_model=MovementOut, status_code=201, summary="Sell it"
    )
    async def fulfil(
        principal: Mover,
        request: Request,
        reservation_id: PlainId,
        wanted: FulfilIn,
        idempotency_key: OnceKey = None,
    ) -> Response:
        found = path_uuid(reservation_id, NoSuchReservation, "reservation")
        serials = {
            body_uuid(f"serials.{place}.product_id", each.product_id, "product"): each.serials
            for place, each in enumerate(wanted.serials)
        }

        async def work(tx: Transaction) -> Mapping[str, Any]:
            return posted_json(await reservations.fulfil(tx, found, serials, principal.label))

        return await once(desk, principal, request, idempotency_key, work)

    @router.post("/reservations/{reservation_id}/extend", response_model=ReservationOut, summary="Keep it for longer")
    async def extend(principal: Mover, reservation_id: PlainId, wanted: ExtendIn) -> Response:
        found = path_uuid(reservation_id, NoSuchReservation, "reservation")

        async def work(tx: Transaction) -> Mapping[str, Any]:
            return reserved_json(await reservations.extend(tx, found, wanted.ttl_s, principal.label))

        return await answer(desk, principal, work)

    @router.delete("/reservations/{reservation_id}", response_model=ReservationOut, summary="Give it back")
    async def release(principal: Mover, reservation_id: PlainId) -> Response:
        found = path_uuid(reservation_id, NoSuchReservation, "reservation")

        async def work(tx: Transaction) -> Mapping[str, Any]:
            return reserved_json(await reservations.release(tx, found, principal.label))

        return await answer(desk, principal, work)


def _transfers(router: APIRouter, desk: Desk) -> None:
    transfers = desk.stock.transfers

    @router.post("/transfers", response_model=TransferOut, status_code=201, summary="Draft a transfer")
    async def draft(
        principal: Mover, request: Request, wanted: TransferIn, idempotency_key: OnceKey = None
    ) -> Response:
        asked = transfer_of(wanted)

        async def work(tx: Transaction) -> Mapping[str, Any]:
            return transfer_json(await transfers.draft(tx, asked, principal.label))

        return await once(desk, principal, request, idempotency_key, work)

    @router.get("/transfers", response_model=Page[TransferOut], summary="Transfers without lines, the newest first")
    async def list_transfers(
        principal: Viewer,
        location_id: IdQuery = None,
        state: Annotated[list[TransferState] | None, Query(max_length=6)] = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Response:
        after = time_cursor(cursor)

        async def work(tx: Transaction) -> Mapping[str, Any]:
            location = await asked_location(desk, tx, location_id)
            number = location.location_no if location else None
            found = await transfers.listed(tx, number, state or list(TransferState), after, limit + 1)
            ends = [(each.transfer.created_at.isoformat(), each.transfer.transfer_id) for each in found]
            return page([(transfer_json(each), end) for each, end in zip(found, ends, strict=True)], limit)

        return await looked(desk, principal, work)

    @router.get("/transfers/{transfer_id}", response_model=TransferOut, summary="A transfer")
    async def get_transfer(principal: Viewer, transfer_id: PlainId) -> Response:
        found = path_uuid(transfer_id, NoSuchTransfer, "transfer")

        async def work(tx: Transaction) -> Mapping[str, Any]:
            return transfer_json(await transfers.get(tx, found))

        return await looked(desk, principal, work)


def _transfer_steps(router: APIRouter, desk: Desk) -> None:
    transfers = desk.stock.transfers

    async def stepped(
        principal: Principal, transfer_id: str, step: Callable[[Transaction, UUID], Awaitable[Shipped]]
    ) -> Response:
        found = path_uuid(transfer_id, NoSuchTransfer, "transfer")

        async def work(tx: Transaction) -> Mapping[str, Any]:
            return transfer_json(await step(tx, found))

        return await answer(desk, principal, work)

    @router.post("/transfers/{transfer_id}/dispatch", response_model=TransferOut, summary="It leaves")
    async def dispatch(principal: Mover, transfer_id: PlainId) -> Response:
        return await stepped(principal, transfer_id, lambda tx, found: transfers.dispatch(tx, found, principal.label))

    @router.post("/transfers/{transfer_id}/cancel", response_model=TransferOut, summary="It does not leave")
    async def cancel(principal: Mover, transfer_id: PlainId) -> Response:
        return await stepped(principal, transfer_id, lambda tx, found: transfers.cancel(tx, found, principal.label))

    @router.post("/transfers/{transfer_id}/write-off", response_model=TransferOut, summary="What is missing is lost")
    async def write_off(principal: Approver, transfer_id: PlainId, wanted: ReasonIn) -> Response:
        return await stepped(
            principal, transfer_id, lambda tx, found: transfers.write_off(tx, found, wanted.reason, principal.label)
        )


def _arrivals(router: APIRouter, desk: Desk) -> None:
    transfers = desk.stock.transfers

    @router.post("/transfers/{transfer_id}/receive", response_model=TransferOut, summary="It arrives, all or a part")
    async def receive(
        principal: Mover,
        request: Request,
        transfer_id: PlainId,
        wanted: ReceiveIn,
        idempotency_key: OnceKey = None,
    ) -> Response:
        found = path_uuid(transfer_id, NoSuchTransfer, "transfer")
        arrivals = None
        if wanted.lines is not None:
            arrivals = [Arrival(each.line_no, each.quantity) for each in wanted.lines]

        async def work(tx: Transaction) -> Mapping[str, Any]:
            return transfer_json(await transfers.receive(tx, found, arrivals, principal.label))

        return await once(desk, principal, request, idempotency_key, work, 200)


def _counts(router: APIRouter, desk: Desk) -> None:
    counts = desk.stock.counts

    @router.post("/counts", response_model=CountOut, status_code=201, summary="Begin a stock-take")
    async def begin(principal: Mover, request: Request, wanted: CountIn, idempotency_key: OnceKey = None) -> Response:
        plan = plan_of(wanted)

        async def work(tx: Transaction) -> Mapping[str, Any]:
            return count_json(await counts.begin(tx, plan, principal.label))

        return await once(desk, principal, request, idempotency_key, work)

    @router.get("/counts", response_model=Page[CountOut], summary="Stock-takes without lines, the newest first")
    async def list_counts(
        principal: Viewer, location_id: IdQuery = None, cursor: Cursor = None, limit: Limit = 50
    ) -> Response:
        after = time_cursor(cursor)

        async def work(tx: Transaction) -> Mapping[str, Any]:
            location = await asked_location(desk, tx, location_id)
            found = await counts.listed(tx, location.location_no if location else None, after, limit + 1)
            ends = [(each.count.created_at.isoformat(), each.count.count_id) for each in found]
            return page([(count_json(each), end) for each, end in zip(found, ends, strict=True)], limit)

        return await looked(desk, principal, work)

    @router.get("/counts/{count_id}", response_model=CountOut, summary="A stock-take")
    async def get_count(principal: Viewer, count_id: PlainId) -> Response:
        found = path_uuid(count_id, NoSuchCount, "stock-take")

        async def work(tx: Transaction) -> Mapping[str, Any]:
            return count_json(await counts.get(tx, found))

        return await looked(desk, principal, work)


def _count_steps(router: APIRouter, desk: Desk) -> None:
    counts = desk.stock.counts

    async def stepped(
        principal: Principal, count_id: str, step: Callable[[Transaction, UUID], Awaitable[Counted]]
    ) -> Response:
        found = path_uuid(count_id, NoSuchCount, "stock-take")

        async def work(tx: Transaction) -> Mapping[str, Any]:
            return count_json(await step(tx, found))

        return await answer(desk, principal, work)

    @router.put("/counts/{count_id}/numbers", response_model=CountOut, summary="Enter what was found")
    async def enter(principal: Mover, count_id: PlainId, wanted: NumbersIn) -> Response:
        numbers = numbers_of(wanted)
        return await stepped(principal, count_id, lambda tx, found: counts.enter(tx, found, numbers, principal.label))

    @router.post("/counts/{count_id}/submit", response_model=CountOut, summary="All is counted")
    async def submit(principal: Mover, count_id: PlainId) -> Response:
        return await stepped(principal, count_id, lambda tx, found: counts.submit(tx, found, principal.label))

    @router.post("/counts/{count_id}/cancel", response_model=CountOut, summary="Nothing is booked")
    async def cancel(principal: Mover, count_id: PlainId) -> Response:
        return await stepped(principal, count_id, lambda tx, found: counts.cancel(tx, found, principal.label))

    @router.post("/counts/{count_id}/recount", response_model=CountOut, summary="Count again")
    async def recount(principal: Approver, count_id: PlainId) -> Response:
        return await stepped(principal, count_id, lambda tx, found: counts.recount(tx, found, principal.label))

    @router.post("/counts/{count_id}/approve", response_model=CountOut, summary="Book the differences")
    async def approve(principal: Approver, count_id: PlainId, wanted: ReasonIn) -> Response:
        return await stepped(
            principal, count_id, lambda tx, found: counts.approve(tx, found, wanted.reason, principal.label)
        )
