"""Before any route: an id, limits that tell how much is left, bodies of bounded size, and no secret in a log."""

import logging
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from tests.doubles import ManualClock

from serai.runtime.http.callers import CallerTable
from serai.runtime.http.edge import Edge, Limits, carry_on, is_loopback
from serai.runtime.world import SystemRandom

from .conftest import LIMITS, SECRET, OpenSite, Site

BODY_MAX = LIMITS.body_bytes_max


async def test_every_answer_has_an_id_of_its_own_and_refusals_name_it(site: Site) -> None:
    answers = [await site.client.get(path) for path in ("/healthz", "/nowhere", "/api/fails/unexpected", "/api/me")]
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert len({*ids}) == 4
    assert [answer.json()["request_id"] for answer in answers[1:3]] == ids[1:3]


async def test_the_limit_is_told_kept_and_refilled(open_site: OpenSite, clock: ManualClock) -> None:
    client = (await open_site(LIMITS)).client
    as_ada = {"Authorization": "Bearer ada"}
    answers = [await client.get("/api/me", headers=as_ada) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer.headers["ratelimit"] for answer in answers] == [
        '"caller";r=1;t=0',
        '"caller";r=0;t=0',
        '"caller";r=0;t=2',
    ]
    assert answers[0].headers["ratelimit-policy"] == '"caller";q=2;w=4'
    assert (answers[2].headers["retry-after"], answers[2].json()["code"]) == ("2", "too_many_requests")
    clock.advance(2)
    assert (await client.get("/api/me", headers=as_ada)).status_code == 200


async def test_credentials_have_limits_of_their_own_below_that_of_their_address(open_site: OpenSite) -> None:
    client = (await open_site(LIMITS)).client
    codes = [
        (await client.get("/api/me", headers=headers)).status_code
        for headers in ({"Cookie": "guest=1"}, {"Cookie": "guest=1"}, {"Cookie": "guest=2"}, {"Cookie": "guest=3"})
    ]
    assert codes == [200] * 4
    assert (await client.get("/api/me", headers={"Cookie": "guest=4"})).status_code == 429
    assert (await client.get("/healthz")).status_code == 200, "only the API counts"


async def test_nothing_is_limited_here_without_a_credential(site: Site) -> None:
    assert "ratelimit" not in (await site.client.get("/api/me")).headers


@pytest.mark.parametrize(
    ("address", "here"),
    [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("", True), ("203.0.113.7", False), ("nonsense", False)],
)
def test_what_loopback_is(address: str, here: bool) -> None:
    assert is_loopback(address) is here


async def pieces(count: int) -> AsyncIterator[bytes]:
    yield b'{"seats":['
    for _ in range(count):
        yield b"1," * 50
    yield b"1]}"


async def test_a_body_is_bounded_whether_or_not_it_says_its_length(open_site: OpenSite) -> None:
    client = (await open_site(LIMITS)).client
    as_json = {"Content-Type": "application/json"}
    small = await client.post("/api/orders", content=pieces(1), headers=as_json)
    assert (small.status_code, len(small.json()["seats"])) == (200, 51)
    for body in (b" " * (BODY_MAX + 1), pieces(100)):
        answer = await client.post("/api/orders", content=body, headers=as_json)
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
        assert str(BODY_MAX) in answer.json()["detail"]
    assert (await client.post("/api/orders", content=b" " * BODY_MAX, headers=as_json)).status_code == 422


async def test_a_secret_in_a_path_is_cut_in_the_access_log(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "serai.access"):
        for path in (f"/api/orders/{SECRET}", f"/api/orders/{SECRET}.pdf", f"/x/{SECRET}/y?token={SECRET}"):
            await site.client.get(path)
    said = [record.getMessage() for record in caplog.records if record.name == "serai.access"]
    assert said == [
        "GET /api/orders/Zk3vQp9_…",
        "GET /api/orders/Zk3vQp9_….pdf",
        "GET /x/Zk3vQp9_…/y",
    ]
    assert {vars(record)["status"] for record in caplog.records if record.name == "serai.access"} == {200, 404}


async def test_what_is_carried_on_outlives_the_layers_that_made_it(clock: ManualClock) -> None:
    order: list[str] = []

    async def rest(_: Receive, send: Send) -> None:
        order.append("rest")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"late"})

    async def inside(scope: Scope, receive: Receive, send: Send) -> None:
        await carry_on(scope, receive, send, rest)
        order.append("inside is done")

    async def nobody(_: Request, error: Exception) -> Response:
        raise error

    edge = Edge(
        inside, clock=clock, random=SystemRandom(), limits=Limits(), callers=CallerTable(clock), unexpected=nobody
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(edge), base_url="http://site.test") as client:
        answer = await client.get("/stream")
    assert order == ["inside is done", "rest"]
    assert answer.text == "late" and answer.headers["x-request-id"]
