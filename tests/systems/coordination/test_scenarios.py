"""Coordination keeps its promises in simulated worlds full of faults, and members with planted mistakes are caught."""

import pytest
from tests.simulation.scenarios.campaigns import played, require_caught

from serai.simulation.campaign import Verdict
from serai.simulation.scenario import Scenario
from serai.systems.coordination.scenarios import SCENARIOS

SOUND = [scenario for scenario in SCENARIOS if not scenario.caught_as]
CANARIES = [scenario for scenario in SCENARIOS if scenario.caught_as]
SEEDS = 6
"""Of each; .ci/run plays more."""


@pytest.mark.parametrize("scenario", SOUND, ids=lambda scenario: scenario.name)
def test_members_keep_their_promises(scenario: Scenario) -> None:
    campaign = played("coordination", scenario, SEEDS)
    assert campaign.verdict is Verdict.PASSED, campaign.story
    assert campaign.calls > 30 * SEEDS


@pytest.mark.parametrize("scenario", CANARIES, ids=lambda scenario: scenario.name)
def test_canaries_are_caught(scenario: Scenario) -> None:
    assert require_caught("coordination", scenario).violation
