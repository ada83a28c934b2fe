"""What was acknowledged survives the death of the process at any moment."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import stripe

from serai.kernel.errors import Misconfigured
from serai.runtime.files import DataDirectoryInUse
from serai.systems.payments.gateway.server import serve
from serai.systems.payments.gateway.store import opened

HERE = Path(__file__).parent
SOURCES = HERE.parents[3] / "src"
PARAMS = {
    "amount": 1250,
    "currency": "eur",
    "confirm": True,
    "payment_method": "pm_card_visa",
    "capture_method": "manual",
}


@asynccontextmanager
async def _process(directory: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(HERE / "standalone.py"),
            str(directory),
            str(listener.fileno()),
            pass_fds=[listener.fileno()],
            env=os.environ | {"PYTHONPATH": str(SOURCES)},
        )
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        yield process, url
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_kill_9_keeps_every_acknowledged_capture(tmp_path, connect) -> None:
    directory = tmp_path / "gateway"
    captured: dict[str, str] = {}

    async def buy(client: stripe.StripeClient, buyer: int) -> None:
        for number in range(10_000):
            key = {"idempotency_key": f"{buyer}-{number}"}
            held = await client.v1.payment_intents.create_async(PARAMS, key)
            done = await client.v1.payment_intents.capture_async(held.id)
            captured[f"{buyer}-{number}"] = done.id

    async with _process(directory) as (process, url), connect(url) as client:
        buyers = [asyncio.create_task(buy(client, buyer)) for buyer in range(16)]
        async with asyncio.timeout(60):
            while len(captured) < 300:
                await asyncio.wait(buyers, timeout=0.01)
        process.send_signal(signal.SIGKILL)
        await process.wait()
        ends = await asyncio.gather(*buyers, return_exceptions=True)
        assert all(isinstance(end, stripe.APIConnectionError) for end in ends)

    async with _process(directory) as (_, url), connect(url) as client:
        listed = await client.v1.payment_intents.list_async({"limit": 100})
        found = {intent.id: intent async for intent in listed.auto_paging_iter()}
        assert all(found[id_].status == "succeeded" for id_ in captured.values())
        assert {intent.status for intent in found.values()} <= {"succeeded", "requires_capture"}
        key, first = next(iter(captured.items()))
        again = await client.v1.payment_intents.create_async(PARAMS, {"idempotency_key": key})
        assert (again.id, again.last_response.headers["Idempotent-Replayed"]) == (first, "true")
        fresh = await client.v1.payment_intents.create_async(PARAMS)
        assert fresh.id not in found


async def test_a_polite_end_is_quick_and_clean(tmp_path, connect) -> None:
    async with _process(tmp_path / "gateway") as (process, url), connect(url) as client:
        await client.v1.payment_intents.create_async(PARAMS)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            await process.wait()
        assert process.returncode in {0, -signal.SIGTERM}


async def test_a_directory_has_one_gateway_and_the_next_goes_on_where_it_ended(settings, start) -> None:
    gateway = await start(settings)
    held = await gateway.authorised(metadata={"order": "7"})
    with pytest.raises(DataDirectoryInUse):
        await serve(settings, 0, gateway.clock, None)
    await start.stop()
    gateway = await start(settings)
    done = await gateway.client.v1.payment_intents.capture_async(held.id)
    assert (done.status, done.metadata["order"]) == ("succeeded", "7")


def test_nobody_else_may_look_into_the_directory(settings) -> None:
    with opened(settings.directory):
        assert settings.directory.stat().st_mode & 0o077 == 0


async def test_a_file_of_another_version_is_left_alone(settings) -> None:
    with opened(settings.directory) as store:
        store.connection.execute("PRAGMA user_version = 99")
    with pytest.raises(Misconfigured, match="schema 99"), opened(settings.directory):
        pass
