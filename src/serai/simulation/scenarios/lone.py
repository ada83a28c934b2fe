"""A register on one node that logs before it answers, and a canary that answers before it has logged."""

from collections.abc import Sequence

from serai.kernel.machines import Answer, Append, Asked, Effect, Event, Store, Stored, Truncate
from serai.kernel.ports import Disk
from serai.simulation.checkers.models import Cas, Read, Registers, Write
from serai.simulation.scenarios.records import packed, unpacked

LOG = "log"


class LoneRegister:
    """Correct: a change is applied and answered when it is on the disk, so nobody sees what a crash could undo."""

    def __init__(self, disk: Disk) -> None:
        self._rules = Registers()
        self._values: dict[str, object] = {}
        self._changes: dict[int, Write | Cas] = {}
        """Asked and not on the disk yet; they come there in the order in which they were asked."""
        self._torn = -1
        if LOG in disk.names():
            log = disk.read(LOG)
            end = 0
            for (kind, *arguments), offset in unpacked(log):
                self._apply(Write(*arguments) if kind == "write" else Cas(*arguments))
                end = offset
            self._torn = end if end < len(log) else -1

    def start(self, now_s: float) -> Sequence[Effect]:
        """Cuts a torn end off, lest later records stand behind it."""
        return [] if self._torn < 0 else [Store(0, (Truncate(LOG, self._torn),))]

    def step(self, event: Event, now_s: float) -> Sequence[Effect]:
        """Reads at once; logs changes and answers them when they are stored."""
        match event:
            case Asked(token, Read(key)):
                return [Answer(token, self._values.get(key))]
            case Asked(token, Write() | Cas() as change):
                return self._change(token, change)
            case Stored(token) if token in self._changes:
                return [Answer(token, self._apply(self._changes.pop(token)))]
        return []

    def _change(self, token: int, change: Write | Cas) -> list[Effect]:
        self._changes[token] = change
        return [_logged(token, change)]

    def _apply(self, change: Write | Cas) -> object:
        result, value = self._rules.after(self._values.get(change.key), change)
        self._values[change.key] = value
        return result


class HastyRegister(LoneRegister):
    """A canary: it answers before the sync, so the loss of power takes what was acknowledged."""

    def _change(self, token: int, change: Write | Cas) -> list[Effect]:
        return [_logged(token, change), Answer(token, self._apply(change))]


def _logged(token: int, change: Write | Cas) -> Store:
    if isinstance(change, Write):
        return Store(token, (Append(LOG, packed(("write", change.key, change.value))),))
    return Store(token, (Append(LOG, packed(("cas", change.key, change.expected, change.value))),))
