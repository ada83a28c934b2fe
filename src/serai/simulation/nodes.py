"""One node of a world: its machine while it lives, its disk, its clocks, and what of it a crash ends."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from math import inf

from serai.kernel.machines import Machine
from serai.kernel.ports import Disk
from serai.simulation.chance import Seeded
from serai.simulation.disk import SimulatedDisk, SimulatedMap
from serai.simulation.faults import Faults
from serai.simulation.network import Link

Factory = Callable[[Disk], Machine]
"""Makes a node's machine at its start and after each crash, from what the disk still has."""

EPOCH = datetime(2030, 1, 1, tzinfo=UTC)
"""When every simulation begins by a true wall clock."""

UPTIME_MAX_S = 1000.0
"""A monotonic clock begins anywhere below this, so that a machine which compares two lives' readings is found out."""


class Timer:
    """An armed timer. Arming it for later moves `due_s` alone: its entry on the heap looks again when it is popped."""

    __slots__ = ("due_s", "entry_s", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.due_s = inf
        """When it runs out; infinite once it is disarmed."""
        self.entry_s = inf
        """When its entry on the heap is popped; infinite if there is none. Any other entry is void."""


class Node:
    """The world's books on one node."""

    __slots__ = (
        *(
            "asked",
            "born_s",
            "disk",
            "doomed_s",
            "factory",
            "halted",
            "life",
            "links",
            "machine",
            "name",
            "number",
            "ordered",
        ),
        *("rate", "resumes_s", "start_s", "syncing", "timers", "wall_off_s"),
    )

    def __init__(self, name: str, number: int, factory: Factory, faults: Faults, chance: Seeded) -> None:
        self.name = name
        self.number = number
        self.factory = factory
        self.disk = SimulatedDisk()
        self.ordered = SimulatedMap()
        self.machine: Machine | None = None
        self.halted = ""
        """Why the machine gave up for good."""
        self.life = 0
        """Rises with every start and every crash: what belongs to another life is void."""
        self.timers: dict[str, Timer] = {}
        self.links: dict[str, Link] = {}
        self.asked: dict[int, tuple[Link, Callable[[object], None]]] = {}
        """Requests that this life has not answered, with the way back to whoever asked."""
        self.syncing = False
        self.resumes_s = 0.0
        """Until then the process stands still."""
        self.doomed_s: float | None = None
        """It is to crash in its next sync, and to stay down so long."""
        self.rate = 1.0 + chance.between(-faults.clock_drift, faults.clock_drift)
        """Seconds that its clocks count in a true second."""
        self.wall_off_s = chance.between(-faults.clock_skew_s, faults.clock_skew_s)
        self.born_s = 0.0
        self.start_s = 0.0

    def born(self, now_s: float, chance: Seeded) -> None:
        """A life begins."""
        assert not self.timers and not self.asked and not self.syncing, f"{self.name} inherits from its last life"
        self.life += 1
        self.born_s = now_s
        self.start_s = chance.between(0.0, UPTIME_MAX_S)

    def dead(self) -> None:
        """A life ends: nothing in memory outlasts it."""
        self.life += 1
        self.machine = None
        for timer in self.timers.values():
            timer.due_s = inf
        self.timers.clear()
        self.asked.clear()
        self.syncing = False
        self.resumes_s = 0.0
        self.doomed_s = None

    def monotonic_s(self, now_s: float) -> float:
        """What its monotonic clock shows."""
        return self.start_s + (now_s - self.born_s) * self.rate


class NodeClock:
    """A node's clocks; implements `serai.kernel.ports.Clock` for machines that write down dates."""

    def __init__(self, node: Node, now_s: Callable[[], float]) -> None:
        self._node = node
        self._now_s = now_s

    def now(self) -> datetime:
        """The wall clock: skewed, and it steps."""
        return EPOCH + timedelta(seconds=self._now_s() * self._node.rate + self._node.wall_off_s)

    def monotonic(self) -> float:
        """The same as `now_s` in the machine's steps."""
        return self._node.monotonic_s(self._now_s())
