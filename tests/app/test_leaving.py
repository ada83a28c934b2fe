"""A child that is asked to stop ends, even one that waits for something that will never come."""

import os
import signal
import subprocess
import sys

import pytest

STUCK = """
import asyncio
from serai.app import leaving

leaving.STOP_S_MAX, leaving.ORPHAN_STOP_S_MAX, leaving.SUPERVISOR = {limits}

async def main():
    stop = leaving.stop_signal()
    print("serves", flush=True)
    await stop.wait()
    print("stopping", flush=True)
    await asyncio.Event().wait()

async def in_time():
    stop = leaving.stop_signal()
    print("serves", flush=True)
    await leaving.finished(asyncio.Event().wait(), stop)
    print("left", flush=True)

asyncio.run({main}())
"""


def asked_to_leave(script: str) -> tuple[str, int]:
    """What such a child says after it was asked, and how it ends."""
    with subprocess.Popen(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout and process.stdout.readline() == "serves\n"
        process.terminate()
        said, _ = process.communicate(timeout=30)
    return said, process.returncode


@pytest.mark.parametrize("limits", ["1, 60, leaving.SUPERVISOR", "60, 1, 0"], ids=["supervised", "orphaned"])
def test_one_that_hangs_is_ended_by_its_alarm(limits: str) -> None:
    assert asked_to_leave(STUCK.format(limits=limits, main="main")) == ("stopping\n", -signal.SIGALRM)


def test_an_orphan_leaves_by_itself_before_its_alarm() -> None:
    """What it waits for went with its supervisor."""
    limits = "leaving.STOP_S_MAX, leaving.ORPHAN_STOP_S_MAX, 0"
    assert asked_to_leave(STUCK.format(limits=limits, main="in_time")) == ("left\n", 0)
