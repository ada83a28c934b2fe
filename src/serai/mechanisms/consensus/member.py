"""One member of a group as plain data: what Raft's figure 2 calls state, and what the member wants done.

Handlers change it and leave work in `out`; whoever drives it takes that work, writes, sends and applies. Nothing here
waits, reads a clock or draws a number by itself.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from serai.kernel.ports import Random
from serai.mechanisms.consensus.log import Log
from serai.mechanisms.consensus.messages import AnyMessage, Configuration, Entry, Image, Kind
from serai.mechanisms.consensus.progress import NEVER_S, Progress
from serai.mechanisms.consensus.roles import Role
from serai.mechanisms.consensus.settings import Settings

CHANCE_STEPS = 1_000
"""Into how many parts the random half of an election time is divided."""


@dataclass(slots=True)
class Proposal:
    """Data that waits to become an entry. `token` is the caller's name for it."""

    token: int
    data: bytes


@dataclass(slots=True)
class Out:
    """What a member wants done. It is taken whole, in the order of the fields: write, then send, then tell."""

    vote_changed: bool = False
    """Term or vote must be written."""
    sends: list[tuple[str, AnyMessage]] = field(default_factory=list)
    appended: list[tuple[int, int]] = field(default_factory=list)
    """Proposals that became entries, as (token, index)."""
    dropped: list[int] = field(default_factory=list)
    """Proposals that never became entries, since the member leads no longer."""
    readable: list[tuple[int, int]] = field(default_factory=list)
    """Reads that may be answered once the entry is applied, as (token, index)."""
    unreadable: list[int] = field(default_factory=list)
    """Reads that this member cannot answer."""
    arrived: Image | None = None
    """A snapshot came in whole; it is to be stored, then `installed` is called."""


@dataclass(slots=True)
class Incoming:
    """A snapshot that the leader of `term` is sending here."""

    term: int
    index: int
    index_term: int
    configuration: Configuration
    total: int
    chunks: list[bytes] = field(default_factory=list)


@dataclass(slots=True)
class Transfer:
    """A hand-over of the lead in progress. It is given up at `until_s`."""

    to: str
    until_s: float


@dataclass(slots=True)
class Reads:
    """Reads on their way to an index.

    A leader collects those that come while a round of heartbeats is out (`waiting`), and asks for all of them in the
    next (`asking`); a follower remembers what it asked the leader (`forwarded`).
    """

    waiting: list[tuple[str, int]] = field(default_factory=list)
    asking: list[tuple[str, int]] = field(default_factory=list)
    index: int = 0
    """The commit when the round began: what these reads must see."""
    round: int = 0
    forwarded: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Member:
    """A member. term and vote are on its disk before anybody hears of them; so is the log up to log.durable."""

    name: str
    group: int
    settings: Settings
    random: Random
    log: Log
    image: Callable[[], Image]
    """A snapshot of what is applied now; its index is at least log.base_index."""
    term: int = 0
    vote: str | None = None
    role: Role = Role.FOLLOWER
    leader: str | None = None
    now_s: float = 0.0
    election_due_s: float = 0.0
    heartbeat_due_s: float = 0.0
    leader_heard_s: float = NEVER_S
    ballots: dict[str, bool] = field(default_factory=dict)
    progress: dict[str, Progress] = field(default_factory=dict)
    """While leading: everyone else in the configuration."""
    queue: list[Proposal] = field(default_factory=list)
    queue_bytes: int = 0
    reads: Reads = field(default_factory=Reads)
    transfer: Transfer | None = None
    told_to_stand: bool = False
    """While leading: somebody was told to stand in this term, so leases mean nothing until the next."""
    incoming: Incoming | None = None
    out: Out = field(default_factory=Out)

    def send(self, to: str, message: AnyMessage) -> None:
        """Leaves a message to be sent."""
        assert message.group == self.group, "a member speaks for its own group"
        self.out.sends.append((to, message))

    def take(self) -> Out:
        """The work that is to be done, which is then no longer here."""
        out, self.out = self.out, Out()
        return out

    def rest_until_election(self) -> None:
        """A new election time, by chance between one and two settings' worth, so that two rarely stand at once."""
        share = self.random.below(CHANCE_STEPS) / CHANCE_STEPS
        self.election_due_s = self.now_s + self.settings.election_s * (1 + share)

    def believes_in_leader(self) -> bool:
        """Whether a leader was heard so lately that others' wish to replace it is ignored (thesis, section 4.2.3)."""
        if self.role is Role.LEADER:
            return True
        return self.now_s - self.leader_heard_s < self.settings.election_s

    def append(self, kind: Kind, data: bytes) -> int:
        """The leader's own entry; its index."""
        assert self.role is Role.LEADER, "only a leader adds entries"
        entry = Entry(self.log.last_index + 1, self.term, kind, data)
        self.log.add([entry])
        return entry.index
