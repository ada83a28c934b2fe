"""How many payments the embedded gateway authorises and captures a second, each one durable.

    python benchmarks/payments_gateway.py [--payments 20000] [--connections 64] [--webhook]

The server is a process of its own; the load comes from this one over keep-alive connections and plain bytes, so that
the client's own cost stays small. A payment is two requests, each with a key of its own: create with confirm=true and
manual capture, then capture. Every answer is checked; at the end the list must hold as many captured payments as were
acknowledged.
"""

import argparse
import asyncio
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.request import Request, urlopen

import orjson
import uvloop

ROOT = Path(__file__).parents[1]
SERVER = ROOT / "tests" / "systems" / "payments" / "gateway" / "standalone.py"
KEY = "sk_test_gateway"
BODY = (
    b"amount=1250&currency=eur&confirm=true&capture_method=manual&payment_method=pm_card_visa"
    b"&metadata[order]=018f2b7e-0000-7000-8000-000000000000&metadata[attempt]=1"
)


class Connection:
    """One keep-alive connection that sends a request and reads the answer's status and body."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def post(self, path: str, body: bytes, key: str) -> tuple[int, bytes]:
        self._writer.write(
            f"POST {path} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {KEY}\r\nIdempotency-Key: {key}\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        head = await self._reader.readuntil(b"\r\n\r\n")
        lowered = head.lower()
        at = lowered.index(b"content-length:") + 15
        length = int(lowered[at : lowered.index(b"\r\n", at)])
        return int(head[9:12]), await self._reader.readexactly(length)


async def buyer(port: int, number: int, payments: int, waits: list[float]) -> None:
    connection = Connection(*await asyncio.open_connection("127.0.0.1", port))
    for count in range(payments):
        began = time.perf_counter()
        status, body = await connection.post("/v1/payment_intents", BODY, f"{number}-{count}-a")
        assert status == 200, body
        middle = time.perf_counter()
        id_ = orjson.loads(body)["id"]
        status, body = await connection.post(f"/v1/payment_intents/{id_}/capture", b"", f"{number}-{count}-c")
        assert status == 200, body
        waits += (middle - began, time.perf_counter() - middle)


async def load(port: int, payments: int, connections: int) -> tuple[float, list[float]]:
    waits: list[float] = []
    each = payments // connections
    began = time.perf_counter()
    await asyncio.gather(*(buyer(port, number, each, waits) for number in range(connections)))
    return time.perf_counter() - began, waits


def ask(port: int, path: str, data: bytes | None = None) -> dict:
    request = Request(f"http://127.0.0.1:{port}{path}", data, {"Authorization": f"Bearer {KEY}"})
    with urlopen(request, timeout=60) as answer:
        return json.load(answer)


def commit() -> str:
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip()


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--payments", type=int, default=20_000)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--webhook", action="store_true", help="send payment_intent.succeeded to a small receiver")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        server = subprocess.Popen(
            [sys.executable, str(SERVER), str(Path(folder) / "gateway"), str(listener.fileno())],
            pass_fds=[listener.fileno()],
            env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        )
        try:
            uvloop.run(run(port, chosen))
        finally:
            server.terminate()
            server.wait()


async def run(port: int, chosen: argparse.Namespace) -> None:
    if chosen.webhook:
        receiver = await asyncio.start_server(take_webhooks, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{receiver.sockets[0].getsockname()[1]}/hook"
        form = f"url={url}&enabled_events[]=payment_intent.succeeded".encode()
        await asyncio.to_thread(ask, port, "/v1/webhook_endpoints", form)
    await load(port, chosen.connections * 10, chosen.connections)
    before = await asyncio.to_thread(ask, port, "/_test/state?limit=1")
    elapsed_s, waits = await load(port, chosen.payments, chosen.connections)
    after = await asyncio.to_thread(ask, port, "/_test/state?limit=1")
    done = len(waits) // 2
    captured = sum(row["count"] for row in after["payment_intents"] if row["status"] == "succeeded")
    assert captured >= done, f"{done} captures were acknowledged, {captured} are in the file"
    waits.sort()
    print(
        json.dumps(
            {
                "payments_per_s": round(done / elapsed_s),
                "requests_per_s": round(2 * done / elapsed_s),
                "p50_ms": round(waits[len(waits) // 2] * 1000, 2),
                "p99_ms": round(waits[len(waits) * 99 // 100] * 1000, 2),
                "payments": done,
                "connections": chosen.connections,
                "webhooks_pending": after["deliveries"]["pending"] if chosen.webhook else None,
                "authorised_before": sum(row["count"] for row in before["payment_intents"]),
                "cores": os.cpu_count(),
                "python": platform.python_version(),
                "commit": commit(),
            }
        )
    )


async def take_webhooks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while head := (await reader.readuntil(b"\r\n\r\n")).lower():
            at = head.index(b"content-length:") + 15
            await reader.readexactly(int(head[at : head.index(b"\r\n", at)]))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
        writer.close()  # the gateway hung up, or the run is over


if __name__ == "__main__":
    main()
