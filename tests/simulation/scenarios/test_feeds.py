"""What is sound passes, and every canary is caught: without that, passing would mean nothing."""

import pytest
from tests.simulation.scenarios.campaigns import require_caught, require_sound

from serai.simulation.scenario import Scenario
from serai.simulation.scenarios.feeds import SCENARIOS

SOUND = [scenario for scenario in SCENARIOS if not scenario.caught_as]
CANARIES = [scenario for scenario in SCENARIOS if scenario.caught_as]


@pytest.mark.parametrize("scenario", SOUND, ids=lambda scenario: scenario.name)
def test_what_is_sound_passes(scenario: Scenario) -> None:
    require_sound("feeds", scenario)


@pytest.mark.parametrize("scenario", CANARIES, ids=lambda scenario: scenario.name)
def test_canaries_are_caught(scenario: Scenario) -> None:
    assert require_caught("feeds", scenario).violation
