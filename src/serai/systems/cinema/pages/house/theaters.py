"""/cinema/house/theaters: theaters with their screens, and the forms that add and change them."""

from babel.numbers import list_currencies
from fastapi import APIRouter, Request, Response

from serai.kernel.errors import Invalid
from serai.systems.cinema.errors import NoSuchTheater
from serai.systems.cinema.http import Cinema
from serai.systems.cinema.http.admin_models import TheaterIn, TheaterPatch, changes_of
from serai.systems.cinema.http.parts import Manager, path_uuid
from serai.systems.cinema.model import Screen, Theater
from serai.systems.cinema.pages.house.parts import HOUSE, form_of
from serai.systems.cinema.service.house import TIME_ZONES
from serai.systems.cinema.store import house as store
from serai.systems.identity.api import done
from serai.web.forms import Form, read_form
from serai.web.listing import Column, read_listing
from serai.web.shell import Shell

HREF = f"{HOUSE}/theaters"

COLUMNS = (Column("Theater", "name"), Column("City", "city"), Column("Screens"), Column("Sells in"), Column("Clock"))
FIELDS = ("name", "city", "address", "time_zone", "currency")


class TheatersPages:
    """Lists, adds and changes theaters."""

    def __init__(self, cinema: Cinema, shell: Shell) -> None:
        self._cinema = cinema
        self._shell = shell

    def add_to(self, pages: APIRouter) -> None:
        """Adds the routes."""
        pages.add_api_route("/house/theaters", self.show_all, methods=["GET"])
        pages.add_api_route("/house/theaters/new", self.show_new, methods=["GET"])
        pages.add_api_route("/house/theaters/new", self.add, methods=["POST"])
        pages.add_api_route("/house/theaters/{theater_id}", self.show, methods=["GET"])
        pages.add_api_route("/house/theaters/{theater_id}", self.edit, methods=["POST"])

    async def show_all(self, request: Request, principal: Manager) -> Response:
        """A page of the theaters, each with its screens."""
        asked = read_listing(
            request, noun=("theater", "theaters"), columns=COLUMNS, usual="name", search="Theater or city"
        )
        async with self._cinema.database.transaction(principal.tenant) as tx:
            found = await store.theaters(tx, None, asked.seek, asked.text)
            screens = await store.screens_of(tx, [theater.theater_id for theater in found.items])
        rows = found.map(lambda theater: (theater, screens[theater.theater_id]))
        return self._shell.render(request, "cinema/house/theaters.html", system="cinema", theaters=asked.showing(rows))

    async def show_new(self, request: Request, principal: Manager) -> Response:
        """An empty form."""
        return self._form(request, Form(), None)

    async def add(self, request: Request, principal: Manager) -> Response:
        """Adds the theater and leads to it, for its screens; or shows the form again."""
        form = await read_form(request)
        try:
            wanted = form.read_as(TheaterIn)
            theater = await self._cinema.house.add_theater(principal.tenant, wanted.model_dump(), principal.label)
        except Invalid as error:
            return self._form(request, form.refused(error), None, status=error.status)
        return done(request, f"{HREF}/{theater.theater_id}", f"{theater.name} is added. Now give it a screen.")

    async def show(self, request: Request, principal: Manager, theater_id: str) -> Response:
        """The theater's form and screens."""
        found = path_uuid(theater_id, NoSuchTheater, "theater")
        theater = await self._cinema.house.theater(principal.tenant, found)
        return self._form(request, form_of(theater, FIELDS), theater, await self._screens(theater, principal))

    async def edit(self, request: Request, principal: Manager, theater_id: str) -> Response:
        """Changes the theater, or shows the form again."""
        found = path_uuid(theater_id, NoSuchTheater, "theater")
        theater = await self._cinema.house.theater(principal.tenant, found)
        form = await read_form(request)
        try:
            changes = changes_of(form.read_as(TheaterPatch))
            theater = await self._cinema.house.edit_theater(principal.tenant, found, changes, principal.label)
        except Invalid as error:
            screens = await self._screens(theater, principal)
            return self._form(request, form.refused(error), theater, screens, status=error.status)
        return done(request, HREF, f"{theater.name} is saved.")

    async def _screens(self, theater: Theater, principal: Manager) -> list[Screen]:
        async with self._cinema.database.transaction(principal.tenant) as tx:
            return (await store.screens_of(tx, [theater.theater_id]))[theater.theater_id]

    def _form(
        self,
        request: Request,
        form: Form,
        theater: Theater | None,
        screens: list[Screen] | None = None,
        *,
        status: int = 200,
    ) -> Response:
        return self._shell.render(
            request,
            "cinema/house/theater.html",
            status=status,
            system="cinema",
            form=form,
            theater=theater,
            screens=screens or [],
            zones=sorted(TIME_ZONES),
            currencies=sorted(list_currencies()),
        )
