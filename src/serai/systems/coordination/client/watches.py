"""A watch that goes on: after a break it begins again behind the last change that it has told, so nothing is missed and
nothing told twice. Only if the history in between was compacted away is there a gap, and then it says so.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import grpc.aio

from serai.protocols.etcd.messages import rpc
from serai.systems.coordination.client.wire import Wire, told
from serai.systems.coordination.errors import Away, Compacted, CoordinationError

PAUSE_S = 0.2
"""Between two tries to connect."""
PUT = 0


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a key. `value` is None when it was deleted."""

    key: str
    value: str | None
    revision: int
    raw_key: bytes
    raw_value: bytes | None
    created: bool = False


@dataclass(frozen=True, slots=True)
class Gap:
    """Changes up to this revision may have been missed: read what there is now."""

    revision: int


async def changes(
    wire: Wire, key: bytes, range_end: bytes, start_revision: int, *, gaps: bool = False
) -> AsyncIterator[Change | Gap]:
    """Every change of the range from `start_revision` on (0: from now on). With `gaps` a lost history is told as a Gap;
    without, it raises Compacted."""
    at = 0
    following = start_revision
    while True:
        try:
            async for answer in _told_by(wire, at, key, range_end, following):
                if answer.compact_revision:
                    if not gaps:
                        raise told_compacted(answer)
                    following = answer.compact_revision
                    yield Gap(answer.compact_revision)
                    break
                for event in answer.events:
                    yield _change(event)
                following = max(following, answer.header.revision + 1)
        except Away:
            at += 1
            await asyncio.sleep(PAUSE_S)


def told_compacted(answer: Any) -> CoordinationError:
    """The end of a watch whose history is gone."""
    return Compacted(f"the changes before revision {answer.compact_revision} are no longer known; read anew")


async def _told_by(wire: Wire, at: int, key: bytes, range_end: bytes, start: int) -> AsyncIterator[Any]:
    """Answers of one connection. An Away error when it breaks."""
    call = wire.stream("etcdserverpb.Watch", "Watch", at, await wire.metadata(at))
    try:
        create = rpc.WatchCreateRequest(key=key, range_end=range_end, start_revision=start, progress_notify=True)
        await call.write(rpc.WatchRequest(create_request=create))
        while True:
            answer = await call.read()
            if answer is grpc.aio.EOF:
                raise told(await _ended(call), wire.endpoints[at % len(wire.endpoints)])
            if answer.canceled and not answer.compact_revision:
                raise CoordinationError(f"the watch was ended: {answer.cancel_reason or 'no reason was given'}")
            yield answer
    except grpc.aio.AioRpcError as error:
        raise told(error, wire.endpoints[at % len(wire.endpoints)]) from error
    finally:
        call.cancel()


async def _ended(call: Any) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(
        grpc.StatusCode.UNAVAILABLE, await call.initial_metadata(), await call.trailing_metadata(), "the stream ended"
    )


def _change(event: Any) -> Change:
    kv = event.kv
    value = kv.value if event.type == PUT else None
    return Change(
        kv.key.decode(errors="replace"),
        None if value is None else value.decode(errors="replace"),
        kv.mod_revision,
        kv.key,
        value,
        created=kv.create_revision == kv.mod_revision,
    )
