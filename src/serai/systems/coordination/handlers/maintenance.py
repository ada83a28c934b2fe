"""Maintenance: alarms, status, hashes, snapshots, who leads."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from serai.protocols.etcd.messages import rpc
from serai.runtime.grpc.calls import Call, Send
from serai.systems.coordination.errors import NotCapable, NotLeader
from serai.systems.coordination.handlers.family import Family
from serai.systems.coordination.saved import written
from serai.systems.coordination.state.words import Alarm, ClearAlarm, Hash, ListAlarms, Outcome, RaiseAlarm

NEVER_COMPACTED = -1
API_VERSION = "3.6.0"
"""The version of etcd whose API is spoken: clients look at it before they use what is newer."""


class Maintenance(Family):
    """What an operator does."""

    async def alarm(self, request: Any, call: Call) -> Any:
        """Shows alarms, raises one, or clears them."""
        outcome = await self._alarms(request, call)
        answer = self._answer(rpc.AlarmResponse, outcome.revision)
        for member, alarm in outcome.result.alarms:  # type: ignore[attr-defined]  # all of them end in Alarms
            if request.action != rpc.AlarmRequest.GET or self._asked_for(request, member, alarm):
                answer.alarms.add(memberID=member, alarm=alarm)
        return answer

    async def _alarms(self, request: Any, call: Call) -> Outcome:
        if request.action == rpc.AlarmRequest.GET:
            self._callers.somebody(call)
            return await self._member.read(ListAlarms(), self._callers.of(call), linearizable=False)
        caller = self._callers.root(call)
        if request.alarm not in set(Alarm):
            raise NotCapable(f"there is no alarm {request.alarm}")
        alarm = Alarm(request.alarm)
        if request.action == rpc.AlarmRequest.ACTIVATE:
            return await self._member.propose(RaiseAlarm(request.memberID, alarm), caller)
        return await self._member.propose(ClearAlarm(request.memberID, alarm), caller)

    def _asked_for(self, request: Any, member: int, alarm: int) -> bool:
        return request.memberID in (0, member) and request.alarm in (Alarm.NONE, alarm)

    async def status(self, request: Any, call: Call) -> Any:
        """How this member stands."""
        self._callers.somebody(call)
        status = self._member.status()
        answer = self._answer(rpc.StatusResponse)
        answer.version = answer.storageVersion = API_VERSION
        answer.dbSize, answer.dbSizeInUse, answer.dbSizeQuota = (
            status.db_size, status.db_size_in_use, status.db_size_quota
        )  # fmt: skip
        answer.leader, answer.isLearner = status.leader, status.learner
        answer.raftIndex, answer.raftTerm, answer.raftAppliedIndex = (
            status.raft_index, status.raft_term, status.applied_index
        )  # fmt: skip
        answer.errors.extend(status.errors)
        answer.downgradeInfo.SetInParent()
        return answer

    async def defragment(self, request: Any, call: Call) -> Any:
        """Of this member alone; all calls go on meanwhile."""
        self._callers.root(call)
        await self._member.defragment()
        return rpc.DefragmentResponse()

    async def hash(self, request: Any, call: Call) -> Any:
        """Of all that can be asked for now, on this member."""
        self._callers.root(call)
        outcome = await self._member.read(Hash(), self._callers.of(call), linearizable=False)
        answer = self._answer(rpc.HashResponse, outcome.revision)
        answer.hash = outcome.result.hash  # type: ignore[attr-defined]  # the question's answer is a HashResult
        return answer

    async def hash_kv(self, request: Any, call: Call) -> Any:
        """Of all that can be asked for up to a revision: the same number on every member."""
        self._callers.root(call)
        outcome = await self._member.read(Hash(max(0, request.revision)), self._callers.of(call), linearizable=False)
        result: Any = outcome.result
        answer = self._answer(rpc.HashKVResponse, outcome.revision)
        answer.hash, answer.compact_revision, answer.hash_revision = (
            result.hash, result.compact_revision or NEVER_COMPACTED, result.revision
        )  # fmt: skip
        return answer

    async def snapshot(self, requests: AsyncIterator[Any], call: Call, send: Send) -> None:
        """All that this member has now, as a file of ours (`saved.py`), with the checksum that etcd's clients want."""
        self._callers.root(call)
        async for _ in requests:
            for remaining, blob in written(self._member.snapshot()):
                answer = self._answer(rpc.SnapshotResponse)
                answer.remaining_bytes, answer.blob, answer.version = remaining, blob, API_VERSION
                await send(answer)
                await asyncio.sleep(0)  # others between two chunks

    async def move_leader(self, request: Any, call: Call) -> Any:
        """Another member leads. NotLeader, BadLeaderTransferee."""
        self._callers.root(call)
        if self._member.leader != self._member.id:
            raise NotLeader(f"ask member {self._member.leader:x}")
        await self._member.move_leader(request.targetID)
        return self._answer(rpc.MoveLeaderResponse)
