"""What is to be done after a call's client has gone: a place in a queue for a lock is given up, a lease is revoked.

It prevents a cancelled call from leaving behind what others wait for. Each errand has an end; a stop waits for them.
"""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from serai.systems.coordination.errors import CoordinationError

ERRANDS_MAX = 10_000
"""At once. One that comes upon so many is left to the lease's end."""

_log = logging.getLogger(__name__)


class Errands:
    """Runs them beside the calls."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def run(self, errand: Coroutine[Any, Any, object]) -> None:
        """Begins one."""
        if len(self._running) >= ERRANDS_MAX:
            errand.close()
            return
        task = asyncio.get_running_loop().create_task(_quietly(errand))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def done(self, grace_s: float) -> None:
        """Waits for all of them; what takes longer is given up."""
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=grace_s)
            for task in late:
                task.cancel()


async def _quietly(errand: Coroutine[Any, Any, object]) -> None:
    try:
        await errand
    except CoordinationError as error:
        _log.info("an errand failed; the lease's end does it: %s", error)
