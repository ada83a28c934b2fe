"""How the tests play a scenario: a sound one must pass, a canary must be caught."""

from serai.simulation.campaign import Campaign, Verdict
from serai.simulation.scenario import Scenario

SEEDS = 12
"""Of each sound scenario here; .ci/run plays more, and demands that rare states are reached."""


def played(system: str, scenario: Scenario, seeds: int) -> Campaign:
    campaign = Campaign(system, scenario)
    for _ in campaign.play(1, seeds):
        pass
    return campaign


def require_sound(system: str, scenario: Scenario) -> None:
    campaign = played(system, scenario, SEEDS)
    assert campaign.verdict is Verdict.PASSED, campaign.story
    assert campaign.calls > 100 * SEEDS


def require_caught(system: str, scenario: Scenario) -> Campaign:
    campaign = played(system, scenario, scenario.reach_seeds)
    assert campaign.verdict is Verdict.CAUGHT, campaign.story
    return campaign
