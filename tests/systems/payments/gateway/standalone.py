"""The gateway as a process of its own, for tests that kill it: `standalone.py DATABASE SOCKET_FD`."""

import os
import secrets
import socket
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from serai.systems.payments.gateway.server import serve
from serai.systems.payments.gateway.settings import GatewaySettings


class WallClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


class SystemRandom:
    def token(self, size: int) -> bytes:
        return os.urandom(size)

    def below(self, bound: int) -> int:
        return secrets.randbelow(bound)


if __name__ == "__main__":
    chosen = GatewaySettings(Path(sys.argv[1]), ("sk_test_gateway",))
    uvloop.run(serve(chosen, socket.socket(fileno=int(sys.argv[2])), WallClock(), SystemRandom()))
