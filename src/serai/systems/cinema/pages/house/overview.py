"""/cinema/house: how the house stands today, and what comes."""

from datetime import date

from babel.dates import format_date
from fastapi import APIRouter, Request, Response

from serai.systems.cinema.http.parts import Manager
from serai.systems.cinema.service.board import Board
from serai.web.shell import Shell

SHOWS_MAX = 8
"""Shows of today that the overview names; the list has them all."""

MOVIES_MAX = 6
DAYS_MAX = 7


class OverviewPage:
    """The first page of those who run the house."""

    def __init__(self, board: Board, shell: Shell) -> None:
        self._board = board
        self._shell = shell

    def add_to(self, pages: APIRouter) -> None:
        """Adds the route."""
        pages.add_api_route("/house", self.show, methods=["GET"])

    async def show(self, request: Request, principal: Manager) -> Response:
        """Today and the coming days."""
        overview = await self._board.overview(principal.tenant)
        return self._shell.render(
            request,
            "cinema/house/overview.html",
            system="cinema",
            overview=overview,
            coming=overview.coming[:SHOWS_MAX],
            days=[(_words(group.key), group) for group in overview.days[:DAYS_MAX]],
            movies=overview.movies[:MOVIES_MAX],
        )


def _words(day: str) -> tuple[str, str]:
    """'Tuesday', '24 Nov'."""
    read = date.fromisoformat(day)
    return format_date(read, "EEEE", locale="en"), format_date(read, "d MMM", locale="en")
