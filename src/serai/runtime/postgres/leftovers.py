"""Servers that a killed owner left behind on a cluster: found by evidence, and stopped before the next start.

A pid file alone proves nothing, because numbers are given out again: what it names must be a postgres on this cluster.
"""

import os
import signal
import subprocess
import time
from pathlib import Path

POLL_S = 0.02
"""Pause between two looks at a server that is starting or stopping."""


def stop_leftovers(cluster: Path, grace_s: float) -> None:
    """Stops every server process still on `cluster`, harder each time, and clears the postmaster's pid file.

    Afterwards the file could only name a process that is none of ours: the kernel gives numbers out again, and the
    server would refuse to start because of it.
    """
    for sign in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        left = server_processes(cluster)
        if not left:
            break
        postmaster = named_in_pid_file(cluster)
        # Its children die with it. Without it they are told directly, though never by SIGINT: to the checkpointer that
        # means something else.
        told = [postmaster] if postmaster in left else left
        if sign is not signal.SIGINT or postmaster in left:
            for pid in told:
                _send(pid, sign)
            _wait_gone(cluster, grace_s)
    (cluster / "postmaster.pid").unlink(missing_ok=True)


def _send(pid: int, sign: signal.Signals) -> None:
    try:
        os.kill(pid, sign)
    except ProcessLookupError:
        return


def _wait_gone(cluster: Path, deadline_s: float) -> None:
    until_s = time.monotonic() + deadline_s
    while server_processes(cluster) and time.monotonic() < until_s:
        time.sleep(POLL_S)


def server_processes(cluster: Path) -> list[int]:
    """Process ids of the servers on `cluster`: the postmaster that its pid file names, and on Linux its children."""
    named = named_in_pid_file(cluster)
    candidates = {named} if named else set()
    proc = Path("/proc")
    if proc.is_dir():
        candidates |= {int(entry.name) for entry in proc.iterdir() if entry.name.isdigit()}
    return sorted(pid for pid in candidates if _is_server_on(pid, cluster))


def named_in_pid_file(cluster: Path) -> int | None:
    """The postmaster's process id as its pid file has it: it may be long gone, and the number another's."""
    try:
        return int((cluster / "postmaster.pid").read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None


def _is_server_on(pid: int, cluster: Path) -> bool:
    """Whether `pid` is a postgres whose working directory, which the server never leaves, is the cluster."""
    entry = Path("/proc") / str(pid)
    if not Path("/proc").is_dir():
        asked = subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True)  # noqa: S603, S607  # ps is in PATH everywhere, its arguments are ours
        return f"-D {cluster} " in asked.stdout
    try:
        return (entry / "cwd").readlink() == cluster.resolve() and (entry / "comm").read_text() == "postgres\n"
    except OSError:
        return False  # gone meanwhile, a zombie, or another user's
