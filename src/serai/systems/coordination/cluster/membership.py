"""Members come, go and change places. The table of members and the group's configuration are two things: one comes into
the table first and into the group then, and leaves the other way round, so that nobody is asked for a vote who cannot
be found.
"""

from collections.abc import Awaitable, Callable

from serai.mechanisms.consensus.node import Node
from serai.mechanisms.consensus.roles import Role
from serai.systems.coordination import errors
from serai.systems.coordination.cluster.asking import Asking
from serai.systems.coordination.cluster.forwarding import AskCaughtUp
from serai.systems.coordination.cluster.identity import BadUrl, address_of, consensus_name
from serai.systems.coordination.cluster.leading import Leading, voting
from serai.systems.coordination.errors import CoordinationError
from serai.systems.coordination.state.machine import State
from serai.systems.coordination.state.words import AddMember, MemberInfo, RemoveMember, UpdateMember

Propose = Callable[[object], Awaitable[object]]


class Membership:
    """Changes of the members, asked of any of them."""

    def __init__(
        self,
        node: Node,
        state: State,
        leading: Leading,
        asking: Asking,
        propose: Propose,
        made: Callable[[tuple[str, ...]], int],
    ) -> None:
        """`made` makes an id for a member at these addresses."""
        self._node = node
        self._state = state
        self._leading = leading
        self._asking = asking
        self._propose = propose
        self._made = made

    def _known(self, number: int) -> MemberInfo:
        known = self._state.cluster.member(number)
        if known is None:
            raise errors.MemberNotFound(f"there is no member {number:x}")
        return known

    async def add(self, peer_urls: tuple[str, ...], *, learner: bool) -> MemberInfo:
        """One more, at first without a vote."""
        _check(peer_urls)
        number = self._made(peer_urls)
        member = MemberInfo(number, "", peer_urls, (), learner=True, joining=not learner)
        await self._propose(AddMember(member))
        try:
            await self._leading.change(learn=number)
        except CoordinationError:
            await self._propose(RemoveMember(number))
            raise
        return member

    async def remove(self, member: int) -> None:
        """One less."""
        self._known(member)
        name = consensus_name(member)
        configuration = self._node.member.log.configuration
        if configuration.voters == (name,):
            raise errors.MemberNotEnoughStarted("the only voter cannot be removed")
        if name in configuration.everyone:
            await self._leading.change(leave=member)
        await self._propose(RemoveMember(member))

    async def update(self, member: int, peer_urls: tuple[str, ...]) -> None:
        """It is found elsewhere."""
        _check(peer_urls)
        known = self._known(member)
        changed = MemberInfo(member, known.name, peer_urls, known.client_urls, known.learner, known.joining)
        await self._propose(UpdateMember(changed))

    async def promote(self, member: int) -> None:
        """A learner votes."""
        known = self._known(member)
        if not known.learner:
            raise errors.MemberNotLearner(f"member {member:x} votes already")
        if not await self._asking.number(AskCaughtUp(member)):
            raise errors.LearnerNotReady(f"member {member:x}")
        await self._leading.change(vote=member)
        await self._propose(UpdateMember(voting(known)))

    async def move_lead(self, to: int) -> None:
        """Another voter leads."""
        m = self._node.member
        if m.role is not Role.LEADER:
            raise errors.NotLeader
        name = consensus_name(to)
        if name not in m.log.configuration.voters:
            raise errors.BadLeaderTransferee(f"{to:x} is no voter")
        if name != m.name:
            await self._asking.hand_over(name)


def _check(peer_urls: tuple[str, ...]) -> None:
    try:
        for url in peer_urls:
            address_of(url)
    except BadUrl as error:
        raise errors.MemberBadUrls(error.message) from error
    if not peer_urls:
        raise errors.MemberBadUrls("a member needs a peer URL")
