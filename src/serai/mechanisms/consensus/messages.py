"""What members say to each other and keep in the log. Frozen values: who holds one may keep it.

Every message carries its group, since a process holds many groups over the same connections, and its sender's term,
by which a member sees at once which of the two is behind.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import msgspec

ENTRY_OVERHEAD_BYTES = 16
"""What an entry costs beside its data, so that a million empty ones are not free."""


class Kind(IntEnum):
    """What an entry of the log is for."""

    EMPTY = 0
    """A leader's first: it commits what earlier terms left (Raft, section 5.4.2 and 8)."""
    COMMAND = 1
    """For the applied state machine."""
    CONFIGURATION = 2
    """Who the members are, from this entry on, committed or not (section 6)."""


class Entry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One place in the log."""

    index: int
    term: int
    kind: Kind
    data: bytes

    @property
    def cost_bytes(self) -> int:
        """What it counts for in limits."""
        return len(self.data) + ENTRY_OVERHEAD_BYTES


class Configuration(msgspec.Struct, frozen=True, array_like=True):
    """Who belongs to a group. While `outgoing` is not empty, the old voters and the new both must agree."""

    voters: tuple[str, ...] = ()
    outgoing: tuple[str, ...] = ()
    learners: tuple[str, ...] = ()

    @property
    def joint(self) -> bool:
        """In the middle of a change of voters."""
        return bool(self.outgoing)

    @property
    def everyone(self) -> frozenset[str]:
        """All who get the log."""
        return frozenset(self.voters) | frozenset(self.outgoing) | frozenset(self.learners)

    def votes(self, name: str) -> bool:
        """Whether this member's word counts in either majority."""
        return name in self.voters or name in self.outgoing

    def to_bytes(self) -> bytes:
        """As an entry's data."""
        return msgspec.msgpack.encode(self)

    @classmethod
    def of(cls, data: bytes) -> "Configuration":
        """From an entry's data. msgspec.DecodeError."""
        return msgspec.msgpack.decode(data, type=cls)


@dataclass(frozen=True, slots=True)
class Image:
    """A snapshot: the applied state as of one entry, in chunks that are read one at a time."""

    index: int
    term: int
    configuration: Configuration
    chunks: Sequence[bytes]


class Message(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The two things that every message says first."""

    group: int
    term: int


class PreVote(Message, frozen=True, tag=1, gc=False):
    """Would you vote for me in `term`, which is one above mine? Nobody's term moves by the question."""

    last_index: int
    last_term: int


class PreVoteReply(Message, frozen=True, tag=2, gc=False):
    """`term` is the one that was asked about."""

    granted: bool


class Vote(Message, frozen=True, tag=3, gc=False):
    """I stand in `term`; this is how far my log reaches. `transfer`: the leader itself sent me."""

    last_index: int
    last_term: int
    transfer: bool


class VoteReply(Message, frozen=True, tag=4, gc=False):
    """The voter's word, which it has on its disk."""

    granted: bool


class Append(Message, frozen=True, tag=5, gc=False):
    """Entries that follow the one at `prev_index`, and how far the group has committed."""

    prev_index: int
    prev_term: int
    commit: int
    entries: tuple[Entry, ...]


class Appended(Message, frozen=True, tag=6, gc=False):
    """My log is yours up to `match`, and is on my disk."""

    match: int


class AppendRejected(Message, frozen=True, tag=7, gc=False):
    """I do not have your entry at `prev_index`; look at `hint_index` or before, where mine has `hint_term`."""

    prev_index: int
    hint_index: int
    hint_term: int


class Heartbeat(Message, frozen=True, tag=8, gc=False):
    """I still lead. `stamp_s` is my clock, `round` my count of reads; both come back with the reply."""

    commit: int
    stamp_s: float
    round: int


class HeartbeatReply(Message, frozen=True, tag=9, gc=False):
    """I still follow."""

    stamp_s: float
    round: int


class SnapshotChunk(Message, frozen=True, tag=10, gc=False):
    """Part `number` of `total` of the state as of entry `index`."""

    index: int
    index_term: int
    configuration: Configuration
    number: int
    total: int
    data: bytes


class SnapshotReply(Message, frozen=True, tag=11, gc=False):
    """I hold the first `received` chunks of the snapshot at `index`."""

    index: int
    received: int


class TimeoutNow(Message, frozen=True, tag=12, gc=False):
    """Stand for election at once: I hand over."""


class ReadAsk(Message, frozen=True, tag=13, gc=False):
    """Up to where must I have applied to answer this read? The token is the asker's."""

    token: int


class ReadReply(Message, frozen=True, tag=14, gc=False):
    """Up to `index`."""

    token: int
    index: int


class Stale(Message, frozen=True, tag=15, gc=False):
    """Your term is over; this is the one that I know."""


AnyMessage = (
    PreVote | PreVoteReply | Vote | VoteReply | Append | Appended | AppendRejected | Heartbeat | HeartbeatReply
    | SnapshotChunk | SnapshotReply | TimeoutNow | ReadAsk | ReadReply | Stale
)  # fmt: skip

MESSAGES: tuple[type[Message], ...] = (
    PreVote, PreVoteReply, Vote, VoteReply, Append, Appended, AppendRejected, Heartbeat, HeartbeatReply,
    SnapshotChunk, SnapshotReply, TimeoutNow, ReadAsk, ReadReply, Stale,
)  # fmt: skip
"""Every kind, in the order of its tag."""

FROM_LEADER = (Append, Heartbeat, SnapshotChunk, TimeoutNow)
"""Only the leader of the message's term says these."""

AFTER_EVERYTHING = (Vote, VoteReply, Appended)
"""Sent only when all that the member has written so far is durable: each promises a term, a vote or entries."""

AFTER_TERM = (HeartbeatReply, AppendRejected)
"""Sent when the member's term is durable. They promise no entries, so that a slow disk is not taken for a dead one."""


def fault(message: AnyMessage) -> str | None:
    """Why no correct member sends this message, or None."""
    if message.term < 0 or message.group < 0:
        return f"term {message.term} of group {message.group} is negative"
    if isinstance(message, Append):
        return _append_fault(message)
    if isinstance(message, SnapshotChunk) and not 0 <= message.number < message.total:
        return f"chunk {message.number} of {message.total} does not exist"
    if isinstance(message, SnapshotChunk) and (message.index < 1 or message.index_term > message.term):
        return f"a snapshot at entry {message.index} of term {message.index_term} is not from term {message.term}"
    return None


def _append_fault(message: Append) -> str | None:
    if message.prev_index < 0 or message.commit < 0:
        return f"entry {message.prev_index} or commit {message.commit} is negative"
    index, term = message.prev_index, message.prev_term
    for entry in message.entries:
        if entry.index != index + 1 or not term <= entry.term <= message.term:
            return f"entry {entry.index} of term {entry.term} cannot follow entry {index} of term {term}"
        index, term = entry.index, entry.term
    return None
