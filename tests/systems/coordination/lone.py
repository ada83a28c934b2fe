"""A member without a cluster: the real state on a simulated map, with consensus that agrees at once.

It stands in for consensus and the disk alone; commands go through their encoding, leases through the leader's clock.
"""

from serai.mechanisms.consensus.messages import Entry, Kind
from serai.simulation.disk import SimulatedMap
from serai.systems.coordination import errors
from serai.systems.coordination.errors import BY_CODE, NotLeader
from serai.systems.coordination.member import NOBODY, Caller, MemberStatus, Snapshot
from serai.systems.coordination.state.access import Access
from serai.systems.coordination.state.leases import LeaseClock
from serai.systems.coordination.state.machine import Command, Query, State, encode_command
from serai.systems.coordination.state.words import (
    AddMember,
    Fault,
    GetLease,
    LeaseResult,
    MemberInfo,
    Outcome,
    RemoveMember,
    Revoke,
    UpdateMember,
)
from serai.systems.coordination.watching import Watchers, Watching

ID = 0x8E9E05C52164694D
CLUSTER = 0xCDF818194E3A8C32


class LoneMember:
    """Implements `member.Member`. Time stands still until `advance`."""

    id, cluster_id, raft_term = ID, CLUSTER, 2

    def __init__(self) -> None:
        self.map = SimulatedMap()
        self.state = State(self.map)
        self.watchers = Watchers(self.state)
        self.clock = LeaseClock([], 0.0)
        self.now_s = 0.0
        self.index = 0
        self.leader = ID
        self.learners_ready = True
        self.defragmented = False
        self._apply(AddMember(MemberInfo(ID, "lone", ("http://127.0.0.1:2380",), ("http://127.0.0.1:2379",))))

    @property
    def revision(self) -> int:
        return self.state.space.revision

    @property
    def access(self) -> Access:
        return self.state.door.access

    def _apply(self, word: object, caller: Caller | None = None) -> Outcome:
        user, revision = (caller.user, caller.auth_revision) if caller else ("", 0)
        command = Command(word, user, revision, internal=caller is None)  # type: ignore[arg-type]  # tests say any word
        self.index += 1
        outcome = self.state.apply([Entry(self.index, self.raft_term, Kind.COMMAND, encode_command(command))])[0]
        for lease in self.state.granted:
            self.clock.granted(lease.id, lease.ttl_s, self.now_s)
        for number in self.state.ended:
            self.clock.forget(number)
        self.state.granted.clear()
        self.state.ended.clear()
        self.watchers.look()
        return _raised(outcome)

    async def propose(self, command: object, caller: Caller = NOBODY) -> Outcome:
        return self._apply(command, caller)

    async def read(self, query: object, caller: Caller = NOBODY, *, linearizable: bool = True) -> Outcome:
        return _raised(self.state.query(Query(query, caller.user, caller.auth_revision)))  # type: ignore[arg-type]  # the same

    def watch(self) -> Watching:
        return self.watchers.open()

    def advance(self, seconds: float) -> None:
        """Time passes in steps that are no pause of the leader's; leases that are over end."""
        while seconds > 0:
            self.now_s += min(0.5, seconds)
            seconds -= 0.5
            for number in self.clock.due(self.now_s, 100):
                self._apply(Revoke(number))

    async def keep_alive(self, lease: int) -> int:
        known = self.state.leases.granted.get(lease)
        return known.ttl_s if known and self.clock.renew(known, self.now_s) else 0

    async def time_to_live(self, lease: int, *, keys: bool, caller: Caller = NOBODY) -> Outcome:
        outcome = await self.read(GetLease(lease, keys), caller)
        left_s = self.clock.left_s(lease, self.now_s)
        result = outcome.result
        assert isinstance(result, LeaseResult)
        if left_s is None:
            return Outcome(LeaseResult(lease, -1), outcome.revision)
        return Outcome(LeaseResult(lease, int(left_s), result.granted_ttl_s, result.keys), outcome.revision)

    def status(self) -> MemberStatus:
        troubles = () if self.leader else ("etcdserver: no leader",)
        return MemberStatus(self.id, CLUSTER, self.leader, self.raft_term, 9, 8, 4096, 1024, 2**31, False, troubles)

    def snapshot(self) -> Snapshot:
        return Snapshot(self.index, self.raft_term, self.revision, self.state.snapshot())

    # Membership -------------------------------------------------------------------------------------------------------

    def _known(self, number: int) -> MemberInfo:
        known = self.state.cluster.member(number)
        if known is None:
            raise errors.MemberNotFound(f"member {number:x}")
        return known

    async def add_member(self, peer_urls: tuple[str, ...], *, learner: bool) -> MemberInfo:
        info = MemberInfo(0x1000 + self.index, "", peer_urls, (), learner)
        self._apply(AddMember(info))
        return info

    async def remove_member(self, member: int) -> None:
        self._apply(RemoveMember(member))

    async def update_member(self, member: int, peer_urls: tuple[str, ...]) -> None:
        known = self._known(member)
        self._apply(UpdateMember(MemberInfo(member, known.name, peer_urls, known.client_urls, known.learner)))

    async def promote_member(self, member: int) -> None:
        known = self._known(member)
        if not known.learner:
            raise errors.MemberNotLearner
        if not self.learners_ready:
            raise errors.LearnerNotReady
        self._apply(UpdateMember(MemberInfo(member, known.name, known.peer_urls, known.client_urls)))

    async def move_leader(self, to: int) -> None:
        if self.leader != self.id:
            raise NotLeader
        if self.state.cluster.member(to) is None:
            raise errors.BadLeaderTransferee(f"member {to:x}")
        self.leader = to

    async def defragment(self) -> None:
        self.defragmented = True


def _raised(outcome: Outcome) -> Outcome:
    if isinstance(outcome.result, Fault):
        raise BY_CODE[outcome.result.code](outcome.result.detail)
    return outcome
