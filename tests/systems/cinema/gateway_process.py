"""The gateway as a process of its own, for tests that kill it: `gateway_process.py DIRECTORY SOCKET_FD KEY`."""

import asyncio
import socket
import sys
from pathlib import Path

from serai.runtime.world import SystemClock, SystemRandom
from serai.systems.payments.gateway.server import serve
from serai.systems.payments.gateway.settings import GatewaySettings

if __name__ == "__main__":
    chosen = GatewaySettings(directory=Path(sys.argv[1]), secret_keys=(sys.argv[3],))
    asyncio.run(serve(chosen, socket.socket(fileno=int(sys.argv[2])), SystemClock(), SystemRandom()))
