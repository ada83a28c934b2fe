"""Calls to a store of several members: one of them answers, each call has a deadline, etcd's words are our errors.

It prevents the two mistakes of clients. A write is not tried again where it may have been done: the next member is
asked only if this one was not reached, or says itself that it did nothing. And no call waits for ever: a member that
swallows packets is left after `connect_s`, one that goes silent within a stream is found by pings.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio

from serai.protocols.etcd.messages import message, rpc
from serai.protocols.etcd.table import RPCS, Rpc
from serai.systems.coordination.client.endpoints import Endpoint, Endpoints
from serai.systems.coordination.client.errors import Foreign, Unanswered, Unreachable
from serai.systems.coordination.errors import (
    BY_CODE,
    AuthOldRevision,
    CoordinationError,
    InvalidToken,
    NoLeader,
    NotCapable,
    Stopped,
    TooManyRequests,
)


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long things may take."""

    call_s: float = 5.0
    """One call to one member, as etcdctl's default."""
    connect_s: float = 1.0
    """Until a member that does not take the connection counts as unreachable."""
    ping_s: float = 10.0
    """Silence after which a connection in use is pinged; twice etcd's least."""
    pong_s: float = 5.0
    """Until a ping must be answered."""
    pause_s: float = 0.2
    """Between two tries to open a stream anew."""


READS = frozenset(
    {"Range", "LeaseTimeToLive", "LeaseLeases", "MemberList", "Status", "Authenticate", "LeaseGrant", "LeaseRevoke"}
)
"""Calls that may be made twice: they change nothing, or nothing more the second time (a lease that nobody knows of ends
by itself)."""

_WORDS = sorted(((leaf.etcd, leaf) for leaf in BY_CODE.values()), key=lambda pair: -len(pair[0]))
_METHODS = {f"{each.service.partition('.')[2]}/{each.name}": each for each in RPCS}
_ELSEWHERE = (Unreachable, NoLeader, TooManyRequests, Stopped)
"""Of these it is sure that nothing was done, and another member may do it."""
_SIGN_IN_AGAIN = (InvalidToken, AuthOldRevision)
NOT_CONNECTED = ("failed to connect", "Channel is closed", "name resolution", "DNS resolution", "Name or service")
"""How gRPC says that a call never left."""
NOT_BELIEVED = "CERTIFICATE_VERIFY_FAILED"
"""How OpenSSL says, through gRPC, that a member's certificate is not of an authority that is believed."""
LEADER_NEEDED = ("hasleader", "true")
"""Ends a stream of a member that is cut off from the leader, so that another member is asked."""


class Wire:
    """Connections to all members; calls go to one of them until it fails. Belongs to one event loop."""

    def __init__(self, endpoints: Endpoints, deadlines: Deadlines) -> None:
        self._members = endpoints.members
        self._user, self._password = endpoints.user, endpoints.password
        self._tls = endpoints.tls
        self.deadlines = deadlines
        self._channels: dict[Endpoint, grpc.aio.Channel] = {}
        self._token = ""
        self._signing = asyncio.Lock()
        self.at = 0
        """Which member is asked, counted on without end."""

    @property
    def endpoints(self) -> Sequence[str]:
        """All of them, as URLs without passwords."""
        return [str(member) for member in self._members]

    def member(self, number: int) -> Endpoint:
        """The member of a number that is counted on without end."""
        return self._members[number % len(self._members)]

    async def close(self) -> None:
        """Ends all connections, and what is under way."""
        channels, self._channels = list(self._channels.values()), {}
        for channel in channels:
            await channel.close()

    def _channel(self, number: int) -> grpc.aio.Channel:
        member = self.member(number)
        known = self._channels.get(member)
        if known is None:
            known = self._channels[member] = self._connect(member)
        return known

    def _connect(self, member: Endpoint) -> grpc.aio.Channel:
        connect_ms = int(self.deadlines.connect_s * 1000)
        options = [
            ("grpc.max_receive_message_length", -1),
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.min_reconnect_backoff_ms", connect_ms),
            ("grpc.initial_reconnect_backoff_ms", min(100, connect_ms)),
            ("grpc.max_reconnect_backoff_ms", connect_ms),
            ("grpc.keepalive_time_ms", int(self.deadlines.ping_s * 1000)),
            ("grpc.keepalive_timeout_ms", int(self.deadlines.pong_s * 1000)),
            ("grpc.http2.max_pings_without_data", 0),
        ]
        if member.secure:
            return grpc.aio.secure_channel(member.target, self._tls.credentials(), options)
        return grpc.aio.insecure_channel(member.target, options)

    # Calls ------------------------------------------------------------------------------------------------------------

    async def call(self, name: str, request: Any, *, only: int | None = None, again: bool = False) -> Any:
        """'KV/Put' with its request; the answer. `only`: this member and no other. `again`: doing it twice does no
        harm, so that another member is asked also where it may have been done. CoordinationError."""
        harmless = again or name.rpartition("/")[2] in READS
        tries = 1 if only is not None else len(self._members)
        for number in range(tries):
            at = self.at if only is None else only
            try:
                return await self._signed(name, request, at)
            except (*_ELSEWHERE, Unanswered) as error:
                if only is None:
                    self.leave(at)
                if number + 1 == tries or (isinstance(error, Unanswered) and not harmless):
                    raise
        raise AssertionError("the last try returns or raises")

    def leave(self, at: int) -> None:
        """The next member is asked from now on, unless somebody has gone on already."""
        if self.at == at:
            self.at += 1

    async def _signed(self, name: str, request: Any, at: int) -> Any:
        try:
            return await self._ask(name, request, at, await self.metadata(at))
        except _SIGN_IN_AGAIN:
            if not self._user:
                raise
            self.forget_token()
            return await self._ask(name, request, at, await self.metadata(at))

    def forget_token(self) -> None:
        """The next call signs in."""
        self._token = ""

    async def metadata(self, at: int) -> tuple[tuple[str, str], ...]:
        """The token, if a user is named; signs in where there is none."""
        if not self._user:
            return ()
        async with self._signing:
            if not self._token:
                request = rpc.AuthenticateRequest(name=self._user, password=self._password)
                self._token = (await self._ask("Auth/Authenticate", request, at, ())).token
            return (("token", self._token),)

    async def _ask(self, name: str, request: Any, at: int, metadata: tuple[tuple[str, str], ...]) -> Any:
        known = _METHODS[name]
        ask: Any = self._channel(at).unary_unary(known.path, _written, _reader(known))
        try:
            return await ask(request, timeout=self.deadlines.call_s, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            raise told(error, str(self.member(at))) from error
        except grpc.aio.UsageError as error:
            raise Unreachable(f"the connection to {self.member(at)} was closed") from error

    def stream(self, name: str, at: int, metadata: tuple[tuple[str, str], ...], request: Any = None) -> Any:
        """A call of many answers: gRPC's object, to read from, and to write to where the method takes many requests.
        Its errors go through `told`."""
        known = _METHODS[name]
        channel: Any = self._channel(at)
        if known.asks:
            return channel.stream_stream(known.path, _written, _reader(known))(metadata=metadata)
        return channel.unary_stream(known.path, _written, _reader(known))(request, metadata=metadata)


def _written(request: Any) -> bytes:
    data: bytes = request.SerializeToString()
    return data


def _reader(known: Rpc) -> Any:
    kind: Any = message(known.response)
    return kind.FromString


def told(error: grpc.aio.AioRpcError, member: str) -> CoordinationError:
    """What a member or gRPC says, as our error."""
    details = error.details() or ""
    leaf = by_words(details)
    if leaf is not None:
        return leaf(f"{member} says: {details}")
    match error.code():
        case grpc.StatusCode.UNAVAILABLE if any(words in details for words in (NOT_BELIEVED, *NOT_CONNECTED)):
            return Unreachable(_unreached(details, member))
        case grpc.StatusCode.UNAVAILABLE | grpc.StatusCode.CANCELLED:
            return Unanswered(f"the connection to {member} broke ({details}); it may have been done")
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            return Unanswered(f"{member} did not answer in time; it may have been done")
        case grpc.StatusCode.UNIMPLEMENTED:
            return NotCapable(f"{member} does not serve this: {details}")
        case code:
            return Foreign(f"{member} says {code.name}: {details}")


def _unreached(details: str, member: str) -> str:
    if NOT_BELIEVED in details:
        return f"{member} shows a certificate that is not believed; name the file of its authority: ?cacert=ca.pem"
    return f"{member} cannot be reached: {details}"


def by_words(details: str) -> type[CoordinationError] | None:
    """The error whose words are in a message."""
    return next((leaf for words, leaf in _WORDS if words in details), None)


async def ended(call: Any, member: str) -> CoordinationError:
    """Why a stream has ended."""
    code, details = await call.code(), await call.details()
    if code is grpc.StatusCode.OK:
        return Unanswered(f"{member} has ended the stream")
    return told(grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), details), member)
