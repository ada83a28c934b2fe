"""Traces are sent where the environment says, continue the caller's, and never hold a path; else they cost nothing."""

import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec

import pytest

from serai.runtime.traces import ENDPOINT, TracesMissing, require_packages, traced

SERVE_ONE = """
import asyncio
from serai.runtime.traces import traced

class Route:
    path = "/holds/{hold_id}"

async def app(scope, receive, send):
    scope["route"] = Route()
    scope["state"] = {"request_id": "abc123"}
    await send({"type": "http.response.start", "status": 503, "headers": []})
    await send({"type": "http.response.body", "body": b""})

async def main():
    async def nothing(message=None):
        return {}
    parent = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    scope = {"type": "http", "method": "GET", "path": "/holds/a-secret", "headers": [(b"traceparent", parent)]}
    await traced(app, "serai-test")(scope, nothing, nothing)

asyncio.run(main())
"""


async def app(scope: object, receive: object, send: object) -> None:
    """Never called."""


def test_without_an_endpoint_there_is_no_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENDPOINT, raising=False)
    require_packages()
    assert traced(app, "x") is app


def test_an_endpoint_without_the_packages_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:4318")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(TracesMissing, match=r"is not installed; pip install 'serai\[otel\]'"):
        require_packages()


INSTALLED = find_spec("opentelemetry") and find_spec("opentelemetry.exporter")


@pytest.mark.engines
@pytest.mark.skipif(not INSTALLED, reason="needs pip install 'serai[otel]'")
def test_a_request_reaches_the_collector_without_its_path() -> None:
    received: list[bytes] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        told = {ENDPOINT: f"http://127.0.0.1:{server.server_port}", "OTEL_EXPORTER_OTLP_COMPRESSION": "none"}
        path = {"PYTHONPATH": os.pathsep.join(sys.path)}
        subprocess.run([sys.executable, "-c", SERVE_ONE], env={**os.environ, **path, **told}, check=True, timeout=60)
        server.shutdown()
    sent = b"".join(received)
    assert bytes.fromhex("0af7651916cd43dd8448eb211c80319c") in sent
    for words in (b"GET /holds/{hold_id}", b"serai-test", b"abc123"):
        assert words in sent
    assert b"a-secret" not in sent
