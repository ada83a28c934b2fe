"""/simcards/desk: how the shop stands, which pool runs out first, and what waits for somebody."""

from fastapi import APIRouter, Request, Response

from serai.systems.simcards.http.parts import Seller
from serai.systems.simcards.numbering.states import NumberState
from serai.systems.simcards.pages.desk.parts import DESK, Desk, sales_chart, segments
from serai.systems.simcards.pages.parts import country, how_long, lead_words

_S = NumberState


class OverviewPage:
    """The first page of those who run the shop."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def add_to(self, pages: APIRouter) -> None:
        """Adds the route."""
        pages.add_api_route(DESK.removeprefix("/simcards"), self.show, methods=["GET"])

    async def show(self, request: Request, principal: Seller) -> Response:
        """All pools at a glance."""
        board = await self._desk.shop.board.dashboard(principal.tenant)
        return self._desk.page(
            request,
            principal,
            "overview",
            board=board,
            free=board.count(_S.AVAILABLE),
            held=board.count(_S.HELD),
            used=board.count(_S.SOLD, _S.ACTIVE),
            resting=board.count(_S.QUARANTINE),
            chart=sales_chart(board.days),
            rows=[
                (
                    each,
                    segments(each),
                    f"{country(each.pool.region)}, {lead_words(each.pool)}",
                    how_long(each.days_left),
                )
                for each in board.standings
            ],
            how_long=how_long,
        )
