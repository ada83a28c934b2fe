"""Asking the leader, wherever it is: through this member's own machine, or passed on to the one that leads.

What a request came to is never guessed: it is told as not done only if it will never be, and where the connection or
the lead was lost meanwhile the error says that it may have been done.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

from serai.mechanisms.consensus.node import Node
from serai.mechanisms.consensus.requests import Busy, Change, Done, HandOver, NotLeader, Propose, Read, Refused, Value
from serai.runtime.machines.driver import Driver
from serai.runtime.machines.errors import MachineHalted, PeerAway, PeerGone
from serai.runtime.machines.peers import Peers
from serai.systems.coordination import errors
from serai.systems.coordination.cluster import forwarding
from serai.systems.coordination.cluster.forwarding import Ask, AskChange, AskNumber, AskPropose
from serai.systems.coordination.errors import CoordinationError
from serai.systems.coordination.settings import CoordinationSettings
from serai.systems.coordination.state.machine import Query
from serai.systems.coordination.state.words import Outcome

Here = Callable[[AskNumber], Awaitable[int | None]]
"""What this member says if it leads; None if not."""


class Asking:
    """The ways to the leader, for this member's clients and for its peers."""

    def __init__(self, driver: Driver, node: Node, peers: Peers, settings: CoordinationSettings, here: Here) -> None:
        self._driver = driver
        self._node = node
        self._peers = peers
        self._settings = settings
        self._here = here
        self._changed = asyncio.Event()

    def leader_changed(self) -> None:
        """Another one leads, or nobody: who waits for one looks again."""
        self._changed.set()
        self._changed = asyncio.Event()

    # For clients ------------------------------------------------------------------------------------------------------

    async def propose(self, data: bytes) -> Outcome:
        """A command's outcome."""
        request = Propose(data)
        try:
            async with asyncio.timeout(self._settings.request_timeout_s):
                while True:
                    reply = await self._ask(request)
                    if isinstance(reply, Done):
                        return cast(Outcome, reply.result)
                    answer = await self._pass_on(reply.leader, AskPropose(data))
                    if answer is not None:
                        return forwarding.outcome_of(answer)
        except TimeoutError:
            raise self._too_late() from None

    async def change(self, voters: tuple[str, ...], learners: tuple[str, ...]) -> None:
        """Another configuration of the group."""
        try:
            async with asyncio.timeout(self._settings.request_timeout_s):
                while True:
                    reply = await self._ask(Change(voters, learners))
                    if isinstance(reply, Done):
                        return
                    answer = await self._pass_on(reply.leader, AskChange(voters, learners))
                    if answer is not None:
                        forwarding.number_of(answer)
                        return
        except TimeoutError:
            raise self._too_late() from None

    async def read(self, query: Query) -> Outcome:
        """An answer that sees every write acknowledged before it was asked for."""
        request = Read(query)
        try:
            async with asyncio.timeout(self._settings.request_timeout_s):
                while True:
                    reply = await self._answer_of(request)
                    if isinstance(reply, Value):
                        return cast(Outcome, reply.result)
                    if not isinstance(reply, NotLeader):
                        raise refusal(reply)
                    await self._until_led()
        except TimeoutError:
            raise self._too_late() from None

    async def number(self, ask: AskNumber) -> int:
        """Only the leader knows it: seconds by its clock, -1 for a lease that is not there, 1 if a learner may vote."""
        try:
            async with asyncio.timeout(self._settings.request_timeout_s):
                while True:
                    number = await self._here(ask)
                    if number is not None:
                        return number
                    answer = await self._pass_on(self._node.member.leader, ask)
                    if answer is not None:
                        return forwarding.number_of(answer)
        except TimeoutError:
            raise self._too_late() from None

    async def propose_here(self, data: bytes) -> Outcome:
        """A command's outcome, if this member leads; it is never passed on. LeaderChanged."""
        reply = await self._once(Propose(data))
        if not isinstance(reply, Done):
            raise refusal(reply)
        return cast(Outcome, reply.result)

    async def hand_over(self, to: str) -> None:
        """This member leads, and another is to."""
        reply = await self._once(HandOver(to))
        if not isinstance(reply, Done):
            raise refusal(reply)

    # For peers --------------------------------------------------------------------------------------------------------

    async def answer(self, body: bytes) -> bytes:
        """What a peer has passed on to this member; it is not passed on again."""
        try:
            return forwarding.encode(await self._told(forwarding.read_ask(body)))
        except CoordinationError as error:
            return forwarding.failure(error)

    async def _told(self, ask: Ask) -> forwarding.Tell:
        if isinstance(ask, AskNumber):
            number = await self._here(ask)
            if number is None:
                raise errors.LeaderChanged
            return forwarding.TellNumber(number)
        request = Propose(ask.data) if isinstance(ask, AskPropose) else Change(ask.voters, ask.learners)
        reply = await self._once(request)
        if not isinstance(reply, Done):
            raise refusal(reply)
        if isinstance(request, Change):
            return forwarding.TellNumber(0)
        outcome = cast(Outcome, reply.result)
        return forwarding.TellOutcome(outcome.result, outcome.revision)  # type: ignore[arg-type]  # a command's result

    # The machine and the way to the others ----------------------------------------------------------------------------

    async def _answer_of(self, request: object) -> object:
        try:
            return await self._driver.ask(request)
        except MachineHalted as error:
            raise errors.Stopped(error.message) from error

    async def _ask(self, request: Propose | Change) -> Done | NotLeader:
        reply = await self._answer_of(request)
        if isinstance(reply, Done | NotLeader):
            return reply
        raise refusal(reply)

    async def _once(self, request: object) -> object:
        try:
            async with asyncio.timeout(self._settings.request_timeout_s):
                return await self._answer_of(request)
        except TimeoutError:
            raise self._too_late() from None

    async def _pass_on(self, leader: str | None, ask: Ask) -> bytes | None:
        """The leader's answer; None if it was not asked and another try may find it."""
        if leader is None or leader == self._node.member.name:
            await self._until_led()
            return None
        try:
            return await self._peers.ask(leader, forwarding.encode(ask), self._settings.request_timeout_s)
        except PeerAway:
            await self._until_led()
            return None
        except PeerGone as error:
            raise errors.LeaderChanged(error.message) from error

    async def _until_led(self) -> None:
        """Until another leader is heard of, or it is time to look again."""
        try:
            async with asyncio.timeout(self._settings.heartbeat_s):
                await self._changed.wait()
        except TimeoutError:
            return

    def _too_late(self) -> CoordinationError:
        return errors.NoLeader() if self._node.member.leader is None else errors.TimedOut()


def refusal(reply: object) -> CoordinationError:
    """What consensus says, in coordination's words."""
    match reply:
        case Busy():
            return errors.TooManyRequests()
        case Refused(reason):
            return errors.UnhealthyCluster(reason)
        case NotLeader():
            return errors.LeaderChanged("the lead has changed; it was not done")
    return errors.LeaderChanged()
