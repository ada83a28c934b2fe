"""The registers pass, and every canary is caught: without that, passing would mean nothing."""

import pytest

from serai.simulation.campaign import Campaign, Verdict
from serai.simulation.scenario import Scenario
from serai.simulation.scenarios.registers import SCENARIOS

SOUND = [scenario for scenario in SCENARIOS if not scenario.caught_as]
CANARIES = [scenario for scenario in SCENARIOS if scenario.caught_as]

SEEDS = 12
"""Of each sound register here; `serai simulate registers` runs more, and .ci/run does."""


def played(scenario: Scenario, seeds: int) -> Campaign:
    campaign = Campaign("registers", scenario)
    for _ in campaign.play(1, seeds):
        pass
    return campaign


@pytest.mark.parametrize("scenario", SOUND, ids=lambda scenario: scenario.name)
def test_sound_registers_pass(scenario: Scenario) -> None:
    campaign = played(scenario, SEEDS)
    assert campaign.verdict is Verdict.PASSED, campaign.story
    assert campaign.calls > 100 * SEEDS


@pytest.mark.parametrize("scenario", CANARIES, ids=lambda scenario: scenario.name)
def test_canaries_are_caught(scenario: Scenario) -> None:
    campaign = played(scenario, scenario.reach_seeds)
    assert campaign.verdict is Verdict.CAUGHT, campaign.story
    assert "no order of the first" in campaign.story


def test_there_are_canaries_of_a_disk_and_of_a_network() -> None:
    assert {scenario.name for scenario in CANARIES} == {
        "canary-hasty-register",
        "canary-hasty-keeper",
        "canary-forgetful-reader",
    }
