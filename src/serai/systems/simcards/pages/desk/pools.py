"""/simcards/desk/pools: planning a pool, a pool with its numbers, and the evidence that nobody can tell the next."""

from uuid import UUID

from babel.numbers import list_currencies
from fastapi import APIRouter, Request, Response

from serai.kernel.money import Money
from serai.runtime.http.answers import path_uuid
from serai.runtime.http.principal import Principal
from serai.systems.identity.api import done
from serai.systems.simcards.errors import Exhausted, NoSuchPool
from serai.systems.simcards.http.parts import Manager, PlainId, Seller, Simcards
from serai.systems.simcards.numbering.plans import Kind, shown
from serai.systems.simcards.numbering.states import NumberState
from serai.systems.simcards.pages.desk.parts import DESK, SHOWN_AGAIN, Desk, sales_chart, segments
from serai.systems.simcards.pages.desk.pool_form import FIELDS, USUAL, counted, read_pool
from serai.systems.simcards.pages.parts import CLASSES, countries, country, how_long, lead_words
from serai.systems.simcards.service.evidence import DRAWS, Evidence
from serai.web.forms import Form, read_form
from serai.web.listing import Column, Filter, Listing, read_listing

HREF = f"{DESK}/pools"

KINDS = ((Kind.MOBILE.value, "Mobile"), (Kind.FIXED.value, "Fixed line"))

COLUMNS = (
    Column("Number", "number"),
    Column("State", "state"),
    Column("Changed", "changed"),
    Column("Rests until"),
)
STATES = (
    ("", "All states"),
    (NumberState.SOLD.value, "Sold"),
    (NumberState.ACTIVE.value, "Active"),
    (NumberState.QUARANTINE.value, "Resting"),
    (NumberState.AVAILABLE.value, "Free again"),
    (NumberState.PORTED_OUT.value, "Ported out"),
    (NumberState.RETIRED.value, "Retired"),
)


class PoolsPages:
    """Plans and shows pools."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @property
    def _shop(self) -> Simcards:
        return self._desk.shop

    def add_to(self, pages: APIRouter) -> None:
        """Adds the routes."""
        at = HREF.removeprefix("/simcards")
        pages.add_api_route(f"{at}/new", self.show_new, methods=["GET"])
        pages.add_api_route(f"{at}/new", self.add, methods=["POST"])
        pages.add_api_route(f"{at}/{{pool_id}}", self.show, methods=["GET"])
        pages.add_api_route(f"{at}/{{pool_id}}/randomness", self.show_randomness, methods=["GET"])
        pages.add_api_route(f"{at}/{{pool_id}}/randomness", self.draw, methods=["POST"])

    async def show(self, request: Request, principal: Seller, pool_id: PlainId) -> Response:
        """A pool: its numbers by state, its sales, and those of its numbers that have been somebody's."""
        found = _id(pool_id)
        standing = await self._shop.pools.standing(principal.tenant, found)
        asked = _asked(request)
        digits = "".join(char for char in asked.text if char.isdecimal())
        numbers = await self._shop.board.numbers(principal.tenant, found, digits, asked.chosen["state"], asked.seek)
        pool = standing.pool
        return self._desk.page(
            request,
            principal,
            "pool",
            standing=standing,
            pool=pool,
            bar=segments(standing),
            where=country(pool.region),
            lead=lead_words(pool),
            left=how_long(standing.days_left),
            prices=[(each, Money(pool.prices[each], pool.currency)) for each, _, _ in CLASSES],
            chart=sales_chart(await self._shop.board.sold(principal.tenant, found)),
            numbers=asked.showing(numbers.map(lambda each: (each, shown(each.number)))),
        )

    async def show_new(self, request: Request, principal: Manager) -> Response:
        """An empty form."""
        return self._form(request, principal, Form(USUAL))

    async def add(self, request: Request, principal: Manager) -> Response:
        """Counts what the range has or, with the other button, plans the pool; a job fills it."""
        form = await read_form(request)
        try:
            new = read_pool(form)
            if form.value("do") == "count":
                return self._form(request, principal, form, counted=counted(new.wanted))
            pool = await self._shop.pools.plan(principal.tenant, new)
        except SHOWN_AGAIN as error:
            refused = form.refused(error, fields=FIELDS)
            return self._form(request, principal, refused, status=error.status)
        return done(request, f"{HREF}/{pool.pool_id}", f"{pool.name} is planned, and is being filled.")

    async def show_randomness(self, request: Request, principal: Manager, pool_id: PlainId) -> Response:
        """What the report does, and the button."""
        return await self._evidence(request, principal, _id(pool_id), None)

    async def draw(self, request: Request, principal: Manager, pool_id: PlainId) -> Response:
        """Draws as buyers do, judges, and gives everything back."""
        found = _id(pool_id)
        try:
            evidence = await self._shop.witness.gather(principal.tenant, found)
        except Exhausted as error:
            return await self._evidence(request, principal, found, None, said=error.message, status=error.status)
        return await self._evidence(request, principal, found, evidence)

    async def _evidence(
        self,
        request: Request,
        principal: Principal,
        pool_id: UUID,
        evidence: Evidence | None,
        *,
        said: str = "",
        status: int = 200,
    ) -> Response:
        pool = await self._shop.pools.get(principal.tenant, pool_id)
        rows = list(zip(evidence.tests, evidence.baseline, strict=True)) if evidence else []
        return self._desk.page(
            request, principal, "randomness", status, pool=pool, evidence=evidence, rows=rows, draws=DRAWS, said=said
        )

    def _form(
        self, request: Request, principal: Principal, form: Form, *, counted: str = "", status: int = 200
    ) -> Response:
        return self._desk.page(
            request,
            principal,
            "pool_new",
            status,
            form=form,
            counted=counted,
            kinds=KINDS,
            countries=[("", "Choose"), *countries()],
            currencies=sorted(list_currencies()),
            usual_days=self._shop.settings.quarantine_days,
        )


def _id(text: str) -> UUID:
    return path_uuid(text, NoSuchPool, "pool")


def _asked(request: Request) -> Listing:
    return read_listing(
        request,
        noun=("number", "numbers"),
        columns=COLUMNS,
        usual="-changed",
        search="Digits",
        filters=(Filter("state", "State", "layers", STATES),),
    )
