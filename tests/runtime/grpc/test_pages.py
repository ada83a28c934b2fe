"""Requests over HTTP/2 that are no calls: answers, streams, slow readers, clients that go, handlers that break."""

import asyncio
import socket
from collections.abc import AsyncIterator

import httpx
import pytest

from serai.runtime.grpc.calls import Service
from serai.runtime.grpc.listening import GrpcServer
from serai.runtime.grpc.server import ServerLimits
from serai.runtime.grpc.web import Reply, Request

WAIT_S = 10.0


class Site:
    """What is answered here."""

    def __init__(self) -> None:
        self.cancelled = asyncio.Event()
        self.started = asyncio.Event()
        self.sent = 0

    async def handle(self, request: Request, reply: Reply) -> None:
        match request.path:
            case "/echo":
                body = b"".join([part async for part in request.body()])
                reply.whole(200, f"{request.method} {request.query} {len(body)}".encode())
            case "/pour":
                reply.begin(200)
                for _ in range(500):
                    await reply.part(b"x" * 100_000)
                    self.sent += 1
            case "/hold":
                self.started.set()
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    self.cancelled.set()
                    raise
            case _:
                raise ValueError(request.path)


@pytest.fixture
async def site() -> AsyncIterator[tuple[Site, int]]:
    site = Site()
    with socket.create_server(("127.0.0.1", 0)) as sock:
        limits = ServerLimits(queued_bytes_max=300_000)
        server = GrpcServer(Service({}, lambda error: (13, str(error))), sock, pages=site.handle, limits=limits)
        await server.start()
        yield site, sock.getsockname()[1]
        await server.stop(0.0)


@pytest.fixture
async def http(site: tuple[Site, int]) -> AsyncIterator[httpx.AsyncClient]:
    url = f"http://127.0.0.1:{site[1]}"
    async with httpx.AsyncClient(base_url=url, http1=False, http2=True, timeout=WAIT_S) as client:
        yield client


async def test_bodies_go_both_ways_beside_each_other(http: httpx.AsyncClient) -> None:
    sizes = [0, 1, 70_000, 3_000_000]
    answers = await asyncio.gather(*[http.post("/echo?q", content=b"z" * size) for size in sizes])
    assert [answer.text for answer in answers] == [f"POST q {size}" for size in sizes]
    assert answers[0].http_version == "HTTP/2"


async def test_who_asks_for_the_head_gets_no_body(http: httpx.AsyncClient) -> None:
    answer = await http.head("/echo?x")
    assert answer.headers["content-length"] == "8" and answer.content == b""


async def test_a_handler_that_breaks_says_so_and_others_go_on(
    http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    assert (await http.get("/break")).status_code == 500
    assert "a request failed" in caplog.text
    assert (await http.get("/echo")).status_code == 200


async def test_a_slow_reader_stops_its_handler(site: tuple[Site, int], http: httpx.AsyncClient) -> None:
    async with http.stream("GET", "/pour") as answer:
        parts = answer.aiter_raw()
        await anext(parts)
        before = -1
        async with asyncio.timeout(WAIT_S):
            while before != site[0].sent:  # until it stands still
                before = site[0].sent
                await asyncio.sleep(0.05)
        assert before < 250, "of fifty megabytes it sent what the windows hold (httpx: 16 MiB)"
        size = sum([len(part) async for part in parts])
    assert size > 49_000_000 and site[0].sent == 500


async def test_a_client_that_goes_cancels_its_request(site: tuple[Site, int], http: httpx.AsyncClient) -> None:
    asking = asyncio.ensure_future(http.get("/hold"))
    await asyncio.wait_for(site[0].started.wait(), WAIT_S)
    await http.aclose()
    await asyncio.wait_for(site[0].cancelled.wait(), WAIT_S)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
