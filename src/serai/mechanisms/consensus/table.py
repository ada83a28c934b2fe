"""Which handler takes which message in which role: the whole of the protocol on one page.

A member is never surprised: every pair is here, and what cannot happen says so.
"""

from collections.abc import Callable, Mapping
from typing import Any

from serai.mechanisms.consensus import elections, following, leading, reading
from serai.mechanisms.consensus.errors import SafetyBroken
from serai.mechanisms.consensus.member import Member
from serai.mechanisms.consensus.messages import (
    AnyMessage,
    Append,
    Appended,
    AppendRejected,
    Heartbeat,
    HeartbeatReply,
    Message,
    PreVote,
    PreVoteReply,
    ReadAsk,
    ReadReply,
    SnapshotChunk,
    SnapshotReply,
    Stale,
    TimeoutNow,
    Vote,
    VoteReply,
)
from serai.mechanisms.consensus.roles import Role

Handler = Callable[[Member, str, Any], None]
"""(member, sender, message of the row's kind); the message's term is the member's, but for pre-votes."""


def late(_m: Member, _sender: str, _message: AnyMessage) -> None:
    """An answer to a question that is no longer open."""


def two_leaders(m: Member, sender: str, message: AnyMessage) -> None:
    """Raft's first promise is broken: a doubled name, or a disk that forgot a vote."""
    raise SafetyBroken(f"{sender} sends {type(message).__name__} as leader of term {m.term}, which {m.name} leads")


def unread(m: Member, sender: str, message: ReadAsk) -> None:
    """Only a leader can answer; the asker gives up in time."""


ROWS: Mapping[type[Message], tuple[Handler, Handler, Handler, Handler]] = {
    # A message's handlers as follower, pre-candidate, candidate and leader.
    PreVote: (elections.judge_pre_vote,) * 4,
    PreVoteReply: (late, elections.count_pre_vote, late, late),
    Vote: (elections.judge_vote, elections.judge_vote, elections.refuse_vote, elections.refuse_vote),
    VoteReply: (late, late, elections.count_vote, late),
    Append: (*(following.take_entries,) * 3, two_leaders),
    Appended: (late, late, late, leading.count_appended),
    AppendRejected: (late, late, late, leading.look_back),
    Heartbeat: (*(following.hear,) * 3, two_leaders),
    HeartbeatReply: (late, late, late, leading.count_heartbeat),
    SnapshotChunk: (*(following.take_chunk,) * 3, two_leaders),
    SnapshotReply: (late, late, late, leading.count_chunks),
    TimeoutNow: (*(elections.stand_at_once,) * 3, two_leaders),
    ReadAsk: (unread, unread, unread, reading.take_read),
    ReadReply: (reading.take_answer,) * 4,
    Stale: (late,) * 4,
}

HANDLERS: Mapping[tuple[Role, type[Message]], Handler] = {
    (role, kind): handler for kind, row in ROWS.items() for role, handler in zip(Role, row, strict=True)
}
