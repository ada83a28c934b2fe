"""The processes of a running Serai, each by its name: `python -m serai.app.child NAME`.

A child reads its settings from the environment, as if it had been started by hand, says when it serves, and stops
gracefully at SIGTERM: it takes nothing new, finishes what it has, and leaves the rest to recovery. Each imports only
what it needs: imports are most of what a start costs.
"""

import os
import sys
from importlib import import_module

import uvloop

from serai.app.plan import open_configuration
from serai.kernel.errors import Misconfigured, SeraiError
from serai.runtime.control import SUPERVISED
from serai.runtime.logs import configure_logs
from serai.runtime.settings import RuntimeSettings

CHILDREN = {
    "prepare": "serai.app.serving:run_prepare",
    "gateway": "serai.app.beside:run_gateway",
    "mailbox": "serai.app.beside:run_mailbox",
    "jobs": "serai.app.serving:run_jobs",
    "web": "serai.app.serving:run_web",
}
"""Where each one's main function is."""


def main(name: str) -> int:
    """Runs the child; 2 when an operator must help, 1 for any other error that says what it is."""
    configuration = open_configuration()
    configure_logs(name, configuration.get(RuntimeSettings).log_level, machine=SUPERVISED in os.environ)
    module, _, function = CHILDREN[name].partition(":")
    try:
        uvloop.run(getattr(import_module(module), function)(configuration))
    except SeraiError as error:
        sys.stderr.write(f"{error.message}\n")
        return 2 if isinstance(error, Misconfigured) else 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
