"""The supervisor starts, keeps and stops real processes, and leaves none behind."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tests.processes import gone

from serai.app.keeper import ChildFailed, answers
from serai.app.lives import ENDED, SERVING, State
from serai.app.status import ChildStatus, Status, read_status, running_status, write_status
from serai.app.supervisor import Supervisor, take_over
from serai.kernel.errors import Misconfigured
from serai.runtime.files import DirectoryLock
from serai.runtime.processes import Launch, birth, stop_leftovers
from serai.runtime.sockets import PortInUse, bound
from serai.runtime.world import SystemClock

from .conftest import LIVES, READY, SERVES, Scene, by_name, child


def order_of(scene: Scene, state: State) -> list[str]:
    """Names in the order in which they first were in `state`."""
    seen: dict[str, None] = {}
    for status in scene.seen:
        seen |= {one.name: None for one in status.children if one.state is state}
    return list(seen)


async def test_nothing_starts_on_what_does_not_serve_nor_stops_under_what_runs(data: Path) -> None:
    task = child("task", "", task=True, after=("base",))
    scene = Scene(data, child("web", after=("task",)), task, child("base"))
    await scene.ready()
    await scene.finish()
    assert order_of(scene, State.STARTING) == ["base", "task", "web"]
    for status in scene.seen:
        states = {name: one.state for name, one in by_name(status).items()}
        if states["web"] is State.STARTING:
            assert {states["base"], states["task"]} <= SERVING
        if states["web"] not in ENDED:
            assert states["base"] is not State.STOPPING
    assert order_of(scene, State.STOPPED) == ["web", "base"]
    assert scene.states("task") == [State.WAITING, State.STARTING, State.DONE]


async def test_one_that_dies_is_started_again_and_the_others_stay(data: Path) -> None:
    scene = Scene(data, child("base"), child("web", after=("base",)))
    before = await scene.ready()
    assert before["base"].pid
    os.kill(before["base"].pid, signal.SIGKILL)
    after = by_name(await scene.until(lambda status: status.children[0].restarts == 1 and status.state == "ready"))
    assert after["base"].pid != before["base"].pid
    assert after["web"].pid == before["web"].pid
    assert any("base was killed by SIGKILL" in one.detail for status in scene.seen for one in status.children)
    await scene.finish()


async def test_one_that_hangs_is_replaced_and_who_is_busy_or_never_spoke_stays(data: Path) -> None:
    busy = LIVES.replace("0.05", "0.9")
    fast = {"silent_max_s": 3.0}
    scene = Scene(data, child("base", **fast), child("busy", busy, **fast), child("web", LIVES, **fast))
    before = await scene.ready()
    assert before["web"].pid
    os.kill(before["web"].pid, signal.SIGSTOP)
    status = await scene.until(lambda status: by_name(status)["web"].restarts == 1 and status.state == "ready")
    after = by_name(status)
    assert after["web"].pid != before["web"].pid
    assert {name: after[name].pid for name in ("base", "busy")} == {name: before[name].pid for name in ("base", "busy")}
    details = {by_name(status)["web"].detail for status in scene.seen}
    assert "web was killed by SIGKILL: error: it hangs, without a sign of life for 3 s" in details
    await scene.finish()


async def test_one_that_keeps_dying_is_given_up_with_its_last_words(data: Path) -> None:
    scene = Scene(data, child("base"), child("web", "raise SystemExit('ValueError: the moon is too near')"))
    with pytest.raises(ChildFailed, match=r"web ended with exit code 1: ValueError: the moon .*logs/web\.jsonl"):
        await scene.task
    assert by_name(scene.seen[-1])["web"].restarts == 2
    assert scene.seen[-1].state == "stopped"


async def test_one_that_an_operator_must_help_is_not_tried_again(data: Path) -> None:
    script = "import sys; sys.stderr.write('error: SERAI_PORT is 0\\n'); sys.exit(2)"
    scene = Scene(data, child("base"), child("web", script))
    with pytest.raises(Misconfigured, match="SERAI_PORT is 0"):
        await scene.task
    assert State.RESTARTING not in scene.states("web")


async def test_a_failed_task_stops_everything_before_others_start(data: Path) -> None:
    scene = Scene(data, child("base"), child("task", "raise SystemExit(1)", task=True), child("web", after=("task",)))
    with pytest.raises(ChildFailed, match="task ended with exit code 1: it said nothing"):
        await scene.task
    assert scene.states("web") == [State.WAITING, State.STOPPED]


async def test_a_program_that_is_not_there_is_named(data: Path) -> None:
    scene = Scene(data, child("web", launch=Launch(("/nowhere/serai",))))
    with pytest.raises(ChildFailed, match=r"web ended with exit code 127: /nowhere/serai: No such file"):
        await scene.task


async def test_the_rest_goes_on_without_one_that_is_not_vital(data: Path) -> None:
    once = f"""
        import os, sys
        if os.path.exists(sys.argv[1]): sys.exit(1)
        open(sys.argv[1], "w").close()
        {READY}
        sys.stdin.read(); import signal; signal.pause()
    """
    scene = Scene(data, child("base"), child("mailbox", once, str(data / "was-here"), vital=False))
    ready = await scene.ready()
    assert ready["mailbox"].pid
    os.kill(ready["mailbox"].pid, signal.SIGKILL)
    last = by_name(await scene.until(lambda status: by_name(status)["mailbox"].state is State.FAILED))
    assert last["base"].state is State.READY
    assert scene.seen[-1].state == "degraded"
    await scene.finish()


async def test_a_task_tells_how_far_it_is(data: Path) -> None:
    script = """print('{"serai_control":"progress","what":"shows","done":1200,"total":2400}', flush=True)"""
    scene = Scene(data, child("base"), child("demo", script, task=True))
    await scene.ready()
    await scene.finish()
    assert "shows: 1,200 of 2,400" in {by_name(status)["demo"].detail for status in scene.seen}


async def test_one_that_does_not_become_ready_is_given_up(data: Path) -> None:
    scene = Scene(data, child("web", "import signal; signal.pause()", ready_max_s=0.2))
    with pytest.raises(ChildFailed, match=r"web was killed by SIGKILL: error: not ready within 0\.2 s"):
        await scene.task


async def test_one_that_will_not_stop_is_killed_with_what_it_started(data: Path) -> None:
    script = f"""
        import os, signal
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = os.fork()
        if child:
            print(child, flush=True)
            {READY}
        signal.pause()
    """
    scene = Scene(data, child("web", script, grace_s=0.2))
    ready = await scene.ready()
    await scene.finish()
    grandchild = int(json.loads((data / "logs" / "web.jsonl").read_bytes())["message"])
    assert ready["web"].pid
    assert gone(ready["web"].pid) and gone(grandchild)


async def test_a_stop_while_starting_starts_no_more(data: Path) -> None:
    scene = Scene(data, child("base", "import signal; signal.pause()"), child("web", after=("base",)))
    await scene.until(lambda status: status.children[0].pid is not None or status.children[0].state is State.STARTING)
    await scene.finish()
    assert scene.states("web") == [State.WAITING, State.STOPPED]


async def test_what_a_child_writes_is_in_its_log_one_object_a_line(data: Path) -> None:
    script = 'import sys; print(\'{"level":"info","message":"own"}\'); sys.stderr.write(\'plain é\')'
    scene = Scene(data, child("base"), child("task", script, task=True))
    await scene.ready()
    await scene.finish()
    lines = [json.loads(line) for line in (data / "logs" / "task.jsonl").read_text().splitlines()]
    assert sorted(line["message"] for line in lines) == ["own", "plain é"]
    assert {line.get("child") for line in lines} == {None, "task"}


async def test_the_file_tells_what_runs_only_while_it_runs(data: Path) -> None:
    with DirectoryLock(data):
        scene = Scene(data, child("base", url="http://here"))
        await scene.ready()
        running = running_status(data)
        assert running and running.state == "ready" and running.ready_at >= running.started_at
        assert running.children[0].url == "http://here"
        await scene.finish()
    assert running_status(data) is None
    last = read_status(data)
    assert last and last.state == "stopped" and last.leftovers() == []


def run_owner(data: Path, script: str) -> "subprocess.Popen[bytes]":
    """A process that supervises one child, and writes its process id once it is ready."""
    code = """
import asyncio, os, sys
from pathlib import Path
from serai.app.keeper import Child
from serai.app.supervisor import Supervisor, take_over
from serai.runtime.processes import Launch
from serai.runtime.world import SystemClock
data = Path(sys.argv[1])
lock = take_over(data)
child = Child("web", Launch((sys.executable, "-I", "-S", "-c", sys.argv[2]), os.environ), ready="says")
supervisor = Supervisor([child], data, SystemClock(), pid=os.getpid())
ready = lambda: print(supervisor.status().children[0].pid, flush=True)
asyncio.run(supervisor.run(asyncio.Event(), ready))
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen([sys.executable, "-c", code, str(data), script], stdout=subprocess.PIPE, env=environment)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
@pytest.mark.parametrize("deaf", [False, True])
def test_kill_9_of_the_supervisor_leaves_no_child(data: Path, deaf: bool) -> None:
    ignore = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" if deaf else ""
    with run_owner(data, ignore + SERVES) as owner:
        assert owner.stdout
        pid = int(owner.stdout.readline())
        owner.kill()
    if deaf:
        # It outlives its owner until the next start, which gives it a moment and then kills it.
        found = read_status(data)
        assert found and [one.pid for one in found.leftovers()] == [pid]
        assert birth(pid) is not None
        stop_leftovers(found.leftovers(), 0.1)
    assert gone(pid)
    take_over(data).close()


def test_a_stranger_with_the_number_of_a_leftover_is_left_alone(data: Path) -> None:
    with subprocess.Popen(["/bin/sh", "-c", "read line"], stdin=subprocess.PIPE) as stranger:
        left = ChildStatus("web", State.READY, pid=stranger.pid, birth="another boot:1")
        write_status(data, Status("ready", 1, "", "", "", "", (left,)))
        take_over(data).close()
        assert stranger.poll() is None
        stranger.communicate(b"\n")


LISTENS = f"""
import socket, sys
listening = socket.socket(fileno=int(sys.argv[1]))
listening.listen()
{READY}
while True:
    peer, _ = listening.accept()
    peer.recv(1000)
    peer.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\n")
    peer.close()
"""


async def test_the_port_is_ours_from_the_start_and_opens_when_web_listens(data: Path) -> None:
    with bound(0, "the web server") as sock:
        port = sock.getsockname()[1]
        ask = answers(f"http://127.0.0.1:{port}/readyz")
        assert not await ask()
        listens = child("web", LISTENS, str(sock.fileno()))
        scene = Scene(data, replace(listens, launch=replace(listens.launch, inherits=(sock.fileno(),))))
        await scene.ready()
        assert await ask()
        with pytest.raises(PortInUse, match=f"The web server cannot listen on 127.0.0.1 port {port} .*--port"):
            bound(port, "the web server")
        await scene.finish()


def test_children_that_wait_for_each_other_are_a_mistake(data: Path) -> None:
    async def make() -> None:
        Supervisor([child("a", after=("b",)), child("b", after=("a",))], data, SystemClock(), pid=1)

    with pytest.raises(AssertionError, match="wait for each other"):
        asyncio.run(make())
