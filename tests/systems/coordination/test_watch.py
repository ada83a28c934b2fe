"""Watch through gRPC: many on a stream, ids, filters, progress, pieces, the end, slow clients, clients that go."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc.aio
import pytest
from tests.systems.coordination.doors import WAIT_S, Opened, opened, refused, said

from serai.protocols.etcd.messages import rpc
from serai.systems.coordination import errors
from serai.systems.coordination.handlers.watch import NO_WATCH, pieces
from serai.systems.coordination.state.words import Compact, DeleteRange, Put, Txn

W = rpc.WatchCreateRequest


@pytest.fixture
async def door() -> AsyncIterator[Opened]:
    async with opened() as it:
        yield it


class Watcher:
    """A client's side of a stream."""

    def __init__(self, door: Opened, metadata: tuple[tuple[str, str], ...] = ()) -> None:
        self.call = door.stub.stream("Watch/Watch", metadata=metadata)

    async def create(self, key: bytes = b"k", **options: Any) -> Any:
        await self.call.write(rpc.WatchRequest(create_request=W(key=key, **options)))
        return await self.read()

    async def read(self) -> Any:
        answer = await asyncio.wait_for(self.call.read(), WAIT_S)
        assert answer is not grpc.aio.EOF, "the stream ended"
        return answer

    async def events(self, count: int) -> list[Any]:
        """So many, in however few answers they come."""
        found: list[Any] = []
        while len(found) < count:
            found += (await self.read()).events
        return found


async def test_it_is_announced_and_then_told_in_order(door: Opened) -> None:
    watcher = Watcher(door)
    created = await watcher.create(range_end=b"l")
    assert (created.created, created.watch_id, created.header.revision) == (True, 0, 1)
    await door.member.propose(Put(b"k1", b"1"))
    await door.member.propose(DeleteRange(b"k1"))
    first, second = await watcher.events(2)
    assert first.type == 0 and first.kv.value == b"1"
    assert second.type == 1 and second.kv.mod_revision == 3
    assert not second.HasField("prev_kv")


async def test_the_past_never_comes_before_the_announcement(door: Opened) -> None:
    await door.member.propose(Put(b"k", b"1"))
    for _ in range(20):
        watcher = Watcher(door)
        assert (await watcher.create(start_revision=1)).created
        assert (await watcher.read()).events[0].kv.value == b"1"
        watcher.call.cancel()


async def test_many_share_a_stream_with_ids_of_either_side(door: Opened) -> None:
    watcher = Watcher(door)
    ids = [(await watcher.create(watch_id=number)).watch_id for number in (0, 7, 0)]
    assert ids == [0, 7, 1]
    taken = await watcher.create(watch_id=7)
    assert (taken.created, taken.canceled, taken.watch_id) == (True, True, NO_WATCH)
    assert taken.cancel_reason == errors.WatchIdInUse.etcd
    await watcher.call.write(rpc.WatchRequest(cancel_request={"watch_id": 7}))
    ended = await watcher.read()
    assert (ended.canceled, ended.watch_id, ended.cancel_reason) == (True, 7, "")
    await door.member.propose(Put(b"k", b"1"))
    assert {(await watcher.read()).watch_id for _ in range(2)} == {0, 1}


async def test_filters_and_what_was_before(door: Opened) -> None:
    watcher = Watcher(door)
    await watcher.create(filters=[W.NOPUT], prev_kv=True)
    await watcher.create(filters=[W.NODELETE])
    await door.member.propose(Put(b"k", b"1"))
    await door.member.propose(DeleteRange(b"k"))
    told = [await watcher.read() for _ in range(2)]
    assert [(one.watch_id, one.events[0].type) for one in told] == [(1, 0), (0, 1)]
    assert told[1].events[0].prev_kv.value == b"1"


async def test_an_empty_key_is_the_first(door: Opened) -> None:
    watcher = Watcher(door)
    await watcher.create(b"", range_end=b"\x00")
    await door.member.propose(Put(b"anything", b"1"))
    assert (await watcher.read()).events[0].kv.key == b"anything"


async def test_progress_is_told_for_all_when_it_is_asked_for(door: Opened) -> None:
    watcher = Watcher(door)
    await watcher.create()
    await door.member.propose(Put(b"other", b"1"))
    await watcher.call.write(rpc.WatchRequest(progress_request={}))
    notice = await watcher.read()
    assert (notice.watch_id, notice.header.revision, len(notice.events)) == (NO_WATCH, 2, 0)


async def test_a_compacted_past_says_where_it_goes_on(door: Opened) -> None:
    for value in (b"1", b"2", b"3"):
        await door.member.propose(Put(b"k", value))
    await door.member.propose(Compact(4))
    watcher = Watcher(door)
    assert (await watcher.create(start_revision=2)).created
    ended = await watcher.read()
    assert (ended.canceled, ended.compact_revision, ended.cancel_reason) == (True, 4, errors.Compacted.etcd)
    refused = await watcher.create(start_revision=-1)
    assert (refused.created, refused.canceled, refused.watch_id) == (True, True, NO_WATCH)


async def test_a_client_that_goes_leaves_no_watch(door: Opened) -> None:
    watcher = Watcher(door)
    await watcher.create()
    assert door.member.state.hub.watches == 1
    closed = asyncio.Event()
    hub = door.member.state.hub
    close = hub.close

    def told(stream: Any) -> None:
        close(stream)
        closed.set()

    hub.close = told  # type: ignore[method-assign]  # to wait for it, not to replace it
    watcher.call.cancel()
    await asyncio.wait_for(closed.wait(), WAIT_S)
    assert hub.watches == 0 and not hub.streams


async def test_who_asks_no_more_is_still_told(door: Opened) -> None:
    watcher = Watcher(door)
    await watcher.create()
    await watcher.call.done_writing()
    await door.member.propose(Put(b"k", b"1"))
    assert (await watcher.read()).events[0].kv.value == b"1"


async def test_a_client_that_does_not_read_costs_bounded_memory_and_misses_nothing(door: Opened) -> None:
    watcher = Watcher(door)
    await watcher.create()
    count = 60
    for number in range(count):
        await door.member.propose(Put(b"k", b"%d" % number + b"v" * 500_000))
        await asyncio.sleep(0)  # the sender's turn
    stream = next(iter(door.member.state.hub.streams))
    assert stream.queued_bytes < 5_000_000
    told = [int(event.kv.value.rstrip(b"v")) for event in await watcher.events(count)]
    assert told == list(range(count))


async def test_a_large_answer_comes_in_pieces_to_whom_asks_for_them() -> None:
    async with opened(request_bytes_max=600_000) as door:
        operations = tuple(Put(b"k%d" % number, b"v" * 400_000) for number in range(8))
        await door.member.propose(Txn((), operations))
        watcher = Watcher(door)
        await watcher.create(range_end=b"l", start_revision=1, fragment=True)
        parts = [await watcher.read()]
        while parts[-1].fragment:
            parts.append(await watcher.read())
        assert len(parts) > 1 and all(part.ByteSize() < 600_000 + 512 * 1024 for part in parts)
        assert [event.kv.key for part in parts for event in part.events] == [b"k%d" % number for number in range(8)]
        whole = Watcher(door)
        await whole.create(range_end=b"l", start_revision=1)
        assert len((await whole.read()).events) == 8


async def test_who_wants_a_leader_is_told_when_there_is_none_any_more() -> None:
    async with opened(election_s=0.01) as door:
        wanting, patient = Watcher(door, (("hasleader", "true"),)), Watcher(door)
        await wanting.create()
        await patient.create()
        door.member.leader = 0
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await wanting.read()
        assert refused(raised) == said(errors.NoLeader)
        await door.member.propose(Put(b"k", b"1"))
        assert (await patient.read()).events


async def test_a_stop_tells_watchers_to_go_elsewhere_and_does_not_wait_for_them(door: Opened) -> None:
    watcher = Watcher(door)
    await watcher.create()
    began = asyncio.get_running_loop().time()
    stopping = asyncio.ensure_future(door.door.stop(30.0))
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await watcher.read()
    assert refused(raised) == said(errors.Stopped)
    await asyncio.wait_for(stopping, WAIT_S)
    assert asyncio.get_running_loop().time() - began < 10.0


def test_one_event_is_never_cut() -> None:
    answer = rpc.WatchResponse(watch_id=3)
    for size in (10, 5_000, 10):
        answer.events.add().kv.value = b"v" * size
    cut = pieces(answer, 1_000)
    assert [(len(piece.events), piece.fragment, piece.watch_id) for piece in cut] == [
        (1, True, 3),
        (1, True, 3),
        (1, False, 3),
    ]
