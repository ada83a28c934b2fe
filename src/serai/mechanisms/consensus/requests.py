"""What a client may ask of a member, and what it is told.

It prevents the two wrong answers: "done" for what may be undone, and "failed" for what may yet happen. A proposal is
`Done` when it is committed and applied; if its member loses the lead before, it is `Unknown`, since another leader may
commit it; `NotLeader`, `Busy` and `Refused` are said only of what will never happen.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from serai.mechanisms.consensus.messages import Configuration
from serai.mechanisms.consensus.roles import Role


@dataclass(frozen=True, slots=True)
class Propose:
    """Data for the applied state."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Read:
    """A question to the applied state that sees every write acknowledged before it was asked (linearizable)."""

    query: object


@dataclass(frozen=True, slots=True)
class ReadHere:
    """A question to this member's applied state as it is, however old (serializable)."""

    query: object


@dataclass(frozen=True, slots=True)
class Change:
    """Who the members are to be. Voters must be learners first."""

    voters: tuple[str, ...]
    learners: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HandOver:
    """The lead is to go to this voter."""

    to: str


@dataclass(frozen=True, slots=True)
class AskStatus:
    """How the member stands."""


Request = Propose | Read | ReadHere | Change | HandOver | AskStatus


@dataclass(frozen=True, slots=True)
class Done:
    """It is committed and applied; what the applied state answered, and the entry it was (0 if none)."""

    result: object
    index: int


@dataclass(frozen=True, slots=True)
class Value:
    """What the applied state answered to a read."""

    result: object


@dataclass(frozen=True, slots=True)
class NotLeader:
    """It was not done, and will not be; `leader` is who may do it, if known."""

    leader: str | None


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have been done or may yet be: the lead was lost meanwhile. Ask before trying again."""


@dataclass(frozen=True, slots=True)
class Busy:
    """It was not done: too much is under way, or the lead is being handed over. Try again."""


@dataclass(frozen=True, slots=True)
class Refused:
    """It was not done, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Status:
    """How a member stands. `followers`: for a leader, the entry up to which each has everything."""

    name: str
    role: Role
    term: int
    leader: str | None
    commit: int
    applied: int
    last: int
    snapshot: int
    configuration: Configuration
    followers: Mapping[str, int]


Reply = Done | Value | NotLeader | Unknown | Busy | Refused | Status
