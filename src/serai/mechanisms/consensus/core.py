"""The way into a member: a message, a tick, a proposal, a write that became durable. Each returns at once.

What is wanted then stands in `member.out`. Here is the one place in which terms are compared, before any handler runs:
it prevents a member that acts on a term that is over, and one whose term is behind and who would never learn it.
"""

from serai.mechanisms.consensus import changing, elections, leading
from serai.mechanisms.consensus.errors import RefusedMessage
from serai.mechanisms.consensus.invariants import assert_sound, assert_step
from serai.mechanisms.consensus.member import Member, Proposal
from serai.mechanisms.consensus.messages import (
    FROM_LEADER,
    AnyMessage,
    Append,
    Configuration,
    Heartbeat,
    Kind,
    PreVote,
    PreVoteReply,
    SnapshotChunk,
    Stale,
    Vote,
    fault,
)
from serai.mechanisms.consensus.roles import Cause, Role
from serai.mechanisms.consensus.table import HANDLERS

TOLD_WHEN_STALE = (PreVote, Vote, Append, Heartbeat, SnapshotChunk)
"""Who says these in a term that is over is told so; else it would repeat them for ever."""


def wake(m: Member, now_s: float) -> None:
    """The member's life begins, or begins again. With leases, it must not vote against one that it has forgotten."""
    m.now_s = now_s
    if m.settings.lease_reads and m.term > 0:
        m.leader_heard_s = now_s
    m.rest_until_election()
    if _alone(m.log.configuration, m.name):
        m.election_due_s = now_s


def _alone(configuration: Configuration, name: str) -> bool:
    """Nobody else votes, so nobody's silence is worth waiting for: the next tick may elect."""
    return configuration.voters == (name,) and not configuration.joint


def step(m: Member, sender: str, message: AnyMessage, now_s: float) -> None:
    """A message has come. RefusedMessage: no correct member sends it. SafetyBroken: nobody must go on."""
    wrong = f"it is for group {message.group}" if message.group != m.group else fault(message)
    if wrong is not None:
        raise RefusedMessage(f"{m.name} refuses {type(message).__name__} from {sender}: {wrong}")
    m.now_s = now_s
    if _of_this_term(m, sender, message):
        HANDLERS[m.role, type(message)](m, sender, message)
    assert_step(m, sender)


def _of_this_term(m: Member, sender: str, message: AnyMessage) -> bool:
    """Brings the member to the message's term, or tells the sender of ours; whether the message still counts."""
    if message.term == m.term:
        return True
    if message.term < m.term:
        if isinstance(message, TOLD_WHEN_STALE):
            m.send(sender, Stale(m.group, m.term))
        return False
    if isinstance(message, PreVote | PreVoteReply):
        return True
    if isinstance(message, Vote) and not message.transfer and m.believes_in_leader():
        return False
    leader = sender if isinstance(message, FROM_LEADER) else None
    elections.follow(m, Cause.NEWER_TERM, message.term, leader)
    return True


def tick(m: Member, now_s: float) -> None:
    """Time has passed."""
    m.now_s = now_s
    assert_sound(m)
    if m.role is Role.LEADER:
        changing.give_up_hand_over(m)
        if leading.still_leads(m) and now_s >= m.heartbeat_due_s:
            leading.beat(m)
    elif now_s >= m.election_due_s:
        elections.ask_to_stand(m)


def propose(m: Member, token: int, data: bytes) -> None:
    """Data that is to become an entry; the caller has made sure that this member leads and has room."""
    assert m.role is Role.LEADER, "only a leader takes proposals"
    assert len(data) <= m.settings.entry_bytes_max, "the caller refuses what is too large"
    m.queue.append(Proposal(token, data))
    m.queue_bytes += len(data)


def room(m: Member) -> bool:
    """Whether a leader takes proposals now."""
    waiting = m.queue_bytes + m.log.uncommitted_bytes
    return m.transfer is None and waiting < m.settings.uncommitted_bytes_max


def admit(m: Member) -> None:
    """Proposals that have waited become entries, all at once: one write, one message to each follower."""
    if m.role is not Role.LEADER or not m.queue:
        return
    m.out.appended += [(proposal.token, m.append(Kind.COMMAND, proposal.data)) for proposal in m.queue]
    m.queue.clear()
    m.queue_bytes = 0


def flush(m: Member) -> None:
    """Messages that carry entries, once for all that happened since the last time."""
    if m.role is Role.LEADER:
        leading.replicate(m)


def stored(m: Member, sequence: int) -> None:
    """Entries that were handed to the disk with this write are durable."""
    m.log.stored(sequence)
    if m.role is Role.LEADER:
        leading.commit(m)
