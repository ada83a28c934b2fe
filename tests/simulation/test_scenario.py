"""A run ends with what it found: nothing, a broken promise, or whatever the machine raised."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.simulation.machines import Reaction, Scripted

from serai.kernel.machines import Answer, Append, Asked, Effect, Event, Halt, Store, Stored
from serai.simulation.clients import Client, Done, Patience, Verdict
from serai.simulation.faults import CALM, Faults
from serai.simulation.scenario import Run, Scenario, Stage, run
from serai.simulation.violations import Violation
from serai.simulation.world import World


class Plain:
    def request(self, call: object) -> object:
        return call

    def verdict(self, call: object, reply: object) -> Verdict:
        return Done(reply)

    def repeatable(self, call: object) -> bool:
        return False


def scenario(reaction: Reaction, check: Callable[[], None] = lambda: None, faults: Faults = CALM) -> Scenario:
    def build(world: World) -> Stage:
        world.add_node("a", lambda disk: Scripted((), reaction))
        patience = Patience(timeout_s=0.1, think_s=0.1)
        return Stage([Client(world, "one", ["a"], workload=lambda c: "x", dialect=Plain(), patience=patience)], check)

    return Scenario(name="test", meaning="A test.", build=build, faults=faults, faulty_s=2.0, healed_s=1.0)


def answers(event: Event, now_s: float) -> list[Effect]:
    return [Answer(event.token, "done")] if isinstance(event, Asked) else []


def stores_first(event: Event, now_s: float) -> list[Effect]:
    if isinstance(event, Asked):
        return [Store(event.token, (Append("log", b"x"),))]
    return [Answer(event.token, "done")] if isinstance(event, Stored) else []


def test_a_run_without_findings() -> None:
    done = run(scenario(answers), 1)
    assert (done.kind, done.story, done.seed) == ("", "", 1)
    assert done.calls > 20
    assert done.events == done.calls


def test_the_check_comes_last_and_its_finding_is_the_result() -> None:
    def check() -> None:
        raise Violation("set", "b has lost 1")

    done = run(scenario(answers, check), 1)
    assert (done.kind, done.story) == ("set", "b has lost 1")


def test_whoever_answers_nobody_makes_no_progress() -> None:
    done = run(scenario(lambda event, now_s: ()), 1)
    assert done.kind == "progress"
    assert done.story == ("the faults ended at 2.0 s, and 1 s later not every client had 3 calls done: one lacks 3")


def test_progress_is_demanded_only_after_the_faults() -> None:
    for seed in range(1, 8):
        assert run(scenario(stores_first, faults=Faults(failed_sync=1.0)), seed).kind == ""


def test_a_machine_that_gives_up_with_a_sound_disk_is_a_finding() -> None:
    done = run(scenario(lambda event, now_s: [Halt("tired")]), 1)
    assert done.kind in ("halt", "progress")
    one_way_out = replace(scenario(lambda event, now_s: [Halt("tired")]), progress_calls=0)
    done = run(one_way_out, 1)
    assert (done.kind, done.story) == ("halt", "a gave up though its disk is sound: tired")


def test_whatever_a_machine_raises_is_a_finding() -> None:
    def broken(event: Event, now_s: float) -> list[Effect]:
        raise KeyError("term")

    done = run(scenario(broken), 1)
    assert done.kind == "KeyError"
    assert "in broken" in done.story


def finding(stand: Scenario, seeds: int) -> list[Run]:
    return [done for seed in range(seeds) if (done := run(stand, seed)).kind]


@pytest.mark.parametrize("faults", [CALM, Faults(crash_every_s=0.5, loss=0.3, pause_every_s=1.0)])
def test_faults_alone_break_nothing(faults: Faults) -> None:
    patient = replace(scenario(stores_first, faults=faults), healed_s=5.0)  # a pause outlasts the faults
    assert finding(patient, 10) == []
