"""The protocol's own conformance suite, h2spec, against our HTTP/2."""

import asyncio
import os
import re
import shutil
import socket

import pytest

from serai.protocols.http2.connection import Came, Connection, Limits, Requested
from serai.protocols.http2.errors import ConnectionFault
from serai.protocols.http2.hpack import encode

pytestmark = pytest.mark.engines

HEAD = encode(((b":status", b"200"),))
SUITE_S = 120.0
CASES_MIN = 140


class Plain(asyncio.Protocol):
    """Answers every request with a word: the suite wants a body."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._http = Connection(Limits(streams_max=100))
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]  # what create_server makes

    def data_received(self, data: bytes) -> None:
        try:
            for event in self._http.feed(data):
                if isinstance(event, Came):
                    self._http.consumed(event.stream, len(event.data))
                if isinstance(event, Requested | Came) and event.end:
                    self._http.head(event.stream, HEAD)
                    self._http.data(event.stream, b"hello")
                    self._http.end(event.stream, encode(((b"done", b"1"),)))
        except ConnectionFault:
            self._transport.write(self._http.take())
            self._transport.close()
        else:
            self._transport.write(self._http.take())


async def test_h2spec_finds_nothing() -> None:
    program = os.environ.get("SERAI_TEST_H2SPEC") or shutil.which("h2spec")
    if not program:
        pytest.skip("h2spec is not installed; SERAI_TEST_H2SPEC names it")
    with socket.create_server(("127.0.0.1", 0)) as sock:
        server = await asyncio.get_running_loop().create_server(Plain, sock=sock)
        suite = await asyncio.create_subprocess_exec(
            *(program, "-p", str(sock.getsockname()[1]), "-o", "2"), stdout=asyncio.subprocess.PIPE
        )
        output, _ = await asyncio.wait_for(suite.communicate(), SUITE_S)
        server.close()
    text = output.decode()
    total = re.search(r"(\d+) tests, (\d+) passed, 0 skipped, 0 failed", text)
    assert total and int(total[1]) == int(total[2]) > CASES_MIN, text
