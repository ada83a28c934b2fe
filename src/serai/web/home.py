"""The home page: every system as a tile, and the part of it that the browser asks for again every few seconds."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from serai.web.shell import Shell
from serai.web.tiles import Home

REFRESH_S = 5


def home_routes(shell: Shell, read: Callable[[Request], Awaitable[Home]]) -> list[Route]:
    """`/` and the fragment that keeps its figures live. `read` must be cheap: each open page asks every REFRESH_S."""

    async def home(request: Request) -> Response:
        return shell.render(request, "home.html", home=await read(request), refresh_s=REFRESH_S)

    async def figures(request: Request) -> Response:
        return shell.fragment(request, "home_live.html", home=await read(request), refresh_s=REFRESH_S)

    return [Route("/", home, methods=["GET"]), Route("/fragments/home", figures, methods=["GET"])]
