"""Running the house: movies, theaters, screens, plans and shows. Changes need the role `cinema:manage`.

Movies, theaters and a show's terms may be read by anybody; they are on the posters.
"""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response

from serai.kernel.errors import FieldError, Invalid
from serai.kernel.money import Money
from serai.runtime.http.models import LINE, PAGE_MAX, Page
from serai.runtime.http.principal import Asking
from serai.runtime.http.routing import Router
from serai.runtime.postgres.keyset import Seek, Slice
from serai.systems.cinema.errors import NoSuchMovie, NoSuchScreen, NoSuchShow, NoSuchTheater
from serai.systems.cinema.http.admin_models import (
    MovieFull,
    MovieIn,
    MoviePatch,
    ScreenIn,
    ScreenOut,
    ScreenPatch,
    SeatsIn,
    ShowFull,
    ShowIn,
    ShowPatch,
    TheaterFull,
    TheaterIn,
    TheaterPatch,
    changes_of,
    planned_show,
    terms_of,
)
from serai.systems.cinema.http.parts import (
    Cinema,
    Manager,
    PlainId,
    ShowId,
    body_uuid,
    find_show,
    json_response,
    movie_json,
    path_uuid,
    read_cursor,
    theater_json,
    write_cursor,
)
from serai.systems.cinema.model import Movie, Screen, Show, Theater
from serai.systems.cinema.store import house as store

Cursor = Annotated[str | None, Query(max_length=700)]
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX)]


def admin_router(cinema: Cinema) -> APIRouter:
    """The routes of those who run the house."""
    router = Router(prefix="/api/cinema/v1", tags=["cinema: house"])
    _movies(router, cinema)
    _theaters(router, cinema)
    _screens(router, cinema)
    _plans(router, cinema)
    _shows(router, cinema)
    _seats(router, cinema)
    return router


def _movies(router: APIRouter, cinema: Cinema) -> None:
    @router.get("/movies", response_model=Page[MovieFull], summary="Movies by title")
    async def list_movies(
        principal: Asking,
        q: Annotated[str | None, Query(max_length=80, pattern=LINE)] = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Response:
        async with cinema.database.transaction(principal.tenant) as tx:
            found = await store.movies(tx, q, _seek("title", cursor, limit))
        return _page(found.map(_movie_json))

    @router.get("/movies/{movie_id}", response_model=MovieFull, summary="A movie")
    async def get_movie(principal: Asking, movie_id: PlainId) -> Response:
        movie = await cinema.house.movie(principal.tenant, path_uuid(movie_id, NoSuchMovie, "movie"))
        return json_response(_movie_json(movie))

    @router.post("/movies", response_model=MovieFull, status_code=201, summary="Add a movie")
    async def add_movie(principal: Manager, wanted: MovieIn) -> Response:
        movie = await cinema.house.add_movie(principal.tenant, wanted.model_dump(), principal.label)
        return json_response(_movie_json(movie), 201)

    @router.patch("/movies/{movie_id}", response_model=MovieFull, summary="Change a movie")
    async def edit_movie(principal: Manager, movie_id: PlainId, wanted: MoviePatch) -> Response:
        found = path_uuid(movie_id, NoSuchMovie, "movie")
        return json_response(
            _movie_json(await cinema.house.edit_movie(principal.tenant, found, changes_of(wanted), principal.label))
        )


def _theaters(router: APIRouter, cinema: Cinema) -> None:
    @router.get("/theaters", response_model=Page[TheaterFull], summary="Theaters by name")
    async def list_theaters(
        principal: Asking,
        city: Annotated[str | None, Query(max_length=80, pattern=LINE)] = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Response:
        async with cinema.database.transaction(principal.tenant) as tx:
            found = await store.theaters(tx, city, _seek("name", cursor, limit))
        return _page(found.map(_theater_json))

    @router.get("/theaters/{theater_id}", response_model=TheaterFull, summary="A theater")
    async def get_theater(principal: Asking, theater_id: PlainId) -> Response:
        found = path_uuid(theater_id, NoSuchTheater, "theater")
        return json_response(_theater_json(await cinema.house.theater(principal.tenant, found)))

    @router.post("/theaters", response_model=TheaterFull, status_code=201, summary="Add a theater")
    async def add_theater(principal: Manager, wanted: TheaterIn) -> Response:
        theater = await cinema.house.add_theater(principal.tenant, wanted.model_dump(), principal.label)
        return json_response(_theater_json(theater), 201)

    @router.patch("/theaters/{theater_id}", response_model=TheaterFull, summary="Change a theater")
    async def edit_theater(principal: Manager, theater_id: PlainId, wanted: TheaterPatch) -> Response:
        found = path_uuid(theater_id, NoSuchTheater, "theater")
        return json_response(
            _theater_json(await cinema.house.edit_theater(principal.tenant, found, changes_of(wanted), principal.label))
        )


def _screens(router: APIRouter, cinema: Cinema) -> None:
    @router.get("/screens", response_model=Page[ScreenOut], summary="Screens by name")
    async def list_screens(
        principal: Manager,
        theater: Annotated[UUID | None, Query()] = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Response:
        async with cinema.database.transaction(principal.tenant) as tx:
            found = await store.screens(tx, theater, _seek("name", cursor, limit))
        return _page(found.map(_screen_json))

    @router.get("/screens/{screen_id}", response_model=ScreenOut, summary="A screen")
    async def get_screen(principal: Manager, screen_id: PlainId) -> Response:
        found = path_uuid(screen_id, NoSuchScreen, "screen")
        return json_response(_screen_json(await cinema.house.screen(principal.tenant, found)))

    @router.post("/screens", response_model=ScreenOut, status_code=201, summary="Add a screen with its plan")
    async def add_screen(principal: Manager, wanted: ScreenIn) -> Response:
        theater_id = body_uuid("theater_id", wanted.theater_id, "theater")
        try:
            screen = await cinema.house.add_screen(
                principal.tenant, theater_id, wanted.name, wanted.plan, principal.label
            )
        except Invalid as error:
            raise _beneath("plan", error) from None
        return json_response(_screen_json(screen), 201)

    @router.patch("/screens/{screen_id}", response_model=ScreenOut, summary="Rename a screen")
    async def edit_screen(principal: Manager, screen_id: PlainId, wanted: ScreenPatch) -> Response:
        found = path_uuid(screen_id, NoSuchScreen, "screen")
        if "name" in wanted.model_fields_set:
            screen = await cinema.house.rename_screen(principal.tenant, found, wanted.name, principal.label)
        else:
            screen = await cinema.house.screen(principal.tenant, found)
        return json_response(_screen_json(screen))


def _plans(router: APIRouter, cinema: Cinema) -> None:
    @router.get("/screens/{screen_id}/plan", summary="The screen's plan, in pretix's public format")
    async def get_plan(principal: Manager, screen_id: PlainId) -> Response:
        found = path_uuid(screen_id, NoSuchScreen, "screen")
        return json_response(await cinema.house.plan_of(principal.tenant, found))

    @router.put("/screens/{screen_id}/plan", response_model=ScreenOut, summary="The plan of the screen's next shows")
    async def put_plan(principal: Manager, screen_id: PlainId, document: dict[str, Any]) -> Response:
        found = path_uuid(screen_id, NoSuchScreen, "screen")
        screen = await cinema.house.put_plan(principal.tenant, found, document, principal.label)
        return json_response(_screen_json(screen))


def _shows(router: APIRouter, cinema: Cinema) -> None:
    @router.get("/shows/{show_id}", response_model=ShowFull, summary="A show with its prices and terms")
    async def get_show(principal: Asking, show_id: ShowId) -> Response:
        return json_response(_show_json(await find_show(cinema, principal, show_id)))

    @router.post("/shows", response_model=ShowFull, status_code=201, summary="Add a show with its seats")
    async def add_show(principal: Manager, wanted: ShowIn) -> Response:
        show = await cinema.schedule.add(principal.tenant, planned_show(wanted), principal.label)
        return json_response(_show_json(show), 201)

    @router.patch("/shows/{show_id}", response_model=ShowFull, summary="Change prices and terms, while nothing is sold")
    async def edit_show(principal: Manager, show_id: ShowId, wanted: ShowPatch) -> Response:
        found = path_uuid(show_id, NoSuchShow, "show")
        show = await cinema.schedule.edit(principal.tenant, found, terms_of(wanted), principal.label)
        return json_response(_show_json(show))

    @router.post("/shows/{show_id}/cancel", response_model=ShowFull, summary="Call a show off; all are refunded")
    async def cancel_show(principal: Manager, show_id: ShowId) -> Response:
        found = path_uuid(show_id, NoSuchShow, "show")
        return json_response(_show_json(await cinema.schedule.call_off(principal.tenant, found, principal.label)))


def _seats(router: APIRouter, cinema: Cinema) -> None:
    @router.post("/shows/{show_id}/block", response_model=ShowFull, summary="Take seats off sale")
    async def block(principal: Manager, show_id: ShowId, wanted: SeatsIn) -> Response:
        found = path_uuid(show_id, NoSuchShow, "show")
        show = await cinema.schedule.block(principal.tenant, found, wanted.seat_ids, principal.label)
        return json_response(_show_json(show))

    @router.post("/shows/{show_id}/unblock", response_model=ShowFull, summary="Put seats back on sale")
    async def unblock(principal: Manager, show_id: ShowId, wanted: SeatsIn) -> Response:
        found = path_uuid(show_id, NoSuchShow, "show")
        show = await cinema.schedule.unblock(principal.tenant, found, wanted.seat_ids, principal.label)
        return json_response(_show_json(show))


def _beneath(field: str, error: Invalid) -> Invalid:
    """A refused plan's paths as paths of the request that carried it."""
    if error.code != "invalid_plan":
        return error
    found = tuple(FieldError(f"{field}.{each.field}", each.code, each.message) for each in error.errors)
    return type(error)(error.message, errors=found)


def _seek(order: str, cursor: str | None, limit: int) -> Seek:
    parts = read_cursor(cursor, 2)
    return Seek(order, limit, beside=(parts[0], parts[1]) if parts else None)


def _page(found: Slice[dict[str, Any]]) -> Response:
    more = write_cursor(*found.next) if found.next else None
    return json_response({"items": found.items, "next_cursor": more})


def _movie_json(movie: Movie) -> dict[str, Any]:
    return movie_json(movie) | {"genre": movie.genre, "synopsis": movie.synopsis, "retired": movie.retired}


def _theater_json(theater: Theater) -> dict[str, Any]:
    return theater_json(theater) | {"address": theater.address, "currency": theater.currency}


def _screen_json(screen: Screen) -> dict[str, Any]:
    return {
        "id": str(screen.screen_id),
        "theater_id": str(screen.theater_id),
        "name": screen.name,
        "plan": {"id": str(screen.plan_id), "name": screen.plan_name, "seats": screen.seats},
    }


def _show_json(show: Show) -> dict[str, Any]:
    return {
        "id": str(show.show_id),
        "movie": movie_json(show.movie),
        "theater": theater_json(show.theater),
        "screen": show.screen,
        "starts_at": show.starts_at,
        "ends_at": show.ends_at,
        "prices": {name: Money(minor, show.currency).json() for name, minor in show.prices.items()},
        "seats": len(show.plan.seats),
        "cancel_until_min": show.cancel_until_min,
        "cancel_fee_percent": show.cancel_fee_percent,
        "cancelled": show.cancelled,
    }
