"""How many events a second the simulated world performs, and how many three-node histories it runs and judges.

    python benchmarks/simulation.py [--seconds 5] [--seeds 200]

Events are steps of machines. `tokens` is the world alone: three machines that do nothing but pass messages on, over a
network without faults. `timers` is the same with a timer armed anew at every message, as elections are. `beats` is
machines that send to both others at every beat, over a network that loses, doubles and reorders. `stores` is machines
that write at every beat. `histories` is the quorum register with four clients under all faults, checked for
linearizability. The bare heap is what Python can do at best: an entry pushed and popped and a function called.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from heapq import heappop, heappush

from benchmarks.machine import keep, percentile
from serai.kernel.machines import Append, Arm, Effect, Event, Machine, Received, Send, Store, TimedOut
from serai.simulation.faults import CALM, Faults
from serai.simulation.scenario import run
from serai.simulation.scenarios.registers import SCENARIOS
from serai.simulation.world import World

NAMES = ("a", "b", "c")
TOKENS = 10
"""Messages under way from each node."""


class Passer:
    """Passes each message to the next node."""

    def __init__(self, to: str, *, arms: bool) -> None:
        self._to = to
        self._arms = arms

    def start(self, now_s: float) -> Sequence[Effect]:
        return [Send(self._to, number) for number in range(TOKENS)]

    def step(self, event: Event, now_s: float) -> Sequence[Effect]:
        if not isinstance(event, Received):
            return []
        send = Send(self._to, event.message)
        return [send, Arm("election", 0.15)] if self._arms else [send]


class Beater:
    """Does the same at every beat."""

    def __init__(self, effects: Sequence[Effect]) -> None:
        self._effects = [*effects, Arm("beat", 0.000_1)]

    def start(self, now_s: float) -> Sequence[Effect]:
        return self._effects

    def step(self, event: Event, now_s: float) -> Sequence[Effect]:
        return self._effects if isinstance(event, TimedOut) else []


def world_of(faults: Faults, machine: Callable[[str], Machine]) -> World:
    world = World("benchmark", faults)
    for name in NAMES:
        world.add_node(name, lambda disk, name=name: machine(name))
    world.start()
    return world


def passing(*, arms: bool) -> World:
    following = dict(zip(NAMES, (*NAMES[1:], NAMES[0]), strict=True))
    return world_of(CALM, lambda name: Passer(following[name], arms=arms))


def beating() -> World:
    rough = Faults(duplication=0.02, reordering=0.05, loss=0.02)
    return world_of(rough, lambda name: Beater([Send(other, "beat") for other in NAMES if other != name]))


def storing() -> World:
    return world_of(CALM, lambda name: Beater([Store(1, (Append("log", bytes(100)),))]))


def events_per_s(world: World, seconds: float) -> float:
    world.run(1.0)
    before, began, until_s = world.trace.events, time.perf_counter(), 1.0
    while time.perf_counter() - began < seconds:
        until_s += 0.5
        world.run(until_s)
    return (world.trace.events - before) / (time.perf_counter() - began)


def bare_heap_per_s(seconds: float) -> float:
    heap: list[tuple[float, int, Callable[[int, int], None], int, int]] = []
    for number in range(3 * TOKENS):
        heappush(heap, (number * 1e-5, number, lambda a, b: None, 0, 0))
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        for _ in range(10_000):
            at_s, _, act, subject, content = heappop(heap)
            act(subject, content)
            count += 1
            heappush(heap, (at_s + 6e-4, count, act, subject, content))
    return count / (time.perf_counter() - began)


def histories(seeds: int) -> dict[str, float]:
    quorum = next(scenario for scenario in SCENARIOS if scenario.name == "quorum")
    times: list[float] = []
    events = calls = 0
    for seed in range(1, seeds + 1):
        began = time.perf_counter()
        done = run(quorum, seed)
        times.append(time.perf_counter() - began)
        assert not done.kind, done.story
        events += done.events
        calls += done.calls
    return {
        "histories_per_s": round(seeds / sum(times), 1),
        "history_p50_ms": round(1000 * percentile(times, 0.5), 1),
        "history_p99_ms": round(1000 * percentile(times, 0.99), 1),
        "calls_per_history": round(calls / seeds),
        "events_per_s": round(events / sum(times)),
    }


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--seeds", type=int, default=200)
    chosen = parser.parse_args(arguments)
    figures: dict[str, object] = {
        "bare_heap_per_s": round(bare_heap_per_s(chosen.seconds)),
        "tokens_per_s": round(events_per_s(passing(arms=False), chosen.seconds)),
        "timers_per_s": round(events_per_s(passing(arms=True), chosen.seconds)),
        "beats_per_s": round(events_per_s(beating(), chosen.seconds)),
        "stores_per_s": round(events_per_s(storing(), chosen.seconds)),
        "histories": histories(chosen.seeds),
    }
    keep("simulation", figures)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
