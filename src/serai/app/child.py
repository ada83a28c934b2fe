"""The processes of a running Serai, each by its name: `python -m serai.app.child NAME`.

A child reads its settings from the environment, as if it had been started by hand, says when it serves, and stops
gracefully at SIGTERM: it takes nothing new, finishes what it has, and leaves the rest to recovery. Each imports only
what it needs: imports are most of what a start costs.

While its event loop turns, a child says so. Who holds the loop for long enough is shown in its log with the stack of
every thread, and then killed by the supervisor: to those who wait for an answer a loop that is held is one that hangs.
"""

import asyncio
import faulthandler
import os
import sys
from collections.abc import Coroutine
from importlib import import_module
from typing import Any

import uvloop

from serai.app.plan import open_configuration
from serai.kernel.errors import Misconfigured, SeraiError
from serai.runtime.control import SUPERVISED, say_alive
from serai.runtime.logs import configure_logs
from serai.runtime.settings import RuntimeSettings

CHILDREN = {
    "prepare": "serai.app.serving:run_prepare",
    "gateway": "serai.app.beside:run_gateway",
    "mailbox": "serai.app.beside:run_mailbox",
    "coordination": "serai.app.beside:run_coordination",
    "jobs": "serai.app.serving:run_jobs",
    "web": "serai.app.serving:run_web",
}
"""Where each one's main function is."""


ALIVE_EVERY_S = 2.0
"""How often a child says that it lives."""

STACKS_AFTER_S = 15.0
"""A loop that was held for so long has its stacks shown: well before its supervisor has had enough of it."""


async def alive(work: Coroutine[Any, Any, None]) -> None:
    """Does the work, and says that the loop turns until it is done."""
    signs = asyncio.create_task(_say_alive_again_and_again())
    try:
        await work
    finally:
        signs.cancel()
        faulthandler.cancel_dump_traceback_later()


async def _say_alive_again_and_again() -> None:
    while SUPERVISED in os.environ:
        say_alive()
        faulthandler.dump_traceback_later(STACKS_AFTER_S)
        await asyncio.sleep(ALIVE_EVERY_S)


def main(name: str) -> int:
    """Runs the child; 2 when an operator must help, 1 for any other error that says what it is."""
    configuration = open_configuration()
    configure_logs(name, configuration.get(RuntimeSettings).log_level, machine=SUPERVISED in os.environ)
    module, _, function = CHILDREN[name].partition(":")
    try:
        uvloop.run(alive(getattr(import_module(module), function)(configuration)))
    except SeraiError as error:
        sys.stderr.write(f"{error.message}\n")
        return 2 if isinstance(error, Misconfigured) else 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
