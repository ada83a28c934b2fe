"""Stores to be a client of: our own door over the real state, and Debian's etcd; with a proxy that can be cut."""

import asyncio
import contextlib
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
from tests.systems.coordination.doors import opened

from serai.systems.coordination.client import Client, Deadlines

WAIT_S = 20.0
QUICK = Deadlines(call_s=5.0, connect_s=0.5, pause_s=0.02)


@contextlib.contextmanager
def etcd(*options: str) -> Iterator[str]:
    """A real etcd of its own; its URL."""
    program = shutil.which("etcd")
    assert program, "apt-get install etcd-server"
    with contextlib.ExitStack() as stack:
        data = stack.enter_context(tempfile.TemporaryDirectory(prefix="serai-etcd-"))
        ports = [stack.enter_context(contextlib.closing(socket.create_server(("127.0.0.1", 0)))) for _ in range(2)]
        client, peer = (f"http://127.0.0.1:{sock.getsockname()[1]}" for sock in ports)
        for sock in ports:
            sock.close()
        words = ["--data-dir", data, "--listen-client-urls", client, "--advertise-client-urls", client]
        words += ["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster"]
        log = stack.enter_context((Path(data) / "log").open("wb"))
        process = subprocess.Popen([program, *words, f"default={peer}", *options], stdout=log, stderr=log)
        try:
            transport = httpx.HTTPTransport(retries=8)  # httpx waits longer before each
            with httpx.Client(transport=transport) as http:
                assert http.get(f"{client}/health", timeout=WAIT_S).status_code == 200
            yield client
        finally:
            process.terminate()
            process.wait(WAIT_S)


@contextlib.asynccontextmanager
async def embedded() -> AsyncIterator[str]:
    """Our own door over the real state, in this process; its URL."""
    async with opened() as door:
        yield door.url


class Proxy:
    """Between a client and a store: `cut` breaks all connections and lets none in until `mend`."""

    def __init__(self, target: str) -> None:
        host, _, port = target.removeprefix("http://").rpartition(":")
        self._target = (host, int(port))
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(*self._target)
        self._writers |= {writer, back}
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await asyncio.gather(self._pump(reader, back), self._pump(there, writer))
        self._writers -= {writer, back}
        writer.close()
        back.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def proxied(target: str) -> AsyncIterator[Proxy]:
    proxy = Proxy(target)
    await proxy.mend()
    try:
        yield proxy
    finally:
        await proxy.cut()


def client(url: str, **options: object) -> Client:
    options.setdefault("deadlines", QUICK)
    return Client(url, **options)  # type: ignore[arg-type]  # options of the test
