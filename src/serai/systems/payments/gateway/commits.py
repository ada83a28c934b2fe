"""Group commit: changes that arrive while the disk is busy share the next fsync.

Statements run on the loop's thread, only COMMIT leaves it: one thread hop for a batch instead of one for a statement.
A change is acknowledged after its batch is durable, never before; if the commit fails, all in it fail.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from serai.systems.payments.gateway.errors import GatewayBroken, GatewayError, RateLimited
from serai.systems.payments.gateway.store import Store

T = TypeVar("T")

_NOT_DURABLE = "The change could not be written to disk; it did not take effect."


class GroupCommit:
    """Runs changes one after another, in batches. `on_deliveries` is called after a batch that made webhooks."""

    def __init__(self, store: Store, *, queue_max: int, batch_max: int, on_deliveries: Callable[[], None]) -> None:
        self._store = store
        self._queue_max = queue_max
        self._batch_max = batch_max
        self._on_deliveries = on_deliveries
        self._waiting: deque[tuple[Callable[[], Any], asyncio.Future[Any]]] = deque()
        self._arrived = asyncio.Event()
        self._disk = ThreadPoolExecutor(max_workers=1, thread_name_prefix="gateway-commit")

    async def run(self) -> None:
        """Serves until cancelled."""
        try:
            while True:
                await self._arrived.wait()
                await self._commit_batch()
        finally:
            self._disk.shutdown(wait=True)

    async def apply(self, change: Callable[[], T]) -> T:
        """Runs `change` inside a transaction and returns its result once it is durable.

        It must write nothing before it can no longer fail. Raises RateLimited if too many wait already.
        """
        if len(self._waiting) >= self._queue_max:
            raise RateLimited("Too many changes are waiting for the disk. Try again shortly.", code="rate_limit")
        outcome: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((change, outcome))
        self._arrived.set()
        return await outcome

    async def _commit_batch(self) -> None:
        size = min(len(self._waiting), self._batch_max)
        batch = [self._waiting.popleft() for _ in range(size)]
        if not self._waiting:
            self._arrived.clear()
        results: list[tuple[asyncio.Future[Any], Any]] = []
        try:
            self._store.begin()
            for change, outcome in batch:
                results.append((outcome, _attempt(change)))
            await asyncio.get_running_loop().run_in_executor(self._disk, self._store.commit)
        except Exception as error:  # noqa: BLE001 -- whatever kept the batch from the disk, its clients must be told
            self._store.rollback()
            results = [(outcome, GatewayBroken(f"{_NOT_DURABLE} ({error})")) for _, outcome in batch]
        _tell(results)
        if self._store.has_deliveries:
            self._on_deliveries()


def _attempt(change: Callable[[], Any]) -> Any:
    try:
        return change()
    except GatewayError as refused:
        return refused


def _tell(results: list[tuple[asyncio.Future[Any], Any]]) -> None:
    for outcome, result in results:
        if outcome.cancelled():
            continue
        if isinstance(result, GatewayError):
            outcome.set_exception(result)
        else:
            outcome.set_result(result)
