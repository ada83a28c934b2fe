"""What is true of a member between two steps, asserted in production too: a member that is not so must not go on.

It prevents a mistake of ours from travelling: it stops one member, where it was made, instead of spoiling a group.
"""

from serai.mechanisms.consensus.log import Log
from serai.mechanisms.consensus.member import Member
from serai.mechanisms.consensus.progress import Flow, Progress
from serai.mechanisms.consensus.roles import Role


def assert_step(m: Member, sender: str) -> None:
    """After a message: what it can have touched. O(1)."""
    log = m.log
    assert log.base_index <= log.commit <= log.last_index, "the commit is outside the log"
    assert log.base_index <= log.durable <= log.last_index, "what is on the disk is outside the log"
    if m.role is Role.LEADER:
        assert m.vote == m.name, "a leader has voted for itself"
        if sender in m.progress:
            _follower(m.progress[sender], log)


def assert_sound(m: Member) -> None:
    """At every tick: all of it. O(followers)."""
    _log(m.log)
    assert m.log.last_term <= m.term, "an entry is of a term that this member has not reached"
    assert m.vote is None or m.term > 0, "a vote belongs to a term"
    if m.incoming is not None:
        assert m.incoming.index > 0, "a snapshot is of an entry"
        assert len(m.incoming.chunks) <= m.incoming.total, "a snapshot has more chunks than it said"
    if m.role is Role.LEADER:
        _leader(m)
        return
    assert not m.progress, "only a leader follows its followers"
    assert not m.queue, "only a leader holds proposals"
    assert m.queue_bytes == 0, "no proposals, no bytes"
    assert m.transfer is None, "only a leader hands over"
    assert not m.reads.asking, "only a leader asks for reads"
    assert not m.reads.waiting, "only a leader holds reads"
    if m.role is not Role.FOLLOWER:
        assert m.leader is None, "who stands for election knows no leader"
    if m.role is Role.CANDIDATE:
        assert m.vote == m.name, "a candidate has voted for itself"


def _log(log: Log) -> None:
    assert log.base_index >= 0, "the log begins at the beginning"
    assert log.base_index <= log.commit <= log.last_index, "the commit is outside the log"
    assert log.base_index <= log.durable <= log.last_index, "what is on the disk is outside the log"
    assert log.base_index <= log.configuration_index <= log.last_index, "the configuration is of no entry that is held"
    assert log.uncommitted_bytes >= 0, "fewer bytes are uncommitted than none"
    assert log.uncommitted_bytes == 0 or log.commit < log.last_index, "all is committed, but not its bytes"


def _leader(m: Member) -> None:
    assert m.leader == m.name, "a leader knows who leads"
    assert m.vote == m.name, "a leader has voted for itself"
    assert m.log.last_term == m.term, "a leader's log ends with its own entries"
    assert not m.ballots, "an election that is won is over"
    assert m.name not in m.progress, "a leader does not follow itself"
    assert m.log.configuration.everyone - {m.name} <= m.progress.keys(), "a member is forgotten"
    for follower in m.progress.values():
        _follower(follower, m.log)


def _follower(follower: Progress, log: Log) -> None:
    assert 0 <= follower.match < follower.next, "what is sent next is known to be there"
    assert follower.match <= log.last_index, "a follower has more than its leader"
    assert follower.next <= log.last_index + 1, "what is sent next does not exist"
    assert (follower.sending is not None) == (follower.flow is Flow.SNAPSHOT), "a snapshot is sent in its own flow"
    assert not follower.window or follower.flow is Flow.REPLICATE, "only replication has a window"
    assert follower.window_bytes >= 0, "a window holds fewer bytes than none"
    assert follower.window or not follower.window_bytes, "an empty window holds bytes"
    if follower.sending is not None:
        chunks = len(follower.sending.image.chunks)
        assert 0 <= follower.sending.acknowledged <= follower.sending.sent <= chunks, "chunks are counted wrongly"
