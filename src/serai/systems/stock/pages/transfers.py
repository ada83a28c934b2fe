"""/stock/transfers: the list, a new one by scanning, and one on its way: it leaves, arrives, or is written off."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from serai.kernel.errors import Invalid, NotFound
from serai.runtime.http.answers import path_uuid
from serai.runtime.http.principal import Principal
from serai.runtime.postgres.database import Transaction
from serai.runtime.postgres.keyset import Slice
from serai.systems.identity.api import done, refused
from serai.systems.stock.errors import NoSuchTransfer
from serai.systems.stock.flows import UNDER_WAY, TransferState
from serai.systems.stock.http.flows import transfer_of
from serai.systems.stock.http.models import ReasonIn, ReceiveIn, TransferIn
from serai.systems.stock.http.parts import Approver, Mover, PlainId, Viewer
from serai.systems.stock.pages.lines import Filled, filled, items_in, more, offered, scanned, with_lines
from serai.systems.stock.pages.parts import SHOWN_AGAIN, Floor, Options, chosen_location, location_options
from serai.systems.stock.service.transfers import Arrival, Shipped
from serai.systems.stock.store import catalogue, pages
from serai.web.forms import Form, read_document, read_form
from serai.web.listing import Column, Filter, Listing, read_listing

HREF = "/stock/transfers"

COLUMNS = (
    Column("Drafted", "at"),
    Column("From and to"),
    Column("Goods"),
    Column("Reference"),
    Column("State"),
)
STATES = (
    ("", "All transfers"),
    ("open", "Not finished"),
    *tuple((state.value, state.value.replace("_", " ").capitalize()) for state in TransferState),
)
OPEN = (TransferState.DRAFT, *sorted(UNDER_WAY))


class TransfersPages:
    """Lists, drafts and shows transfers."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    def add_to(self, router: APIRouter) -> None:
        """Adds the routes."""
        router.add_api_route("/transfers", self.show_all, methods=["GET"])
        router.add_api_route("/transfers/new", self.show_new, methods=["GET"])
        router.add_api_route("/transfers/new", self.send, methods=["POST"])
        router.add_api_route("/transfers/{transfer_id}", self.show, methods=["GET"])
        router.add_api_route("/transfers/{transfer_id}/receive", self.receive, methods=["POST"])
        router.add_api_route("/transfers/{transfer_id}/dispatch", self.dispatch, methods=["POST"])
        router.add_api_route("/transfers/{transfer_id}/cancel", self.cancel, methods=["POST"])
        router.add_api_route("/transfers/{transfer_id}/write-off", self.write_off, methods=["POST"])

    async def show_all(self, request: Request, principal: Viewer) -> Response:
        """A page of the transfers, the newest first."""
        transfers = self._floor.stock.transfers

        async def read(tx: Transaction) -> Listing:
            places = await catalogue.locations(tx, real=True)
            asked = _asked(request, location_options(places, "All places"))
            place = chosen_location(places, asked.chosen["location"])
            number = place.location_no if place else None
            found = await pages.transfers(tx, asked.text, _states(asked.chosen["state"]), number, asked.seek)
            rows = [await transfers.get(tx, each) for each in found.items]
            return asked.showing(Slice(tuple(rows), found.previous, found.next))

        shown = await self._floor.stock.read(principal.tenant, read)
        return self._floor.page(request, principal, "transfers", transfers=shown)

    async def show_new(self, request: Request, principal: Mover) -> Response:
        """An empty list."""
        values = {"from_id": request.query_params.get("from_id", "")[:64]}
        return await self._new(request, principal, Filled(Form(values), {}))

    async def send(self, request: Request, principal: Mover) -> Response:
        """Adds a line, takes one away, or drafts the transfer."""
        form = await read_form(request)
        stock = self._floor.stock
        if form.value("do") != "post":
            shown = await stock.read(principal.tenant, lambda tx: scanned(tx, stock, form))
            return await self._new(request, principal, shown, 422 if shown.form.errors else 200)
        form = with_lines(form.values, list(form.rows("items").values()))
        shown = await stock.read(principal.tenant, lambda tx: filled(tx, form))
        try:
            document = {name: form.value(name) for name in ("from_id", "to_id", "reference")}
            wanted = transfer_of(read_document(TransferIn, document | {"items": items_in(shown)}))

            async def work(tx: Transaction) -> str:
                drafted = await stock.transfers.draft(tx, wanted, principal.label)
                return f"{HREF}/{drafted.transfer.transfer_id}"

            href = await self._floor.once(principal, request, form, work)
        except SHOWN_AGAIN as error:
            return await self._new(request, principal, Filled(form.refused(error), shown.products), error.status)
        return done(request, href, "Drafted. Dispatch it when it leaves.")

    async def show(self, request: Request, principal: Viewer, transfer_id: PlainId) -> Response:
        """A transfer as it stands."""
        return await self._page(request, principal, _id(transfer_id), Form())

    async def receive(self, request: Request, principal: Mover, transfer_id: PlainId) -> Response:
        """Counts one more of what was scanned, or receives what is entered, or all that is missing."""
        found, form = _id(transfer_id), await read_form(request)
        transfers = self._floor.stock.transfers
        if form.value("do") not in ("post", "all"):
            return await self._scanned(request, principal, found, form)
        try:
            arrivals = None if form.value("do") == "all" else _arrivals(form)

            async def work(tx: Transaction) -> str:
                await transfers.receive(tx, found, arrivals, principal.label)
                return f"{HREF}/{found}"

            href = await self._floor.once(principal, request, form, work)
        except SHOWN_AGAIN as error:
            return await self._page(request, principal, found, form.refused(error), error.status)
        return done(request, href, "Received. The levels are up to date.")

    async def dispatch(self, request: Request, principal: Mover, transfer_id: PlainId) -> Response:
        """It leaves."""
        transfers = self._floor.stock.transfers
        return await self._step(
            request,
            principal,
            _id(transfer_id),
            "It is on its way.",
            lambda tx, found: transfers.dispatch(tx, found, principal.label),
        )

    async def cancel(self, request: Request, principal: Mover, transfer_id: PlainId) -> Response:
        """It does not leave."""
        transfers = self._floor.stock.transfers
        return await self._step(
            request,
            principal,
            _id(transfer_id),
            "Cancelled. Nothing has moved.",
            lambda tx, found: transfers.cancel(tx, found, principal.label),
        )

    async def write_off(self, request: Request, principal: Approver, transfer_id: PlainId) -> Response:
        """What is missing is lost."""
        form = await read_form(request)
        transfers = self._floor.stock.transfers

        async def step(tx: Transaction, found: UUID) -> Shipped:
            reason = read_document(ReasonIn, {"reason": form.value("reason")}).reason
            return await transfers.write_off(tx, found, reason, principal.label)

        return await self._step(request, principal, _id(transfer_id), "What did not arrive is written off.", step)

    async def _step(
        self,
        request: Request,
        principal: Principal,
        found: UUID,
        said: str,
        step: Callable[[Transaction, UUID], Awaitable[Shipped]],
    ) -> Response:
        href = f"{HREF}/{found}"
        try:
            await self._floor.stock.run(principal.tenant, lambda tx: step(tx, found))
        except SHOWN_AGAIN as error:
            return refused(request, href, error)
        return done(request, href, said)

    async def _scanned(self, request: Request, principal: Principal, found: UUID, form: Form) -> Response:
        """The form with one more of the line that the code is about."""
        stock = self._floor.stock

        async def read(tx: Transaction) -> tuple[Form, str, int]:
            values = {name: value for name, value in form.values.items() if name not in ("scan", "do")}
            shipped = await stock.transfers.get(tx, found)
            if not (code := form.value("scan")):
                return Form(values), "", -1
            try:
                scan = await stock.levels.scan(tx, code)
            except NotFound as unknown:
                return Form(values | {"scan": code}, {"scan": unknown.message}), "", -1
            batches = {each.batch_no: each.code for each in await catalogue.batches_of(tx, [scan.product.product_no])}
            open_lines = [
                line
                for line in shipped.transfer.lines
                if line.product_no == scan.product.product_no
                and line.missing
                and (not scan.scan.batch or batches.get(line.batch_no) == scan.scan.batch)
            ]
            if not open_lines:
                said = f"{scan.product.name} is not on its way here; receive it as a delivery of its own."
                return Form(values | {"scan": code}, {"scan": said}), "", -1
            line = open_lines[0]
            name = f"lines.{line.line_no}.quantity"
            values[name] = more(values.get(name, ""), scan.scan.count or 1)
            return Form(values), f"{scan.product.name}: {values[name]}", line.line_no

        filled_in, said, touched = await stock.read(principal.tenant, read)
        status = 422 if filled_in.errors else 200
        return await self._page(request, principal, found, filled_in, status, said, touched)

    async def _page(
        self,
        request: Request,
        principal: Principal,
        found: UUID,
        form: Form,
        status: int = 200,
        said: str = "",
        touched: int = -1,
    ) -> Response:
        async def read(tx: Transaction) -> dict[str, Any]:
            shipped = await self._floor.stock.transfers.get(tx, found)
            numbers = [line.product_no for line in shipped.transfer.lines]
            return {
                "transfer": shipped.transfer,
                "book": shipped.book,
                "batches": {each.batch_no: each.code for each in await catalogue.batches_of(tx, numbers)},
                "under_way": shipped.transfer.state in UNDER_WAY,
            }

        context = await self._floor.stock.read(principal.tenant, read)
        return self._floor.page(
            request, principal, "transfer", status, form=form, said=said, touched=touched, **context
        )

    async def _new(self, request: Request, principal: Principal, shown: Filled, status: int = 200) -> Response:
        async def read(tx: Transaction) -> dict[str, Any]:
            return {
                "locations": location_options(await catalogue.locations(tx, real=True)),
                "offered": await offered(tx),
            }

        context = await self._floor.stock.read(principal.tenant, read)
        return self._floor.page(request, principal, "transfer_new", status, shown=shown, form=shown.form, **context)


def _id(text: str) -> UUID:
    return path_uuid(text, NoSuchTransfer, "transfer")


def _arrivals(form: Form) -> list[Arrival]:
    """What was entered beside the lines; an empty field is nothing that came. Invalid."""
    lines = [
        {"line_no": number, "quantity": row["quantity"].replace(",", ".")}
        for number, row in form.rows("lines").items()
        if row.get("quantity")
    ]
    if not lines:
        raise Invalid.of("scan", "nothing", "Scan what has come, or enter how much of it.")
    wanted = read_document(ReceiveIn, {"lines": lines})
    return [Arrival(each.line_no, each.quantity) for each in wanted.lines or ()]


def _states(chosen: str) -> list[str]:
    if chosen == "open":
        return [state.value for state in OPEN]
    return [chosen] if chosen else [state.value for state in TransferState]


def _asked(request: Request, places: Options) -> Listing:
    return read_listing(
        request,
        noun=("transfer", "transfers"),
        columns=COLUMNS,
        usual="-at",
        search="Reference",
        filters=(
            Filter("state", "State", "layers", STATES),
            Filter("location", "Place", "map-pin", places),
        ),
    )
