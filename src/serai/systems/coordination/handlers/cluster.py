"""Cluster: members come, go, move, and become voters."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from serai.protocols.etcd.messages import rpc
from serai.runtime.grpc.calls import Call
from serai.systems.coordination.errors import MemberBadUrls
from serai.systems.coordination.handlers.family import Family
from serai.systems.coordination.state.words import ListMembers, MemberInfo


class Cluster(Family):
    """Members."""

    async def member_add(self, request: Any, call: Call) -> Any:
        """One more."""
        self._callers.root(call)
        added = await self._member.add_member(_urls(request.peerURLs), learner=request.isLearner)
        answer = await self._answer_with_members(rpc.MemberAddResponse)
        _write_member(answer.member, added)
        return answer

    async def member_remove(self, request: Any, call: Call) -> Any:
        """One less."""
        self._callers.root(call)
        await self._member.remove_member(request.ID)
        return await self._answer_with_members(rpc.MemberRemoveResponse)

    async def member_update(self, request: Any, call: Call) -> Any:
        """One that is elsewhere."""
        self._callers.root(call)
        await self._member.update_member(request.ID, _urls(request.peerURLs))
        return await self._answer_with_members(rpc.MemberUpdateResponse)

    async def member_promote(self, request: Any, call: Call) -> Any:
        """A learner becomes a voter."""
        self._callers.root(call)
        await self._member.promote_member(request.ID)
        return await self._answer_with_members(rpc.MemberPromoteResponse)

    async def member_list(self, request: Any, call: Call) -> Any:
        """All. Clients ask before they have signed in, so nobody is asked who they are."""
        self._callers.led(call)
        return await self._answer_with_members(rpc.MemberListResponse, linearizable=request.linearizable)

    async def _answer_with_members(self, kind: Any, *, linearizable: bool = False) -> Any:
        outcome = await self._member.read(ListMembers(), linearizable=linearizable)
        answer = self._answer(kind, revision=0)  # members are no keys: their answers have no revision
        for member in outcome.result.members:  # type: ignore[attr-defined]  # the question's answer is Members
            _write_member(answer.members.add(), member)
        return answer


def _urls(given: Sequence[str]) -> tuple[str, ...]:
    for url in given:
        try:
            parts = urlsplit(url)
            whole = parts.scheme in ("http", "https") and parts.hostname and parts.port and parts.path in ("", "/")
        except ValueError:
            whole = False
        if not whole:
            raise MemberBadUrls(f"{url!r} is no http://host:port")
    if not given:
        raise MemberBadUrls("a member needs a peer URL: http://host:port")
    return tuple(given)


def _write_member(target: Any, member: MemberInfo) -> None:
    target.ID, target.name, target.isLearner = member.id, member.name, member.learner
    target.peerURLs.extend(member.peer_urls)
    target.clientURLs.extend(member.client_urls)
