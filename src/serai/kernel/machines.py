"""How a pure machine and its world speak: an event and the time go in, effects come out as values.

The same machine runs on a real node, where `runtime` performs its effects, and in the simulated world, where a seed
does. It never waits, so whatever may happen between two steps (a crash, a late message, a slow disk) is an order of
events, and an order of events can be replayed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Received:
    """A message from another node. It may be late, doubled, out of order, or the only one of many that came."""

    sender: str
    message: object


@dataclass(frozen=True, slots=True)
class TimedOut:
    """A timer that the machine armed has run out."""

    timer: str


@dataclass(frozen=True, slots=True)
class Stored:
    """What `Store` with this token asked for is on the disk and survives a loss of power."""

    token: int


@dataclass(frozen=True, slots=True)
class Asked:
    """A client's request; the machine answers it, now or after further events, by `Answer` with its token."""

    token: int
    request: object


Event = Received | TimedOut | Stored | Asked


@dataclass(frozen=True, slots=True)
class Send:
    """A message to another node; it may be lost."""

    to: str
    message: object


@dataclass(frozen=True, slots=True)
class Arm:
    """`TimedOut` comes after so many seconds, unless the timer is armed anew or disarmed before."""

    timer: str
    after_s: float


@dataclass(frozen=True, slots=True)
class Disarm:
    """The timer is not wanted any more."""

    timer: str


@dataclass(frozen=True, slots=True)
class Append:
    """Bytes at the end of a file, which is made if it is not there."""

    file: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Replace:
    """A file's whole content, put in the place of the old one at once: after a crash it is the old or the new."""

    file: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Truncate:
    """Cuts a file to so many bytes."""

    file: str
    size: int


@dataclass(frozen=True, slots=True)
class Remove:
    """A file that nobody will read again."""

    file: str


Write = Append | Replace | Truncate | Remove


@dataclass(frozen=True, slots=True)
class Store:
    """Writes in this order, made durable together; then `Stored` comes with the token.

    A world may make several of them durable by one sync, but `Stored` comes in the order in which they were asked
    for. A crash before it leaves a prefix of the writes to each file, perhaps with a torn append behind, and each file
    its own: whoever needs one write before another waits for `Stored` between them. If the disk refuses, nothing
    comes: the process ends, since after a failed sync nobody knows what is there.
    """

    token: int
    writes: tuple[Write, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """The reply to a client's request, at most one."""

    token: int
    reply: object


@dataclass(frozen=True, slots=True)
class Halt:
    """The machine cannot go on, and says why: the process ends, and an operator must look."""

    reason: str


Effect = Send | Arm | Disarm | Store | Answer | Halt


class Machine(Protocol):
    """Whatever must survive faults. A new one after a crash is made from what its `Disk` still has."""

    def start(self, now_s: float) -> Sequence[Effect]:
        """Its first effects."""

    def step(self, event: Event, now_s: float) -> Sequence[Effect]:
        """What one event leads to. `now_s` is monotonic within one life of the process."""


@runtime_checkable
class Gathering(Machine, Protocol):
    """A machine for which requests that come at once are cheaper together."""

    def step_asked(self, asked: Sequence[Asked], now_s: float) -> Sequence[Effect]:
        """What at least one request leads to: the same as a step for each in their order, but their writes and messages
        may be put together."""
