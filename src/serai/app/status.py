"""What the supervisor writes down at each change: for `serai status`, and for a next start after it was killed."""

from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from serai.app.lives import ENDED, SERVING, State
from serai.runtime.files import holder_of, write_atomic
from serai.runtime.processes import Leftover


@dataclass(frozen=True, slots=True)
class ChildStatus:
    """One child at one moment."""

    name: str
    state: State
    pid: int | None = None
    birth: str | None = None
    """Tells its process from a later one with the same number."""
    stop_signal: int = 15
    restarts: int = 0
    detail: str = ""
    """How far a task is, or why the child died last."""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """All children at one moment. Times are RFC 3339, empty while not known."""

    state: str
    """starting, ready, degraded (a child is down), stopping, stopped."""
    pid: int
    version: str
    url: str
    started_at: str
    ready_at: str
    children: tuple[ChildStatus, ...]

    def leftovers(self) -> list[Leftover]:
        """The processes that must not run any more once the supervisor is gone, last started first."""
        return [
            Leftover(child.pid, child.birth, child.stop_signal)
            for child in reversed(self.children)
            if child.pid is not None and child.birth is not None
        ]


def judged(children: tuple[ChildStatus, ...], *, was_ready: bool, stopping: bool) -> str:
    """The state of the whole from the states of its children."""
    states = {child.state for child in children}
    if stopping:
        return "stopped" if states <= ENDED else "stopping"
    if not was_ready:
        return "starting"
    return "ready" if states <= SERVING else "degraded"


def _path(data: Path) -> Path:
    return data / "run" / "status.json"


def write_status(data: Path, status: Status) -> None:
    """Replaces the file."""
    _path(data).parent.mkdir(exist_ok=True)
    write_atomic(_path(data), orjson.dumps(asdict(status), option=orjson.OPT_INDENT_2))


def read_status(data: Path) -> Status | None:
    """As last written, whether or not that supervisor still runs; None where none has ever run."""
    try:
        document = orjson.loads(_path(data).read_bytes())
        children = (ChildStatus(**{**child, "state": State(child["state"])}) for child in document.pop("children"))
        return Status(children=tuple(children), **document)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (TypeError, ValueError, KeyError):
        # Written by another release: its fields differ, and its processes end with their supervisor anyway.
        return None


def running_status(data: Path) -> Status | None:
    """The status of the supervisor that runs on `data` now; None if none does."""
    status = read_status(data)
    return status if status and holder_of(data) == status.pid else None
