"""A scenario, and one run of it: faults with clients at work, then a healed world that must get on, then the checkers.

Safety is judged over the whole run, progress after the faults have ended: a system that answers nobody breaks no other
promise.
"""

import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from serai.simulation.chance import Seeded
from serai.simulation.clients import Client
from serai.simulation.faults import CALM, Faults
from serai.simulation.history import Outcome
from serai.simulation.nemesis import Nemesis
from serai.simulation.trace import Tell
from serai.simulation.violations import Violation
from serai.simulation.world import World

DRAIN_S = 30.0
"""How long clients may take to finish their last call: every call ends by a timeout before."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What a scenario puts into a world."""

    clients: Sequence[Client]
    check: Callable[[], None]
    """Judges the run when it is over. Violation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A system in a world, and what is demanded of it."""

    name: str
    meaning: str
    """One sentence: what stands on the stage and what must hold."""

    build: Callable[[World], Stage]
    """Adds the nodes."""

    faults: Faults = CALM
    """The worst; each seed draws its own mix below it."""

    faulty_s: float = 10.0
    """How long the faults last, in the world's time."""

    healed_s: float = 20.0
    """Within this time after them every client must have got on."""

    progress_calls: int = 3
    """How many calls of each client must be done in that time."""

    must_reach: tuple[str, ...] = ()
    """Rare states that a campaign must have reached: one that never was has not been tested."""

    reach_seeds: int = 100
    """From so many seeds on a state that was not reached fails the campaign."""

    caught_as: str = ""
    """For a canary: the kind of violation by which its planted bug must be caught within `reach_seeds` seeds."""


@dataclass(frozen=True, slots=True)
class Run:
    """What came of one seed."""

    seed: int
    faults: Faults
    """The mix that it drew."""
    digest: str
    events: int
    reached: Counter[str]
    calls: int
    """Calls that were done."""
    kind: str = ""
    """Of the violation; empty if all held."""
    story: str = ""


def run(scenario: Scenario, seed: int, tell: Tell | None = None) -> Run:
    """Runs one seed. Whatever goes wrong is in the result: a bug in a machine is a finding and ends no campaign."""
    name = f"{scenario.name}:{seed}"
    faults = scenario.faults.drawn(Seeded(name).split("faults"))
    world = World(name, faults, tell)
    kind = story = ""
    try:
        _play(scenario, world)
    except Violation as violation:
        kind, story = violation.kind, violation.story
    except Exception as error:  # noqa: BLE001 - whatever a machine under test raises is what was looked for
        kind, story = type(error).__name__, "".join(traceback.format_exception(error)).rstrip()
    for operation in world.history.operations:
        world.trace.text(str(operation))
    calls = world.history.count(Outcome.OK)
    return Run(seed, faults, world.trace.digest(), world.trace.events, world.reached, calls, kind, story)


def _play(scenario: Scenario, world: World) -> None:
    stage = scenario.build(world)
    assert len({client.name for client in stage.clients}) == len(stage.clients), "two clients have one name"
    nemesis = Nemesis(world)
    world.start()
    for client in stage.clients:
        client.start()
    nemesis.start()
    world.run(scenario.faulty_s)
    nemesis.stop()
    world.heal()
    _require_progress(scenario, world, stage)
    for client in stage.clients:
        client.stop()
    if not world.run_until(lambda: all(client.idle for client in stage.clients), world.now_s + DRAIN_S):
        raise Violation("progress", f"a call is still open {DRAIN_S} s after the last client began one")
    for name, reason in world.halted.items():
        if not world.is_rotten(name):
            raise Violation("halt", f"{name} gave up though its disk is sound: {reason}")
    stage.check()


def _require_progress(scenario: Scenario, world: World, stage: Stage) -> None:
    healed_s = world.now_s
    operations = world.history.operations
    first = len(operations)

    def lacking() -> dict[str, int]:
        done = Counter(client.name for client in stage.clients for _ in range(scenario.progress_calls))
        done.subtract(operation.client for operation in operations[first:] if operation.outcome is Outcome.OK)
        return {name: calls for name, calls in done.items() if calls > 0}

    if not world.run_until(lambda: not lacking(), healed_s + scenario.healed_s):
        waiting = ", ".join(f"{name} lacks {calls}" for name, calls in lacking().items())
        raise Violation(
            "progress",
            f"the faults ended at {healed_s:.1f} s, and {scenario.healed_s:.0f} s later not every client had"
            f" {scenario.progress_calls} calls done: {waiting}",
        )
