"""Calls over real sockets, by grpcio's client: whole ones, streams, deadlines, slow readers, cancels, stops, TLS."""

import asyncio
import contextlib
import socket
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import httpx
import pytest

from serai.kernel.errors import Misconfigured
from serai.protocols.grpc.wire import Failed, Status
from serai.protocols.http2.frames import PREFACE
from serai.protocols.http2.hpack import encode
from serai.runtime.grpc.calls import Call, Method, Send, Service, Streaming, Unary
from serai.runtime.grpc.listening import GrpcServer, tls
from serai.runtime.grpc.server import ServerLimits

MIB = 1024 * 1024
WAIT_S = 10.0


class Desk:
    """Methods that a test drives."""

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.sent = 0
        self.calls: list[Call] = []

    async def echo(self, request: bytes, call: Call) -> bytes:
        self.calls.append(call)
        return request

    async def refuse(self, request: bytes, call: Call) -> bytes:
        raise Failed(Status.NOT_FOUND, f"no {request.decode()} – look again")

    async def break_down(self, request: bytes, call: Call) -> bytes:
        raise ValueError(request.decode())

    async def wait(self, request: bytes, call: Call) -> bytes:
        self.started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return request

    async def both(self, requests: AsyncIterator[bytes], call: Call, send: Send) -> None:
        async for request in requests:
            await send(request * 2)

    async def pour(self, requests: AsyncIterator[bytes], call: Call, send: Send) -> None:
        async for request in requests:
            for _ in range(int(request)):
                await send(b"x" * 100_000)
                self.sent += 1
        self.started.set()

    async def half(self, requests: AsyncIterator[bytes], call: Call, send: Send) -> None:
        await send(b"one")
        raise Failed(Status.ABORTED, "not the second")

    def service(self) -> Service:
        def failed(error: Exception) -> tuple[int, str]:
            return Status.UNKNOWN, f"{type(error).__name__}: {error}"

        unary = {"echo": self.echo, "refuse": self.refuse, "break": self.break_down, "wait": self.wait}
        streams = {"both": self.both, "pour": self.pour, "half": self.half}
        methods: dict[bytes, Method] = {f"/t.T/{name}".encode(): Unary(bytes, bytes, it) for name, it in unary.items()}
        methods |= {f"/t.T/{name}".encode(): Streaming(bytes, bytes, it) for name, it in streams.items()}
        return Service(methods, failed)


Open = Callable[..., Awaitable[tuple[Desk, GrpcServer, str]]]


@pytest.fixture
async def open_server() -> AsyncIterator[Open]:
    async with contextlib.AsyncExitStack() as stack:

        async def opened(**options: Any) -> tuple[Desk, GrpcServer, str]:
            sock = stack.enter_context(contextlib.closing(socket.create_server(("127.0.0.1", 0))))
            desk = Desk()
            server = GrpcServer(desk.service(), sock, **options)
            await server.start()
            stack.push_async_callback(server.stop, 0.0)
            return desk, server, f"127.0.0.1:{sock.getsockname()[1]}"

        yield opened


def unary(channel: grpc.aio.Channel, name: str) -> Any:
    return channel.unary_unary(f"/t.T/{name}")


async def test_a_call_brings_its_answer_and_its_metadata(open_server: Open) -> None:
    desk, _, address = await open_server()
    async with grpc.aio.insecure_channel(address) as channel:
        answers = await asyncio.gather(*[unary(channel, "echo")(b"%d" % n, timeout=WAIT_S) for n in range(200)])
        assert answers == [b"%d" % n for n in range(200)]
        await unary(channel, "echo")(b"", metadata=(("token", "abc"),))
    assert desk.calls[-1].metadata[b"token"] == b"abc" and desk.calls[-1].deadline_s is None
    assert desk.calls[0].deadline_s is not None and desk.calls[0].peer.startswith("('127.0.0.1'")


async def test_large_messages_pass_and_too_large_ones_are_refused(open_server: Open) -> None:
    _, _, address = await open_server(limits=ServerLimits(message_bytes_max=3 * MIB))
    options = [("grpc.max_receive_message_length", -1)]
    async with grpc.aio.insecure_channel(address, options=options) as channel:
        assert await unary(channel, "echo")(b"m" * (3 * MIB), timeout=WAIT_S) == b"m" * (3 * MIB)
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await unary(channel, "echo")(b"m" * (3 * MIB + 1), timeout=WAIT_S)
        assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        compressed = await unary(channel, "echo")(b"z" * MIB, compression=grpc.Compression.Gzip, timeout=WAIT_S)
        assert compressed == b"z" * MIB


@pytest.mark.parametrize(
    ("name", "code", "details"),
    [
        ("refuse", grpc.StatusCode.NOT_FOUND, "no key – look again"),
        ("break", grpc.StatusCode.UNKNOWN, "ValueError: key"),
        ("nothing", grpc.StatusCode.UNIMPLEMENTED, "unknown method /t.T/nothing"),
    ],
)
async def test_failures_have_their_status_and_words(
    open_server: Open, name: str, code: grpc.StatusCode, details: str
) -> None:
    _, _, address = await open_server()
    async with grpc.aio.insecure_channel(address) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await unary(channel, name)(b"key", timeout=WAIT_S)
        assert (raised.value.code(), raised.value.details()) == (code, details)
        assert await unary(channel, "echo")(b"still here", timeout=WAIT_S) == b"still here"


async def test_a_deadline_ends_the_handler(open_server: Open) -> None:
    desk, _, address = await open_server()
    async with grpc.aio.insecure_channel(address) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await unary(channel, "wait")(b"", timeout=0.2)
        assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        await asyncio.wait_for(desk.cancelled.wait(), WAIT_S)


async def test_who_gives_a_call_up_or_goes_away_ends_the_handler(open_server: Open) -> None:
    desk, _, address = await open_server()
    async with grpc.aio.insecure_channel(address) as channel:
        call = unary(channel, "wait")(b"")
        await desk.started.wait()
        call.cancel()
        await asyncio.wait_for(desk.cancelled.wait(), WAIT_S)
        desk.cancelled.clear()
        desk.started.clear()
        call = unary(channel, "wait")(b"")
        await desk.started.wait()
    await asyncio.wait_for(desk.cancelled.wait(), WAIT_S)


async def test_streams_carry_messages_both_ways_in_order(open_server: Open) -> None:
    _, _, address = await open_server()
    async with grpc.aio.insecure_channel(address) as channel:
        call = channel.stream_stream("/t.T/both")(timeout=WAIT_S)
        for number in range(300):
            await call.write(b"%d," % number)
            assert await call.read() == b"%d," % number * 2
        await call.done_writing()
        assert await call.read() is grpc.aio.EOF
        assert await call.code() is grpc.StatusCode.OK


async def test_a_stream_that_fails_after_it_began_says_so_in_its_trailers(open_server: Open) -> None:
    _, _, address = await open_server()
    async with grpc.aio.insecure_channel(address) as channel:
        call = channel.stream_stream("/t.T/half")(timeout=WAIT_S)
        assert await call.read() == b"one"
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await call.read()
        assert (raised.value.code(), raised.value.details()) == (grpc.StatusCode.ABORTED, "not the second")


async def test_a_slow_reader_makes_the_handler_wait(open_server: Open) -> None:
    """Control: without the wait all 400 messages (40 MB) would be queued at once."""
    desk, _, address = await open_server(limits=ServerLimits(queued_bytes_max=MIB))
    options = [("grpc.http2.lookahead_bytes", 64 * 1024)]
    async with grpc.aio.insecure_channel(address, options=options) as channel:
        call = channel.stream_stream("/t.T/pour")(timeout=3 * WAIT_S)
        await call.write(b"400")
        await call.done_writing()
        assert len(await call.read()) == 100_000
        assert desk.sent < 300 and not desk.started.is_set()
        read = 1
        while await call.read() is not grpc.aio.EOF:
            read += 1
        assert read == 400
    await asyncio.wait_for(desk.started.wait(), WAIT_S)


async def test_a_stop_lets_calls_end_and_cuts_off_those_that_do_not(open_server: Open) -> None:
    desk, server, address = await open_server()
    async with grpc.aio.insecure_channel(address) as channel:
        call = channel.stream_stream("/t.T/both")(timeout=WAIT_S)
        await call.write(b"a")
        assert await call.read() == b"aa"
        stopping = asyncio.create_task(server.stop(WAIT_S))
        await asyncio.sleep(0)
        await call.write(b"b")
        assert await call.read() == b"bb"
        await call.done_writing()
        assert await call.code() is grpc.StatusCode.OK
        await asyncio.wait_for(stopping, WAIT_S)
    desk, server, address = await open_server()
    async with grpc.aio.insecure_channel(address) as channel:
        waits = unary(channel, "wait")(b"", timeout=WAIT_S)
        await desk.started.wait()
        await server.stop(0.05)
        with pytest.raises(grpc.aio.AioRpcError):
            await waits
    assert desk.cancelled.is_set()


class Hello(asyncio.Protocol):
    """The least that HTTP/1.1 can be."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello")


async def test_one_port_serves_http_1_too(open_server: Open) -> None:
    _, _, address = await open_server(other=Hello)
    async with httpx.AsyncClient() as web, grpc.aio.insecure_channel(address) as channel:
        assert (await web.get(f"http://{address}/version")).text == "hello"
        assert await unary(channel, "echo")(b"and this", timeout=WAIT_S) == b"and this"
    _, _, alone = await open_server()
    async with httpx.AsyncClient() as web:
        with pytest.raises(httpx.RemoteProtocolError):
            await web.get(f"http://{alone}/version")


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """An authority, a server's certificate for 127.0.0.1 and a client's, made by openssl as an operator would."""

    def run(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=tmp_path, check=True, capture_output=True)

    new = ("req", "-newkey", "rsa:2048", "-nodes")
    run(*new, "-x509", "-days", "2", "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.pem")
    for name, extra in (("server", "subjectAltName=IP:127.0.0.1"), ("client", "subjectAltName=DNS:client")):
        (tmp_path / "ext").write_text(extra)
        run(*new, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        run("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-days", "2", "-extfile", "ext", "-out", f"{name}.pem")  # fmt: skip
    return tmp_path


async def test_tls_and_certificates_of_clients(open_server: Open, certificates: Path) -> None:
    def read(name: str) -> bytes:
        return (certificates / name).read_bytes()

    security = tls(certificates / "server.pem", certificates / "server.key", certificates / "ca.pem")
    desk, _, address = await open_server(security=security)
    known = grpc.ssl_channel_credentials(read("ca.pem"), read("client.key"), read("client.pem"))
    async with grpc.aio.secure_channel(address, known) as channel:
        assert await unary(channel, "echo")(b"secret", timeout=WAIT_S) == b"secret"
    assert desk.calls[0].common_name == "client"
    unknown = grpc.ssl_channel_credentials(read("ca.pem"))
    async with grpc.aio.secure_channel(address, unknown) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await unary(channel, "echo")(b"secret", timeout=2.0)
        assert raised.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


def test_tls_from_files_that_do_not_fit_is_one_sentence(certificates: Path) -> None:
    with pytest.raises(Misconfigured, match="TLS cannot be set up"):
        tls(certificates / "server.pem", certificates / "client.key")
    with pytest.raises(Misconfigured, match=r"absent\.pem"):
        tls(certificates / "absent.pem", certificates / "server.key")


def _request(stream: int, name: str, timeout: str) -> bytes:
    """HEADERS and DATA of a call, as a client sends them that does not look at its deadline itself."""
    fields = {":method": "POST", ":scheme": "http", ":path": f"/t.T/{name}", "content-type": "application/grpc"}
    fields |= {"te": "trailers", "grpc-timeout": timeout}
    block = encode(tuple([(key.encode(), value.encode()) for key, value in fields.items()]))
    head = len(block).to_bytes(3) + b"\x01\x04" + stream.to_bytes(4) + block
    return head + (5).to_bytes(3) + b"\x00\x01" + stream.to_bytes(4) + bytes(5)


async def test_deadlines_end_calls_each_in_its_time(open_server: Open) -> None:
    """One timer serves all calls of a connection: an earlier deadline that comes later does not wait for it."""
    _, _, address = await open_server()
    reader, writer = await asyncio.open_connection(*address.split(":"))
    loop = asyncio.get_running_loop()
    began = loop.time()
    writer.write(PREFACE + bytes(3) + b"\x04\x00" + bytes(4))
    writer.write(_request(1, "wait", "500m") + _request(3, "wait", "100m") + _request(5, "wait", "1H"))
    ended: list[tuple[int, float]] = []
    async with asyncio.timeout(WAIT_S):
        while len(ended) < 2:
            head = await reader.readexactly(9)
            payload = await reader.readexactly(int.from_bytes(head[:3]))
            if b"context deadline exceeded" in payload:
                assert b"grpc-status\x014" in payload
                ended.append((int.from_bytes(head[5:]), loop.time() - began))
    assert [stream for stream, _ in ended] == [3, 1]
    assert [round(after, 1) >= due for (_, after), due in zip(ended, (0.1, 0.5), strict=True)] == [True, True]
    writer.close()
