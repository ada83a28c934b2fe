"""Jobs: work that must happen, though not now. Deferred in the caller's transaction: neither exists without the other.

The queue is procrastinate's, in the schema `jobs`. Every job is idempotent, has a deadline and a bounded retry; one
that failed for good stays visible as dead. Workers poll: a NOTIFY in each transaction would serialise all commits.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from procrastinate import App, PsycopgConnector, RetryStrategy

from serai.kernel.ports import Clock
from serai.runtime.postgres.database import Transaction

log = logging.getLogger("serai.jobs")

POLL_S = 0.5
"""How often an idle worker looks for jobs."""

CONCURRENCY = 4
"""Jobs that one worker process runs at once."""


@dataclass(frozen=True, slots=True)
class Job:
    """A kind of job. `run` receives the arguments it was deferred with; `cron` makes it recurring (UTC)."""

    name: str
    run: Callable[..., Awaitable[None]]
    deadline_s: float = 60.0
    tries_max: int = 8
    cron: str = ""


@dataclass(frozen=True, slots=True)
class Loop:
    """A short task that the jobs process runs again and again: a sweep, a relay. Idempotent and safe to run twice."""

    name: str
    every_s: float
    run: Callable[[], Awaitable[object]]


class Queue:
    """Where jobs are deferred, and the worker that runs them."""

    def __init__(self, conninfo: str) -> None:
        self._app = App(connector=PsycopgConnector(conninfo=conninfo, kwargs={"options": "-c search_path=jobs"}))

    def register(self, jobs: Sequence[Job]) -> None:
        """Makes jobs known by their names; once a process, before deferring or working."""
        for job in jobs:
            retry = RetryStrategy(max_attempts=job.tries_max, exponential_wait=2)
            task = self._app.task(name=job.name, retry=retry)(_bounded(job))
            if job.cron:
                self._app.periodic(cron=job.cron)(task)

    async def defer(self, tx: Transaction, name: str, **arguments: Any) -> None:
        """Enqueues a job in the caller's transaction. Arguments are JSON values; ids as text."""
        assert name in self._app.tasks, f"no job is named {name}"
        await self._app.configure_task(name, connection=tx.connection).defer_async(**arguments)

    async def work(self, stop: asyncio.Event) -> None:
        """Runs jobs until `stop` is set, then lets those in flight finish."""
        async with self._app.open_async():
            worker = asyncio.create_task(
                self._app.run_worker_async(
                    concurrency=CONCURRENCY,
                    fetch_job_polling_interval=POLL_S,
                    listen_notify=False,
                    install_signal_handlers=False,
                    shutdown_graceful_timeout=10.0,
                )
            )
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({worker, stopping}, return_when=asyncio.FIRST_COMPLETED)
            worker.cancel()
            with suppress(asyncio.CancelledError):
                await worker
            stopping.cancel()

    async def drain(self) -> None:
        """Runs what is due now and returns; for tests and benches."""
        async with self._app.open_async():
            await self._app.run_worker_async(
                wait=False, concurrency=CONCURRENCY, listen_notify=False, install_signal_handlers=False
            )


def _bounded(job: Job) -> Callable[..., Awaitable[None]]:
    async def run(*timestamps: int, **arguments: Any) -> None:
        # A recurring job receives its due time; ours ask the clock instead.
        async with asyncio.timeout(job.deadline_s):
            await job.run(**arguments)

    return run


async def run_loop(loop: Loop, clock: Clock, stop: asyncio.Event) -> None:
    """Runs a loop until `stop`; a failed round is logged and the next one tried after the pause."""
    while not stop.is_set():
        started_s = clock.monotonic()
        try:
            await loop.run()
        except Exception:  # one bad round must not end the sweep; it is logged and tried again
            log.exception("loop %s failed", loop.name)
        took_s = clock.monotonic() - started_s
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), max(0.05, loop.every_s - took_s))


@dataclass(frozen=True, slots=True)
class QueueState:
    """How many jobs wait, run and have failed for good."""

    waiting: int
    running: int
    dead: int


async def queue_state(tx: Transaction) -> QueueState:
    """Counts over the whole queue, by the status index."""
    row = await tx.fetch_one(
        "select count(*) filter (where status = 'todo'), count(*) filter (where status = 'doing'),"
        " count(*) filter (where status = 'failed') from jobs.procrastinate_jobs where status <> 'succeeded'"
    )
    assert row is not None
    return QueueState(*row)
