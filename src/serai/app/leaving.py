"""How a child listens and leaves: a sentence when it cannot have its port, and an end even if nobody waits for it.

A supervisor that was killed loses no patience with its children: one that waits for a database which went with the
supervisor would stay for ever. So each child sets itself an alarm when it is asked to stop.
"""

import asyncio
import os
import signal
import socket

from serai.kernel.errors import Misconfigured

STOP_S_MAX = 13
"""How long a child may take to stop: longer than requests in flight may (10 s), shorter than its supervisor waits."""


ORPHAN_STOP_S_MAX = 3
"""The same when the supervisor is gone, and with it what requests in flight would need."""

SUPERVISOR = os.getppid()
"""Who started this process; it has another parent once that one is gone."""


def leave_in_time() -> None:
    """From now the process has so many seconds; SIGALRM then ends it."""
    signal.alarm(STOP_S_MAX if os.getppid() == SUPERVISOR else ORPHAN_STOP_S_MAX)


def stop_signal() -> asyncio.Event:
    """Set at SIGTERM and SIGINT."""
    stop = asyncio.Event()

    def asked() -> None:
        leave_in_time()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked)
    return stop


def bound(port: int, host: str = "127.0.0.1") -> socket.socket:
    """A socket on the port, not yet listening. Raises Misconfigured."""
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        raise Misconfigured(f"Port {port} on {host} cannot be used: {error.strerror}.") from error
    return sock
