"""Executes a program so that it dies with the process that started it, even when that one is killed by SIGKILL.

Run as a script between fork and exec: `python -I -S leash.py PARENT SIGNAL NICE UID:GID PROGRAM ARGUMENT...`. It costs
8 ms, and keeps all of this out of a preexec_fn, which is unsafe in a process with threads. It uses the standard library
alone because it starts without site-packages. Away from Linux there is no such signal: there, the next start reaps.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(arguments: list[str]) -> None:
    """Becomes PROGRAM; the exit codes 126 and 127 are the shell's: not executable, not found."""
    parent, death_signal, nice, account, *program = arguments
    os.nice(int(nice))
    if account:
        _become(*(int(number) for number in account.split(":")))
    # After the change of user, which would clear it again.
    _die_with(int(parent), int(death_signal))
    # What Python or a shell's `&` left ignored would stay ignored after exec.
    for name in (signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(name, signal.SIG_DFL)
    try:
        os.execv(program[0], program)  # noqa: S606  # becoming the program is what a leash is for
    except OSError as error:
        sys.stderr.write(f"{program[0]}: {error.strerror}\n")
        raise SystemExit(127 if isinstance(error, FileNotFoundError) else 126) from None


def _become(uid: int, gid: int) -> None:
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def _die_with(parent: int, death_signal: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    # It may have died before the call; then nobody would ever send the signal.
    if os.getppid() != parent:
        raise SystemExit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
