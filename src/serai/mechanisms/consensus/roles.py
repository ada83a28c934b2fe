"""The roles of a member and the only ways from one to another, as a table.

It prevents the two roads to two leaders: becoming one without an election, and staying one after a newer term.
"""

from collections.abc import Mapping
from enum import StrEnum


class Role(StrEnum):
    """What a member is in its term. A learner is a follower who is not asked."""

    FOLLOWER = "follower"
    PRE_CANDIDATE = "pre_candidate"
    CANDIDATE = "candidate"
    LEADER = "leader"


class Cause(StrEnum):
    """Why a member changes its role."""

    HEARD_NOBODY = "heard_nobody"
    """No leader for an election time."""
    WOULD_WIN = "would_win"
    """A majority would vote for it."""
    WOULD_LOSE = "would_lose"
    """A majority would not, or did not."""
    TOLD_TO_STAND = "told_to_stand"
    """The leader hands over."""
    ELECTED = "elected"
    HEARD_LEADER = "heard_leader"
    """Somebody leads this term."""
    NEWER_TERM = "newer_term"
    LOST_MAJORITY = "lost_majority"
    """A leader whom no majority has answered for an election time."""
    STUCK_DISK = "stuck_disk"
    """A leader whose own disk does not answer: it could take proposals and finish none."""
    REMOVED = "removed"
    """A leader that is no longer a member, once that is committed."""


_R, _C = Role, Cause

MOVES: Mapping[tuple[Role, Cause], Role] = {
    (_R.FOLLOWER, _C.HEARD_NOBODY): _R.PRE_CANDIDATE,
    (_R.FOLLOWER, _C.TOLD_TO_STAND): _R.CANDIDATE,
    (_R.FOLLOWER, _C.HEARD_LEADER): _R.FOLLOWER,
    (_R.FOLLOWER, _C.NEWER_TERM): _R.FOLLOWER,
    (_R.PRE_CANDIDATE, _C.HEARD_NOBODY): _R.PRE_CANDIDATE,
    (_R.PRE_CANDIDATE, _C.WOULD_WIN): _R.CANDIDATE,
    (_R.PRE_CANDIDATE, _C.WOULD_LOSE): _R.FOLLOWER,
    (_R.PRE_CANDIDATE, _C.HEARD_LEADER): _R.FOLLOWER,
    (_R.PRE_CANDIDATE, _C.NEWER_TERM): _R.FOLLOWER,
    (_R.CANDIDATE, _C.HEARD_NOBODY): _R.PRE_CANDIDATE,
    (_R.CANDIDATE, _C.ELECTED): _R.LEADER,
    (_R.CANDIDATE, _C.WOULD_LOSE): _R.FOLLOWER,
    (_R.CANDIDATE, _C.HEARD_LEADER): _R.FOLLOWER,
    (_R.CANDIDATE, _C.NEWER_TERM): _R.FOLLOWER,
    (_R.LEADER, _C.NEWER_TERM): _R.FOLLOWER,
    (_R.LEADER, _C.LOST_MAJORITY): _R.FOLLOWER,
    (_R.LEADER, _C.STUCK_DISK): _R.FOLLOWER,
    (_R.LEADER, _C.REMOVED): _R.FOLLOWER,
}
"""Every move that there is."""


def after(role: Role, cause: Cause) -> Role:
    """The role that follows. A move that is not in the table is a mistake of ours."""
    assert (role, cause) in MOVES, f"a {role} cannot change its role by {cause}"
    return MOVES[role, cause]


def diagram() -> str:
    """The table as a Mermaid state diagram, for the README."""
    moves = [f"    {role} --> {to}: {cause}" for (role, cause), to in MOVES.items() if to is not role]
    return "\n".join(["stateDiagram-v2", "    [*] --> follower", *moves])
