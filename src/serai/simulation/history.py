"""What clients asked and what they were told, in true order: the evidence that checkers judge by.

An operation without a reply may have been done, may be done later, or never; a checker must allow for all three.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from math import inf


class Outcome(Enum):
    """How an operation ended for the one who asked."""

    OK = "ok"
    """Done, and the result is what the machine said."""
    FAILED = "failed"
    """Certainly not done, now or later."""
    UNKNOWN = "unknown"
    """No reply came: done, not done, or done later."""


@dataclass(slots=True)
class Operation:
    """One request of one client. `began` and `ended` number the moments of a history: who ended before whom began."""

    client: str
    call: object
    began: int
    began_s: float
    ended: float = inf
    """Infinite while no reply has come."""
    ended_s: float = inf
    outcome: Outcome = Outcome.UNKNOWN
    result: object = None

    def __str__(self) -> str:
        """One line of a counterexample."""
        span = f"{self.began_s:10.4f} s .. " + (f"{self.ended_s:.4f} s" if self.ended_s < inf else "?")
        told = f" -> {self.result}" if self.outcome is Outcome.OK else f" -> ({self.outcome.value})"
        return f"{span:<28} {self.client}: {self.call}{told}"


class History:
    """The operations of one run."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        """In the order in which they began."""
        self._moment = 0

    def begin(self, client: str, call: object, now_s: float) -> Operation:
        """A client asks."""
        assert not self.operations or now_s >= self.operations[-1].began_s, f"{client} asks in the past, at {now_s} s"
        operation = Operation(client, call, self._next(), now_s)
        self.operations.append(operation)
        return operation

    def end(self, operation: Operation, outcome: Outcome, result: object, now_s: float) -> None:
        """A client was told, or has given up (`UNKNOWN`): then the operation stays open, since it may still be done."""
        assert operation.ended == inf and operation.outcome is Outcome.UNKNOWN, f"ended twice: {operation}"
        operation.outcome = outcome
        operation.result = result
        if outcome is not Outcome.UNKNOWN:
            operation.ended = self._next()
            operation.ended_s = now_s

    def count(self, outcome: Outcome) -> int:
        """How many ended so."""
        return sum(operation.outcome is outcome for operation in self.operations)

    def _next(self) -> int:
        self._moment += 1
        return self._moment


def told(operations: Iterable[Operation], outcome: Outcome) -> list[Operation]:
    """Those that ended so."""
    return [operation for operation in operations if operation.outcome is outcome]
