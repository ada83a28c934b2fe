"""Whoever is asked for metrics answers for all processes that run, and with what the database knows."""

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import TENANT
from tests.doubles import ManualClock, SeededRandom

from serai.runtime.control import SHARED_METRICS
from serai.runtime.outbox import Event, Outbox, relay_batch
from serai.runtime.postgres.database import Database
from serai.runtime.telemetry import exposition, flow_of

COUNTING = """
import sys
from serai.runtime.http.edge import REQUESTS
from serai.runtime.telemetry import WATCHERS, exposition
REQUESTS.labels("GET", "/x", "200").inc(int(sys.argv[1]))
WATCHERS.inc(int(sys.argv[1]))
print("counted", flush=True)
if sys.stdin.read():
    print(exposition(None).decode())
"""


def counting(directory: Path, number: int) -> "subprocess.Popen[str]":
    """A process that counts, and waits to be asked."""
    directory.mkdir(exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-c", COUNTING, str(number)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), SHARED_METRICS: str(directory)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout and process.stdout.readline() == "counted\n"
    return process


def test_one_process_answers_for_all_and_forgets_the_dead_ones_gauges(tmp_path: Path) -> None:
    first, killed, asked = (counting(tmp_path / "metrics", number) for number in (1, 10, 100))
    killed.kill()
    killed.communicate()
    said, _ = asked.communicate("tell")
    assert 'serai_http_requests_total{method="GET",route="/x",status="200"} 111.0' in said
    assert "serai_live_watchers 101.0" in said
    assert first.communicate("")[0] == ""


async def test_what_waits_is_read_from_the_database(database: Database, jobs_database: Database) -> None:
    async with database.transaction(TENANT) as tx:
        await Outbox(ManualClock(), SeededRandom()).append(tx, Event("serai.x.y", "k", "serai.x.y.z.v1", {}))
        await tx.execute(
            "insert into jobs.procrastinate_jobs (queue_name, task_name, status)"
            " values ('q', 't', 'failed'), ('q', 't', 'todo')"
        )
    flow = await flow_of(jobs_database)
    assert 0 < flow.oldest_event_s < 60
    said = exposition(flow).decode()
    assert 'serai_jobs{state="dead"} 1.0' in said
    assert 'serai_jobs{state="waiting"} 1.0' in said
    await relay_batch(jobs_database)
    assert "serai_outbox_oldest_seconds 0.0" in exposition(await flow_of(jobs_database)).decode()


async def test_a_connection_in_use_is_counted(database: Database) -> None:
    before, _ = database.usage()
    async with database.transaction(TENANT):
        assert database.usage() == (before + 1, 0)
    assert database.usage() == (before, 0)
