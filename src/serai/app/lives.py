"""The life of a child as the supervisor sees it: a table of legal moves, how long to wait before the next try, and when
one that says nothing hangs."""

from dataclasses import dataclass, field
from enum import StrEnum


class State(StrEnum):
    """Where a child is in its life."""

    WAITING = "waiting"
    """What it stands on is not ready yet."""
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"
    """It died; the next try comes after a pause."""
    DONE = "done"
    """A task that ended well."""
    FAILED = "failed"
    """It will not be tried again."""
    STOPPING = "stopping"
    STOPPED = "stopped"


MOVES: dict[State, frozenset[State]] = {
    State.WAITING: frozenset({State.STARTING, State.STOPPED}),
    State.STARTING: frozenset({State.READY, State.DONE, State.RESTARTING, State.FAILED, State.STOPPING}),
    State.READY: frozenset({State.RESTARTING, State.FAILED, State.STOPPING}),
    State.RESTARTING: frozenset({State.STARTING, State.STOPPED}),
    State.DONE: frozenset(),
    State.FAILED: frozenset(),
    State.STOPPING: frozenset({State.STOPPED}),
    State.STOPPED: frozenset(),
}

SERVING = frozenset({State.READY, State.DONE})
"""Others may stand on a child in one of these."""

ENDED = frozenset({State.DONE, State.FAILED, State.STOPPED})
"""Nothing runs any more, and nothing will."""


@dataclass(slots=True)
class Backoff:
    """Decides when a child that died is started again, and when to give up."""

    first_s: float = 0.2
    """Pause after the first death; doubles with each further one."""
    pause_max_s: float = 15.0
    quick_s: float = 10.0
    """Who lived longer has recovered: counting starts anew."""
    deaths_max: int = 6
    """Quick deaths in a row after which it is given up: about 6 s with the defaults."""
    deaths: int = field(default=0, init=False)

    def after_death(self, lived_s: float) -> float | None:
        """The pause before the next try, or None to give up."""
        self.deaths = 1 if lived_s > self.quick_s else self.deaths + 1
        if self.deaths >= self.deaths_max:
            return None
        return min(self.pause_max_s, self.first_s * (1 << (self.deaths - 1)))


@dataclass(slots=True)
class Silence:
    """Decides when a child hangs: its signs of life are counted, and looked at again and again.

    Looks are counted, not seconds: when the whole machine pauses, the supervisor pauses too, and nobody has missed more
    than one look. Who has never given a sign is not expected to.
    """

    looks_max: int = 5
    looks: int = field(default=0, init=False)
    """In a row at which nothing new had been heard."""
    heard: int = field(default=0, init=False)

    def too_long(self, signs_of_life: int) -> bool:
        """One look; `signs_of_life` is how many have come since the child's start."""
        self.looks = self.looks + 1 if 0 < self.heard == signs_of_life else 0
        self.heard = signs_of_life
        return self.looks >= self.looks_max
