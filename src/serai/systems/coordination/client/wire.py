"""Calls on the wire: several endpoints, one of which answers; deadlines; etcd's words as our errors.

It prevents two mistakes of clients: a write that is tried again although it may have been done (only what says that
nothing was done goes to the next endpoint), and a call that waits for ever.
"""

import asyncio
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import grpc
import grpc.aio

from serai.kernel.errors import Conflict, Misconfigured, SeraiError
from serai.protocols.etcd.messages import message
from serai.protocols.etcd.messages import rpc as etcd
from serai.protocols.etcd.table import RPCS
from serai.systems.coordination.errors import (
    BY_CODE,
    CoordinationError,
    InvalidToken,
    NoLeader,
    TimedOut,
    TooManyRequests,
)

CALL_S = 5.0
"""How long a call may take, as etcdctl's default."""

_BY_WORDS = {leaf.etcd: leaf for leaf in BY_CODE.values()}
_METHODS = {(rpc.service, rpc.name): rpc for rpc in RPCS}
_NOT_DONE = (NoLeader, TooManyRequests)
"""Of these it is sure that nothing was done."""


class Unreachable(TimedOut):
    """No endpoint answers."""

    code = "coordination_unreachable"
    title = "No member of coordination answers"


def targets_of(endpoints: str) -> list[tuple[str, bool]]:
    """(host:port, whether by TLS) of "http://a:2379,https://b:2379". Misconfigured."""
    found = []
    for one in endpoints.split(","):
        text = one.strip() if "://" in one else f"http://{one.strip()}"
        parts = urlsplit(text)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Misconfigured(f"{one!r} is no endpoint of coordination; write http://host:port.")
        found.append((f"{parts.hostname}:{parts.port or 2379}", parts.scheme == "https"))
    return found


class Changed(CoordinationError, Conflict):
    """Somebody else changed the key meanwhile."""

    code = "coordination_changed"
    title = "The key was changed meanwhile"


class Wire:
    """Connections to all endpoints; calls go to one of them until it fails."""

    def __init__(
        self,
        endpoints: str,
        *,
        user: str = "",
        password: str = "",
        credentials: grpc.ChannelCredentials | None = None,
        call_s: float = CALL_S,
    ) -> None:
        self._targets = targets_of(endpoints)
        self._user, self._password = user, password
        self._credentials = credentials
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._at = 0
        self._token = ""
        self._signing = asyncio.Lock()
        self.call_s = call_s

    @property
    def endpoints(self) -> Sequence[str]:
        """All of them."""
        return [target for target, _ in self._targets]

    def channel(self, number: int) -> grpc.aio.Channel:
        """To one endpoint."""
        target, secure = self._targets[number % len(self._targets)]
        known = self._channels.get(target)
        if known is None:
            options = [("grpc.max_receive_message_length", -1), ("grpc.keepalive_time_ms", 30_000)]
            if secure:
                credentials = self._credentials or grpc.ssl_channel_credentials()
                known = grpc.aio.secure_channel(target, credentials, options=options)
            else:
                known = grpc.aio.insecure_channel(target, options=options)
            self._channels[target] = known
        return known

    async def close(self) -> None:
        """Ends all connections."""
        for channel in self._channels.values():
            await channel.close()
        self._channels.clear()

    async def call(self, service: str, name: str, request: Any, *, only: int | None = None, wait_s: float = 0) -> Any:
        """One call. `only`: that endpoint and no other. `wait_s`: longer than usual, for calls that wait by nature.
        CoordinationError."""
        tries = 1 if only is not None else len(self._targets)
        for number in range(tries):
            at = self._at if only is None else only
            try:
                return await self._once(service, name, request, at, wait_s or self.call_s)
            except (Unreachable, *_NOT_DONE):
                if number + 1 == tries:
                    raise
                self._at = (at + 1) % len(self._targets)
        raise AssertionError("the last try returns or raises")

    async def _once(self, service: str, name: str, request: Any, at: int, wait_s: float) -> Any:
        try:
            return await self._sent(service, name, request, at, wait_s)
        except InvalidToken:
            if not self._user:
                raise
            self._token = ""
            return await self._sent(service, name, request, at, wait_s)

    async def _sent(self, service: str, name: str, request: Any, at: int, wait_s: float) -> Any:
        rpc = _METHODS[service, name]
        read: Any = message(rpc.response)
        ask: Any = self.channel(at).unary_unary(rpc.path, _serialized, read.FromString)
        try:
            return await ask(request, timeout=wait_s, metadata=await self.metadata(at, name))
        except grpc.aio.AioRpcError as error:
            raise told(error, self._targets[at % len(self._targets)][0]) from error

    async def metadata(self, at: int, name: str = "") -> tuple[tuple[str, str], ...]:
        """The token, if a user is to be signed in."""
        if not self._user or name == "Authenticate":
            return ()
        async with self._signing:
            if not self._token:
                request = etcd.AuthenticateRequest(name=self._user, password=self._password)
                answer = await self._sent("etcdserverpb.Auth", "Authenticate", request, at, self.call_s)
                self._token = answer.token
        return (("token", self._token),)

    def stream(self, service: str, name: str, at: int, metadata: tuple[tuple[str, str], ...]) -> Any:
        """A call of many messages both ways."""
        rpc = _METHODS[service, name]
        read: Any = message(rpc.response)
        ask: Any = self.channel(at).stream_stream(rpc.path, _serialized, read.FromString)
        return ask(metadata=metadata)


def _serialized(request: Any) -> bytes:
    data: bytes = request.SerializeToString()
    return data


def told(error: grpc.aio.AioRpcError, target: str) -> SeraiError:
    """etcd's words as our error."""
    details = error.details() or ""
    leaf = next((leaf for words, leaf in _BY_WORDS.items() if details.startswith(words)), None)
    if leaf is not None:
        return leaf(details)
    if error.code() is grpc.StatusCode.UNAVAILABLE:
        return Unreachable(f"{target} does not answer: {details}")
    if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        return TimedOut(f"{target} did not answer in time; it may have been done")
    return CoordinationError(f"{target} says {error.code().name}: {details}")
