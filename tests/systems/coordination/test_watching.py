"""Watches as handlers see them: who is woken when, ids, backpressure, the end."""

import asyncio

import pytest
from tests.systems.coordination.lone import LoneMember

from serai.systems.coordination import watching
from serai.systems.coordination.errors import Stopped, TooManyWatches, WatchIdInUse
from serai.systems.coordination.state.hub import STREAM
from serai.systems.coordination.state.limits import Limits
from serai.systems.coordination.state.words import Compact, Delivery, Put, WatchSpec
from serai.systems.coordination.watching import Watching

WAIT_S = 5.0


@pytest.fixture
def member() -> LoneMember:
    return LoneMember()


async def taken(stream: Watching) -> Delivery:
    return await asyncio.wait_for(stream.next(), WAIT_S)


async def nothing(stream: Watching) -> bool:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(stream.next(), 0.01)
    return True


async def test_who_waits_is_woken_by_a_change(member: LoneMember) -> None:
    stream = member.watch()
    number = stream.create(WatchSpec(b"k"))
    waiting = asyncio.create_task(taken(stream))
    await asyncio.sleep(0)
    await member.propose(Put(b"k", b"v"))
    delivery = await waiting
    assert (delivery.watch_id, delivery.revision, delivery.events[0].kv.value) == (number, 2, b"v")


async def test_the_past_comes_without_another_change(member: LoneMember) -> None:
    await member.propose(Put(b"k", b"1"))
    stream = member.watch()
    stream.create(WatchSpec(b"k", start_revision=1))
    assert (await taken(stream)).events[0].kv.value == b"1"


async def test_ids_are_chosen_from_zero_on_and_those_of_the_client_are_its_own(member: LoneMember) -> None:
    stream = member.watch()
    assert [stream.create(WatchSpec(b"a"), number) for number in (0, 2, 0, 0)] == [0, 2, 1, 3]
    with pytest.raises(WatchIdInUse):
        stream.create(WatchSpec(b"a"), 2)
    assert stream.cancel(2) and not stream.cancel(2)
    assert stream.create(WatchSpec(b"a"), 2) == 2


async def test_a_cancelled_watch_says_nothing_more_not_even_what_waited(member: LoneMember) -> None:
    stream = member.watch()
    first, second = stream.create(WatchSpec(b"k")), stream.create(WatchSpec(b"k"))
    await member.propose(Put(b"k", b"1"))
    stream.cancel(first)
    assert (await taken(stream)).watch_id == second
    assert await nothing(stream)


async def test_a_slow_reader_falls_behind_and_catches_up_by_reading(member: LoneMember) -> None:
    stream = member.watch()
    stream.create(WatchSpec(b"k"))
    for _ in range(12):
        await member.propose(Put(b"k", b"v" * 1_000_000))
    queued = stream._stream.queued_bytes
    assert queued < Limits().stream_bytes_max + 1_100_000
    revisions = [(await taken(stream)).revision for _ in range(12)]
    assert revisions == list(range(2, 14))


async def test_a_watch_that_compaction_overtakes_ends_and_says_where(member: LoneMember) -> None:
    for value in (b"1", b"2", b"3"):
        await member.propose(Put(b"k", value))
    await member.propose(Compact(4))
    stream = member.watch()
    stream.create(WatchSpec(b"k", start_revision=2))
    ended = await taken(stream)
    assert ended.canceled and ended.compact_revision == 4
    assert member.state.hub.watches == 0


async def test_progress_comes_when_it_is_asked_for(member: LoneMember) -> None:
    stream = member.watch()
    stream.create(WatchSpec(b"k"))
    stream.ask_progress()
    assert (await taken(stream)).watch_id == STREAM


async def test_there_is_an_end_to_watches(member: LoneMember, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "WATCHES_MAX", 2)
    stream, other = member.watch(), member.watch()
    stream.create(WatchSpec(b"k"))
    other.create(WatchSpec(b"k"))
    with pytest.raises(TooManyWatches):
        stream.create(WatchSpec(b"k"))
    other.close()
    stream.create(WatchSpec(b"k"))
    assert member.state.hub.watches == 2


async def test_who_waits_when_the_member_stops_is_told(member: LoneMember) -> None:
    stream = member.watch()
    waiting = asyncio.create_task(stream.next())
    await asyncio.sleep(0)
    member.watchers.close()
    with pytest.raises(Stopped):
        await waiting
    with pytest.raises(Stopped):
        await stream.next()
