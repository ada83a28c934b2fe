"""A show and its seats; and, where there are too few of them, the way onto its waiting list."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from pydantic import ValidationError
from starlette.responses import RedirectResponse

from serai.kernel.errors import Conflict, Invalid, SeraiError
from serai.kernel.ports import Clock
from serai.runtime.http.principal import Asking
from serai.systems.checkout.api import EMAIL
from serai.systems.cinema.errors import ShowCancelled, ShowStarted
from serai.systems.cinema.http import Cinema
from serai.systems.cinema.http.parts import find_show
from serai.systems.cinema.model import Show
from serai.systems.cinema.service.programme import Programme
from serai.systems.identity.api import leave_flash
from serai.web.shell import Shell

PARTY_USUAL = 2
"""How many seats the form asks for before anybody has said so."""

BAD_EMAIL = "Write an e-mail address such as ada@example.org; the offer goes there."


@dataclass(frozen=True, slots=True)
class Wish:
    """What the form of the waiting list was filled in with."""

    count: int = PARTY_USUAL
    email: str = ""
    category: str = ""


class ShowPages:
    """/cinema/shows/{show}."""

    def __init__(self, cinema: Cinema, programme: Programme, shell: Shell, clock: Clock) -> None:
        self._cinema = cinema
        self._programme = programme
        self._shell = shell
        self._clock = clock

    def add_to(self, pages: APIRouter) -> None:
        """Adds the routes."""
        pages.add_api_route("/shows/{show_id}", self.show, methods=["GET"])
        pages.add_api_route("/shows/{show_id}/waiting", self.join, methods=["POST"])

    async def show(self, request: Request, principal: Asking, show_id: str) -> Response:
        """A show and its seats."""
        return await self._page(request, await find_show(self._cinema, principal, show_id))

    async def join(
        self,
        request: Request,
        principal: Asking,
        show_id: str,
        count: Annotated[int, Form(ge=0, le=1_000)] = PARTY_USUAL,
        email: Annotated[str, Form(max_length=254)] = "",
        category: Annotated[str, Form(max_length=190)] = "",
    ) -> Response:
        """A place in line; leads to the page of that place. A refused wish is shown again."""
        show = await find_show(self._cinema, principal, show_id)
        wish = Wish(count, email.strip(), category)
        try:
            address = EMAIL.validate_python(wish.email)
            standing = await self._cinema.waiting.join(
                principal.tenant, show.show_id, address, wish.count, wish.category or None
            )
        except ValidationError:
            return await self._page(request, show, wish, Invalid.of("email", "malformed", BAD_EMAIL))
        except (ShowStarted, ShowCancelled) as error:
            back = RedirectResponse(f"/cinema/shows/{show.show_id}", 303)
            leave_flash(request, back, "bad", error.message)
            return back
        except (Invalid, Conflict) as error:
            return await self._page(request, show, wish, error)
        return RedirectResponse(f"/cinema/waiting/{standing.entry.capability.text()}", 303)

    async def _page(
        self, request: Request, show: Show, wish: Wish | None = None, error: SeraiError | None = None
    ) -> Response:
        over = show.cancelled or show.starts_at <= self._clock.now()
        fields = {field.field: field.message for field in error.errors} if isinstance(error, Invalid) else {}
        return self._shell.render(
            request,
            "cinema/show.html",
            system="cinema",
            status=error.status if error else 200,
            show=show,
            seats_max=self._cinema.settings.seats_per_hold_max,
            over=over,
            free=0 if over else await self._programme.free(request.state.principal.tenant, show),
            wish=wish or Wish(),
            counts=[(count, str(count)) for count in range(1, self._cinema.settings.seats_per_hold_max + 1)],
            categories=[("", "Any"), *((name, name) for name in show.prices)],
            errors=fields,
            refused=error.message if error and not fields else "",
        )
