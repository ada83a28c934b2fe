"""What a simulated world does to its machines: one frozen record, from which each run draws its own mix.

A run with every fault at full strength visits few states, since nothing gets done in it. So a scenario names the worst
and every seed draws a mix below it (swarm testing, Groce et al. 2012).
"""

from dataclasses import dataclass, fields, replace
from typing import Any

from serai.simulation.chance import Seeded


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """The settings of a world. A share is a probability in [0, 1]; `*_every_s` is a mean time between two, 0 for never.

    With no arguments: a quiet data centre in which nothing goes wrong.
    """

    latency_min_s: float = 0.000_2
    """One way between two nodes of a region."""

    latency_max_s: float = 0.001
    """The same, at worst; each message draws its own between the two."""

    wan_s: tuple[tuple[str, str, float], ...] = ()
    """Region, region, and what the way between them adds in each direction. A pair that is not named adds nothing."""

    loss: float = 0.0
    """Share of messages that vanish."""

    duplication: float = 0.0
    """Share of messages that come twice."""

    reordering: float = 0.0
    """Share of messages that later ones may overtake; the others keep their order on each link."""

    reordering_max_s: float = 0.1
    """How much later such a message may come."""

    clog_every_s: float = 0.0
    """How often a link stops; what is sent waits and comes when it opens."""

    clog_s: float = 1.0
    """How long a link stays clogged, on average."""

    partition_every_s: float = 0.0
    """How often some nodes are cut off from others."""

    partition_s: float = 2.0
    """How long a partition lasts, on average."""

    one_way: float = 0.0
    """Share of partitions that stop one direction only."""

    crash_every_s: float = 0.0
    """How often a node crashes."""

    crash_all: float = 0.0
    """Share of crashes that take every node: the power of the building."""

    down_s: float = 0.5
    """How long a crashed node stays down, on average."""

    pause_every_s: float = 0.0
    """How often a process stands still (a collection, a stopped virtual machine); its events wait for it."""

    pause_s: float = 1.0
    """How long it stands still, on average."""

    clock_drift: float = 0.0
    """How much faster or slower than true time a node's clocks may run: 0.01 is one percent."""

    clock_skew_s: float = 0.0
    """How far a node's wall clock may be off at the start, either way."""

    clock_step_every_s: float = 0.0
    """How often the wall clock of a node jumps. Its monotonic clock never does."""

    clock_step_s: float = 1.0
    """How far it jumps at most, either way."""

    sync_min_s: float = 0.000_1
    """How long a sync of a disk takes."""

    sync_max_s: float = 0.000_5
    """The same, at worst, unless it is a slow one."""

    slow_sync: float = 0.0
    """Share of syncs that are slow."""

    slow_sync_s: float = 0.5
    """How long a slow sync takes, on average."""

    failed_sync: float = 0.0
    """Share of syncs that fail: the process ends, and nobody knows how much of the unsynced writes is there."""

    torn: float = 0.5
    """Share of crashes in which the first append that was lost has left a part of itself, or rubbish, in the file."""

    scattered: float = 0.5
    """Share of crashes in which each file loses writes by itself: a file system keeps no order between files."""

    full_every_s: float = 0.0
    """How often a disk is full, which ends the process at its next write."""

    full_s: float = 1.0
    """How long it stays full, on average."""

    bit_rot: float = 0.0
    """Share of restarts before which one bit of one file has changed."""

    rotten_nodes_max: int = 1
    """How many different nodes bit rot may touch in a run: no protocol keeps data that every copy has lost."""

    def problems(self) -> list[str]:
        """Everything that is wrong with these settings, each as a sentence."""
        found = [f"{name} is {self._of(name)}; a share lies in [0, 1]." for name in SHARES if not self._is_share(name)]
        for spec in fields(self):
            value = getattr(self, spec.name)
            if isinstance(value, float) and value < 0:
                found.append(f"{spec.name} is {value}; it cannot be negative.")
        for low, high in (("latency_min_s", "latency_max_s"), ("sync_min_s", "sync_max_s")):
            if self._of(low) > self._of(high):
                found.append(f"{low} is {self._of(low)}, more than {high}, which is {self._of(high)}.")
        if self.clock_drift >= 1:
            found.append(f"clock_drift is {self.clock_drift}; a clock that stands still or runs back is none.")
        return found

    def _of(self, name: str) -> float:
        return float(getattr(self, name))

    def _is_share(self, name: str) -> bool:
        return 0.0 <= self._of(name) <= 1.0

    def __str__(self) -> str:
        """What is not as in a quiet data centre, for people."""
        told = [f"{spec.name} {getattr(self, spec.name)}" for spec in fields(self) if spec.name in (*SHARES, *RATES)]
        return ", ".join(words for words in told if not words.endswith(" 0.0")) or "none"

    def healed(self) -> "Faults":
        """The same network, disks and clocks with nothing going wrong any more."""
        return self._with(dict.fromkeys((*SHARES, *RATES), 0.0))

    def drawn(self, chance: Seeded) -> "Faults":
        """A run's own mix: every fault is off, weaker, or as strong as here, each with a third of the cases.

        Each is drawn from a stream of its own, so that a fault which is added one day leaves the others as they were.
        """
        shares = {name: self._of(name) * chance.split(name).pick((0.0, 0.3, 1.0)) for name in SHARES}
        rates = {name: self._of(name) * chance.split(name).pick((0.0, 1.0, 3.0)) for name in RATES}
        return self._with(shares | rates)

    def _with(self, changes: dict[str, Any]) -> "Faults":
        return replace(self, **changes)


SHARES = (
    *("loss", "duplication", "reordering", "one_way", "crash_all"),
    *("slow_sync", "failed_sync", "torn", "scattered", "bit_rot"),
)
RATES = (
    *("clog_every_s", "partition_every_s", "crash_every_s"),
    *("pause_every_s", "clock_step_every_s", "full_every_s"),
)

CALM = Faults()

ROUGH = Faults(
    loss=0.05,
    duplication=0.02,
    reordering=0.05,
    clog_every_s=2.0,
    partition_every_s=3.0,
    one_way=0.3,
    crash_every_s=2.0,
    crash_all=0.1,
    pause_every_s=4.0,
    clock_drift=0.02,
    clock_skew_s=5.0,
    clock_step_every_s=3.0,
    slow_sync=0.01,
    failed_sync=0.001,
    full_every_s=15.0,
)
"""Everything that three nodes must bear while they lose nothing. Bit rot is apart: not every machine keeps copies."""

WAN = (
    ("europe", "america", 0.045),
    ("europe", "asia", 0.085),
    ("america", "asia", 0.070),
    ("europe", "australia", 0.125),
    ("america", "australia", 0.095),
    ("asia", "australia", 0.050),
)
"""One-way seconds between four regions, about half of the round trips that cloud providers publish."""
