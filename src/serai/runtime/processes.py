"""How a program is started here: as which user, with which priority, and never to outlive its owner."""

import os
import pwd
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from serai.kernel.errors import Misconfigured
from serai.runtime import leash

_POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Account:
    """A user of the machine, to run a program as."""

    name: str
    uid: int
    gid: int


def service_account(name: str = "nobody") -> Account | None:
    """Who runs what refuses to run as root; None when we are not root, and then it runs as we do."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(name)
    except KeyError as error:
        raise Misconfigured(
            f"There is no user {name} to run PostgreSQL as; start Serai as a user, not root."
        ) from error
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


@dataclass(frozen=True, slots=True)
class Launch:
    """A program, ready to start. `argv[0]` is a path. `stop_signal` also reaches it when its owner dies (Linux)."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    cwd: Path = Path("/")
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    nice: int = 0
    inherits: tuple[int, ...] = ()
    """File descriptors that it gets under the same numbers."""

    def leashed(self) -> list[str]:
        """The command that runs it on a leash held by this process."""
        # The signal is sent when the starting *thread* ends, so only the thread that lives longest may start it.
        assert threading.current_thread() is threading.main_thread(), f"{self.argv[0]} must start from the main thread"
        account = f"{self.account.uid}:{self.account.gid}" if self.account else ""
        head = [sys.executable, "-I", "-S", str(Path(leash.__file__)), str(os.getpid())]
        return [*head, str(int(self.stop_signal)), str(self.nice), account, *self.argv]


def start(launch: Launch, output: int | IO[bytes]) -> subprocess.Popen[bytes]:
    """Starts it in a session of its own, so that the terminal's Ctrl-C reaches its owner alone."""
    return subprocess.Popen(  # noqa: S603  # the command is the caller's own, not input
        launch.leashed(),
        env=dict(launch.env),
        cwd=launch.cwd,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        pass_fds=launch.inherits,
    )


def run(launch: Launch, timeout_s: float) -> subprocess.CompletedProcess[str]:
    """Runs it to its end, and gives back what it said."""
    return subprocess.run(  # noqa: S603  # the command is the caller's own, not input
        launch.leashed(),
        env=dict(launch.env),
        cwd=launch.cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        start_new_session=True,
        timeout=timeout_s,
    )


def birth(pid: int) -> str | None:
    """What tells this process from every other that has had or will have its number; None if it does not run.

    Linux: the boot and the clock tick it started at; elsewhere its start time as `ps` has it.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()
    except OSError:
        return None if sys.platform == "linux" else _birth_by_ps(pid)
    # The name in parentheses may hold anything; what follows it starts with the state, field 3. Field 22 is the start.
    state, *others = stat.rpartition(")")[2].split()
    return None if state in "ZX" else f"{boot[:8]}:{others[18]}"


def _birth_by_ps(pid: int) -> str | None:
    asked = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True)  # noqa: S603, S607  # ps is in PATH everywhere, its arguments are ours
    return asked.stdout.strip() or None


@dataclass(frozen=True, slots=True)
class Leftover:
    """A process as its owner wrote it down, for a later start to find should the owner be killed."""

    pid: int
    birth: str
    stop_signal: int

    def runs(self) -> bool:
        """Whether it, and not another that got its number, still runs."""
        return birth(self.pid) == self.birth


def stop_leftovers(found: Sequence[Leftover], grace_s: float) -> None:
    """Stops those that still run: by their own signal, and by SIGKILL those that have not gone in time."""
    for leftover in found:
        _signal(leftover, leftover.stop_signal)
    until_s = time.monotonic() + grace_s
    while any(leftover.runs() for leftover in found) and time.monotonic() < until_s:
        time.sleep(_POLL_S)
    for leftover in found:
        _signal(leftover, signal.SIGKILL)


def _signal(leftover: Leftover, sign: int) -> None:
    if leftover.runs():
        with suppress(ProcessLookupError):
            os.kill(leftover.pid, sign)
