"""A member that is not sound stops at the step that made it so."""

from collections.abc import Callable

import pytest
from tests.mechanisms.consensus.test_roles import member

from serai.mechanisms.consensus.core import tick
from serai.mechanisms.consensus.member import Member, Proposal, Transfer
from serai.mechanisms.consensus.messages import Configuration, Image
from serai.mechanisms.consensus.progress import Flow, Sending
from serai.mechanisms.consensus.roles import Role


def spoil(path: str, value: object) -> Callable[[Member], None]:
    def do(m: Member) -> None:
        *way, last = path.split(".")
        at: object = m
        for step in way:
            at = at[step] if isinstance(at, dict) else getattr(at, step)
        setattr(at, last, value)

    return do


IMAGE = Image(1, 1, Configuration(("a",)), (b"x",))


@pytest.mark.parametrize("role", Role)
def test_a_member_as_it_is_made_is_sound(role: Role) -> None:
    tick(member(role), 0.1)


@pytest.mark.parametrize(
    ("role", "spoilt", "why"),
    [
        (Role.FOLLOWER, spoil("log.commit", 2), "the commit is outside the log"),
        (Role.FOLLOWER, spoil("log.durable", 2), "what is on the disk is outside the log"),
        (Role.FOLLOWER, spoil("term", 0), "a term that this member has not reached"),
        (Role.FOLLOWER, spoil("transfer", Transfer("b", 1.0)), "only a leader hands over"),
        (Role.FOLLOWER, spoil("queue", [Proposal(1, b"")]), "only a leader holds proposals"),
        (Role.CANDIDATE, spoil("vote", "b"), "a candidate has voted for itself"),
        (Role.CANDIDATE, spoil("leader", "b"), "knows no leader"),
        (Role.LEADER, spoil("vote", None), "a leader has voted for itself"),
        (Role.LEADER, spoil("term", 3), "ends with its own entries"),
        (Role.LEADER, spoil("progress", {}), "a member is forgotten"),
        (Role.LEADER, spoil("progress.b.match", 3), "what is sent next is known to be there"),
        (Role.LEADER, spoil("progress.b.next", 9), "what is sent next does not exist"),
        (Role.LEADER, spoil("progress.b.window_bytes", 9), "an empty window holds bytes"),
        (Role.LEADER, spoil("progress.b.flow", Flow.SNAPSHOT), "a snapshot is sent in its own flow"),
        (Role.LEADER, spoil("progress.b.sending", Sending(IMAGE)), "a snapshot is sent in its own flow"),
    ],
)
def test_a_spoilt_member_stops(role: Role, spoilt: Callable[[Member], None], why: str) -> None:
    m = member(role)
    spoilt(m)
    with pytest.raises(AssertionError, match=why):
        tick(m, 0.1)
