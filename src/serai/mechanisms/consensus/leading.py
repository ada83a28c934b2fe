"""A leader: sends what each follower lacks, counts what is durable, and commits.

It prevents a commit that could be undone (only entries of the leader's own term are counted, section 5.4.2 and figure
8; its own copy counts when it is on its disk), and a follower that waits for a lost message: every heartbeat that comes
back is a chance to send again.
"""

from serai.mechanisms.consensus import changing, reading
from serai.mechanisms.consensus.elections import follow
from serai.mechanisms.consensus.errors import RefusedMessage
from serai.mechanisms.consensus.member import Member
from serai.mechanisms.consensus.messages import (
    Append,
    Appended,
    AppendRejected,
    Heartbeat,
    HeartbeatReply,
    SnapshotChunk,
    SnapshotReply,
)
from serai.mechanisms.consensus.progress import Flow, Progress
from serai.mechanisms.consensus.quorum import agreed
from serai.mechanisms.consensus.roles import Cause


def count_appended(m: Member, sender: str, message: Appended) -> None:
    """The follower's disk has more: perhaps a majority's now."""
    follower = m.progress.get(sender)
    if follower is None:
        return
    follower.heard_s = m.now_s
    if message.match > m.log.last_index:
        raise RefusedMessage(f"{sender} says that it holds entry {message.match}; the log ends at {m.log.last_index}")
    if follower.acknowledge(message.match):
        commit(m)
        changing.hand_over_if_ready(m)


def look_back(m: Member, sender: str, message: AppendRejected) -> None:
    """The follower lacks the entry before: find the newest that both logs have."""
    follower = m.progress.get(sender)
    if follower is None:
        return
    follower.heard_s = m.now_s
    late = message.prev_index <= follower.match or follower.flow is Flow.SNAPSHOT
    if late or (follower.flow is Flow.PROBE and message.prev_index != follower.next - 1):
        return
    at, _ = m.log.conflict_before(message.hint_index, message.hint_term)
    follower.back_to(at)


def count_heartbeat(m: Member, sender: str, message: HeartbeatReply) -> None:
    """The follower lives; what is still unacknowledged may be lost."""
    follower = m.progress.get(sender)
    if follower is None:
        return
    follower.heard_s = m.now_s
    follower.stamp_s = max(follower.stamp_s, message.stamp_s)
    follower.round = max(follower.round, message.round)
    follower.probing = False
    _send_again(m, sender, follower)
    reading.finish_round(m)


def _send_again(m: Member, name: str, follower: Progress) -> None:
    if follower.flow is Flow.REPLICATE and follower.match < m.log.last_index and follower.next > m.log.base_index:
        follower.make_room(m.settings)
        _send_entries(m, name, follower)
    if follower.sending is not None:
        follower.sending.look_after()


def count_chunks(m: Member, sender: str, message: SnapshotReply) -> None:
    """The follower holds so many chunks; fewer than before if it has restarted."""
    follower = m.progress.get(sender)
    if follower is None:
        return
    follower.heard_s = m.now_s
    sending = follower.sending
    if sending is None or message.index != sending.image.index or message.received > len(sending.image.chunks):
        return
    if message.received < sending.acknowledged:
        sending.sent = message.received
    sending.acknowledged = message.received
    sending.sent = max(sending.sent, message.received)


def commit(m: Member) -> None:
    """Commits what a majority has on its disks, if it is of this term."""
    index = agreed(m.log.configuration, lambda name: durable_at(m, name))
    if index > m.log.commit and m.log.term_at(index) == m.term:
        m.log.commit_to(index)
        changing.go_on(m)
        reading.finish_round(m)
        reading.begin_round(m)


def durable_at(m: Member, name: str) -> int:
    """The last entry that a member is known to have on its disk."""
    if name == m.name:
        return m.log.durable
    follower = m.progress.get(name)
    return follower.match if follower else 0


def beat(m: Member) -> None:
    """A heartbeat to everybody. It carries the round of reads that is being asked."""
    m.heartbeat_due_s = m.now_s + m.settings.heartbeat_s
    for name, follower in m.progress.items():
        known = min(follower.match, m.log.commit)
        m.send(name, Heartbeat(m.group, m.term, known, m.now_s, m.reads.round))


def still_leads(m: Member) -> bool:
    """A leader that hears no majority steps down: its clients must ask elsewhere (thesis, section 6.2)."""
    heard_s = agreed(m.log.configuration, lambda name: _heard_s(m, name))
    if m.now_s - heard_s > m.settings.election_s:
        follow(m, Cause.LOST_MAJORITY, m.term, None)
        return False
    return True


def _heard_s(m: Member, name: str) -> float:
    return m.progress[name].heard_s if name in m.progress else m.now_s


def replicate(m: Member) -> None:
    """Sends to each follower what it lacks and has room for."""
    for name, follower in m.progress.items():
        if follower.flow is not Flow.SNAPSHOT and follower.next <= m.log.base_index:
            follower.send_snapshot(m.image())
        if follower.sending is not None:
            _send_chunks(m, name, follower)
            continue
        while _lacks(m, follower) and follower.may_send(m.settings):
            _send_entries(m, name, follower)


def _lacks(m: Member, follower: Progress) -> bool:
    """In PROBE even an empty message is worth sending; else there must be entries, or a commit to tell."""
    if follower.flow is Flow.PROBE:
        return True
    return follower.next <= m.log.last_index or follower.commit_sent < min(m.log.commit, follower.next - 1)


def _send_entries(m: Member, name: str, follower: Progress) -> None:
    entries = m.log.slice(follower.next, m.log.last_index, m.settings.append_bytes_max)
    previous = follower.next - 1
    previous_term = m.log.term_at(previous)
    assert previous_term is not None, f"entry {previous} is gone: a snapshot was due"
    m.send(name, Append(m.group, m.term, previous, previous_term, m.log.commit, entries))
    follower.probing = follower.flow is Flow.PROBE
    follower.commit_sent = min(m.log.commit, previous + len(entries))
    if entries:
        follower.sent(entries[-1].index, sum([entry.cost_bytes for entry in entries]))


def _send_chunks(m: Member, name: str, follower: Progress) -> None:
    sending = follower.sending
    assert sending is not None, "chunks are of a snapshot that is being sent"
    image, total = sending.image, len(sending.image.chunks)
    assert total > 0, "a snapshot has at least one chunk"
    until = min(total, sending.acknowledged + m.settings.snapshot_chunks_in_flight_max)
    for number in range(sending.sent, until):
        m.send(
            name,
            SnapshotChunk(
                m.group, m.term, image.index, image.term, image.configuration, number, total, image.chunks[number]
            ),
        )
    sending.sent = max(sending.sent, until)
