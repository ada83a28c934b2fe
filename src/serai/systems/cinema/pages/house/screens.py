"""/cinema/house/screens: a new screen from a hall to start with, and the page of the plan editor."""

from collections.abc import Callable, Mapping
from typing import Annotated, Literal

from fastapi import APIRouter, Request, Response
from pydantic import Field

from serai.kernel.errors import Invalid
from serai.runtime.http.models import Model
from serai.systems.cinema.errors import NoSuchScreen, NoSuchTheater
from serai.systems.cinema.http import Cinema
from serai.systems.cinema.http.admin_models import Line, ScreenPatch
from serai.systems.cinema.http.parts import Manager, path_uuid
from serai.systems.cinema.model import Screen, Theater
from serai.systems.cinema.pages.house.parts import HOUSE
from serai.systems.cinema.plan import Plan, classic, export_plan, stadium, studio
from serai.systems.identity.api import done
from serai.web.forms import Form, read_form
from serai.web.shell import Shell

HALLS = (
    ("classic", "Classic: straight rows, two aisles, a premium middle"),
    ("stadium", "Stadium: curved rows that grow towards the back"),
    ("studio", "Studio: sofas for two"),
)
FIRST = Form({"hall": "classic", "rows": "12", "seats": "18"})


class HallIn(Model):
    """The hall that a new screen starts with; the editor makes of it what it really is."""

    name: Line
    hall: Literal["classic", "stadium", "studio"]
    rows: Annotated[int, Field(ge=4, le=24)]
    seats: Annotated[int, Field(ge=8, le=40)]


_DRAW: Mapping[str, Callable[[HallIn], Plan]] = {
    "classic": lambda hall: classic(rows=hall.rows, seats=hall.seats),
    "stadium": lambda hall: stadium(rows=hall.rows, first=hall.seats),
    "studio": lambda hall: studio(rows=hall.rows, sofas=hall.seats // 2),
}


class ScreensPages:
    """Adds, draws and names screens."""

    def __init__(self, cinema: Cinema, shell: Shell) -> None:
        self._cinema = cinema
        self._shell = shell

    def add_to(self, pages: APIRouter) -> None:
        """Adds the routes."""
        pages.add_api_route("/house/theaters/{theater_id}/screens/new", self.show_new, methods=["GET"])
        pages.add_api_route("/house/theaters/{theater_id}/screens/new", self.add, methods=["POST"])
        pages.add_api_route("/house/screens/{screen_id}", self.show, methods=["GET"])
        pages.add_api_route("/house/screens/{screen_id}", self.rename, methods=["POST"])

    async def show_new(self, request: Request, principal: Manager, theater_id: str) -> Response:
        """The form of a new screen."""
        return self._form(request, FIRST, await self._theater(principal, theater_id))

    async def add(self, request: Request, principal: Manager, theater_id: str) -> Response:
        """Adds the screen and leads to its plan, or shows the form again."""
        theater = await self._theater(principal, theater_id)
        form = await read_form(request)
        try:
            hall = form.read_as(HallIn)
            plan = export_plan(_DRAW[hall.hall](hall))
            screen = await self._cinema.house.add_screen(
                principal.tenant, theater.theater_id, hall.name, plan, principal.label
            )
        except Invalid as error:
            return self._form(request, form.refused(error), theater, error.status)
        said = f"{screen.name} is added with {screen.seats} seats. Draw it as it is, then save."
        return done(request, f"{HOUSE}/screens/{screen.screen_id}", said)

    async def show(self, request: Request, principal: Manager, screen_id: str) -> Response:
        """The plan editor around the screen's plan."""
        screen = await self._screen(principal, screen_id)
        return await self._editor(request, principal, screen, Form({"name": screen.name}))

    async def rename(self, request: Request, principal: Manager, screen_id: str) -> Response:
        """Names the screen, or shows the page again."""
        screen = await self._screen(principal, screen_id)
        form = await read_form(request)
        try:
            wanted = form.read_as(ScreenPatch)
            named = await self._cinema.house.rename_screen(
                principal.tenant, screen.screen_id, wanted.name, principal.label
            )
        except Invalid as error:
            return await self._editor(request, principal, screen, form.refused(error), error.status)
        return done(request, f"{HOUSE}/screens/{screen.screen_id}", f"The screen is called {named.name} now.")

    async def _theater(self, principal: Manager, theater_id: str) -> Theater:
        found = path_uuid(theater_id, NoSuchTheater, "theater")
        return await self._cinema.house.theater(principal.tenant, found)

    async def _screen(self, principal: Manager, screen_id: str) -> Screen:
        return await self._cinema.house.screen(principal.tenant, path_uuid(screen_id, NoSuchScreen, "screen"))

    def _form(self, request: Request, form: Form, theater: Theater, status: int = 200) -> Response:
        return self._shell.render(
            request,
            "cinema/house/screen_new.html",
            status=status,
            system="cinema",
            form=form,
            theater=theater,
            halls=HALLS,
        )

    async def _editor(
        self, request: Request, principal: Manager, screen: Screen, form: Form, status: int = 200
    ) -> Response:
        theater = await self._cinema.house.theater(principal.tenant, screen.theater_id)
        return self._shell.render(
            request,
            "cinema/house/screen.html",
            status=status,
            system="cinema",
            form=form,
            screen=screen,
            theater=theater,
        )
