"""How a child leaves: what is in flight is finished, for as long as that can succeed, and there is an end even if
nobody waits for it.

A supervisor that was killed loses no patience with its children, and took the database with it: what is in flight then
waits for connections that never come. So an orphan's patience is short, and an alarm ends what has none.
"""

import asyncio
import os
import signal
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

PATIENCE_S = 10
"""How long requests and jobs in flight may take after the child was asked to stop."""

ORPHAN_PATIENCE_S = 1
"""The same when the supervisor is gone, and with it what they would need."""

MARGIN_S = 1
"""Beyond that patience, for what is needed to put things away."""

STOP_S_MAX = 13
"""How long a child may take to stop: longer than what is in flight may, shorter than its supervisor waits."""

ORPHAN_STOP_S_MAX = 5
"""The same when the supervisor is gone."""

SUPERVISOR = os.getppid()
"""Who started this process; it has another parent once that one is gone."""


def is_orphan() -> bool:
    """Whether the supervisor is gone."""
    return os.getppid() != SUPERVISOR


def patience_s() -> int:
    """How long what is in flight may take."""
    return ORPHAN_PATIENCE_S if is_orphan() else PATIENCE_S


async def finished(work: Coroutine[Any, Any, None], stop: asyncio.Event) -> None:
    """Does the work, which ends at `stop` by itself: one that waits for what never comes is cancelled in its stead."""
    doing = asyncio.create_task(work)
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({doing, stopping}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({doing}, timeout=patience_s() + MARGIN_S)
    finally:
        stopping.cancel()
        doing.cancel()
    with suppress(asyncio.CancelledError):
        await doing


def leave_in_time() -> None:
    """From now the process has so many seconds; SIGALRM then ends it."""
    signal.alarm(ORPHAN_STOP_S_MAX if is_orphan() else STOP_S_MAX)


def stop_signal() -> asyncio.Event:
    """Set at SIGTERM and SIGINT."""
    stop = asyncio.Event()

    def asked() -> None:
        leave_in_time()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked)
    return stop
