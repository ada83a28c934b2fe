"""A child says that it lives while its event loop turns, however busy, and shows where the loop is held."""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

from serai.app.keeper import Child
from serai.runtime.processes import Launch

from .conftest import Scene, by_name, child

WORKING = """
import asyncio, sys, time
from serai.app import child
from serai.runtime.control import say_ready

child.ALIVE_EVERY_S, child.STACKS_AFTER_S = 0.05, 1.5

def in_the_way():
    time.sleep(60)

async def main():
    say_ready()
    for _ in range(8):
        time.sleep(0.25)
        await asyncio.sleep(0)
    print("was busy", flush=True)
    if sys.argv[1] == "hang":
        in_the_way()
    await asyncio.Event().wait()

asyncio.run(child.alive(main()))
"""


def program(name: str, what: str) -> Child:
    environment = {**os.environ, "SERAI_SUPERVISED": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    made = child(name, silent_max_s=3.0)
    return replace(made, launch=Launch((sys.executable, "-c", WORKING, what), environment))


async def test_a_held_loop_is_shown_and_ended_and_a_busy_one_goes_on(data: Path) -> None:
    scene = Scene(data, program("busy", "wait"), program("web", "hang"))
    await scene.until(lambda status: by_name(status)["web"].restarts == 1)
    assert by_name(scene.seen[-1])["busy"].restarts == 0
    await scene.finish()
    lines = [json.loads(line)["message"] for line in (data / "logs" / "web.jsonl").read_text().splitlines()]
    assert lines[0] == "was busy"
    assert any("in in_the_way" in line for line in lines), lines
    told = [json.loads(line)["message"] for line in (data / "logs" / "busy.jsonl").read_text().splitlines()]
    assert told == ["was busy"]
