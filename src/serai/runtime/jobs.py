"""Jobs: work that must happen, though not now. Deferred in the caller's transaction: neither exists without the other.

The queue is procrastinate's, in the schema `jobs`. Every job is idempotent, has a deadline and a bounded retry; one
that failed for good stays visible as dead, and one whose worker died is run again. Workers poll: a NOTIFY in each
transaction would serialise all commits.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from procrastinate import App, PsycopgConnector, RetryStrategy
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job as QueuedJob
from procrastinate.jobs import Status
from procrastinate.retry import RetryDecision

from serai.kernel.errors import Unavailable
from serai.kernel.ports import Clock
from serai.runtime.postgres.database import Transaction

log = logging.getLogger("serai.jobs")

POLL_S = 0.5
"""How often an idle worker looks for jobs."""

CONCURRENCY = 4
"""Jobs that one worker process runs at once."""

HEARTBEAT_S = 10.0
"""How often a worker tells the database that it lives."""

STALLED_S = 30.0
"""A worker that has not told it for so long is dead, and what it had taken is run again."""

JOB_STOP_S = 8.0
"""How long jobs in flight may take once the worker is asked to stop; then they go back into the queue."""

WORKER_STOP_S = 10.0
"""How long the worker may take to stop: one that waits for a database which is gone would never be done."""

ROUND_STOP_S = 2.0
"""The same for the round of a loop, which is then cut off as by a crash."""

_CANCELS_MAX = 20
_DONE_IS_FORGOTTEN = "successful"  # else the queue's tables would grow for ever; dead jobs stay to be looked at


class WorkerDied(Exception):
    """What a job failed of when its worker was killed in the middle."""


@dataclass(frozen=True, slots=True)
class Job:
    """A kind of job. `run` receives the arguments it was deferred with; `cron` makes it recurring (UTC).

    After a failed try it waits 2 s, then 4, 8 and so on; after `tries_max` tries it is dead.
    """

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
            task = self._app.task(name=job.name, retry=_retries(job))(_bounded(job))
            if job.cron:
                self._app.periodic(cron=job.cron)(task)

    async def defer(self, tx: Transaction, name: str, **arguments: Any) -> None:
        """Enqueues a job in the caller's transaction. Arguments are JSON values; ids as text."""
        assert name in self._app.tasks, f"no job is named {name}"
        await self._app.configure_task(name, connection=tx.connection).defer_async(**arguments)

    async def work(self, stop: asyncio.Event, patience_s: Callable[[], float] = lambda: WORKER_STOP_S) -> None:
        """Runs jobs until `stop` is set, then lets those in flight finish, for `patience_s()` at the most.

        Raises what ended it before that.
        """
        async with self._app.open_async():
            worker = asyncio.create_task(self._run_worker())
            beside = [asyncio.create_task(stop.wait()), asyncio.create_task(self._revive_again_and_again())]
            try:
                await asyncio.wait({worker, *beside}, return_when=asyncio.FIRST_COMPLETED)
                if stop.is_set():
                    worker.cancel()
                    await asyncio.wait({worker}, timeout=patience_s())
            finally:
                for task in beside:
                    task.cancel()
                await _end(worker)
                ended = await asyncio.gather(worker, *beside, return_exceptions=True)
        if not stop.is_set():
            raise next(
                (each for each in ended if isinstance(each, Exception)),
                Unavailable("The job worker ended; start its process anew."),
            )

    async def _run_worker(self) -> None:
        await self._app.run_worker_async(
            concurrency=CONCURRENCY,
            fetch_job_polling_interval=POLL_S,
            update_heartbeat_interval=HEARTBEAT_S,
            stalled_worker_timeout=STALLED_S,
            listen_notify=False,
            install_signal_handlers=False,
            shutdown_graceful_timeout=JOB_STOP_S,
            delete_jobs=_DONE_IS_FORGOTTEN,
        )

    async def _revive_again_and_again(self) -> None:
        while True:
            try:
                await self._revive()
            except ConnectorException:
                # Another worker may have taken one back first; without a database the worker itself fails.
                log.exception("jobs of dead workers could not be taken back")
            await asyncio.sleep(HEARTBEAT_S)

    async def _revive(self) -> None:
        """Takes back what dead workers had taken. It counts as a failed try: a job that kills its worker ends too."""
        manager = self._app.job_manager
        for job in await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_S):
            log.warning("job %s had a worker that died", job.task_name, extra={"job": job.id})
            retry = self._retry_of(job)
            if retry:
                await manager.retry_job(job, retry_at=retry.retry_at)
            else:
                await manager.finish_job(job, Status.FAILED, delete_job=False)

    def _retry_of(self, job: QueuedJob) -> RetryDecision | None:
        task = self._app.tasks.get(job.task_name)
        again = task.get_retry_exception(WorkerDied(), job) if task else None
        return again.retry_decision if again else None

    async def drain(self) -> None:
        """Runs what is due now and returns; for tests and benches."""
        async with self._app.open_async():
            await self._app.run_worker_async(
                wait=False,
                concurrency=CONCURRENCY,
                listen_notify=False,
                install_signal_handlers=False,
                delete_jobs=_DONE_IS_FORGOTTEN,
            )


async def _end(worker: asyncio.Task[None]) -> None:
    """Ends it for certain: on its way out it waits again and again, and each cancellation ends one wait."""
    for _ in range(_CANCELS_MAX):
        worker.cancel()
        await asyncio.wait({worker}, timeout=0.1)


def _retries(job: Job) -> RetryStrategy | bool:
    # procrastinate counts the tries after the first one, and takes none of them for no limit.
    return job.tries_max > 1 and RetryStrategy(max_attempts=job.tries_max - 1, exponential_wait=2)


def _bounded(job: Job) -> Callable[..., Awaitable[None]]:
    async def run(**arguments: Any) -> None:
        if job.cron:
            # procrastinate adds when it was due; ours ask the clock instead.
            arguments.pop("timestamp", None)
        async with asyncio.timeout(job.deadline_s):
            await job.run(**arguments)

    return run


async def run_loop(loop: Loop, clock: Clock, stop: asyncio.Event) -> None:
    """Runs a loop until `stop`; a failed round is logged and the next one tried after the pause."""
    while not stop.is_set():
        started_s = clock.monotonic()
        try:
            await _round(loop, stop)
        except Exception:  # one bad round must not end the sweep; it is logged and tried again
            log.exception("loop %s failed", loop.name)
        took_s = clock.monotonic() - started_s
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), max(0.05, loop.every_s - took_s))


async def _round(loop: Loop, stop: asyncio.Event) -> None:
    work = asyncio.ensure_future(loop.run())
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({work}, timeout=ROUND_STOP_S)
    finally:
        stopping.cancel()
        work.cancel()
    with suppress(asyncio.CancelledError):
        await work


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
        " count(*) filter (where status in ('failed', 'aborted')) from jobs.procrastinate_jobs"
        " where status <> 'succeeded'"
    )
    assert row is not None
    return QueueState(*row)
