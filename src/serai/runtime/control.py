"""What a child tells its supervisor: that it is ready, that it lives, and how far a long task is. One JSON line each on
its output.

Started by hand, nobody listens, and nothing is said.
"""

import os
import sys
from dataclasses import dataclass

import orjson

SUPERVISED = "SERAI_SUPERVISED"
"""Set in the environment of every child."""

SHARED_METRICS = "PROMETHEUS_MULTIPROC_DIR"
"""Prometheus' own variable: the directory through which the children share their counts."""

_KEY = "serai_control"


@dataclass(frozen=True, slots=True)
class Progressed:
    """How far a task is: `done` of `total` of `what`."""

    what: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class IsReady:
    """The child serves."""


@dataclass(frozen=True, slots=True)
class IsAlive:
    """Its event loop turns. Who has said this once is missed when it falls silent."""


def say_ready() -> None:
    """Tells the supervisor that this process serves."""
    _say({_KEY: "ready"})


def say_alive() -> None:
    """Tells the supervisor that this process does not hang."""
    _say({_KEY: "alive"})


def say_progress(what: str, done: int, total: int) -> None:
    """Tells the supervisor how far this process is; fits `serai.runtime.system.Progress`."""
    _say({_KEY: "progress", "what": what, "done": done, "total": total})


def _say(message: dict[str, object]) -> None:
    if SUPERVISED in os.environ:
        sys.stdout.buffer.write(orjson.dumps(message) + b"\n")
        sys.stdout.buffer.flush()


def understood(line: bytes) -> Progressed | IsReady | IsAlive | None:
    """What a line of a child's output tells the supervisor; None for all others, which are for the log."""
    if not line.startswith(b'{"' + _KEY.encode() + b'"'):
        return None
    message = orjson.loads(line)
    if message[_KEY] == "ready":
        return IsReady()
    if message[_KEY] == "alive":
        return IsAlive()
    return Progressed(message["what"], message["done"], message["total"])
