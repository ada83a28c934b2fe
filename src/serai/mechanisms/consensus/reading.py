"""Reads that see every write acknowledged before them, without writing to the log (section 8, thesis 6.4).

It prevents a stale answer from a leader that was replaced and does not know it: the leader asks a majority whether it
still leads before it answers, and waits until an entry of its own term is committed, since only then does it know how
far its predecessors came. Reads that come while one round is out share the next. With leases (off unless chosen) the
answer of an earlier heartbeat stands for the question, for as long as no other member could have been elected.
"""

from serai.mechanisms.consensus.member import Member
from serai.mechanisms.consensus.messages import Heartbeat, ReadAsk, ReadReply
from serai.mechanisms.consensus.quorum import agreed
from serai.mechanisms.consensus.roles import Role


def read(m: Member, token: int) -> None:
    """A client of this member wants to read."""
    if m.role is Role.LEADER:
        _wait(m, m.name, token)
    elif m.leader is not None:
        m.reads.forwarded.add(token)
        m.send(m.leader, ReadAsk(m.group, m.term, token))
    else:
        m.out.unreadable.append(token)


def take_read(m: Member, sender: str, message: ReadAsk) -> None:
    """A follower asks for one of its clients."""
    _wait(m, sender, message.token)


def _wait(m: Member, name: str, token: int) -> None:
    if leased(m):
        _answer(m, name, token, m.log.commit)
        return
    m.reads.waiting.append((name, token))
    begin_round(m)


def knows_commit(m: Member) -> bool:
    """Whether this leader has committed an entry of its own term."""
    return m.log.term_at(m.log.commit) == m.term


def leased(m: Member) -> bool:
    """Whether nobody else can have been elected since a majority last answered."""
    if not m.settings.lease_reads or m.told_to_stand or not knows_commit(m):
        return False
    stamp_s = agreed(m.log.configuration, lambda name: _stamp_s(m, name))
    return m.now_s < stamp_s + m.settings.election_s - m.settings.clock_drift_s


def _stamp_s(m: Member, name: str) -> float:
    return m.progress[name].stamp_s if name in m.progress else m.now_s


def begin_round(m: Member) -> None:
    """Asks a majority for all reads that wait, unless a round is out or the commit is not yet known."""
    reads = m.reads
    if reads.asking or not reads.waiting or not knows_commit(m):
        return
    reads.asking, reads.waiting = reads.waiting, []
    reads.index = m.log.commit
    reads.round += 1
    for name, follower in m.progress.items():
        known = min(follower.match, m.log.commit)
        m.send(name, Heartbeat(m.group, m.term, known, m.now_s, reads.round))
    finish_round(m)


def finish_round(m: Member) -> None:
    """A majority has answered: every read of the round may be served at its index."""
    reads = m.reads
    if not reads.asking or agreed(m.log.configuration, lambda name: _round(m, name)) < reads.round:
        return
    asked, reads.asking = reads.asking, []
    for name, token in asked:
        _answer(m, name, token, reads.index)
    begin_round(m)


def _round(m: Member, name: str) -> int:
    return m.progress[name].round if name in m.progress else m.reads.round


def _answer(m: Member, name: str, token: int, index: int) -> None:
    if name == m.name:
        m.out.readable.append((token, index))
    else:
        m.send(name, ReadReply(m.group, m.term, token, index))


def take_answer(m: Member, _sender: str, message: ReadReply) -> None:
    """The leader's word for a read that was forwarded."""
    if message.token in m.reads.forwarded:
        m.reads.forwarded.remove(message.token)
        m.out.readable.append((message.token, message.index))


def give_up(m: Member, token: int) -> None:
    """Its client waits no longer; an answer that comes yet is late."""
    m.reads.forwarded.discard(token)
