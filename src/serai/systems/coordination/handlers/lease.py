"""Lease: grant, revoke, keep alive, what is left, which there are."""

from collections.abc import AsyncIterator
from typing import Any

from serai.protocols.etcd.messages import rpc
from serai.runtime.grpc.calls import Call, Send
from serai.systems.coordination.errors import LeaseExists, LeaseIdNegative, LeaseTooLong
from serai.systems.coordination.handlers.family import Family
from serai.systems.coordination.member import Caller, Member
from serai.systems.coordination.state.leases import TTL_MAX_S
from serai.systems.coordination.state.words import Grant, ListLeases, Outcome, Range, Revoke

TTL_MIN_S = 2
"""What is shorter becomes this: more than an election takes, so that a lease can outlive its leader."""
ID_BITS = 63
CHOICES_MAX = 3
"""Ids that are tried before chance is thought to be broken."""


class Lease(Family):
    """Leases."""

    async def lease_grant(self, request: Any, call: Call) -> Any:
        """A new one; id 0 chooses."""
        outcome = await grant(self._context.member, self._choose, request.ID, request.TTL, self._callers.of(call))
        answer = self._answer(rpc.LeaseGrantResponse, outcome.revision)
        answer.ID = outcome.result.id  # type: ignore[attr-defined]  # a grant's result is a LeaseResult
        answer.TTL = outcome.result.ttl_s  # type: ignore[attr-defined]  # the same
        return answer

    def _choose(self) -> int:
        return 1 + self._context.random.below(2**ID_BITS - 1)

    async def lease_revoke(self, request: Any, call: Call) -> Any:
        """Its keys go with it."""
        outcome = await self._member.propose(Revoke(request.ID), self._callers.of(call))
        return self._answer(rpc.LeaseRevokeResponse, outcome.revision)

    async def lease_keep_alive(self, requests: AsyncIterator[Any], call: Call, send: Send) -> None:
        """Each request renews a lease; an answer of TTL 0 says that it is not there.

        The header is made before: its revision must not be of a time at which the lease was gone already.
        """
        self._callers.of(call)
        await self._context.streams.run(call, self._renew(requests, send))

    async def _renew(self, requests: AsyncIterator[Any], send: Send) -> None:
        async for request in requests:
            answer = self._answer(rpc.LeaseKeepAliveResponse)
            answer.ID = request.ID
            answer.TTL = await self._member.keep_alive(request.ID)
            await send(answer)

    async def lease_time_to_live(self, request: Any, call: Call) -> Any:
        """What is left of it; -1 if it is not there. Its keys only to whoever may read them."""
        caller = self._callers.somebody(call)
        outcome = await self._member.time_to_live(request.ID, keys=request.keys, caller=caller)
        found: Any = outcome.result
        if self._member.access.enabled:
            for key in found.keys:
                await self._member.read(Range(key, count_only=True), caller, linearizable=False)
        answer = self._answer(rpc.LeaseTimeToLiveResponse, outcome.revision)
        answer.ID, answer.TTL, answer.grantedTTL = request.ID, found.ttl_s, found.granted_ttl_s
        answer.keys.extend(found.keys)
        return answer

    async def lease_leases(self, request: Any, call: Call) -> Any:
        """All of them."""
        outcome = await self._member.read(ListLeases(), self._callers.of(call))
        answer = self._answer(rpc.LeaseLeasesResponse, outcome.revision)
        for number in outcome.result.ids:  # type: ignore[attr-defined]  # the question's answer is LeaseIds
            answer.leases.add(ID=number)
        return answer


async def grant(member: Member, choose: Any, number: int, ttl_s: int, caller: Caller) -> Outcome:
    """Proposes a lease. LeaseTooLong, LeaseIdNegative; LeaseExists only for an id that the client chose."""
    if number < 0:
        raise LeaseIdNegative(f"lease {number}; choose a positive id, or 0 to get one")
    if ttl_s > TTL_MAX_S:
        raise LeaseTooLong(f"{ttl_s} s; a lease lives at most {TTL_MAX_S} s")
    seconds = max(ttl_s, TTL_MIN_S)
    if number:
        return await member.propose(Grant(number, seconds), caller)
    for _ in range(CHOICES_MAX - 1):
        try:
            return await member.propose(Grant(choose(), seconds), caller)
        except LeaseExists:
            continue
    return await member.propose(Grant(choose(), seconds), caller)
