"""What a majority has said: the value it agrees on, and who won. In a joint configuration, two majorities.

It prevents a decision by too few: with two sets of voters, each must agree by itself, since otherwise the old half and
the new half of a group could each decide alone (section 6).
"""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import TypeVar

from serai.mechanisms.consensus.messages import Configuration

Number = TypeVar("Number", int, float)


class Verdict(Enum):
    """How an election stands."""

    WON = "won"
    LOST = "lost"
    PENDING = "pending"


def agreed(configuration: Configuration, said: Callable[[str], Number]) -> Number:
    """The highest value that a majority has reached, in both halves if there are two."""
    assert configuration.voters, "a configuration without voters can agree on nothing"
    value = _agreed(configuration.voters, said)
    return min(value, _agreed(configuration.outgoing, said)) if configuration.outgoing else value


def _agreed(voters: Sequence[str], said: Callable[[str], Number]) -> Number:
    return sorted([said(voter) for voter in voters])[(len(voters) - 1) // 2]


def verdict(configuration: Configuration, ballots: Mapping[str, bool]) -> Verdict:
    """Won if every half has a majority for, lost if one can no longer get it."""
    halves = [_verdict(half, ballots) for half in (configuration.voters, configuration.outgoing) if half]
    if Verdict.LOST in halves:
        return Verdict.LOST
    return Verdict.WON if halves and set(halves) == {Verdict.WON} else Verdict.PENDING


def _verdict(voters: Sequence[str], ballots: Mapping[str, bool]) -> Verdict:
    granted = sum(ballots.get(voter, False) for voter in voters)
    refused = sum(not ballots.get(voter, True) for voter in voters)
    needed = len(voters) // 2 + 1
    if granted >= needed:
        return Verdict.WON
    return Verdict.LOST if len(voters) - refused < needed else Verdict.PENDING
