"""The hub beside its dumb twin, in any order of changes, compactions, snapshots and slow clients; and its guards."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.systems.coordination.state.drive import PATIENT, Driven
from tests.systems.coordination.state.naive import NaiveStore
from tests.systems.coordination.state.naive_watch import NaiveWatch
from tests.systems.coordination.state.test_keyspace import COMMANDS, KEYS

from serai.systems.coordination.state.hub import STREAM
from serai.systems.coordination.state.index import Index, shared_prefix
from serai.systems.coordination.state.limits import USUAL, Limits
from serai.systems.coordination.state.streams import Stream, Watch
from serai.systems.coordination.state.words import Compact, DeleteRange, Delivery, EventKind, Fault, Put, WatchSpec

SMALL = Limits(
    compaction_changes=2,
    catch_up_changes=3,
    catch_up_reads=2,
    stream_bytes_max=400,
    delivery_bytes_max=700,
    chunk_bytes=90,
)
ENDS = st.sampled_from([b"", b"\0", b"b", b"c", b"\xff\xff"])
SPECS = st.builds(
    WatchSpec, key=KEYS, range_end=ENDS, start_revision=st.integers(0, 12), prev_kv=st.booleans(), no_put=st.booleans(),
    no_delete=st.booleans(), progress_notify=st.booleans(),
)  # fmt: skip
STEPS = st.lists(
    st.one_of(
        COMMANDS,
        COMMANDS,
        SPECS,
        st.builds(Compact, revision=st.integers(1, 15)),
        st.tuples(st.sampled_from(["take", "catch up", "progress", "ask", "cancel"]), st.integers(0, 3)),
        st.tuples(st.just("snapshot"), st.integers(1, 4)),
    ),
    max_size=40,
)


class Watched:
    """A member with watches, the twins beside it, and another member that is sometimes ahead of it."""

    def __init__(self) -> None:
        self.driven, self.ahead, self.store = Driven(SMALL), Driven(), NaiveStore()
        self.streams = [self.driven.state.hub.open() for _ in range(2)]
        self.twins: dict[tuple[int, int], NaiveWatch] = {}
        self.held: list[object] = []
        """Commands that the other member has applied and this one not."""
        self.left = 0
        self.number = 0

    def do(self, step: object) -> None:
        match step:
            case WatchSpec():
                self.watch(step)
            case (str() as what, int() as number):
                self.disturb(what, number)
            case _:
                self.change(step)

    def change(self, word: object) -> None:
        outcome = self.ahead.do(word)
        if not isinstance(outcome.result, Fault):
            if isinstance(word, Compact):
                self.store.compacted = word.revision
            else:
                self.store.change(word)  # type: ignore[arg-type]  # it is a change
        self.held.append(word)
        if self.left:
            self.left -= 1
            if not self.left:
                self.jump()
        else:
            self.follow()

    def follow(self) -> None:
        for word in self.held:
            self.driven.do(word)
        self.held.clear()

    def jump(self) -> None:
        """By a snapshot instead of the commands."""
        self.driven.log = list(self.ahead.log)
        self.driven.state.restore(len(self.ahead.log), list(self.ahead.state.snapshot()))
        self.held.clear()

    def watch(self, spec: WatchSpec) -> None:
        stream = self.number % 2
        start = spec.start_revision or self.driven.state.space.revision + 1
        self.driven.state.hub.create(self.streams[stream], self.number, spec)
        self.twins[stream, self.number] = NaiveWatch(spec, start)
        self.number += 1

    def disturb(self, what: str, number: int) -> None:
        hub, stream = self.driven.state.hub, self.streams[number % 2]
        match what:
            case "take":
                self.take(number % 2)
            case "catch up":
                hub.catch_up()
            case "progress":
                hub.notify_progress()
            case "ask":
                hub.ask_progress(stream)
            case "cancel" if stream.watches:
                gone = next(iter(stream.watches))
                hub.cancel(stream, gone)
                stream.forget(gone)
                del self.twins[number % 2, gone]
            case "snapshot":
                self.left = self.left or number

    def take(self, number: int) -> bool:
        delivery = self.streams[number].take()
        if delivery is None:
            return False
        at = self.driven.state.space
        events = {revision: found for revision, found in self.store.events.items() if revision <= at.revision}
        if delivery.watch_id == STREAM:
            for (stream, _), twin in self.twins.items():
                if stream == number and not twin.ended_at:
                    twin.take(delivery, events, at.compacted)
        else:
            self.twins[number, delivery.watch_id].take(delivery, events, at.compacted)
        return True

    def finish(self) -> None:
        self.left = 0
        self.follow()
        for _ in range(300):
            more = self.driven.state.hub.catch_up()
            if not any([self.take(0), self.take(1), more]):
                break
        else:
            raise AssertionError("it never ends")
        newest = self.store.revision
        for twin in self.twins.values():
            if not twin.ended_at:
                assert len(twin.told) == len(twin.due(self.store.events, newest)), "something never came"
        assert self.driven.state.hub.watches == sum(not twin.ended_at for twin in self.twins.values())


@settings(PATIENT, max_examples=400)
@given(steps=STEPS)
def test_the_hub_is_its_twin(steps: list[object]) -> None:
    watched = Watched()
    for step in steps:
        watched.do(step)
    watched.finish()


def opened(limits: Limits = USUAL) -> tuple[Driven, Stream]:
    driven = Driven(limits)
    return driven, driven.state.hub.open()


def taken(stream: Stream) -> list[Delivery]:
    return list(iter(stream.take, None))


def test_a_client_that_does_not_read_costs_a_bounded_queue() -> None:
    """Control: without the bound the queue would hold all of it."""
    driven, stream = opened(replace(USUAL, stream_bytes_max=10_000))
    driven.state.hub.create(stream, 1, WatchSpec(b"k"))
    for _ in range(200):
        driven.do(Put(b"k", b"v" * 1000))
    assert stream.queued_bytes < 12_000 and driven.state.hub.behind
    told: list[Delivery] = []
    while driven.state.hub.behind or stream.queue:
        told += taken(stream)
        driven.state.hub.catch_up()
    assert [event.kv.version for delivery in told for event in delivery.events] == list(range(1, 201))


def test_a_client_that_never_reads_is_warned_once_and_ended_once() -> None:
    driven, stream = opened(replace(USUAL, stream_bytes_max=1_000))
    driven.state.hub.create(stream, 1, WatchSpec(b"k", progress_notify=True))
    for number in range(40):
        driven.do(Put(b"k", b"v" * 100))
        if number > 20:
            driven.do(Compact(4 + number // 20))
    said = taken(stream)
    assert sum(delivery.compaction_near for delivery in said) == 1
    driven.do(Compact(driven.state.space.revision))
    (ended,) = [delivery for delivery in taken(stream) if delivery.canceled]
    assert ended.compact_revision == driven.state.space.revision


def test_a_notice_asked_for_comes_behind_what_was_missed() -> None:
    driven, stream = opened()
    driven.do(Put(b"k", b"1"))
    driven.state.hub.create(stream, 1, WatchSpec(b"k", start_revision=2))
    driven.state.hub.ask_progress(stream)
    assert not stream.queue, "it is behind"
    driven.state.hub.catch_up()
    assert [delivery.watch_id for delivery in taken(stream)] == [1, STREAM]


def test_a_watch_in_the_future_hears_nothing_before() -> None:
    driven, stream = opened()
    driven.state.hub.create(stream, 1, WatchSpec(b"k", start_revision=4, progress_notify=True))
    for value in (b"1", b"2", b"3"):
        driven.do(Put(b"k", value))
        driven.state.hub.notify_progress()
    events = [event for delivery in taken(stream) for event in delivery.events]
    assert [event.kv.value for event in events] == [b"3"]


def test_a_delete_on_the_compacted_revision_is_seen() -> None:
    driven, stream = opened()
    driven.do(Put(b"k", b"1"))
    gone = driven.do(DeleteRange(b"k")).revision
    driven.do(Compact(gone))
    while driven.state.tidy():
        pass
    driven.state.hub.create(stream, 1, WatchSpec(b"k", start_revision=gone))
    driven.state.hub.catch_up()
    (delivery,) = taken(stream)
    assert [event.kind for event in delivery.events] == [EventKind.DELETE]


def test_a_snapshot_ends_no_watch_that_knew_enough() -> None:
    """Control: by the last event alone (revision 2) it would lack what the snapshot has not."""
    driven, stream = opened()
    driven.state.hub.create(stream, 1, WatchSpec(b"k"))
    driven.do(Put(b"k", b"1"))
    for _ in range(10):
        driven.do(Put(b"other"))
    known = driven.state.space.revision
    ahead = Driven()
    for entry in driven.log:
        ahead.state.apply([entry])
    ahead.log = list(driven.log)
    ahead.do(Compact(known))
    ahead.do(Put(b"k", b"2"))
    driven.state.restore(len(ahead.log), list(ahead.state.snapshot()))
    driven.state.hub.catch_up()
    assert [event.kv.value for delivery in taken(stream) for event in delivery.events] == [b"1", b"2"]


def test_a_notice_that_waits_is_taken_back_when_a_watch_comes_that_lacks_something() -> None:
    driven, stream = opened()
    driven.do(Put(b"k", b"1"))
    driven.state.hub.ask_progress(stream)
    driven.state.hub.create(stream, 1, WatchSpec(b"k", start_revision=2))
    driven.state.hub.catch_up()
    assert [delivery.watch_id for delivery in taken(stream)] == [1, STREAM]


def test_what_many_lack_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    driven, _ = opened()
    for number in range(400):
        driven.do(Put(b"k%d" % (number % 7), b"v"))
    for number in range(300):
        driven.state.hub.create(driven.state.hub.open(), 1, WatchSpec(b"k%d" % (number % 9), start_revision=2))
    reads = []
    changes = driven.state.space.changes
    monkeypatch.setattr(driven.state.space, "changes", lambda *where: reads.append(where) or changes(*where))
    driven.state.hub.catch_up()
    assert len(reads) == 1 and not driven.state.hub.behind


BYTES = st.binary(max_size=3)


@settings(PATIENT)
@given(st.lists(st.tuples(BYTES, st.sampled_from([b"", b"\0"]) | BYTES), max_size=30), BYTES, st.data())
def test_the_index_misses_nobody(ranges: list[tuple[bytes, bytes]], key: bytes, data: st.DataObject) -> None:
    driven, stream = opened()
    index = Index()
    watches: list[Watch] = []
    for number, (first, end) in enumerate(ranges):
        watches.append(driven.state.hub.create(stream, number, WatchSpec(first, end)))
        index.add(watches[-1])
    for gone in data.draw(st.sets(st.sampled_from(watches), max_size=3)) if watches else ():
        index.discard(gone)
        watches.remove(gone)
    found = [watch for watch in index.watching(key) if watch.wants(EventKind.PUT, key)]
    assert sorted(watch.id for watch in found) == [watch.id for watch in watches if watch.wants(EventKind.PUT, key)]


def test_ten_thousand_watches_cost_a_change_a_few_looks() -> None:
    """Control: one list of all ranges would name ten thousand."""
    driven, stream = opened()
    index = Index()
    for number in range(10_000):
        key = b"app/%05d/" % number
        index.add(driven.state.hub.create(stream, number, WatchSpec(key, key[:-1] + bytes([key[-1] + number % 3]))))
    assert sum(1 for _ in index.watching(b"app/04711/x")) <= 3


@settings(PATIENT)
@given(BYTES, BYTES, BYTES)
def test_all_keys_of_a_range_share_its_prefix(first: bytes, end: bytes, key: bytes) -> None:
    if first <= key < end:
        assert key.startswith(shared_prefix(first, end))
