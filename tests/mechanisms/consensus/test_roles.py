"""The table of roles and the table of messages: complete, and shown as they are."""

from itertools import product
from pathlib import Path

import pytest
from tests.doubles import SeededRandom

from serai.mechanisms.consensus.core import step
from serai.mechanisms.consensus.errors import RefusedMessage, SafetyBroken
from serai.mechanisms.consensus.log import Log
from serai.mechanisms.consensus.member import Member
from serai.mechanisms.consensus.messages import (
    FROM_LEADER,
    MESSAGES,
    AnyMessage,
    Append,
    Appended,
    AppendRejected,
    Configuration,
    Entry,
    Heartbeat,
    HeartbeatReply,
    Image,
    Kind,
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
from serai.mechanisms.consensus.progress import Progress
from serai.mechanisms.consensus.roles import MOVES, Cause, Role, after, diagram
from serai.mechanisms.consensus.settings import Settings
from serai.mechanisms.consensus.table import HANDLERS

README = Path(__file__).parents[3] / "src" / "serai" / "mechanisms" / "consensus" / "README.md"
ABC = Configuration(("a", "b", "c"))

SAID: dict[type[Message], AnyMessage] = {
    PreVote: PreVote(0, 3, 1, 1),
    PreVoteReply: PreVoteReply(0, 3, False),
    Vote: Vote(0, 2, 0, 0, False),
    VoteReply: VoteReply(0, 2, False),
    Append: Append(0, 2, 1, 1, 0, ()),
    Appended: Appended(0, 2, 1),
    AppendRejected: AppendRejected(0, 2, 1, 0, 0),
    Heartbeat: Heartbeat(0, 2, 0, 1.0, 0),
    HeartbeatReply: HeartbeatReply(0, 2, 1.0, 0),
    SnapshotChunk: SnapshotChunk(0, 2, 5, 2, ABC, 0, 1, b"x"),
    SnapshotReply: SnapshotReply(0, 2, 5, 1),
    TimeoutNow: TimeoutNow(0, 2),
    ReadAsk: ReadAsk(0, 2, 1),
    ReadReply: ReadReply(0, 2, 1, 1),
    Stale: Stale(0, 2),
}
"""One of each, from term 2."""


def member(role: Role, term: int = 2) -> Member:
    log = Log(0, 0, Configuration())
    log.add([Entry(1, 1, Kind.CONFIGURATION, ABC.to_bytes())])
    log.handed(1)
    log.stored(1)
    known = Member("a", 0, Settings(), SeededRandom(1), log, lambda: Image(1, 1, ABC, (b"x",)), term=term, role=role)
    if role in (Role.CANDIDATE, Role.LEADER):
        known.vote = "a"
    if role is Role.LEADER:
        known.append(Kind.EMPTY, b"")
        known.leader = "a"
        known.progress = {name: Progress(next=2, heard_s=0.0) for name in "bc"}
    return known


@pytest.mark.parametrize(("role", "cause"), sorted(set(product(Role, Cause)) - MOVES.keys()))
def test_a_move_that_is_not_in_the_table_is_refused(role: Role, cause: Cause) -> None:
    with pytest.raises(AssertionError, match=f"a {role} cannot change its role by {cause}"):
        after(role, cause)


def test_only_a_candidate_becomes_leader_and_a_leader_only_follower() -> None:
    assert {role for (role, _), to in MOVES.items() if to is Role.LEADER} == {Role.CANDIDATE}
    assert {to for (role, _), to in MOVES.items() if role is Role.LEADER} == {Role.FOLLOWER}


def test_the_readme_shows_the_table() -> None:
    assert diagram() in README.read_text()


def test_every_message_has_a_handler_in_every_role() -> None:
    assert HANDLERS.keys() == set(product(Role, MESSAGES))
    assert SAID.keys() == set(MESSAGES)


@pytest.mark.parametrize(("role", "kind"), sorted(HANDLERS, key=str))
def test_every_pair_is_handled(role: Role, kind: type[Message]) -> None:
    m = member(role)
    if role is Role.LEADER and kind in FROM_LEADER:
        with pytest.raises(SafetyBroken, match="as leader of term 2, which a leads"):
            step(m, "b", SAID[kind], 1.0)
    else:
        step(m, "b", SAID[kind], 1.0)
        assert m.term in {2, 3}
    assert m.log.last_index >= 1


@pytest.mark.parametrize("kind", MESSAGES)
def test_a_message_of_an_earlier_term_changes_nothing(kind: type[Message]) -> None:
    m = member(Role.FOLLOWER, term=9)
    step(m, "b", SAID[kind], 1.0)
    assert (m.term, m.role, m.leader, m.log.commit, m.vote) == (9, Role.FOLLOWER, None, 0, None)
    assert all(message == Stale(0, 9) for _, message in m.out.sends)


@pytest.mark.parametrize(
    "message",
    [
        Append(0, 2, -1, 0, 0, ()),
        Append(0, 2, 1, 1, -1, ()),
        Append(0, 2, 1, 1, 0, (Entry(3, 2, Kind.COMMAND, b""),)),
        Append(0, 2, 1, 1, 0, (Entry(2, 3, Kind.COMMAND, b""),)),
        Append(0, 2, 1, 2, 0, (Entry(2, 1, Kind.COMMAND, b""),)),
        SnapshotChunk(0, 2, 5, 2, ABC, 1, 1, b""),
        SnapshotChunk(0, 2, 5, 3, ABC, 0, 1, b""),
        SnapshotChunk(0, 2, 0, 0, ABC, 0, 1, b""),
        Stale(0, -1),
        Stale(-1, 2),
        Stale(7, 2),
    ],
)
def test_what_no_correct_member_sends_is_refused(message: AnyMessage) -> None:
    m = member(Role.FOLLOWER)
    with pytest.raises(RefusedMessage, match="a refuses"):
        step(m, "b", message, 1.0)
    assert (m.term, m.out.sends) == (2, [])


def test_a_follower_cannot_have_more_than_its_leader() -> None:
    m = member(Role.LEADER)
    with pytest.raises(RefusedMessage, match="holds entry 5; the log ends at 2"):
        step(m, "b", Appended(0, 2, 5), 1.0)


def test_two_leaders_of_one_term_stop_a_follower() -> None:
    m = member(Role.FOLLOWER)
    step(m, "b", SAID[Heartbeat], 1.0)
    with pytest.raises(SafetyBroken, match="b and c both lead group 0 in term 2"):
        step(m, "c", SAID[Heartbeat], 1.0)


def test_a_committed_entry_is_never_replaced() -> None:
    m = member(Role.FOLLOWER)
    m.log.commit_to(1)
    with pytest.raises(SafetyBroken, match="entry 1 is committed"):
        m.log.merge([Entry(1, 2, Kind.COMMAND, b"other")])


def test_settings_name_all_their_problems() -> None:
    assert Settings().validate() == []
    problems = Settings(heartbeat_s=0, election_s=0.2, lease_reads=True, clock_drift_s=1.0).validate()
    assert problems == ["heartbeat_s must be positive", "clock_drift_s (1.0) must be below election_s for lease reads"]
    assert Settings(election_s=0.2).validate() == ["election_s (0.2) must be at least three times heartbeat_s"]
