"""Delivers events to their endpoints: signed, at least once, with bounded retries and a doubling wait between them.

What is still to be sent is a row written with the event, so a crash loses none; a crash between the endpoint's 2xx
and our note of it sends the event again, as Stripe may too. Order is not promised.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import aiohttp
import orjson

from serai.kernel.ports import Clock
from serai.systems.payments.gateway import signature
from serai.systems.payments.gateway.commits import GroupCommit
from serai.systems.payments.gateway.errors import GatewayError
from serai.systems.payments.gateway.faults import OF_WEBHOOKS, Fault, Faults
from serai.systems.payments.gateway.model import Doc
from serai.systems.payments.gateway.settings import GatewaySettings
from serai.systems.payments.gateway.store import Delivery, Store

_PROBLEM_CHARS_MAX = 200


def backoff_s(settings: GatewaySettings, attempt: int) -> float | None:
    """The wait after failed attempt number `attempt` (from 1), or None if it was the last."""
    assert attempt >= 1
    if attempt >= settings.webhook_attempts_max:
        return None
    return min(settings.webhook_backoff_s * 2.0 ** (attempt - 1), settings.webhook_backoff_max_s)


class Deliverer:
    """Sends what is due, several at a time. `wake` has it look at once instead of at the next poll."""

    def __init__(self, store: Store, settings: GatewaySettings, clock: Clock, faults: Faults) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._faults = faults
        self._woken = asyncio.Event()
        self._under_way: set[int] = set()
        self.wake: Callable[[], None] = self._woken.set

    async def run(self, commits: GroupCommit) -> None:
        """Serves until cancelled."""
        timeout = aiohttp.ClientTimeout(total=self._settings.webhook_timeout_s)
        async with aiohttp.ClientSession(timeout=timeout) as session, asyncio.TaskGroup() as tasks:
            while True:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), self._settings.webhook_poll_s)
                self._woken.clear()
                for delivery in self._due():
                    self._under_way.add(delivery.seq)
                    tasks.create_task(self._deliver(delivery, session, commits))

    def _due(self) -> list[Delivery]:
        free = self._settings.webhook_concurrency_max - len(self._under_way)
        if free <= 0:
            return []
        due = self._store.committed.deliveries_due(self._now_ms(), self._settings.webhook_concurrency_max)
        return [delivery for delivery in due if delivery.seq not in self._under_way][:free]

    async def _deliver(self, delivery: Delivery, session: aiohttp.ClientSession, commits: GroupCommit) -> None:
        """One delivery. If its outcome cannot be noted it stays due, and the next poll sends it again."""
        noted = False
        with suppress(GatewayError):
            await self._handle(delivery, session, commits)
            noted = True
        self._under_way.discard(delivery.seq)
        if noted:
            self._woken.set()

    async def _handle(self, delivery: Delivery, session: aiohttp.ClientSession, commits: GroupCommit) -> None:
        event = self._store.committed.at("event", delivery.event)
        endpoint = self._store.endpoints.get(delivery.endpoint)
        if event is None or endpoint is None:
            await commits.apply(lambda: self._store.delivered(delivery.seq))
            return
        fault = self._faults.take(event["type"], OF_WEBHOOKS) if delivery.attempt == 0 else None
        if fault in {Fault.WEBHOOK_LATE, Fault.WEBHOOK_OUT_OF_ORDER}:
            await self._hold(delivery, commits, overtaken=fault is Fault.WEBHOOK_OUT_OF_ORDER)
            return
        problem = await self._send(session, endpoint, event)
        if fault is Fault.WEBHOOK_DUPLICATE and not problem:
            problem = await self._send(session, endpoint, event)
        await commits.apply(lambda: self._note(delivery, problem))

    async def _hold(self, delivery: Delivery, commits: GroupCommit, *, overtaken: bool) -> None:
        """Attempt 1 stands for the wait itself, so that the fault is not met again."""
        due_ms = self._now_ms() + int(self._settings.webhook_late_s * 1000)
        await commits.apply(lambda: self._store.postpone(delivery.seq, due_ms, 1, held=overtaken))

    async def _send(self, session: aiohttp.ClientSession, endpoint: Doc, event: Doc) -> str:
        """Sends it once; says what went wrong, or nothing."""
        payload = orjson.dumps(event | {"pending_webhooks": 1}, option=orjson.OPT_INDENT_2)
        now_s = self._now_ms() // 1000
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Serai-Gateway/1.0",
            "Stripe-Signature": signature.sign(payload, endpoint["secret"], now_s),
        }
        try:
            async with session.post(endpoint["url"], data=payload, headers=headers, allow_redirects=False) as answer:
                return "" if 200 <= answer.status < 300 else f"status {answer.status}"
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return f"{type(error).__name__}: {error}"[:_PROBLEM_CHARS_MAX]

    def _note(self, delivery: Delivery, problem: str) -> None:
        now_ms = self._now_ms()
        if not problem:
            self._store.delivered(delivery.seq)
            self._store.release_held(delivery.endpoint, delivery.event, now_ms)
            return
        attempt = delivery.attempt + 1
        wait_s = backoff_s(self._settings, attempt)
        due_ms = None if wait_s is None else now_ms + int(wait_s * 1000)
        self._store.postpone(delivery.seq, due_ms, attempt, problem=problem)

    def _now_ms(self) -> int:
        return int(self._clock.now().timestamp() * 1000)
