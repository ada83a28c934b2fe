"""Election: campaign, proclaim, resign, who leads, and who leads from now on. `leader.rev` is the fencing number."""

from collections.abc import AsyncIterator
from typing import Any

from serai.protocols.etcd.messages import election
from serai.runtime.grpc.calls import Call, Send
from serai.systems.coordination.errors import ElectionNoLeader, ElectionNotLeader, MissingLeaderKey
from serai.systems.coordination.handlers.family import Family, write_kv
from serai.systems.coordination.handlers.queues import Queue
from serai.systems.coordination.state.words import DeleteRange, EventKind, KeyValue, Put, WatchSpec


class Election(Family):
    """Elections."""

    async def campaign(self, request: Any, call: Call) -> Any:
        """Waits until the caller is elected."""
        queue = Queue(self._context, request.name, self._callers.of(call))
        lease = await queue.lease(request.lease)
        place = await queue.join(lease, request.value)
        if place.value != request.value:
            _, still = await queue.guarded(place.key, place.number, Put(place.key, request.value, lease))
            if not still:
                raise ElectionNotLeader(f"the place of lease {lease:x} is gone")
        await queue.waited(place, request.lease, lease)
        answer = self._answer(election.CampaignResponse, place.revision)
        answer.leader.name, answer.leader.key = request.name, place.key
        answer.leader.rev, answer.leader.lease = place.number, lease
        return answer

    async def proclaim(self, request: Any, call: Call) -> Any:
        """Another value of the leader's. ElectionNotLeader."""
        leader = _leader_of(request)
        queue = Queue(self._context, leader.name, self._callers.of(call))
        revision, still = await queue.guarded(
            leader.key, leader.rev, Put(leader.key, request.value, leader.lease)
        )  # fmt: skip
        if not still:
            raise ElectionNotLeader(f"{leader.key!r} is no longer that of revision {leader.rev}")
        return self._answer(election.ProclaimResponse, revision)

    async def resign(self, request: Any, call: Call) -> Any:
        """Lets the next one lead; nothing happens if another leads already."""
        leader = _leader_of(request)
        queue = Queue(self._context, leader.name, self._callers.of(call))
        revision, _ = await queue.guarded(leader.key, leader.rev, DeleteRange(leader.key))
        return self._answer(election.ResignResponse, revision)

    async def leader(self, request: Any, call: Call) -> Any:
        """Who leads. ElectionNoLeader."""
        revision, found = await Queue(self._context, request.name, self._callers.of(call)).oldest()
        if found is None:
            raise ElectionNoLeader(f"nobody is elected for {request.name!r}")
        return self._leads(found, revision)

    def _leads(self, kv: KeyValue, revision: int) -> Any:
        answer = self._answer(election.LeaderResponse, revision)
        write_kv(answer.kv, kv)
        return answer

    async def observe(self, requests: AsyncIterator[Any], call: Call, send: Send) -> None:
        """Whoever leads and what each proclaims, in order, from now on."""
        await self._context.streams.run(call, self._observe(requests, call, send))

    async def _observe(self, requests: AsyncIterator[Any], call: Call, send: Send) -> None:
        async for request in requests:
            queue = Queue(self._context, request.name, self._callers.of(call))
            while True:
                revision, leads = await queue.oldest()
                if leads is None:
                    leads = await queue.arrival(revision)
                    if leads is None:
                        continue
                    revision = leads.mod_revision
                await send(self._leads(leads, revision))
                await self._follow(queue, leads.key, revision, send)

    async def _follow(self, queue: Queue, key: bytes, revision: int, send: Send) -> None:
        """All that a leader proclaims, until it leads no more."""

        async def tell(kind: EventKind, kv: KeyValue) -> bool:
            if kind is EventKind.DELETE:
                return True
            await send(self._leads(kv, kv.mod_revision))
            return False

        await queue.watch(WatchSpec(key, start_revision=revision + 1), tell)


def _leader_of(request: Any) -> Any:
    if not request.HasField("leader"):
        raise MissingLeaderKey
    return request.leader
