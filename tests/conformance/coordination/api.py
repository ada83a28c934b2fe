"""etcd's API by gRPC without a client library in between: what the server says is what a test sees."""

import asyncio
from typing import Any, Self

import grpc
from google.protobuf.message import Message

from serai.protocols.etcd.messages import message, rpc
from serai.protocols.etcd.table import RPCS

CALL_MAX_S = 15.0
_METHODS = {f"{one.service.partition('.')[2]}/{one.name}": one for one in RPCS}
_OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    *((f"grpc.{name}_reconnect_backoff_ms", 50) for name in ("initial", "min", "max")),
]


class Api:
    """One connection to one member."""

    def __init__(self, endpoint: str) -> None:
        self._channel = grpc.aio.insecure_channel(endpoint, _OPTIONS)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._channel.close()

    async def __call__(self, method: str, request: Message, limit_s: float = CALL_MAX_S) -> Any:
        """One answer of KV/Put and its like. grpc.RpcError."""
        found = _METHODS[method]
        call = self._channel.unary_unary(
            found.path,
            request_serializer=type(request).SerializeToString,
            response_deserializer=message(found.response).FromString,
        )
        return await call(request, timeout=limit_s, wait_for_ready=True)

    def stream(self, method: str, *requests: Message) -> Any:
        """An open stream with `write` and `read`."""
        found = _METHODS[method]
        kinds = {
            "request_serializer": message(found.request).SerializeToString,
            "response_deserializer": message(found.response).FromString,
        }
        if found.asks:
            return self._channel.stream_stream(found.path, **kinds)(timeout=120)
        return self._channel.unary_stream(found.path, **kinds)(requests[0], timeout=120)

    async def put(self, key: str, value: str | bytes = "", **options: Any) -> Any:
        """The answer's header."""
        data = value if isinstance(value, bytes) else value.encode()
        return (await self("KV/Put", rpc.PutRequest(key=key.encode(), value=data, **options))).header

    async def get(self, key: str, **options: Any) -> Any:
        """The whole answer."""
        return await self("KV/Range", rpc.RangeRequest(key=key.encode(), **options))

    async def delete(self, key: str, **options: Any) -> Any:
        """The whole answer."""
        return await self("KV/DeleteRange", rpc.DeleteRangeRequest(key=key.encode(), **options))

    async def compact(self, revision: int) -> None:
        """Throws away the history before a revision, and waits until it is gone."""
        await self("KV/Compact", rpc.CompactionRequest(revision=revision, physical=True))

    async def watching(self) -> "Watching":
        """A stream without watches."""
        return Watching(self.stream("Watch/Watch"))


class Watching:
    """A stream of watches."""

    def __init__(self, call: Any) -> None:
        self.call = call

    async def create(self, key: str, **options: Any) -> Any:
        """Begins a watch; the answer that says so."""
        create = rpc.WatchCreateRequest(key=key.encode(), **options)
        await self.call.write(rpc.WatchRequest(create_request=create))
        return await self.read()

    async def cancel(self, watch_id: int) -> None:
        """Asks for the end of a watch."""
        await self.call.write(rpc.WatchRequest(cancel_request=rpc.WatchCancelRequest(watch_id=watch_id)))

    async def ask_progress(self) -> None:
        """Asks how far the stream is."""
        await self.call.write(rpc.WatchRequest(progress_request=rpc.WatchProgressRequest()))

    async def read(self, limit_s: float = CALL_MAX_S) -> Any:
        """The next answer. TimeoutError."""
        async with asyncio.timeout(limit_s):
            return await self.call.read()

    async def events(self, count: int) -> list[Any]:
        """So many events of any of its watches, in the order in which they came."""
        found: list[Any] = []
        while len(found) < count:
            answer = await self.read()
            assert not answer.canceled, answer
            found += answer.events
        assert len(found) == count
        return found


def after(key: str) -> bytes:
    """Where the range of all keys with this prefix ends."""
    return key[:-1].encode() + bytes([key.encode()[-1] + 1])
