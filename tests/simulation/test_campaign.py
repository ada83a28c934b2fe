"""A campaign fails by a finding, by what was never reached, and by a planted bug that it did not catch."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.simulation.machines import Stand

from serai.kernel.machines import Arm, Effect, Event
from serai.simulation.campaign import Campaign, Verdict, difference_of
from serai.simulation.scenario import Scenario, Stage
from serai.simulation.violations import Violation
from serai.simulation.world import World


def scenario(build: Callable[[World, int], None], **more: object) -> Scenario:
    runs = Counter[str]()

    def staged(world: World) -> Stage:
        runs["runs"] += 1
        return Stage([], lambda: build(world, runs["runs"] - 2))  # the first seed runs three times

    plain = Scenario(name="test", meaning="A test.", build=staged, faulty_s=0.1, reach_seeds=5)
    return replace(plain, **more)  # type: ignore[arg-type]


def nothing(world: World, run: int) -> None:
    pass


def broken_in_the_third(world: World, run: int) -> None:
    if run == 3:
        raise Violation("set", "a has lost 1")


def played(stage: Scenario, seeds: int) -> Campaign:
    campaign = Campaign("tests", stage)
    for _ in campaign.play(11, seeds):
        pass
    return campaign


def test_a_campaign_without_findings_passes() -> None:
    campaign = played(scenario(nothing), 6)
    assert (campaign.verdict, campaign.runs, campaign.story) == (Verdict.PASSED, 6, "")


def test_a_finding_ends_it_and_can_be_replayed() -> None:
    campaign = played(scenario(broken_in_the_third), 6)
    assert (campaign.verdict, campaign.runs) == (Verdict.FAILED, 3)
    assert campaign.story.startswith("seed 13 broke set: a has lost 1\nits faults: ")
    assert campaign.story.endswith(f"replay: {campaign.replay}")
    assert campaign.replay == "serai simulate tests/test --seed 13 --seeds 1 --trace"


@pytest.mark.parametrize(("seeds", "verdict"), [(4, Verdict.PASSED), (5, Verdict.FAILED)])
def test_what_was_never_reached_fails_a_long_enough_campaign(seeds: int, verdict: Verdict) -> None:
    campaign = played(scenario(nothing, must_reach=("a snapshot was sent",)), seeds)
    assert campaign.verdict is verdict
    assert campaign.story == "never reached: a snapshot was sent"


def test_one_seed_that_reaches_it_is_enough() -> None:
    def reach(world: World, run: int) -> None:
        if run == 4:
            world.reach("a snapshot was sent")
            world.reach("a snapshot was sent")

    campaign = played(scenario(reach, must_reach=("a snapshot was sent",)), 6)
    assert (campaign.verdict, campaign.missing) == (Verdict.PASSED, [])
    assert campaign.reached["a snapshot was sent"] == 2
    assert campaign.runs_that_reached["a snapshot was sent"] == 1


@pytest.mark.parametrize(
    ("build", "caught_as", "seeds", "verdict"),
    [
        (broken_in_the_third, "set", 6, Verdict.CAUGHT),
        (broken_in_the_third, "counter", 6, Verdict.FAILED),
        (nothing, "set", 4, Verdict.OPEN),
        (nothing, "set", 5, Verdict.FAILED),
    ],
)
def test_a_canary_must_be_caught_as_what_it_is(
    build: Callable[[World, int], None], caught_as: str, seeds: int, verdict: Verdict
) -> None:
    campaign = played(scenario(build, caught_as=caught_as), seeds)
    assert campaign.verdict is verdict
    if build is nothing and verdict is Verdict.FAILED:
        assert campaign.story == "5 seeds did not catch the planted bug, which breaks set"


def unsteady() -> Scenario:
    """Its machine keeps a count that outlasts the run, as one that asks a real clock would."""
    count = Counter[str]()

    def build(world: World) -> Stage:
        def react(event: Event, now_s: float) -> list[Effect]:
            count["steps"] += 1
            return [Arm("t", 0.01 * (1 + count["steps"] % 3))]

        stand = Stand()
        stand.world = world
        stand.add("a", [Arm("t", 0.01)], react)
        return Stage([], lambda: None)

    return Scenario(name="test", meaning="A test.", build=build, faulty_s=1.0)


def test_a_run_that_differs_from_itself_is_a_finding() -> None:
    assert difference_of(scenario(nothing), 1) == ""
    assert "part at line" in difference_of(unsteady(), 1)
    campaign = played(unsteady(), 3)
    assert campaign.violation
    assert campaign.violation.kind == "determinism"
    assert campaign.verdict is Verdict.FAILED
