"""What only a leader does, as soon as its own first entry is applied: it ends leases, checkpoints them, enters the
founders of a new cluster, and makes voters of those that have caught up.

Before that entry another leader's commands may still be to come, so nothing is decided on a state that may be old.
"""

import logging
from collections.abc import Awaitable, Callable

from serai.kernel.errors import SeraiError
from serai.mechanisms.consensus.node import Node
from serai.mechanisms.consensus.roles import Role
from serai.systems.coordination.cluster.asking import Asking
from serai.systems.coordination.cluster.identity import Identity, consensus_name
from serai.systems.coordination.state.leases import LeaseClock
from serai.systems.coordination.state.machine import Command, Query, State, encode_command
from serai.systems.coordination.state.words import AddMember, Checkpoint, GetLease, MemberInfo, Revoke, UpdateMember

ENDS_AT_ONCE_MAX = 256
"""Leases whose end is proposed in one look: more would make a wave of deletes that holds up everybody."""

log = logging.getLogger(__name__)

Propose = Callable[[object], Awaitable[object]]
Start = Callable[[Awaitable[object]], None]


class Leading:
    """The duties of a leader. `step` looks after each step of the machine, `look` now and then."""

    def __init__(
        self, node: Node, state: State, identity: Identity, propose: Propose, asking: Asking, start: Start
    ) -> None:
        self._node = node
        self._state = state
        self._identity = identity
        self._propose = propose
        self._asking = asking
        self._start = start
        self.clock: LeaseClock | None = None
        """Only while this member leads and knows all that came before."""
        self._term = 0
        self._changing = False

    @property
    def leads(self) -> bool:
        """Whether this member leads, and has applied an entry of its own term."""
        m = self._node.member
        return m.role is Role.LEADER and m.log.term_at(self._node.applied_index) == m.term

    def step(self, now_s: float) -> None:
        """Follows what was applied, and whether this member leads."""
        if self.clock is None or self._term != self._node.member.term or self._node.member.role is not Role.LEADER:
            self._begin_or_end(now_s)
        clock, state = self.clock, self._state
        if state.granted or state.ended:
            if clock is not None:
                for lease in state.granted:
                    clock.granted(lease.id, lease.ttl_s, now_s)
                for number in state.ended:
                    clock.forget(number)
            state.granted.clear()
            state.ended.clear()

    def _begin_or_end(self, now_s: float) -> None:
        if not self.leads:
            self.clock = None
            return
        self._term = self._node.member.term
        self.clock = LeaseClock(self._state.leases.granted.values(), now_s)
        self._state.granted.clear()
        self._state.ended.clear()
        if self._identity.founder and not self._state.cluster.members:
            self._start(self._enter_founders())

    async def _enter_founders(self) -> None:
        for member in self._identity.known:
            await self._propose(AddMember(member))

    def look(self, now_s: float) -> None:
        """What is due."""
        clock = self.clock
        if clock is None:
            return
        for number in clock.due(now_s, ENDS_AT_ONCE_MAX):
            self._start(self._end(clock, number))
        checkpoint = clock.checkpoint(self._state.leases.granted, now_s)
        if checkpoint is not None:
            self._start(self._propose(checkpoint))
        self._promote()

    async def _end(self, clock: LeaseClock, number: int) -> None:
        """By this member or not at all: passed on to another leader it would end what was renewed there."""
        if self.clock is not clock:
            return
        try:
            await self._asking.propose_here(_own(Revoke(number)))
        except SeraiError as error:
            log.info("lease %x could not be ended yet: %s", number, error.message)
            clock.spare(number)

    async def keep_alive(self, number: int, now_s: float) -> int | None:
        """Renews a lease; the seconds that it has, -1 if it is not there. None if this member does not lead, or could
        not make sure of it after it had renewed: then another may end the lease."""
        clock = self.clock
        if clock is None:
            return None
        known = self._state.leases.granted.get(number)
        renewed = known is not None and clock.renew(known, now_s)
        if known is not None and renewed and clock.curtailed(known):
            await self._asking.propose_here(_own(known.whole))
            clock.made_whole(number)
        else:
            await self._asking.read(Query(GetLease(number), internal=True))
        if self.clock is not clock:
            return None
        return known.ttl_s if known is not None and renewed else -1

    def _promote(self) -> None:
        """One that came to vote is a learner until it has caught up."""
        if self._changing:
            return
        for member in self._state.cluster.members:
            if member.joining and self.caught_up(member.id):
                self._changing = True
                self._start(self._make_voter(member))
                return

    def caught_up(self, member: int) -> bool:
        """Whether a learner lacks little enough to vote."""
        m = self._node.member
        name = consensus_name(member)
        progress = m.progress.get(name)
        if progress is None or name not in m.log.configuration.learners:
            return False
        return m.log.last_index - progress.match <= m.settings.learner_lag_max and progress.match > 0

    async def _make_voter(self, member: MemberInfo) -> None:
        try:
            await self.change(vote=member.id)
            await self._propose(UpdateMember(voting(member)))
        except SeraiError as error:
            log.info("member %x is not made a voter yet: %s", member.id, error.message)
        finally:
            self._changing = False

    async def change(self, *, vote: int = 0, learn: int = 0, leave: int = 0) -> None:
        """Another configuration of the group: one member votes, learns or leaves."""
        known = self._node.member.log.configuration
        voters, learners = set(known.voters), set(known.learners)
        if vote:
            voters.add(consensus_name(vote))
            learners.discard(consensus_name(vote))
        if learn:
            learners.add(consensus_name(learn))
        if leave:
            voters.discard(consensus_name(leave))
            learners.discard(consensus_name(leave))
        await self._asking.change(tuple(sorted(voters)), tuple(sorted(learners)))


def _own(word: Revoke | Checkpoint) -> bytes:
    return encode_command(Command(word, internal=True))


def voting(member: MemberInfo) -> MemberInfo:
    """The same, as a voter."""
    return MemberInfo(member.id, member.name, member.peer_urls, member.client_urls)
