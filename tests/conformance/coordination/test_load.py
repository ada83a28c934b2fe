"""Many watches, watches that nobody reads, and the load that etcdctl takes for a healthy cluster."""

import asyncio
import json
import subprocess
from pathlib import Path

import pytest
from tests.conformance.coordination.api import Api, after
from tools.engines import Cluster, started

pytestmark = [pytest.mark.engines, pytest.mark.timeout(180)]

WATCHES, CONNECTIONS = 10_000, 100
SLOW, WRITES, VALUE_BYTES = 20, 200, 100_000
HELD_MAX_BYTES = 250 * 2**20
"""What a member may hold for slow watches: far less than SLOW copies of what was written, which are 400 MB."""


def load(cluster: Cluster, *options: str) -> dict[str, float]:
    line = [str(cluster.installed.load), "-endpoints", cluster.endpoints, *options]
    done = subprocess.run(line, capture_output=True, text=True, timeout=150)
    assert done.returncode == 0, done.stderr
    found: dict[str, float] = json.loads(done.stdout)
    return found


def test_each_of_ten_thousand_watches_sees_its_own(engine: Cluster) -> None:
    found = load(engine, "-work", "watches", "-watches", str(WATCHES), "-connections", str(CONNECTIONS))
    assert (found["operations"], found["errors"]) == (WATCHES, 0), found


def test_every_watch_sees_every_write_once_in_order(engine: Cluster) -> None:
    found = load(engine, "-work", "watch", "-watches", "100", "-clients", "4", "-seconds", "1")
    assert found["errors"] == 0, found
    assert found["operations"] > 0


async def test_watches_that_nobody_reads_hold_nobody_up(engine: Cluster, api: Api) -> None:
    """They cost the member no memory without bound, and have missed nothing when they are read at last."""
    before = engine.rss_bytes()
    slow = []
    for _ in range(SLOW):
        reader = Api(engine.seats[0].endpoint)
        stream = await reader.watching()
        await stream.create("slow/", range_end=after("slow/"))
        slow.append((reader, stream))
    fast = await api.watching()
    await fast.create("slow/", range_end=after("slow/"))
    revisions = [(await api.put(f"slow/{n % 9}", b"x" * VALUE_BYTES)).revision for n in range(WRITES)]
    assert [one.kv.mod_revision for one in await fast.events(WRITES)] == revisions
    assert engine.rss_bytes() - before < HELD_MAX_BYTES * len(engine.seats)
    for _, stream in slow[:3]:
        assert [one.kv.mod_revision for one in await stream.events(WRITES)] == revisions
    await asyncio.gather(*(reader.__aexit__() for reader, _ in slow))


async def test_a_slow_watch_whose_history_is_compacted_is_told(engine: Cluster, api: Api) -> None:
    stream = await api.watching()
    first = (await api.put("late/a", b"x" * VALUE_BYTES)).revision
    last = first
    for _ in range(20):
        last = (await api.put("late/a", b"x" * VALUE_BYTES)).revision
    await api.compact(last)
    await stream.create("late/a", start_revision=first)
    told = await stream.read()
    assert (told.canceled, told.compact_revision) == (True, last)


def test_etcdctl_finds_the_performance_of_a_small_cluster(tmp_path: Path) -> None:
    """A minute of 150 writes a second, as `check perf` has it."""
    with started("serai", 1, tmp_path) as cluster:
        client = cluster.installed.clients["current"]
        line = [str(client), f"--endpoints={cluster.endpoints}", "check", "perf", "--load=s"]
        done = subprocess.run(line, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.rstrip().endswith("PASS"), done.stdout
