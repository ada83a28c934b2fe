"""A member that stands alone, as its own program: settings from the command line, a loop, a graceful stop."""

import asyncio
import signal
from collections.abc import Callable, Mapping
from pathlib import Path

import uvloop

from serai.runtime.logs import configure_logs
from serai.runtime.settings import Configuration
from serai.runtime.world import SystemClock, SystemRandom
from serai.systems.coordination.serve import serve
from serai.systems.coordination.settings import CoordinationSettings


def run(command_line: Mapping[str, object], tell: Callable[[str], None]) -> None:
    """Serves until SIGINT or SIGTERM. Misconfigured, WorldError."""
    configuration = Configuration(command_line, file=Path("serai.toml"))
    settings = configuration.get(CoordinationSettings)
    configure_logs("coordination", "info", machine=False)
    uvloop.run(_serve(settings, tell))


async def _serve(settings: CoordinationSettings, tell: Callable[[str], None]) -> None:
    stop = asyncio.Event()
    for sign in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)

    def ready() -> None:
        tell(f"{settings.name} serves clients at {settings.client_url}, members at {settings.peer_url}")

    await serve(settings, SystemClock(), SystemRandom(), stop, ready)
