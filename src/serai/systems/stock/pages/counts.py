"""/stock/counts: stock-takes from the frozen list to the approval. Every scan is kept at once, so nothing is lost."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from serai.kernel.errors import Invalid
from serai.runtime.http.answers import path_uuid
from serai.runtime.http.principal import Principal
from serai.runtime.postgres.database import Transaction
from serai.systems.identity.api import done, refused
from serai.systems.stock.errors import NoSuchCount
from serai.systems.stock.flows import CountState
from serai.systems.stock.http.flows import numbers_of, plan_of
from serai.systems.stock.http.models import CountIn, NumbersIn, ReasonIn
from serai.systems.stock.http.parts import Approver, Mover, PlainId, Viewer
from serai.systems.stock.model import LINES_MAX, Batch, Product
from serai.systems.stock.pages.lines import more, offered
from serai.systems.stock.pages.parts import (
    SHOWN_AGAIN,
    Floor,
    Options,
    branch_of,
    category_options,
    chosen_location,
    location_options,
)
from serai.systems.stock.service.counts import LINES_MAX as LEVELS_MAX
from serai.systems.stock.service.counts import Counted
from serai.systems.stock.store import catalogue, pages
from serai.systems.stock.store.flows import CountLine
from serai.web.forms import Form, read_document, read_form
from serai.web.listing import Column, Filter, Listing, read_listing

HREF = "/stock/counts"

COLUMNS = (
    Column("Begun", "at"),
    Column("Place"),
    Column("Note"),
    Column("Counted"),
    Column("Differing", side="end"),
    Column("State"),
)
STATES = (("", "All stock-takes"), *tuple((state.value, state.value.capitalize()) for state in CountState))


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the list with its words; `hidden` says that a blind count does not tell what should be there."""

    line: CountLine
    product: Product
    batch: Batch | None
    hidden: bool

    @property
    def name(self) -> str:
        """How its field is called: by what it counts, so that two people's forms mean the same."""
        return f"{self.product.product_id}.{self.line.batch_no}"

    @property
    def counted(self) -> str:
        """What was found, as people write it; "" for nothing yet."""
        return "" if self.line.counted is None else self.product.written(self.line.counted)


class CountsPages:
    """Lists, begins, fills, and approves stock-takes."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    def add_to(self, router: APIRouter) -> None:
        """Adds the routes."""
        router.add_api_route("/counts", self.show_all, methods=["GET"])
        router.add_api_route("/counts/new", self.show_new, methods=["GET"])
        router.add_api_route("/counts/new", self.begin, methods=["POST"])
        router.add_api_route("/counts/{count_id}", self.show, methods=["GET"])
        router.add_api_route("/counts/{count_id}", self.enter, methods=["POST"])
        router.add_api_route("/counts/{count_id}/cancel", self.cancel, methods=["POST"])
        router.add_api_route("/counts/{count_id}/recount", self.recount, methods=["POST"])
        router.add_api_route("/counts/{count_id}/approve", self.approve, methods=["POST"])

    async def show_all(self, request: Request, principal: Viewer) -> Response:
        """A page of the stock-takes, the newest first."""

        async def read(tx: Transaction) -> tuple[Listing, dict[int, str]]:
            places = await catalogue.locations(tx, real=True)
            asked = _asked(request, location_options(places, "All places"))
            place = chosen_location(places, asked.chosen["location"])
            number = place.location_no if place else None
            found = await pages.counts(tx, asked.chosen["state"], number, asked.seek)
            return asked.showing(found), {each.location_no: each.name for each in places}

        counts, names = await self._floor.stock.read(principal.tenant, read)
        return self._floor.page(request, principal, "counts", counts=counts, names=names)

    async def show_new(self, request: Request, principal: Mover) -> Response:
        """What to count."""
        values = {"location_id": request.query_params.get("location_id", "")[:64], "blind": "yes"}
        return await self._new(request, principal, Form(values))

    async def begin(self, request: Request, principal: Mover) -> Response:
        """Freezes the list, or shows the form again."""
        form = await read_form(request)
        stock = self._floor.stock

        async def work(tx: Transaction) -> str:
            document: dict[str, Any] = {name: form.value(name) for name in ("location_id", "note")}
            document["blind"] = form.checked("blind")
            branch = await branch_of(tx, form.value("category_id"))
            if branch is not None:
                products = await catalogue.products(tx, None, branch, None, LEVELS_MAX)
                document["product_ids"] = [str(each.product_id) for each in products]
                if not products:
                    raise Invalid.of("category_id", "nothing", "There are no products in this category.")
            counted = await stock.counts.begin(tx, plan_of(read_document(CountIn, document)), principal.label)
            return f"{HREF}/{counted.count.count_id}"

        try:
            href = await self._floor.once(principal, request, form, work)
        except SHOWN_AGAIN as error:
            return await self._new(request, principal, form.refused(error, fields={}), error.status)
        return done(request, href, "The list is frozen. Count what is on the shelves; selling may go on.")

    async def show(self, request: Request, principal: Viewer, count_id: PlainId) -> Response:
        """A stock-take as it stands."""
        return await self._page(request, principal, _id(count_id), Form())

    async def enter(self, request: Request, principal: Mover, count_id: PlainId) -> Response:
        """Keeps what was entered and scanned; and with `do=submit` hands it over to who approves it."""
        found, form = _id(count_id), await read_form(request)
        counts = self._floor.stock.counts

        async def work(tx: Transaction) -> tuple[str, str]:
            entries = await self._entries(tx, await counts.get(tx, found))
            numbers, said, touched = await self._numbers(tx, form, entries)
            for start in range(0, len(numbers), LINES_MAX):
                document = {"numbers": numbers[start : start + LINES_MAX]}
                await counts.enter(tx, found, numbers_of(read_document(NumbersIn, document)), principal.label)
            if form.value("do") == "submit":
                await counts.submit(tx, found, principal.label)
            return said, touched

        try:
            said, touched = await self._floor.stock.run(principal.tenant, work)
        except SHOWN_AGAIN as error:
            return await self._page(request, principal, found, _named(form.refused(error), error), error.status)
        if form.value("do") == "submit":
            return done(request, f"{HREF}/{found}", "Handed over. Somebody who may approve looks at it now.")
        return await self._page(request, principal, found, Form(), 200, said, touched)

    async def _numbers(
        self, tx: Transaction, form: Form, entries: list[Entry]
    ) -> tuple[list[dict[str, str]], str, str]:
        """Numbers that changed in this form, and one more of what was scanned; what the scan did, and to which line.

        Only what this person changed is sent: a number that somebody else entered meanwhile is not put back.
        """
        now = {
            each.name: form.value(f"n.{each.name}").replace(",", ".")
            for each in entries
            if f"n.{each.name}" in form.values
        }
        said = touched = ""
        if code := form.value("scan"):
            scan = await self._floor.stock.levels.scan(tx, code)
            entry = next(
                (
                    each
                    for each in entries
                    if each.product == scan.product
                    and (not scan.scan.batch or (each.batch and each.batch.code == scan.scan.batch))
                ),
                None,
            )
            if entry is None:
                raise Invalid.of("scan", "not_on_list", f"{scan.product.name} is not on this list; put it aside.")
            typed = now.get(entry.name, "")
            before = typed if typed != form.value(f"was.{entry.name}") else entry.counted
            now[entry.name] = more(before, scan.scan.count or 1)
            said, touched = f"{entry.product.name}: {now[entry.name]}", entry.name
        words = {each.name: each for each in entries}
        numbers = [
            {
                "product_id": str(words[name].product.product_id),
                "quantity": value,
                "batch": batch.code if (batch := words[name].batch) else "",
            }
            for name, value in now.items()
            if value and (name == touched or value != form.value(f"was.{name}"))
        ]
        return numbers, said, touched

    async def cancel(self, request: Request, principal: Mover, count_id: PlainId) -> Response:
        """Nothing is booked."""
        counts = self._floor.stock.counts
        return await self._step(
            request,
            principal,
            _id(count_id),
            "Cancelled. Nothing was booked.",
            lambda tx, found: counts.cancel(tx, found, principal.label),
        )

    async def recount(self, request: Request, principal: Approver, count_id: PlainId) -> Response:
        """The differences are not believed."""
        counts = self._floor.stock.counts
        return await self._step(
            request,
            principal,
            _id(count_id),
            "It can be counted again.",
            lambda tx, found: counts.recount(tx, found, principal.label),
        )

    async def approve(self, request: Request, principal: Approver, count_id: PlainId) -> Response:
        """Books the differences."""
        form = await read_form(request)
        counts = self._floor.stock.counts

        async def step(tx: Transaction, found: UUID) -> Counted:
            reason = read_document(ReasonIn, {"reason": form.value("reason")}).reason
            return await counts.approve(tx, found, reason, principal.label)

        return await self._step(request, principal, _id(count_id), "Approved. The differences are booked.", step)

    async def _step(
        self,
        request: Request,
        principal: Principal,
        found: UUID,
        said: str,
        step: Callable[[Transaction, UUID], Awaitable[Counted]],
    ) -> Response:
        href = f"{HREF}/{found}"
        try:
            await self._floor.stock.run(principal.tenant, lambda tx: step(tx, found))
        except SHOWN_AGAIN as error:
            return refused(request, href, error)
        return done(request, href, said)

    async def _entries(self, tx: Transaction, counted: Counted) -> list[Entry]:
        """The list as people walk along the shelves: by name."""
        count, products = counted.count, counted.book.products
        numbers = list({line.product_no for line in count.lines})
        batches = {each.batch_no: each for each in await catalogue.batches_of(tx, numbers)}
        hidden = count.blind and count.state is CountState.COUNTING
        entries = [Entry(line, products[line.product_no], batches.get(line.batch_no), hidden) for line in count.lines]
        return sorted(entries, key=lambda each: (each.product.name, each.line.batch_no))

    async def _page(
        self,
        request: Request,
        principal: Principal,
        found: UUID,
        form: Form,
        status: int = 200,
        said: str = "",
        touched: str = "",
    ) -> Response:
        async def read(tx: Transaction) -> dict[str, Any]:
            counted = await self._floor.stock.counts.get(tx, found)
            return {
                "count": counted.count,
                "location": counted.book.locations[counted.count.location_no],
                "entries": await self._entries(tx, counted),
                "offered": await offered(tx),
            }

        context = await self._floor.stock.read(principal.tenant, read)
        done_lines = sum(1 for each in context["entries"] if each.line.counted is not None)
        return self._floor.page(
            request, principal, "count", status, form=form, said=said, touched=touched, done_lines=done_lines, **context
        )

    async def _new(self, request: Request, principal: Principal, form: Form, status: int = 200) -> Response:
        async def read(tx: Transaction) -> dict[str, Any]:
            return {
                "locations": location_options(await catalogue.locations(tx, real=True)),
                "categories": await category_options(tx, "Everything that is there"),
            }

        context = await self._floor.stock.read(principal.tenant, read)
        return self._floor.page(request, principal, "count_new", status, form=form, **context)


def _id(text: str) -> UUID:
    return path_uuid(text, NoSuchCount, "stock-take")


def _named(form: Form, error: Invalid | object) -> Form:
    """Errors of numbers are said above the list; that of the scan stands at its field."""
    if "scan" in form.errors or form.said or not form.errors:
        return form
    return Form(form.values, {}, next(iter(form.errors.values())))


def _asked(request: Request, places: Options) -> Listing:
    return read_listing(
        request,
        noun=("stock-take", "stock-takes"),
        columns=COLUMNS,
        usual="-at",
        filters=(
            Filter("state", "State", "layers", STATES),
            Filter("location", "Place", "map-pin", places),
        ),
    )
