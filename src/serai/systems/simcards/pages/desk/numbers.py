"""/simcards/desk/numbers: the story of one number, and what may be done with it."""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from serai.kernel.errors import Conflict, Invalid, NotFound
from serai.systems.identity.api import done, refused
from serai.systems.simcards.errors import NoSuchNumber
from serai.systems.simcards.http.models import ReasonIn
from serai.systems.simcards.http.parts import Manager, PlainId, Seller
from serai.systems.simcards.numbering import states
from serai.systems.simcards.numbering.cards import BadCard, masked_tail, parse_iccid
from serai.systems.simcards.numbering.classes import class_of
from serai.systems.simcards.numbering.plans import parse_number, shown
from serai.systems.simcards.numbering.states import NumberMove
from serai.systems.simcards.pages.desk.parts import DESK, Desk
from serai.systems.simcards.pages.parts import country
from serai.web.forms import read_document, read_form

HREF = f"{DESK}/numbers"

ASKED_CHARS_MAX = 30


class NumbersPages:
    """Finds a number, shows it, retires it, takes it back."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def add_to(self, pages: APIRouter) -> None:
        """Adds the routes."""
        at = HREF.removeprefix("/simcards")
        pages.add_api_route(at, self.find, methods=["GET"])
        pages.add_api_route(f"{at}/{{number}}", self.show, methods=["GET"])
        pages.add_api_route(f"{at}/{{number}}/retire", self.retire, methods=["POST"])
        pages.add_api_route(f"{at}/{{number}}/card", self.put_on_card, methods=["POST"])
        pages.add_api_route(f"{at}/{{number}}/come-back", self.come_back, methods=["POST"])

    async def find(self, request: Request, principal: Seller) -> Response:
        """Leads to the number that was typed, or says why there is none."""
        text = request.query_params.get("number", "").strip()[:ASKED_CHARS_MAX]
        number = parse_number(text) if text else None
        if number is None:
            said = "This is no number: begin with the country code, such as +1 212 231 0000." if text else ""
            return self._desk.page(request, principal, "find", 422 if said else 200, text=text, said=said)
        try:
            await self._desk.shop.numbers.story(principal.tenant, number)
        except NoSuchNumber as error:
            return self._desk.page(request, principal, "find", 404, text=text, said=error.message)
        return RedirectResponse(f"{HREF}/{number}", 303)

    async def show(self, request: Request, principal: Seller, number: PlainId) -> Response:
        """A number and what happened to it, the newest first."""
        row, pool, lines = await self._desk.shop.numbers.story(principal.tenant, _number(number))
        porting = await self._desk.shop.portings.of_number(principal.tenant, row.number)
        card = await self._desk.shop.cards.of_number(principal.tenant, row.number)
        return self._desk.page(
            request,
            principal,
            "number",
            row=row,
            pool=pool,
            lines=lines[::-1],
            porting=porting,
            number=shown(row.number),
            number_class=class_of(row.number),
            where=country(pool.region) if pool else "",
            card=masked_tail(card) if card else "",
            may_retire=(row.state, NumberMove.RETIRE) in states.MOVES,
            may_rest=pool is not None and (row.state, NumberMove.REST) in states.MOVES,
        )

    async def retire(self, request: Request, principal: Manager, number: PlainId) -> Response:
        """Takes it off the shop for good."""
        found, form = _number(number), await read_form(request)

        async def work() -> None:
            wanted = read_document(ReasonIn, {"reason": form.value("reason")})
            if not wanted.reason:
                raise Invalid.of("reason", "missing", "Say why: it stays in the number's story.")
            await self._desk.shop.numbers.retire(principal.tenant, found, principal.label, wanted.reason)

        return await self._moved(request, found, work, "The number is off the shop for good.")

    async def put_on_card(self, request: Request, principal: Seller, number: PlainId) -> Response:
        """A new card for a number in use."""
        found, form = _number(number), await read_form(request)

        async def work() -> None:
            try:
                iccid = parse_iccid(form.value("iccid"))
            except BadCard as error:
                raise Invalid.of("iccid", error.code, str(error)) from None
            await self._desk.shop.numbers.put_on_card(principal.tenant, found, iccid, principal.label)

        return await self._moved(request, found, work, "The number is on the new card; the old one stops working.")

    async def come_back(self, request: Request, principal: Manager, number: PlainId) -> Response:
        """It was given up at the other carrier."""
        found = _number(number)

        async def work() -> None:
            await self._desk.shop.numbers.come_back(principal.tenant, found, principal.label)

        return await self._moved(request, found, work, "The number is ours again, and rests.")

    async def _moved(self, request: Request, number: int, work: Callable[[], Awaitable[None]], said: str) -> Response:
        here = f"{HREF}/{number}"
        try:
            await work()
        except (Conflict, Invalid) as error:
            return refused(request, here, error)
        return done(request, here, said)


def _number(text: str) -> int:
    if (found := parse_number(text)) is None:
        raise NotFound(f"{text!r} is not a number with its country code.")
    return found
