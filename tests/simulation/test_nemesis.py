"""Faults come in time, in every kind, and stop when they are told to."""

from collections import Counter

import pytest
from tests.simulation.machines import Stand

from serai.kernel.machines import Append, Arm, Effect, Event, Send, Store, TimedOut
from serai.simulation.faults import Faults
from serai.simulation.nemesis import Nemesis, cuts_of
from serai.simulation.world import World

NAMES = ("a", "b", "c")


def busy(faults: Faults, seed: int = 1) -> tuple[World, Nemesis]:
    """Three machines that beat: each sends to the others and stores."""

    def beat(name: str) -> list[Effect]:
        others = [Send(other, "beat") for other in NAMES if other != name]
        return [*others, Store(1, (Append("log", b"beat"),)), Arm("beat", 0.05)]

    stand = Stand(faults, seed)
    for name in NAMES:

        def react(event: Event, now_s: float, name: str = name) -> list[Effect]:
            return beat(name) if isinstance(event, TimedOut) else []

        stand.add(name, beat(name), react)
    world = stand.start()
    nemesis = Nemesis(world)
    nemesis.start()
    return world, nemesis


@pytest.mark.parametrize(
    ("faults", "states"),
    [
        (Faults(partition_every_s=1.0), ["the network was partitioned", "a message met a partition"]),
        (Faults(partition_every_s=1.0, one_way=1.0), ["a partition stopped one direction only"]),
        (Faults(clog_every_s=1.0), ["a link was clogged", "a message waited on a clogged link"]),
        (Faults(crash_every_s=0.5), ["a node crashed", "a crash lost writes", "a write was torn"]),
        (Faults(pause_every_s=1.0), ["a process stood still"]),
        (Faults(clock_step_every_s=1.0), ["a wall clock stepped"]),
        (Faults(full_every_s=1.0), ["a disk was full", "a node crashed"]),
    ],
)
def test_each_fault_strikes_and_stops(faults: Faults, states: list[str]) -> None:
    world, nemesis = busy(faults)
    world.run(60.0)
    assert [state for state in states if not world.reached[state]] == []
    nemesis.stop()
    world.heal()
    world.run(70.0)  # what was under way ends
    before = Counter(world.reached)
    world.run(100.0)
    assert world.reached == before
    assert all(world.machine(name) for name in NAMES)


def test_what_is_off_never_strikes() -> None:
    world, _ = busy(Faults())
    world.run(60.0)
    assert +world.reached == Counter()


def test_the_power_of_the_building_takes_everyone() -> None:
    world, _ = busy(Faults(crash_every_s=5.0, crash_all=1.0, down_s=0.5))
    down = set()

    def look() -> bool:
        down.add(sum(world.machine(name) is None for name in NAMES))
        return False

    world.run_until(look, 60.0)
    assert 3 in down


def test_partitions_have_three_shapes() -> None:
    mixed = ("a", "b", "c", "d", "e")
    assert cuts_of(mixed, 0.0)[0] == (("a",), ("b", "c", "d", "e"))
    assert cuts_of(mixed, 0.5)[0] == (("a", "b"), ("c", "d", "e"))
    assert cuts_of(mixed, 0.9)[0] == (("b", "c"), ("d", "e"))  # a is between them
    assert cuts_of(("a", "b"), 0.9)[0] == (("a",), ("b",))
    for shape in (0.0, 0.5, 0.9):
        (left, right), back = cuts_of(mixed, shape)
        assert back == (right, left)
        assert not set(left) & set(right)


def test_one_node_is_never_partitioned() -> None:
    stand = Stand(Faults(partition_every_s=0.5, clog_every_s=0.5))
    stand.add("a")
    world = stand.start()
    Nemesis(world).start()
    world.run(20.0)
    assert +world.reached == Counter()
