"""/cinema/house/shows: the schedule, and the form of a new show."""

from datetime import date
from uuid import UUID

from fastapi import APIRouter, Request, Response

from serai.kernel.errors import Invalid
from serai.runtime.http.principal import Principal
from serai.runtime.postgres.keyset import Seek
from serai.systems.cinema.errors import NoSuchScreen
from serai.systems.cinema.http import Cinema
from serai.systems.cinema.http.admin_models import planned_show
from serai.systems.cinema.http.parts import Manager, as_uuid
from serai.systems.cinema.model import Screen, Theater
from serai.systems.cinema.pages.house.parts import HOUSE, SHOWN_AGAIN, all_theaters
from serai.systems.cinema.pages.house.show_form import CLASHES, price_field, priced_categories, read_show, terms_form
from serai.systems.cinema.plan import Plan, import_plan
from serai.systems.cinema.service.board import Board
from serai.systems.cinema.store import house as store
from serai.systems.cinema.store.schedule import ShowsWanted, Terms
from serai.systems.identity.api import done
from serai.web.forms import Form, read_form
from serai.web.listing import Column, Filter, Listing, read_listing
from serai.web.shell import Shell

HREF = f"{HOUSE}/shows"
MOVIES_MAX = 1_000
"""Movies that the form of a new show offers."""

COLUMNS = (
    Column("Starts", "time"),
    Column("Movie", "movie"),
    Column("Where", "theater"),
    Column("Sold"),
    Column("Seats left", side="end"),
    Column("From", side="end"),
)
STATES = (("", "To come"), ("past", "Over"), ("off", "Called off"))
KEPT = ("movie_id", "starts_at", "cancel_until_min", "cancel_fee_percent")
"""Fields that stay when another screen is chosen."""


class ShowsPages:
    """Lists and adds shows."""

    def __init__(self, cinema: Cinema, board: Board, shell: Shell) -> None:
        self._cinema = cinema
        self._board = board
        self._shell = shell

    def add_to(self, pages: APIRouter) -> None:
        """Adds the routes."""
        pages.add_api_route("/house/shows", self.show_all, methods=["GET"])
        pages.add_api_route("/house/shows/new", self.show_new, methods=["GET"])
        pages.add_api_route("/house/shows/new", self.add, methods=["POST"])

    async def show_all(self, request: Request, principal: Manager) -> Response:
        """A page of the schedule."""
        theaters = await all_theaters(self._cinema, principal.tenant)
        asked = _asked(request, theaters)
        wanted = ShowsWanted(
            state=asked.chosen["state"] or "coming",
            text=asked.text,
            theater=as_uuid(asked.chosen["theater"]),
            day=_day(asked.chosen["day"]),
        )
        found = await self._board.shows(principal.tenant, wanted, asked.seek)
        return self._shell.render(request, "cinema/house/shows.html", system="cinema", shows=asked.showing(found))

    async def show_new(self, request: Request, principal: Manager) -> Response:
        """The form for a screen; without one in the address, it asks for the screen first."""
        query = request.query_params
        screen = await self._chosen_screen(principal, query.get("screen_id", ""))
        kept = {name: query.get(name, "") for name in KEPT if query.get(name)}
        if screen is None:
            return await self._form(request, principal, Form(kept), None)
        theater = await self._cinema.house.theater(principal.tenant, screen.theater_id)
        terms = await self._board.latest_terms(principal.tenant, screen.screen_id) or Terms({})
        typed = {name: value for name, value in query.items() if name.startswith(price_field("")) and value}
        form = Form(terms_form(terms, theater.currency) | kept | typed | {"screen_id": str(screen.screen_id)})
        return await self._form(request, principal, form, screen)

    async def add(self, request: Request, principal: Manager) -> Response:
        """Adds the show, or shows the form again."""
        form = await read_form(request)
        screen = await self._chosen_screen(principal, form.value("screen_id"))
        if screen is None:
            error = Invalid.of("screen_id", "unknown_screen", "Choose a screen.")
            return await self._form(request, principal, form.refused(error), None, error.status)
        theater = await self._cinema.house.theater(principal.tenant, screen.theater_id)
        plan = await self._plan(principal, screen)
        try:
            wanted = read_show(form, priced_categories(plan), theater)
            show = await self._cinema.schedule.add(principal.tenant, planned_show(wanted), principal.label)
        except SHOWN_AGAIN as refusal:
            again = form.refused(refusal, fields=CLASHES)
            return await self._form(request, principal, again, screen, refusal.status)
        return done(request, f"{HREF}/{show.show_id}", f"{show.movie.title} is on sale.")

    async def _chosen_screen(self, principal: Principal, text: str) -> Screen | None:
        found = as_uuid(text)
        if found is None:
            return None
        try:
            return await self._cinema.house.screen(principal.tenant, found)
        except NoSuchScreen:
            return None

    async def _plan(self, principal: Principal, screen: Screen) -> Plan:
        return import_plan(await self._cinema.house.plan_of(principal.tenant, screen.screen_id))

    async def _form(
        self, request: Request, principal: Principal, form: Form, screen: Screen | None, status: int = 200
    ) -> Response:
        theaters = await all_theaters(self._cinema, principal.tenant)
        async with self._cinema.database.transaction(principal.tenant) as tx:
            movies = await store.movies(tx, None, Seek("title", MOVIES_MAX), retired=False)
            screens = await store.screens_of(tx, [theater.theater_id for theater in theaters])
        plan = await self._plan(principal, screen) if screen else None
        return self._shell.render(
            request,
            "cinema/house/show_new.html",
            status=status,
            system="cinema",
            form=form,
            movies=[("", "Choose a movie")] + [(str(one.movie_id), one.title) for one in movies.items],
            screens=_screen_options(theaters, screens),
            screen=screen,
            theater=next((one for one in theaters if screen and one.theater_id == screen.theater_id), None),
            categories=priced_categories(plan) if plan else (),
        )


def _asked(request: Request, theaters: tuple[Theater, ...]) -> Listing:
    places = [("", "All theaters")] + [(str(one.theater_id), one.name) for one in theaters]
    filters = (
        Filter("theater", "Theater", "building-2", places),
        Filter("day", "Day", "calendar", kind="date"),
        Filter("state", "State", "clock", STATES),
    )
    usual = "-time" if request.query_params.get("state") in ("past", "off") else "time"
    return read_listing(request, noun=("show", "shows"), columns=COLUMNS, usual=usual, search="Movie", filters=filters)


def _day(text: str) -> str | None:
    """A date for the database, or None for anything else."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return None


def _screen_options(
    theaters: tuple[Theater, ...], screens: dict[UUID, list[Screen]]
) -> list[tuple[str, list[tuple[str, str]]]]:
    """(theater, [(id, screen and its seats)]) of theaters that have screens."""
    return [
        (
            f"{theater.name}, {theater.city}",
            [(str(one.screen_id), f"{one.name} ({one.seats} seats)") for one in screens[theater.theater_id]],
        )
        for theater in theaters
        if screens[theater.theater_id]
    ]
