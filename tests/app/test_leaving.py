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

asyncio.run(main())
"""


@pytest.mark.parametrize("limits", ["1, 60, leaving.SUPERVISOR", "60, 1, 0"], ids=["supervised", "orphaned"])
def test_one_that_hangs_is_ended_by_its_alarm(limits: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STUCK.format(limits=limits)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout and process.stdout.readline() == "serves\n"
        process.terminate()
        said, _ = process.communicate(timeout=30)
    assert (said, process.returncode) == ("stopping\n", -signal.SIGALRM)
