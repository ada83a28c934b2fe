"""HTTP/1.1 beside gRPC: any cut, pipelines, slow bodies and readers, clients that go or say nothing."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from serai.runtime.grpc import plain
from serai.runtime.grpc.calls import Service
from serai.runtime.grpc.listening import GrpcServer
from serai.runtime.grpc.plain import PlainConnections
from serai.runtime.grpc.web import Reply, Request

WAIT_S = 10.0


class Site:
    """What requests are answered with here."""

    def __init__(self) -> None:
        self.cancelled = asyncio.Event()
        self.started = asyncio.Event()
        self.sent = 0
        self.connections = PlainConnections(self.handle)

    async def handle(self, request: Request, reply: Reply) -> None:
        match request.path:
            case "/echo":
                body = b"".join([part async for part in request.body()])
                reply.whole(200, f"{request.method} {request.query} ".encode() + body)
            case "/unread":
                reply.whole(200, b"did not look")
            case "/pour":
                reply.begin(200)
                for _ in range(1_000):
                    await reply.part(b"x" * 100_000)
                    self.sent += 1
            case "/hold":
                self.started.set()
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    self.cancelled.set()
                    raise
            case "/slow":
                await self.started.wait()
                size = sum([len(part) async for part in request.body()])
                reply.whole(200, b"%d" % size)
            case _:
                raise ValueError(request.path)


@pytest.fixture
async def site() -> AsyncIterator[tuple[Site, int]]:
    site = Site()
    with socket.create_server(("127.0.0.1", 0)) as sock:
        server = GrpcServer(Service({}, lambda error: (13, str(error))), sock, other=site.connections)
        await server.start()
        yield site, sock.getsockname()[1]
        await server.stop(0.0)
        site.connections.close()


async def dialogue(port: int, *pieces: bytes) -> bytes:
    """Sends pieces, each on its own, closes its side, and reads all."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0)
    answer = await asyncio.wait_for(reader.read(-1), WAIT_S)
    writer.close()
    return answer


LAST = b"POST /echo?q HTTP/1.1\r\nconnection: close\r\ncontent-length: 3\r\n\r\nabc"


@pytest.mark.parametrize("cut", [1, 5, 20, 1000])
async def test_requests_come_in_any_cut(site: tuple[Site, int], cut: int) -> None:
    text = b"POST /echo HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n" + LAST
    answer = await dialogue(site[1], *[text[at : at + cut] for at in range(0, len(text), cut)])
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert b"POST  hi" in answer and answer.endswith(b"connection: close\r\n\r\nPOST q abc")


async def test_a_pipeline_is_answered_in_order(site: tuple[Site, int]) -> None:
    count = plain.PIPELINED_MAX * 4
    many = b"".join(b"POST /echo HTTP/1.1\r\ncontent-length: 2\r\n\r\n%02d" % n for n in range(count))
    answer = await dialogue(site[1], many + LAST)
    assert [answer.index(b"POST  %02d" % n) for n in range(count)] == sorted(
        answer.index(b"POST  %02d" % n) for n in range(count)
    )


async def test_a_body_that_nobody_wanted_is_passed_over(site: tuple[Site, int]) -> None:
    answer = await dialogue(site[1], b"POST /unread HTTP/1.1\r\ncontent-length: 5\r\n\r\nGET /" + LAST)
    assert answer.count(b"HTTP/1.1 200 OK") == 2 and b"did not look" in answer


async def test_who_asks_for_the_head_gets_no_body(site: tuple[Site, int]) -> None:
    answer = await dialogue(site[1], b"HEAD /echo?x HTTP/1.1\r\n\r\n" + LAST)
    first, _, rest = answer.partition(b"\r\n\r\n")
    assert b"content-length: 7" in first and rest.startswith(b"HTTP/1.1 200 OK")


async def test_a_client_that_waits_for_leave_gets_it(site: tuple[Site, int]) -> None:
    head = b"POST /echo HTTP/1.1\r\nexpect: 100-continue\r\nconnection: close\r\ncontent-length: 1\r\n\r\n"
    answer = await dialogue(site[1], head, b"z")
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK") and answer.endswith(b"z")


@pytest.mark.parametrize("text", [b"GARBAGE\r\n\r\n", b"GET / HTTP/1.1\r\nno colon\r\n\r\n"])
async def test_what_is_no_request_is_told_so(site: tuple[Site, int], text: bytes) -> None:
    assert b"400 Bad Request" in await dialogue(site[1], text)


async def test_a_head_has_an_end(site: tuple[Site, int]) -> None:
    head = b"GET /echo HTTP/1.1\r\n" + b"x: " + b"y" * 1_000 + b"\r\n"
    endless = b"GET /echo HTTP/1.1\r\n" + (b"x: " + b"y" * 1_000 + b"\r\n") * 80
    assert len(head) < plain.HEAD_BYTES_MAX < len(endless)
    assert b"400 Bad Request" in await dialogue(site[1], endless)


async def test_a_handler_that_breaks_ends_its_connection_alone(
    site: tuple[Site, int], caplog: pytest.LogCaptureFixture
) -> None:
    assert await dialogue(site[1], b"GET /break HTTP/1.1\r\n\r\n") == b""
    assert "a request failed" in caplog.text
    assert b"200 OK" in await dialogue(site[1], LAST)


async def test_a_client_that_goes_cancels_its_request(site: tuple[Site, int]) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", site[1])
    writer.write(b"GET /hold HTTP/1.1\r\n\r\n")
    await asyncio.wait_for(site[0].started.wait(), WAIT_S)
    writer.close()
    await asyncio.wait_for(site[0].cancelled.wait(), WAIT_S)
    assert not site[0].connections.open


async def test_a_slow_reader_stops_its_handler(site: tuple[Site, int]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", site[1], limit=1024)
    writer.write(b"GET /pour HTTP/1.1\r\n\r\n")
    await reader.read(10)
    before = -1
    async with asyncio.timeout(WAIT_S):
        while before != site[0].sent:  # until it stands still
            before = site[0].sent
            await asyncio.sleep(0.05)
    assert before < 200, "of a hundred megabytes it sent what the sockets hold"
    writer.close()


async def test_a_slow_handler_stops_its_sender(site: tuple[Site, int]) -> None:
    size = 20_000_000
    _, writer = await asyncio.open_connection("127.0.0.1", site[1])
    writer.write(b"POST /slow HTTP/1.1\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % size + b"z" * size)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(writer.drain(), 0.3)
    (connection,) = site[0].connections.open
    assert connection._request.buffered < plain.BUFFERED_BYTES_MAX + 300_000
    site[0].started.set()
    await asyncio.wait_for(writer.drain(), WAIT_S)
    writer.close()


async def test_a_client_that_says_nothing_is_not_waited_for(
    site: tuple[Site, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain, "IDLE_S", 0.01)
    assert b"200 OK" in await dialogue(site[1], LAST.replace(b"connection: close\r\n", b""))
