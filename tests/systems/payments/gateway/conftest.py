"""A running gateway on a real socket, the official client pointed at it, and a receiver of its webhooks."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
import stripe
from aiohttp import web

from serai.systems.payments.gateway.server import serve
from serai.systems.payments.gateway.settings import GatewaySettings

KEY = "sk_test_gateway"
PATIENCE_S = 10.0


class ManualClock:
    """Starts at the real time (signatures are checked against it) and then moves only when told to."""

    def __init__(self) -> None:
        self.moment = datetime.now(UTC)

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self.moment.timestamp()

    def advance(self, **by: float) -> None:
        self.moment += timedelta(**by)


class SeededRandom:
    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def token(self, size: int) -> bytes:
        return self._random.randbytes(size)

    def below(self, bound: int) -> int:
        return self._random.randrange(bound)


@dataclass
class Running:
    """A gateway that runs, and ways to reach it."""

    url: str
    client: stripe.StripeClient
    clock: ManualClock
    settings: GatewaySettings
    http: aiohttp.ClientSession

    async def script(self, operation: str, kind: str, times: int = 1) -> None:
        body = {"operation": operation, "kind": kind, "times": times}
        async with self.http.post("/_test/faults", json=body) as answer:
            assert answer.status == 200, await answer.text()

    async def paid(self, amount: int = 1250, **more: object) -> stripe.PaymentIntent:
        """A payment that the card approved at once."""
        params = {"amount": amount, "currency": "eur", "confirm": True, "payment_method": "pm_card_visa"} | more
        return await self.client.v1.payment_intents.create_async(params)

    async def authorised(self, amount: int = 1250, **more: object) -> stripe.PaymentIntent:
        """A payment that waits for its capture."""
        return await self.paid(amount, capture_method="manual", **more)


@asynccontextmanager
async def client_of(url: str, key: str = KEY, timeout_s: float = 10.0) -> AsyncIterator[stripe.StripeClient]:
    http = stripe.AIOHTTPClient(timeout=aiohttp.ClientTimeout(total=timeout_s))
    try:
        yield stripe.StripeClient(key, base_addresses={"api": url}, http_client=http, max_network_retries=0)
    finally:
        await http.close_async()


@asynccontextmanager
async def running(settings: GatewaySettings, clock: ManualClock) -> AsyncIterator[Running]:
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    settings = replace(settings, public_url=url)
    serving = asyncio.create_task(serve(settings, listener, clock, SeededRandom(7)))
    headers = {"Authorization": f"Bearer {settings.secret_keys[0]}"}
    try:
        async with client_of(url) as client, aiohttp.ClientSession(url, headers=headers) as http:
            yield Running(url, client, clock, settings, http)
    finally:
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving
        listener.close()


@pytest.fixture
def settings(tmp_path: Path) -> GatewaySettings:
    """Settings whose waits are short enough for a test."""
    return GatewaySettings(
        directory=tmp_path / "gateway",
        secret_keys=(KEY, "sk_live_gateway"),
        webhook_backoff_s=0.02,
        webhook_poll_s=0.02,
        webhook_timeout_s=1.0,
        sweep_interval_s=0.05,
    )


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def gateway(settings: GatewaySettings, clock: ManualClock) -> AsyncIterator[Running]:
    async with running(settings, clock) as found:
        yield found


class Start:
    """Starts gateways with settings of the test's own, and stops them."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._stack = AsyncExitStack()

    async def __call__(self, settings: GatewaySettings) -> Running:
        return await self._stack.enter_async_context(running(settings, self._clock))

    async def stop(self) -> None:
        await self._stack.aclose()


@pytest.fixture
async def start(clock: ManualClock) -> AsyncIterator[Start]:
    found = Start(clock)
    yield found
    await found.stop()


@pytest.fixture
def connect() -> Callable[..., object]:
    """Another client: `async with connect(url, key, timeout_s) as client`."""
    return client_of


@dataclass(frozen=True)
class Received:
    signature: str
    body: bytes


class Receiver:
    """A web server that takes webhooks; `refuse` makes it answer 500 that many times first."""

    def __init__(self) -> None:
        self.url = ""
        self.refuse = 0
        self.refused = 0
        self._arrived: asyncio.Queue[Received] = asyncio.Queue()

    async def next(self) -> Received:
        return await asyncio.wait_for(self._arrived.get(), PATIENCE_S)

    def waiting(self) -> int:
        return self._arrived.qsize()

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        if self.refused < self.refuse:
            self.refused += 1
            return web.Response(status=500)
        self._arrived.put_nowait(Received(request.headers["Stripe-Signature"], body))
        return web.Response()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    found = Receiver()
    app = web.Application()
    app.router.add_post("/hook", found.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        yield found
    finally:
        await runner.cleanup()
