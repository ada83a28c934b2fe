"""Routers that are passed over: what is below their prefix is found as ever, what is not costs them nothing."""

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Response
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope

from serai.runtime.http.routing import Router

looked: list[str] = []


class Watched(APIRoute):
    """A route that tells when it is tried."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        looked.append(self.path)
        return super().matches(scope)


def app_of(kind: type[APIRouter]) -> FastAPI:
    app = FastAPI()
    for name in ("first", "second"):
        router = kind(prefix=f"/api/{name}", route_class=Watched)

        @router.get("/things/{thing}")
        async def thing(thing: str) -> Response:
            return Response(thing)

        app.include_router(router)
    return app


async def answer(app: FastAPI, path: str, method: str = "GET") -> httpx.Response:
    looked.clear()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://site.test") as client:
        return await client.request(method, path)


@pytest.mark.parametrize(("kind", "others"), [(Router, False), (APIRouter, True)])
async def test_only_the_router_of_a_path_tries_its_routes_and_the_control_tries_all(
    kind: type[APIRouter], others: bool
) -> None:
    found = await answer(app_of(kind), "/api/second/things/seven")
    assert (found.status_code, found.text) == (200, "seven")
    assert any("first" in path for path in looked) == others


async def test_a_wrong_method_and_a_wrong_path_are_told_as_ever() -> None:
    app = app_of(Router)
    assert (await answer(app, "/api/second/things/seven", "DELETE")).status_code == 405
    assert (await answer(app, "/api/second/nothing")).status_code == 404
    assert (await answer(app, "/elsewhere")).status_code == 404
    assert looked == []
