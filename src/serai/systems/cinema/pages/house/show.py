"""/cinema/house/shows/{id}: one show with its seats, its figures, its terms, and the way to call it off."""

from fastapi import APIRouter, Request, Response

from serai.kernel.errors import Conflict
from serai.kernel.ports import Clock
from serai.systems.cinema.http import Cinema
from serai.systems.cinema.http.admin_models import terms_of
from serai.systems.cinema.http.parts import Manager, find_show
from serai.systems.cinema.model import Show
from serai.systems.cinema.pages.house.parts import HOUSE, SHOWN_AGAIN
from serai.systems.cinema.pages.house.show_form import priced_categories, read_terms, terms_form
from serai.systems.cinema.service.board import Board
from serai.systems.cinema.store.schedule import Terms
from serai.systems.identity.api import done, refused
from serai.web.forms import Form, read_form
from serai.web.shell import Shell

HREF = f"{HOUSE}/shows"


class ShowPages:
    """Shows a show, changes its terms, calls it off."""

    def __init__(self, cinema: Cinema, board: Board, shell: Shell, clock: Clock) -> None:
        self._cinema = cinema
        self._board = board
        self._shell = shell
        self._clock = clock

    def add_to(self, pages: APIRouter) -> None:
        """Adds the routes."""
        pages.add_api_route("/house/shows/{show_id}", self.show, methods=["GET"])
        pages.add_api_route("/house/shows/{show_id}", self.edit, methods=["POST"])
        pages.add_api_route("/house/shows/{show_id}/call-off", self.call_off, methods=["POST"])

    async def show(self, request: Request, principal: Manager, show_id: str) -> Response:
        """The show as it stands."""
        show = await find_show(self._cinema, principal, show_id)
        return await self._page(request, principal, show, _terms(show))

    async def edit(self, request: Request, principal: Manager, show_id: str) -> Response:
        """New prices and terms, or the page again."""
        show = await find_show(self._cinema, principal, show_id)
        form = await read_form(request)
        try:
            wanted = read_terms(form, priced_categories(show.plan), show.currency)
            await self._cinema.schedule.edit(principal.tenant, show.show_id, terms_of(wanted), principal.label)
        except SHOWN_AGAIN as error:
            return await self._page(request, principal, show, form.refused(error), error.status)
        return done(request, f"{HREF}/{show.show_id}", "Prices and terms are saved.")

    async def call_off(self, request: Request, principal: Manager, show_id: str) -> Response:
        """Nothing of the show is sold from now on; its bookings are returned in the background."""
        show = await find_show(self._cinema, principal, show_id)
        href = f"{HREF}/{show.show_id}"
        try:
            await self._cinema.schedule.call_off(principal.tenant, show.show_id, principal.label)
        except Conflict as error:
            return refused(request, href, error)
        return done(request, href, f"{show.movie.title} is called off. Its bookings are being returned in full.")

    async def _page(self, request: Request, principal: Manager, show: Show, form: Form, status: int = 200) -> Response:
        return self._shell.render(
            request,
            "cinema/house/show.html",
            status=status,
            system="cinema",
            form=form,
            show=show,
            figures=await self._board.figures(principal.tenant, show),
            categories=priced_categories(show.plan),
            over=show.starts_at <= self._clock.now(),
        )


def _terms(show: Show) -> Form:
    return Form(terms_form(Terms(show.prices, show.cancel_until_min, show.cancel_fee_percent), show.currency))
