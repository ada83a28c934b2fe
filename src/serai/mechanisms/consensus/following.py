"""A follower: takes the leader's entries and snapshots, and says what it has on its disk.

It prevents a gap or a foreign entry in the log (the entry before must be the leader's), and a commit beyond what is
known to be the leader's.
"""

from serai.mechanisms.consensus.elections import heed_leader
from serai.mechanisms.consensus.errors import SafetyBroken
from serai.mechanisms.consensus.log import Log
from serai.mechanisms.consensus.member import Incoming, Member
from serai.mechanisms.consensus.messages import (
    Append,
    Appended,
    AppendRejected,
    Heartbeat,
    HeartbeatReply,
    Image,
    SnapshotChunk,
    SnapshotReply,
)


def take_entries(m: Member, sender: str, message: Append) -> None:
    """Entries are kept if the one before them is here; else the leader is told where to look."""
    heed_leader(m, sender)
    if message.prev_index < m.log.commit:
        # Of what is committed nothing can differ; a late message tells nothing about the rest.
        _take_committed(m, sender, message)
        return
    if m.log.term_at(message.prev_index) != message.prev_term:
        hint_index, hint_term = m.log.conflict_before(message.prev_index, message.prev_term)
        m.send(sender, AppendRejected(m.group, m.term, message.prev_index, hint_index, hint_term))
        return
    _keep(m, sender, message)


def _take_committed(m: Member, sender: str, message: Append) -> None:
    last = message.prev_index + len(message.entries)
    if last <= m.log.commit:
        m.send(sender, Appended(m.group, m.term, m.log.commit))
    else:
        _keep(m, sender, message)


def _keep(m: Member, sender: str, message: Append) -> None:
    m.log.merge(message.entries)
    last = message.prev_index + len(message.entries)
    m.log.commit_to(max(m.log.commit, min(message.commit, last)))
    m.send(sender, Appended(m.group, m.term, last))


def hear(m: Member, sender: str, message: Heartbeat) -> None:
    """The leader lives. What it says of the commit holds for what it knows to be here."""
    heed_leader(m, sender)
    if message.commit > m.log.last_index:
        raise SafetyBroken(
            f"{m.name} has acknowledged entry {message.commit} and holds {m.log.last_index}: its disk has lost data"
        )
    m.log.commit_to(message.commit)
    m.send(sender, HeartbeatReply(m.group, m.term, message.stamp_s, message.round))


def take_chunk(m: Member, sender: str, message: SnapshotChunk) -> None:
    """Chunks are taken in their order; the reply says how many are here, so that lost ones come again."""
    heed_leader(m, sender)
    if m.log.term_at(message.index) == message.index_term:
        m.log.commit_to(message.index)
    if message.index <= m.log.commit:
        m.incoming = None
        m.send(sender, Appended(m.group, m.term, m.log.commit))
        return
    incoming = _incoming(m, message)
    if message.number == len(incoming.chunks):
        incoming.chunks.append(message.data)
        if len(incoming.chunks) == incoming.total:
            m.out.arrived = Image(incoming.index, incoming.index_term, incoming.configuration, tuple(incoming.chunks))
    m.send(sender, SnapshotReply(m.group, m.term, message.index, len(incoming.chunks)))


def _incoming(m: Member, message: SnapshotChunk) -> Incoming:
    """The snapshot that the chunk is of. Another leader cuts its chunks elsewhere, so they never mix."""
    known = m.incoming
    if known is None or (known.term, known.index) != (message.term, message.index):
        known = Incoming(message.term, message.index, message.index_term, message.configuration, message.total)
        m.incoming = known
    return known


def installed(m: Member, image: Image) -> bool:
    """The snapshot that arrived is durable. Whether it was still news; then the applied state starts from it."""
    if m.incoming is not None and m.incoming.index <= image.index:
        m.incoming = None
    news = image.index > m.log.commit
    if m.log.term_at(image.index) == image.term:
        m.log.covered(image)
    elif news:
        m.log = Log(image.index, image.term, image.configuration)
    if m.leader not in (None, m.name):
        assert m.leader is not None, "just asked"
        m.send(m.leader, Appended(m.group, m.term, m.log.commit))
    return news
