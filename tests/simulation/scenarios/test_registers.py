"""What is sound passes, and every canary is caught: without that, passing would mean nothing."""

import pytest
from tests.simulation.scenarios.campaigns import require_caught, require_sound

from serai.simulation.scenario import Scenario
from serai.simulation.scenarios.registers import SCENARIOS

SOUND = [scenario for scenario in SCENARIOS if not scenario.caught_as]
CANARIES = [scenario for scenario in SCENARIOS if scenario.caught_as]


@pytest.mark.parametrize("scenario", SOUND, ids=lambda scenario: scenario.name)
def test_what_is_sound_passes(scenario: Scenario) -> None:
    require_sound("registers", scenario)


@pytest.mark.parametrize("scenario", CANARIES, ids=lambda scenario: scenario.name)
def test_canaries_are_caught(scenario: Scenario) -> None:
    assert require_caught("registers", scenario).violation


def test_there_are_canaries_of_a_disk_and_of_a_network() -> None:
    assert {scenario.name for scenario in CANARIES} == {
        "canary-hasty-register",
        "canary-hasty-keeper",
        "canary-forgetful-reader",
    }
