"""/simcards/desk: for those who run the shop. Pools and how long they last, one pool, one number's story, portings that
wait, and the stock of cards as sheets."""

from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import Any

from babel.dates import format_date
from fastapi import APIRouter, Request, Response

from serai.kernel.errors import Conflict, Invalid, NotFound
from serai.kernel.ports import Random
from serai.runtime.http.answers import path_uuid
from serai.runtime.http.principal import Principal
from serai.runtime.sheets import BadSheet, ImportReport, SheetRefused
from serai.systems.simcards.errors import NoSuchPool, NoSuchPorting
from serai.systems.simcards.http.models import ReasonIn
from serai.systems.simcards.http.parts import Manager, PlainId, Seller, Simcards
from serai.systems.simcards.numbering.classes import class_of
from serai.systems.simcards.numbering.plans import parse_number, shown
from serai.systems.simcards.numbering.states import NumberState
from serai.systems.simcards.pages.parts import HOME, SYSTEM, country, done, how_long, lead_words, refused
from serai.systems.simcards.porting import MOVES, PortingMove
from serai.systems.simcards.service.board import Board, Day
from serai.systems.simcards.service.cards import COLUMNS
from serai.web.forms import Form, read_form
from serai.web.importing import Importing, Upload, read_upload
from serai.web.shell import Shell

DESK = f"{HOME}/desk"
ATTEMPT_BYTES = 16

DRAWN = (
    (NumberState.AVAILABLE, "Free"),
    (NumberState.HELD, "Held"),
    (NumberState.SOLD, "Sold"),
    (NumberState.ACTIVE, "Active"),
    (NumberState.PORTED_OUT, "Ported out"),
    (NumberState.QUARANTINE, "Resting"),
    (NumberState.RETIRED, "Retired"),
)
"""States as the dashboard draws them, with their words."""

MOVE_WORDS = {
    PortingMove.ACCEPT: "Accept",
    PortingMove.COMPLETE: "It has moved",
    PortingMove.REJECT: "Reject",
}
"""What somebody at the desk may do with a request; only its owner withdraws it."""


class DeskPages:
    """Shows and decides."""

    def __init__(self, shop: Simcards, board: Board, shell: Shell, random: Random) -> None:
        self._shop = shop
        self._board = board
        self._shell = shell
        self._random = random

    def add_to(self, pages: APIRouter) -> None:
        """Adds the routes."""
        pages.add_api_route("/desk", self.dashboard, methods=["GET"])
        pages.add_api_route("/desk/pools/{pool_id}", self.pool, methods=["GET"])
        pages.add_api_route("/desk/numbers", self.number, methods=["GET"])
        pages.add_api_route("/desk/numbers/retire", self.retire, methods=["POST"])
        pages.add_api_route("/desk/portings", self.portings, methods=["GET"])
        pages.add_api_route("/desk/portings/{porting_id}/{move}", self.decide, methods=["POST"])
        pages.add_api_route("/desk/cards", self.cards, methods=["GET"])
        pages.add_api_route("/desk/cards", self.load, methods=["POST"])
        pages.add_api_route("/desk/cards.csv", self.sheet, methods=["GET"])

    def _page(
        self, request: Request, principal: Principal, template: str, status: int = 200, **context: Any
    ) -> Response:
        return self._shell.render(
            request,
            f"simcards/desk/{template}.html",
            status=status,
            system=SYSTEM,
            may={"manage": principal.may("simcards:manage")},
            **context,
        )

    # Pools ------------------------------------------------------------------------------------------------------------

    async def dashboard(self, request: Request, principal: Seller) -> Response:
        """All pools, those that run out first on top."""
        seen = await self._board.dashboard(principal.tenant)
        return self._page(
            request,
            principal,
            "dashboard",
            seen=seen,
            chart=_chart(seen.days),
            free=seen.count(NumberState.AVAILABLE),
            held=seen.count(NumberState.HELD),
            sold=seen.count(NumberState.SOLD, NumberState.ACTIVE),
            resting=seen.count(NumberState.QUARANTINE),
            country=country,
            lead=lead_words,
            how_long=how_long,
            parts=_parts,
        )

    async def pool(self, request: Request, principal: Seller, pool_id: PlainId) -> Response:
        """One pool: its numbers by state, and what is sold of it."""
        found = path_uuid(pool_id, NoSuchPool, "pool")
        standing = await self._shop.pools.standing(principal.tenant, found)
        return self._page(
            request,
            principal,
            "pool",
            standing=standing,
            pool=standing.pool,
            chart=_chart(await self._board.sold(principal.tenant, found)),
            states=[(word, standing.counts[state]) for state, word in DRAWN],
            country=country,
            lead=lead_words,
            how_long=how_long,
            parts=_parts,
        )

    # Numbers ----------------------------------------------------------------------------------------------------------

    async def number(self, request: Request, principal: Seller, number: str = "") -> Response:
        """A number's story."""
        return await self._number(request, principal, number, Form({"number": number}))

    async def _number(
        self, request: Request, principal: Principal, text: str, form: Form, status: int = 200
    ) -> Response:
        story: dict[str, Any] = {}
        parsed = parse_number(text) if text else None
        if text and parsed is None:
            form = form.refused(
                Invalid.of("number", "no_number", "Write it with its country code, such as +49 1520 1234567.")
            )
        elif parsed is not None:
            try:
                row, pool, lines = await self._shop.numbers.story(principal.tenant, parsed)
            except NotFound as error:
                form, status = form.refused(error, fields={error.code: "number"}), 404
            else:
                story = {"row": row, "pool": pool, "lines": lines, "number_class": class_of(row.number)}
        return self._page(request, principal, "number", status, form=form, story=story, shown_number=shown)

    async def retire(self, request: Request, principal: Manager) -> Response:
        """Takes a number off the shop for good."""
        form = await read_form(request)
        text = form.value("number")
        parsed = parse_number(text)
        try:
            if parsed is None:
                raise Invalid.of("number", "no_number", "Write it with its country code.")
            reason = form.read_as(ReasonIn, {"reason": form.value("reason")}).reason
            if not reason.strip():
                raise Invalid.of("reason", "missing", "Say why: it stays in the number's story.")
            await self._shop.numbers.retire(principal.tenant, parsed, principal.label, reason)
        except (Invalid, Conflict, NotFound) as error:
            return await self._number(request, principal, text, form.refused(error), error.status)
        return done(request, f"{DESK}/numbers?number=%2B{parsed}", f"{shown(parsed)} is off the shop.")

    # Portings ---------------------------------------------------------------------------------------------------------

    async def portings(self, request: Request, principal: Seller) -> Response:
        """Requests that wait for somebody."""
        waiting = await self._shop.portings.waiting(principal.tenant)
        moves = {
            each.porting_id: [(move, word) for move, word in MOVE_WORDS.items() if (each.state, move) in MOVES]
            for each in waiting
        }
        return self._page(request, principal, "portings", waiting=waiting, moves=moves, shown_number=shown)

    async def decide(self, request: Request, principal: Manager, porting_id: PlainId, move: str) -> Response:
        """Moves a request along its table."""
        form = await read_form(request)
        chosen = next((known for known in MOVE_WORDS if known == move), None)
        if chosen is None:
            raise NoSuchPorting(f"Nobody at the desk moves a request by {move!r}.")
        found = path_uuid(porting_id, NoSuchPorting, "porting request")
        try:
            reason = form.read_as(ReasonIn, {"reason": form.value("reason")}).reason
            moved = await self._shop.portings.move(principal.tenant, found, chosen, principal.label, reason)
        except (Conflict, Invalid) as error:
            return refused(request, f"{DESK}/portings", error)
        return done(request, f"{DESK}/portings", f"{shown(moved.number)} is {moved.state.value} now.")

    # Cards ------------------------------------------------------------------------------------------------------------

    async def cards(self, request: Request, principal: Manager) -> Response:
        """The stock, and how to load more."""
        return await self._cards(request, principal, Importing("cards"))

    async def load(self, request: Request, principal: Manager) -> Response:
        """A dry run of the file; with what it said confirmed, the import. Loading one twice finds its cards known."""
        try:
            upload = await read_upload(request)
            report = await self._loaded(principal, upload)
        except (BadSheet, SheetRefused) as error:
            return await self._cards(request, principal, Importing("cards", refused=error.message), error.status)
        if upload.confirmed and not report.errors:
            word = "card is" if report.imported == 1 else "cards are"
            return done(request, f"{DESK}/cards", f"{report.imported:,} {word} in stock.")
        return await self._cards(request, principal, Importing("cards", upload, report), 422 if report.errors else 200)

    async def _loaded(self, principal: Principal, upload: Upload) -> ImportReport:
        return await self._shop.cards.load(principal.tenant, upload.raw, dry_run=not upload.confirmed)

    async def _cards(self, request: Request, principal: Principal, importing: Importing, status: int = 200) -> Response:
        seen = await self._board.dashboard(principal.tenant)
        return self._page(
            request,
            principal,
            "cards",
            status,
            importing=importing,
            columns=COLUMNS,
            counts=seen.cards,
            attempt=self._random.token(ATTEMPT_BYTES).hex(),
        )

    async def sheet(self, principal: Manager) -> Response:
        """The stock as a file."""
        text = await self._shop.cards.sheet(principal.tenant)
        headers = {"content-disposition": 'attachment; filename="cards.csv"'}
        return Response(text, media_type="text/csv", headers=headers)


def _chart(days: Sequence[Day]) -> dict[str, Any]:
    return {
        "x": [int(datetime.combine(day, time(12), UTC).timestamp()) for day, _ in days],
        "names": [format_date(day, "EEE d MMM", locale="en") for day, _ in days],
        "series": [{"label": "Sold", "unit": "numbers", "bars": True, "values": [count for _, count in days]}],
    }


def _parts(counts: dict[NumberState, int], size: int) -> list[tuple[str, str, float, float]]:
    """(state, word, where its part of a bar begins, how long it is), of 1,000."""
    found, at = [], 0.0
    for state, word in DRAWN:
        share = counts[state] * 1000 / max(1, size)
        if share:
            found.append((state.value, word, at, share))
        at += share
    return found
