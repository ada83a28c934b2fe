"""Who brings the faults that come in time: partitions, clogs, crashes, pauses, clock steps and full disks."""

from collections.abc import Callable, Sequence

from serai.simulation.world import World

IN_A_SYNC = 0.5
"""Share of crashes that wait for a sync to fall into."""

Cut = tuple[Sequence[str], Sequence[str]]
"""Senders, and receivers who do not hear them."""


class Nemesis:
    """Draws from the world's chance when and whom each fault strikes."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._chance = world.chance("nemesis")
        self._faults = world.faults
        self._works = True

    def start(self) -> None:
        """From now on, until `stop`."""
        assert self._works, "it was stopped, and the world has healed"
        faults = self._faults
        for every_s, strike in (
            (faults.partition_every_s, self._partition),
            (faults.clog_every_s, self._clog),
            (faults.crash_every_s, self._crash),
            (faults.pause_every_s, self._pause),
            (faults.clock_step_every_s, self._step),
            (faults.full_every_s, self._fill),
        ):
            if every_s > 0:
                self._schedule(every_s, strike)

    def stop(self) -> None:
        """No new fault. Those that last are ended by `World.heal`."""
        self._works = False

    def _schedule(self, every_s: float, strike: Callable[[], None]) -> None:
        def due() -> None:
            if self._works:
                strike()
                self._schedule(every_s, strike)

        self._world.after(self._around(every_s), due)

    def _around(self, mean_s: float) -> float:
        return mean_s * self._chance.between(0.2, 1.8)

    def _someone(self) -> str:
        return self._chance.pick(self._world.names)

    def _crash(self) -> None:
        everyone = self._chance.happens(self._faults.crash_all)
        for name in self._world.names if everyone else [self._someone()]:
            down_s = self._around(self._faults.down_s)
            if self._chance.happens(IN_A_SYNC):
                self._world.doom(name, down_s)
            else:
                self._world.crash(name, down_s)

    def _pause(self) -> None:
        self._world.pause(self._someone(), self._around(self._faults.pause_s))

    def _step(self) -> None:
        far_s = self._faults.clock_step_s
        self._world.step_clock(self._someone(), self._chance.between(-far_s, far_s))

    def _fill(self) -> None:
        self._world.fill_disk(self._someone(), self._around(self._faults.full_s))

    def _clog(self) -> None:
        if len(self._world.names) > 1:
            sender, receiver = self._chance.shuffled(self._world.names)[:2]
            self._world.reach("a link was clogged")
            self._world.network.clog(sender, receiver, self._world.now_s + self._around(self._faults.clog_s))

    def _partition(self) -> None:
        if len(self._world.names) < 2:
            return
        cuts = cuts_of(self._chance.shuffled(self._world.names), self._chance.unit())
        if self._chance.happens(self._faults.one_way):
            self._world.reach("a partition stopped one direction only")
            cuts = [self._chance.pick(cuts)]
        self._world.reach("the network was partitioned")
        network = self._world.network
        for senders, receivers in cuts:
            network.cut(senders, receivers)

        def mend() -> None:
            if self._works:  # otherwise the world has healed already
                for senders, receivers in cuts:
                    network.mend(senders, receivers)

        self._world.after(self._around(self._faults.partition_s), mend)


def cuts_of(mixed: Sequence[str], shape: float) -> list[Cut]:
    """A partition: one alone, two parts, or two parts that both reach one node between them.

    `mixed` is all names in the order in which the parts are filled; `shape` in [0, 1) says which of the three.
    """
    assert len(mixed) > 1, "one node cannot be cut in two"
    half = 1 if shape < 1 / 3 else len(mixed) // 2
    between = 1 if shape >= 2 / 3 and len(mixed) > 2 else 0
    left, right = mixed[between : between + half], mixed[between + half :]
    return [(left, right), (right, left)]
