"""Children that are small programs, and a supervisor over them whose every change is seen."""

import asyncio
import os
import sys
import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from serai.app.keeper import Child
from serai.app.lives import Backoff, State
from serai.app.status import ChildStatus, Status
from serai.app.supervisor import Supervisor
from serai.runtime.control import SUPERVISED
from serai.runtime.processes import Launch
from serai.runtime.world import SystemClock

DEADLINE_S = 30.0

READY = """print('{"serai_control":"ready"}', flush=True)\n"""
SERVES = READY + "import signal; signal.pause()"
LIVES = f"""
import time
{READY}
while True:
    print('{{"serai_control":"alive"}}', flush=True)
    time.sleep(0.05)
"""


def child(name: str, script: str = SERVES, *arguments: str, **fields: object) -> Child:
    argv = (sys.executable, "-I", "-S", "-c", textwrap.dedent(script), *arguments)
    made = Child(name, Launch(argv, {**os.environ, SUPERVISED: "1"}), ready="says", grace_s=20)
    return replace(made, **fields)  # type: ignore[arg-type]  # the test names fields of Child


class Scene:
    """A supervisor that runs, and what has been seen of it."""

    def __init__(self, data: Path, *children: Child, backoff: Callable[[], Backoff] | None = None) -> None:
        self.seen: list[Status] = []
        self.stop = asyncio.Event()
        self._change = asyncio.Event()
        self.supervisor = Supervisor(
            children,
            data,
            SystemClock(),
            pid=os.getpid(),
            changed=self._note,
            backoff=backoff or (lambda: Backoff(first_s=0.0, deaths_max=3)),
        )
        self.task = asyncio.create_task(self.supervisor.run(self.stop))

    def _note(self, status: Status) -> None:
        self.seen.append(status)
        self._change.set()

    async def until(self, wanted: Callable[[Status], bool]) -> Status:
        """The first status from now on of which `wanted` holds."""
        async with asyncio.timeout(DEADLINE_S):
            while not (self.seen and wanted(self.seen[-1])):
                self._change.clear()
                waiting = asyncio.create_task(self._change.wait())
                await asyncio.wait({waiting, self.task}, return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
                if self.task.done():
                    self.task.result()
                    break
        assert wanted(self.seen[-1]), self.seen[-1]
        return self.seen[-1]

    async def ready(self) -> dict[str, ChildStatus]:
        return by_name(await self.until(lambda status: status.state == "ready"))

    async def finish(self) -> None:
        self.stop.set()
        async with asyncio.timeout(DEADLINE_S):
            await self.task

    def states(self, name: str) -> list[State]:
        """The states that a child went through, in order."""
        passed = [by_name(status)[name].state for status in self.seen]
        return [state for place, state in enumerate(passed) if place == 0 or state is not passed[place - 1]]


def by_name(status: Status) -> dict[str, ChildStatus]:
    return {child.name: child for child in status.children}


@pytest.fixture
def data(place: Path) -> Path:
    """A data directory."""
    return place
