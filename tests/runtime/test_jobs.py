"""A job exists with its transaction or not at all, is tried so often and so long, and outlives its worker."""

import asyncio
import logging
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import psycopg
import pytest
from tests.conftest import TENANT, MakeServer, UrlOf
from tests.doubles import ManualClock, SeededRandom

from serai.kernel.errors import Unavailable
from serai.runtime import jobs
from serai.runtime.jobs import Job, Loop, Queue, queue_state, run_loop
from serai.runtime.postgres.database import Database, open_database

DEADLINE_S = 30.0


@dataclass
class Work:
    """What a test's jobs do: they note that they run, and then fail, wait or end."""

    ran: list[str] = field(default_factory=list)
    started: asyncio.Event = field(default_factory=asyncio.Event)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)

    async def end(self, word: str = "") -> None:
        self.ran.append(word)
        self.started.set()

    async def fail(self, word: str = "") -> None:
        self.ran.append(word)
        raise ValueError(word)

    async def wait(self, word: str = "") -> None:
        self.started.set()
        await self.let_go.wait()
        self.ran.append(word)


@pytest.fixture
def work() -> Work:
    return Work()


def made(url: str, *kinds: Job) -> Queue:
    queue = Queue(url)
    queue.register(kinds)
    return queue


def as_owner(url_of: UrlOf, statement: str, *params: object) -> list[tuple[Any, ...]]:
    options = "-c search_path=jobs"  # the queue's own triggers rely on it
    with psycopg.connect(url_of("serai_owner"), autocommit=True, options=options) as connection:
        cursor = connection.execute(statement.encode(), params)
        return cursor.fetchall() if cursor.description else []


async def defer(database: Database, queue: Queue, name: str, **arguments: str) -> None:
    async with database.transaction(TENANT) as tx:
        await queue.defer(tx, name, **arguments)


async def state_of(database: Database) -> tuple[int, int, int]:
    """Waiting, running, dead."""
    async with database.transaction(TENANT) as tx:
        state = await queue_state(tx)
    return state.waiting, state.running, state.dead


async def test_a_job_is_deferred_with_its_transaction_or_not_at_all(
    database: Database, database_url: UrlOf, work: Work
) -> None:
    queue = made(database_url("serai_jobs"), Job("test.end", work.end))
    with suppress(KeyError):
        async with database.transaction(TENANT) as tx:
            await queue.defer(tx, "test.end", word="undone")
            raise KeyError
    await defer(database, queue, "test.end", word="done")
    assert await state_of(database) == (1, 0, 0)
    await queue.drain()
    assert work.ran == ["done"]
    assert as_owner(database_url, "select * from jobs.procrastinate_jobs") == [], "what is done is forgotten"


async def test_an_unknown_job_is_a_mistake(database: Database, database_url: UrlOf) -> None:
    with pytest.raises(AssertionError, match=r"no job is named test\.end"):
        await defer(database, Queue(database_url("serai_jobs")), "test.end")


@pytest.mark.parametrize("tries", [1, 3])
async def test_a_failing_job_waits_longer_each_time_and_is_dead_after_its_tries(
    database: Database, database_url: UrlOf, work: Work, tries: int
) -> None:
    queue = made(database_url("serai_jobs"), Job("test.fail", work.fail, tries_max=tries))
    await defer(database, queue, "test.fail")
    pauses = []
    for _ in range(tries - 1):
        await queue.drain()
        await queue.drain()  # not before its time
        pauses += as_owner(
            database_url, "select round(extract(epoch from scheduled_at - now())) from jobs.procrastinate_jobs"
        )
        as_owner(database_url, "update jobs.procrastinate_jobs set scheduled_at = now()")
    await queue.drain()
    assert [int(seconds) for (seconds,) in pauses] == [2 << n for n in range(tries - 1)]
    assert len(work.ran) == tries
    assert await state_of(database) == (0, 0, 1)


async def test_a_job_over_its_deadline_fails(database: Database, database_url: UrlOf, work: Work) -> None:
    queue = made(database_url("serai_jobs"), Job("test.wait", work.wait, deadline_s=0.05, tries_max=1))
    await defer(database, queue, "test.wait")
    await queue.drain()
    assert (work.started.is_set(), work.ran) == (True, [])
    assert await state_of(database) == (0, 0, 1)


async def test_a_recurring_job_runs_without_being_deferred(database_url: UrlOf, work: Work) -> None:
    queue = made(database_url("serai_jobs"), Job("test.cron", work.end, cron="* * * * *"))
    stop = asyncio.Event()
    working = asyncio.create_task(queue.work(stop))
    async with asyncio.timeout(DEADLINE_S):
        await work.started.wait()
        stop.set()
        await working
    assert set(work.ran) == {""}


async def test_a_stop_lets_what_runs_finish_and_starts_no_more(
    database: Database, database_url: UrlOf, work: Work
) -> None:
    queue = made(database_url("serai_jobs"), Job("test.wait", work.wait), Job("test.end", work.end))
    await defer(database, queue, "test.wait", word="in flight")
    stop = asyncio.Event()
    working = asyncio.create_task(queue.work(stop))
    async with asyncio.timeout(DEADLINE_S):
        await work.started.wait()
        stop.set()
        await defer(database, queue, "test.end", word="later")
        work.let_go.set()
        await working
    assert work.ran == ["in flight"]
    assert await state_of(database) == (1, 0, 0)


async def test_patience_ends_and_the_job_goes_back(
    database: Database, database_url: UrlOf, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "JOB_STOP_S", 0.05)
    queue = made(database_url("serai_jobs"), Job("test.wait", work.wait))
    await defer(database, queue, "test.wait")
    stop = asyncio.Event()
    working = asyncio.create_task(queue.work(stop))
    async with asyncio.timeout(DEADLINE_S):
        await work.started.wait()
        stop.set()
        await working
    assert await state_of(database) == (1, 0, 0)


async def test_a_worker_leaves_though_the_database_is_gone(
    make_server: MakeServer, random: SeededRandom, work: Work
) -> None:
    server = make_server()
    queue = made(server.url("serai_jobs"), Job("test.wait", work.wait))
    async with open_database(server.url("serai_app"), random, pool_min=1, pool_max=1) as database:
        await defer(database, queue, "test.wait")
    stop = asyncio.Event()
    working = asyncio.create_task(queue.work(stop, lambda: 0.3))
    async with asyncio.timeout(DEADLINE_S):
        await work.started.wait()
        await asyncio.to_thread(server.stop)
        stop.set()
        asked_s = monotonic()
        work.let_go.set()
        with suppress(Exception):  # it may have noticed before it was asked
            await working
    # Its connections are waited for 30 s each, one after another.
    assert monotonic() - asked_s < 8


async def test_a_worker_that_ended_by_itself_is_not_missed_in_silence(
    database_url: UrlOf, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "HEARTBEAT_S", 0.05)
    queue = made(database_url("serai_jobs"), Job("test.newyear", work.end, cron="0 0 1 1 *"))
    as_owner(database_url, "drop function jobs.procrastinate_update_heartbeat_v1")
    with pytest.raises(Unavailable, match="job worker ended"):
        async with asyncio.timeout(DEADLINE_S):
            await queue.work(asyncio.Event())


DOOMED = """
import asyncio, sys
from serai.runtime.jobs import Job, Queue

async def hang(word: str) -> None:
    print(word, flush=True)
    await asyncio.Event().wait()

queue = Queue(sys.argv[1])
queue.register([Job("test.hang", hang)])
asyncio.run(queue.work(asyncio.Event()))
"""


def kill_a_worker_at_work(url: str, jobs_running: int) -> None:
    """Another process takes the jobs, and is killed in the middle of them."""
    with subprocess.Popen(
        [sys.executable, "-c", DOOMED, url],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
    ) as doomed:
        assert doomed.stdout
        for _ in range(jobs_running):
            assert doomed.stdout.readline()
        doomed.kill()


async def test_a_job_whose_worker_was_killed_is_run_again_and_one_that_kills_workers_ends(
    database: Database, database_url: UrlOf, work: Work
) -> None:
    queue = made(database_url("serai_jobs"), Job("test.hang", work.end, tries_max=3))
    await defer(database, queue, "test.hang", word="innocent")
    await defer(database, queue, "test.hang", word="poison")
    await asyncio.to_thread(kill_a_worker_at_work, database_url("serai_jobs"), 2)
    as_owner(database_url, "update jobs.procrastinate_jobs set attempts = 2 where args->>'word' = 'poison'")
    await queue.drain()
    assert (work.ran, await state_of(database)) == ([], (0, 2, 0)), "a worker that may live keeps its jobs"
    as_owner(database_url, "update jobs.procrastinate_workers set last_heartbeat = now() - interval '31 s'")
    stop = asyncio.Event()
    working = asyncio.create_task(queue.work(stop))
    async with asyncio.timeout(DEADLINE_S):
        await work.started.wait()
        stop.set()
        await working
    assert work.ran == ["innocent"]
    assert await state_of(database) == (0, 0, 1)


async def test_a_loop_goes_on_after_a_bad_round(caplog: pytest.LogCaptureFixture) -> None:
    stop = asyncio.Event()
    rounds = []

    async def sweep() -> None:
        rounds.append(len(rounds))
        if len(rounds) == 1:
            raise ValueError("the moon")
        stop.set()

    async with asyncio.timeout(DEADLINE_S):
        await run_loop(Loop("moon.sweep", 0.0, sweep), ManualClock(), stop)
    assert rounds == [0, 1]
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR] == [
        "loop moon.sweep failed"
    ]


@pytest.mark.parametrize("ends", [True, False])
async def test_a_stop_waits_for_a_round_though_not_for_ever(ends: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "ROUND_STOP_S", DEADLINE_S if ends else 0.05)
    stop, let_go, seen = asyncio.Event(), asyncio.Event(), []

    async def sweep() -> None:
        stop.set()
        if ends:
            asyncio.get_running_loop().call_soon(let_go.set)
        try:
            await let_go.wait()
            seen.append("finished")
        except asyncio.CancelledError:
            seen.append("cut off")
            raise

    async with asyncio.timeout(DEADLINE_S):
        await run_loop(Loop("moon.sweep", 60.0, sweep), ManualClock(), stop)
    assert seen == ["finished" if ends else "cut off"]
