"""How a program is started here: as which user, with which priority, and never to outlive its owner."""

import os
import pwd
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from serai.kernel.errors import Misconfigured
from serai.runtime import leash


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
