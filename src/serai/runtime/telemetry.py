"""Metrics of the whole site, whichever process is asked: counts shared through files, and figures read from PostgreSQL.

Under the supervisor each process writes its counts into PROMETHEUS_MULTIPROC_DIR and whoever answers adds them up. What
the database knows (events that wait, jobs) is asked when somebody looks, so that no process has to keep it.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry, Gauge, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector

from serai.runtime.control import SHARED_METRICS
from serai.runtime.jobs import QueueState, queue_state
from serai.runtime.outbox import oldest_age_s
from serai.runtime.postgres.database import Database

SAMPLE_EVERY_S = 5.0
"""How often a process notes how many of its connections are in use."""

EVENT_AGE_WARN_S = 60.0
"""An event that waits longer means that the relay does not keep up, or does not run."""

WATCHERS = Gauge("serai_live_watchers", "Open live streams (seat maps, home pages)", multiprocess_mode="livesum")
POOL_USED = Gauge(
    "serai_pool_connections_used",
    "Database connections in use, as noted every 5 s",
    ["role"],
    multiprocess_mode="livesum",
)
POOL_WAITING = Gauge(
    "serai_pool_requests_waiting",
    "Requests that wait for a database connection, as noted every 5 s",
    ["role"],
    multiprocess_mode="livesum",
)

FIGURES = {
    "serai_outbox_oldest_seconds": ("Age of the oldest event that the relay has not delivered; 0 when none waits", ""),
    "serai_jobs": ("Jobs of the queue that wait, run, or failed for good", "state"),
}
"""What is read from the database when somebody looks: meaning and label."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What waits to be done."""

    oldest_event_s: float
    queue: QueueState


async def flow_of(jobs: Database) -> Flow:
    """As PostgreSQL has it now, by the role serai_jobs."""
    age_s = await oldest_age_s(jobs)
    async with jobs.transaction(None) as tx:
        return Flow(age_s, await queue_state(tx))


def sample_pools(**databases: Database) -> None:
    """Notes how many connections are in use, by role."""
    for role, database in databases.items():
        used, waiting = database.usage()
        POOL_USED.labels(role).set(used)
        POOL_WAITING.labels(role).set(waiting)


class _Figures:
    """The library's collector over a reading."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The families of FIGURES."""
        age, jobs = FIGURES
        yield GaugeMetricFamily(age, FIGURES[age][0], value=self._flow.oldest_event_s)
        states = GaugeMetricFamily(jobs, FIGURES[jobs][0], labels=[FIGURES[jobs][1]])
        for state in ("waiting", "running", "dead"):
            states.add_metric([state], getattr(self._flow.queue, state))
        yield states


def exposition(flow: Flow | None) -> bytes:
    """Everything in Prometheus' text format; without `flow` while the database does not answer."""
    figures = CollectorRegistry()
    if flow:
        figures.register(_Figures(flow))
    directory = os.environ.get(SHARED_METRICS)
    if not directory:
        return generate_latest(REGISTRY) + generate_latest(figures)
    _forget_dead(Path(directory))
    MultiProcessCollector(figures, directory)  # type: ignore[no-untyped-call]  # the library declares no types here
    return generate_latest(figures)


def _forget_dead(directory: Path) -> None:
    """Live gauges of processes that have gone; their counters stay, since what they counted happened."""
    for path in directory.glob("gauge_live*_*.db"):
        pid = path.stem.rpartition("_")[2]
        if pid.isdecimal() and not _runs(int(pid)):
            path.unlink(missing_ok=True)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
