"""Watch: many watches on one stream, in both directions at once.

It prevents an event that comes before its watch was announced: whoever creates one announces it before the event loop
can turn to anything else, and only one part of the handler sends at a time, in the order in which they came. A client
that reads slowly stops the sender; what happens meanwhile waits in the history, not in memory.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from serai.protocols.etcd.messages import rpc
from serai.protocols.grpc.wire import framed
from serai.runtime.grpc.calls import Call, Framed, Send
from serai.systems.coordination.errors import Compacted, CoordinationError, PermissionDenied
from serai.systems.coordination.handlers.events import Written, part_of_watch, write_event
from serai.systems.coordination.handlers.family import Context, Family
from serai.systems.coordination.member import Caller, WatchStream
from serai.systems.coordination.state.words import Delivery, WatchSpec

NO_WATCH = -1
"""The id of an answer that is about no watch."""

BATCH_BYTES = 64 * 1024
"""Of answers that are sent at once, and one more."""

_WatchResponse = rpc.WatchResponse


def reason(words: str) -> str:
    """Why a watch ends, as etcd says it: a missing right with its status, anything else in plain words."""
    return f"rpc error: code = PermissionDenied desc = {words}" if words == PermissionDenied.etcd else words


class Watch(Family):
    """Watches."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._written = Written(lambda revision: self._answer(_WatchResponse, revision))

    async def watch(self, requests: AsyncIterator[Any], call: Call, send: Send) -> None:
        """Until the client has gone; one that asks no more is still told."""
        self._callers.led(call)
        await self._context.streams.run(call, self._converse(requests, call, send))

    async def _converse(self, requests: AsyncIterator[Any], call: Call, send: Send) -> None:
        conversation = _Conversation(self, self._member.watch(), call, send)
        hearer = asyncio.ensure_future(conversation.hear(requests))
        teller = asyncio.ensure_future(conversation.tell())
        try:
            await asyncio.wait((hearer, teller), return_when=asyncio.FIRST_COMPLETED)
            if hearer.done():
                hearer.result()
            await teller
        finally:
            hearer.cancel()
            teller.cancel()
            await asyncio.gather(hearer, teller, return_exceptions=True)
            conversation.close()

    def caller(self, call: Call) -> Caller:
        """Asked anew for each watch: rights may have changed since the stream began."""
        return self._callers.of(call)

    def response(self, watch_id: int, revision: int | None = None) -> Any:
        """An answer about a watch."""
        answer = self._answer(_WatchResponse, revision)
        answer.watch_id = watch_id
        return answer

    def written(self, delivery: Delivery, part: bytes) -> bytes:
        """An answer with events, as bytes."""
        return self._written.answer(delivery, self._member.raft_term, part)

    @property
    def cut_bytes(self) -> int:
        """Where an answer to a watch that may be cut is cut."""
        return self._context.settings.message_bytes_max


class _Conversation:
    """One stream."""

    def __init__(self, family: Watch, stream: WatchStream, call: Call, send: Send) -> None:
        self._family = family
        self._stream = stream
        self._call = call
        self._send = send
        self._turn = asyncio.Lock()
        self._parts: dict[int, bytes] = {}
        self._cut: set[int] = set()
        """Watches whose answers may be cut in pieces."""

    def close(self) -> None:
        self._stream.close()

    async def _say(self, answer: Any) -> None:
        async with self._turn:
            await self._send(answer)

    # What the client asks ---------------------------------------------------------------------------------------------

    async def hear(self, requests: AsyncIterator[Any]) -> None:
        async for request in requests:
            match request.WhichOneof("request_union"):
                case "create_request":
                    await self._create(request.create_request)
                case "cancel_request":
                    await self._cancel(request.cancel_request.watch_id)
                case "progress_request":
                    self._stream.ask_progress()

    async def _create(self, wanted: Any) -> None:
        try:
            number = self._begun(wanted)
        except CoordinationError as error:
            answer = self._family.response(NO_WATCH)
            answer.created = answer.canceled = True
            answer.cancel_reason = reason(error.etcd)
        else:
            answer = self._family.response(number)
            answer.created = True
        await self._say(answer)

    def _begun(self, wanted: Any) -> int:
        if wanted.start_revision < 0:
            raise Compacted(f"revision {wanted.start_revision}")
        caller = self._family.caller(self._call)
        number = self._stream.create(spec_of(wanted), wanted.watch_id, caller)
        if wanted.fragment:
            self._cut.add(number)
        return number

    async def _cancel(self, number: int) -> None:
        if self._stream.cancel(number):
            self._cut.discard(number)
            answer = self._family.response(number)
            answer.canceled = True
            await self._say(answer)

    # What it is told --------------------------------------------------------------------------------------------------

    async def tell(self) -> None:
        while True:
            delivery: Delivery | None = await self._stream.next()
            while delivery is not None:
                delivery = await self._tell_all_from(delivery)

    async def _tell_all_from(self, delivery: Delivery | None) -> Delivery | None:
        """Sends what waits, many at once; returns the first that is left."""
        bodies: list[bytes] = []
        size = 0
        while delivery is not None and size < BATCH_BYTES and delivery.events and delivery.watch_id not in self._cut:
            body = framed(self._family.written(delivery, self._part(delivery.watch_id)))
            bodies.append(body)
            size += len(body)
            delivery = self._stream.take()
        if bodies:
            await self._say(Framed(b"".join(bodies)))
            return delivery
        if delivery is not None:
            await self._tell_apart(delivery)
        return None

    def _part(self, number: int) -> bytes:
        part = self._parts.get(number)
        if part is None:
            part = self._parts[number] = part_of_watch(number)
        return part

    async def _tell_apart(self, delivery: Delivery) -> None:
        answer = self._family.response(delivery.watch_id, delivery.revision)
        if delivery.canceled:
            answer.canceled = True
            answer.compact_revision = delivery.compact_revision
            answer.cancel_reason = reason(delivery.canceled)
        for event in delivery.events:
            write_event(answer.events.add(), event)
        for piece in pieces(answer, self._family.cut_bytes):
            await self._say(piece)


def spec_of(wanted: Any) -> WatchSpec:
    """What a watcher wants. An empty key is the first."""
    return WatchSpec(
        wanted.key or b"\x00",
        wanted.range_end,
        wanted.start_revision,
        wanted.prev_kv,
        rpc.WatchCreateRequest.NOPUT in wanted.filters,
        rpc.WatchCreateRequest.NODELETE in wanted.filters,
        wanted.progress_notify,
        wanted.fragment,
    )


def pieces(answer: Any, cut_bytes: int) -> list[Any]:
    """An answer in pieces below the limit, as far as single events are; all but the last say that more follows."""
    if len(answer.events) < 2 or answer.ByteSize() < cut_bytes:
        return [answer]
    events = list(answer.events)
    del answer.events[:]
    made = [_WatchResponse()]
    made[0].CopyFrom(answer)
    size = head_bytes = answer.ByteSize()
    for event in events:
        event_bytes = event.ByteSize() + 10
        if made[-1].events and size + event_bytes >= cut_bytes:
            made[-1].fragment = True
            made.append(_WatchResponse())
            made[-1].CopyFrom(answer)
            size = head_bytes
        made[-1].events.add().CopyFrom(event)
        size += event_bytes
    return made
