"""/cinema/house/movies: the list, and one movie's form."""

from fastapi import APIRouter, Request, Response

from serai.kernel.errors import Invalid
from serai.systems.cinema.errors import NoSuchMovie
from serai.systems.cinema.http import Cinema
from serai.systems.cinema.http.admin_models import MovieIn, MoviePatch, changes_of
from serai.systems.cinema.http.parts import Manager, path_uuid
from serai.systems.cinema.model import Movie
from serai.systems.cinema.pages.house.parts import HOUSE, form_of
from serai.systems.cinema.store import house as store
from serai.systems.identity.api import done
from serai.web.forms import Form, read_form
from serai.web.listing import Column, Filter, read_listing
from serai.web.shell import Shell

HREF = f"{HOUSE}/movies"

COLUMNS = (
    Column("Movie", "title"),
    Column("Genre", "genre"),
    Column("Length", "duration", "end"),
    Column("Rating", "rating"),
    Column("State"),
)
FILTERS = (Filter("state", "State", "film", (("", "All movies"), ("shown", "On offer"), ("retired", "Retired"))),)
RETIRED = {"shown": False, "retired": True}
FIELDS = ("title", "duration_min", "rating", "genre", "synopsis")


class MoviesPages:
    """Lists, adds and changes movies."""

    def __init__(self, cinema: Cinema, shell: Shell) -> None:
        self._cinema = cinema
        self._shell = shell

    def add_to(self, pages: APIRouter) -> None:
        """Adds the routes."""
        pages.add_api_route("/house/movies", self.show_all, methods=["GET"])
        pages.add_api_route("/house/movies/new", self.show_new, methods=["GET"])
        pages.add_api_route("/house/movies/new", self.add, methods=["POST"])
        pages.add_api_route("/house/movies/{movie_id}", self.show, methods=["GET"])
        pages.add_api_route("/house/movies/{movie_id}", self.edit, methods=["POST"])

    async def show_all(self, request: Request, principal: Manager) -> Response:
        """A page of the movies."""
        asked = read_listing(
            request,
            noun=("movie", "movies"),
            columns=COLUMNS,
            usual="title",
            search="Title",
            filters=FILTERS,
        )
        async with self._cinema.database.transaction(principal.tenant) as tx:
            found = await store.movies(tx, asked.text, asked.seek, RETIRED.get(asked.chosen["state"]))
        return self._shell.render(request, "cinema/house/movies.html", system="cinema", movies=asked.showing(found))

    async def show_new(self, request: Request, principal: Manager) -> Response:
        """An empty form."""
        return self._form(request, Form(), None)

    async def add(self, request: Request, principal: Manager) -> Response:
        """Adds the movie, or shows the form again."""
        form = await read_form(request)
        try:
            wanted = form.read_as(MovieIn)
            movie = await self._cinema.house.add_movie(principal.tenant, wanted.model_dump(), principal.label)
        except Invalid as error:
            return self._form(request, form.refused(error), None, error.status)
        return done(request, HREF, f"{movie.title} is added. It has no shows yet.")

    async def show(self, request: Request, principal: Manager, movie_id: str) -> Response:
        """The movie's form."""
        movie = await self._cinema.house.movie(principal.tenant, path_uuid(movie_id, NoSuchMovie, "movie"))
        return self._form(request, form_of(movie, FIELDS, retired="yes" if movie.retired else ""), movie)

    async def edit(self, request: Request, principal: Manager, movie_id: str) -> Response:
        """Changes the movie, or shows the form again."""
        movie = await self._cinema.house.movie(principal.tenant, path_uuid(movie_id, NoSuchMovie, "movie"))
        form = await read_form(request)
        retired = "true" if form.checked("retired") else "false"
        try:
            wanted = form.read_as(MoviePatch, dict(form.values) | {"retired": retired})
            changes = changes_of(wanted)
            movie = await self._cinema.house.edit_movie(principal.tenant, movie.movie_id, changes, principal.label)
        except Invalid as error:
            return self._form(request, form.refused(error), movie, error.status)
        return done(request, HREF, f"{movie.title} is saved.")

    def _form(self, request: Request, form: Form, movie: Movie | None, status: int = 200) -> Response:
        return self._shell.render(
            request, "cinema/house/movie.html", status=status, system="cinema", form=form, movie=movie
        )
