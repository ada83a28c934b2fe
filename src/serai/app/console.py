"""The console's own pages: those that belong to no system, and the page of an error."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from fastapi import APIRouter, Depends, Request, Response

from serai.app.assembly import Built
from serai.app.overview import Overview
from serai.app.shell import READ_MAIL, has_mailbox
from serai.kernel.errors import SeraiError
from serai.runtime.http.principal import Requires, current_principal
from serai.runtime.mail import MailReader
from serai.runtime.system import World
from serai.systems.identity.api import CsrfProtected, PageRoute, settle
from serai.web.api_reader import read_api
from serai.web.error_codes import error_groups
from serai.web.home import home_routes
from serai.web.mailbox import MailboxPages
from serai.web.security import HEADERS
from serai.web.shell import Shell


def console_pages(world: World, built: Sequence[Built], description: Callable[[], dict[str, Any]]) -> APIRouter:
    """The home page, the documentation that is made from the code, and the mailbox."""
    shell = world.need(Shell)
    pages = APIRouter(route_class=PageRoute, dependencies=[CsrfProtected], include_in_schema=False)
    for route in home_routes(shell, Overview(world, built).read):
        pages.add_api_route(route.path, route.endpoint, methods=["GET"])

    @pages.get("/docs/errors")
    async def errors(request: Request) -> Response:
        return shell.render(request, "errors.html", groups=error_groups())

    @pages.get("/docs/api")
    async def api(request: Request) -> Response:
        return shell.render(request, "api.html", api=read_api(description()))

    if has_mailbox(world.settings):
        role = [] if world.settings.only_here else [Depends(Requires(READ_MAIL))]
        kept = APIRouter(route_class=PageRoute, dependencies=role, include_in_schema=False)
        MailboxPages(shell, MailReader(world.data / "mail")).add_to(kept)
        pages.include_router(kept)
    return pages


def page_of_problem(world: World) -> Callable[[Request, int, dict[str, Any]], Any]:
    """Draws errors for browsers. It must not fail itself, so for a failure of ours it asks nobody who is there."""
    shell = world.need(Shell)

    async def draw(request: Request, status: int, document: dict[str, Any]) -> Response:
        if status < 500:
            await _recognise(request)
        response = shell.problem_page(request, document)
        if status < 500:
            settle(request, response)
        for name, value in HEADERS.items():  # an unexpected error is answered outside the layer that sets them
            response.headers.setdefault(name, value)
        return response

    return draw


async def _recognise(request: Request) -> None:
    """So that the page of an error greets who is signed in; whoever cannot be recognised is a guest."""
    try:
        await asyncio.wait_for(current_principal(request), timeout=2)
    except (SeraiError, psycopg.Error, TimeoutError):
        request.state.account = None
