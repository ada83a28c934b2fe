"""Majorities, against a twin that tries every subset."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from serai.mechanisms.consensus.messages import Configuration
from serai.mechanisms.consensus.quorum import Verdict, agreed, verdict

NAMES = "abcdefg"
halves = st.lists(st.sampled_from(NAMES), min_size=1, max_size=5, unique=True).map(tuple)
configurations = st.builds(Configuration, halves, st.one_of(st.just(()), halves))


def majorities(half: tuple[str, ...]) -> list[set[str]]:
    return [set(some) for size in range(len(half) // 2 + 1, len(half) + 1) for some in combinations(half, size)]


def decided(configuration: Configuration, agreeing: set[str]) -> bool:
    """Some majority of each half is among those who agree."""
    parts = [half for half in (configuration.voters, configuration.outgoing) if half]
    return all(any(majority <= agreeing for majority in majorities(half)) for half in parts)


@given(configurations, st.dictionaries(st.sampled_from(NAMES), st.integers(0, 9)))
def test_agreed_is_the_highest_value_that_majorities_reach(configuration: Configuration, said: dict[str, int]) -> None:
    value = agreed(configuration, lambda name: said.get(name, 0))
    reached = [n for n in range(10) if decided(configuration, {name for name in NAMES if said.get(name, 0) >= n})]
    assert value == max(reached)


@given(configurations, st.dictionaries(st.sampled_from(NAMES), st.booleans()))
def test_an_election_is_won_when_decided_and_lost_when_it_cannot_be(
    configuration: Configuration, ballots: dict[str, bool]
) -> None:
    granted = {name for name, yes in ballots.items() if yes}
    possible = granted | (set(NAMES) - ballots.keys())
    won, open_ = decided(configuration, granted), decided(configuration, possible)
    expected = Verdict.WON if won else Verdict.PENDING if open_ else Verdict.LOST
    assert verdict(configuration, ballots) is expected


def test_nobody_wins_without_voters() -> None:
    assert verdict(Configuration(), {"a": True}) is Verdict.PENDING
