"""The port between the API's handlers and the member that they speak for: what a handler may ask, and how it fails.

`node.py` implements it over consensus, `state` and the disk. Every call raises an error of errors.py and nothing else;
every call ends within `request_timeout_s`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from serai.systems.coordination.state.access import Access
from serai.systems.coordination.state.words import Delivery, MemberInfo, Outcome, WatchSpec


@dataclass(frozen=True, slots=True)
class Caller:
    """On whose behalf a request runs; empty and 0 while authentication is off. The state refuses a caller whose
    `auth_revision` is not the present one, since rights may have changed under it."""

    user: str = ""
    auth_revision: int = 0


NOBODY = Caller()


@dataclass(frozen=True, slots=True)
class MemberStatus:
    """How the member stands. Sizes in bytes."""

    id: int
    cluster_id: int
    leader: int
    """0 while nobody leads."""
    raft_term: int
    raft_index: int
    applied_index: int
    db_size: int
    db_size_in_use: int
    db_size_quota: int
    """0 without one."""
    learner: bool
    errors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that the state holds as of one entry of the log. Chunks are made when they are read: let it go soon."""

    index: int
    term: int
    revision: int
    chunks: Sequence[bytes]


class WatchStream(Protocol):
    """The watches of one client connection."""

    def create(self, spec: WatchSpec, watch_id: int = 0, caller: Caller = NOBODY) -> int:
        """Begins a watch and returns its id; 0 chooses one, from 0 on. WatchIdInUse, TooManyWatches, PermissionDenied.

        Nothing of it is delivered before the caller has come back to the event loop."""

    def cancel(self, watch_id: int) -> bool:
        """Ends a watch; whether it was there. Nothing more comes of it, not even what waited."""

    def ask_progress(self) -> None:
        """A progress notice for the whole stream (watch id -1), after all that was there before."""

    async def next(self) -> Delivery:
        """The next delivery of any of its watches, in the order in which they must be sent."""

    def take(self) -> Delivery | None:
        """The next delivery, if it is there."""

    def close(self) -> None:
        """Ends all of them."""


class Member(Protocol):
    """One member of the cluster, for the handlers."""

    # What every answer says, and what is asked at every call: as this member has it, without asking anybody.

    @property
    def id(self) -> int:
        """Its own."""

    @property
    def cluster_id(self) -> int:
        """Whose member it is."""

    @property
    def leader(self) -> int:
        """0 while nobody leads."""

    @property
    def raft_term(self) -> int:
        """That of its log."""

    @property
    def revision(self) -> int:
        """Of its keys."""

    @property
    def access(self) -> Access:
        """Users, roles and whether they count."""

    # Commands and questions. All of them end within the member's time for requests.

    async def propose(self, command: object, caller: Caller = NOBODY) -> Outcome:
        """Through the log; `command` is a word that changes something. A Fault is raised as its error."""

    async def read(self, query: object, caller: Caller = NOBODY, *, linearizable: bool = True) -> Outcome:
        """A word that changes nothing: Range, a Txn without writes, or a question of `queries`."""

    def watch(self) -> WatchStream:
        """For one client connection."""

    async def keep_alive(self, lease: int) -> int:
        """Renews a lease by the leader's clock; the seconds that it has now, 0 if it is not there."""

    async def time_to_live(self, lease: int, *, keys: bool, caller: Caller = NOBODY) -> Outcome:
        """A LeaseResult: what is left by the leader's clock; ttl_s is -1 if it is not there."""

    def status(self) -> MemberStatus:
        """As it is now, without asking anybody."""

    def snapshot(self) -> Snapshot:
        """As it is now, on this member."""

    async def add_member(self, peer_urls: tuple[str, ...], *, learner: bool) -> MemberInfo:
        """A new member, which comes in as a learner; one that is to vote is promoted when it has caught up."""

    async def remove_member(self, member: int) -> None:
        """MemberNotFound."""

    async def update_member(self, member: int, peer_urls: tuple[str, ...]) -> None:
        """MemberNotFound."""

    async def promote_member(self, member: int) -> None:
        """MemberNotFound, MemberNotLearner, LearnerNotReady."""

    async def move_leader(self, to: int) -> None:
        """NotLeader where this one does not lead, BadLeaderTransferee."""

    async def defragment(self) -> None:
        """Gives the room of what was deleted back to the disk, on this member alone; others go on meanwhile."""
