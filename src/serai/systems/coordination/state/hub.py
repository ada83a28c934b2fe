"""Who watches what, and what each is told: every change of its range once, in order, whole revisions at a time.

It prevents a slow client from filling the memory: a watch whose stream is full is not told any more, is behind from
then on, and later catches up from the history instead of a queue. It prevents a notice of progress that is ahead of
what was sent: notices go through the same queue. A watch whose history was compacted away ends and says so.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from serai.systems.coordination.state import layout
from serai.systems.coordination.state.keyspace import Keyspace
from serai.systems.coordination.state.words import Delivery, EventKind, KeyEvent, WatchSpec

STREAM_BYTES_MAX = 4 * 1024 * 1024
"""Of events that wait for one client; a watch that comes upon a full queue falls behind."""
CATCH_UP_CHANGES = 512
"""Changes that one watch reads from the history in one step."""
EVENT_OVERHEAD_BYTES = 96
COMPACTED = "etcdserver: mvcc: required revision has been compacted"
STREAM = -1
"""The id of a notice that is for a whole stream."""


@dataclass(slots=True, eq=False)
class Watch:
    """One watch. It has been told of everything before `next_revision`."""

    id: int
    spec: WatchSpec
    stream: "Stream"
    first: bytes
    end: bytes
    next_revision: int
    behind: bool = True
    """It must catch up from the history before it is told of what happens."""

    def wants(self, event: KeyEvent) -> bool:
        """Whether a change is one of those that it was made for."""
        unwanted = self.spec.no_put if event.kind is EventKind.PUT else self.spec.no_delete
        key = event.kv.key
        return not unwanted and self.first <= key and (not self.end or key < self.end)


@dataclass(slots=True, eq=False)
class Stream:
    """The watches of one client, and what waits for it."""

    watches: dict[int, Watch] = field(default_factory=dict)
    queue: deque[Delivery] = field(default_factory=deque)
    queued_bytes: int = 0
    asked_progress: bool = False

    @property
    def full(self) -> bool:
        """No more is queued until some was taken."""
        return self.queued_bytes >= STREAM_BYTES_MAX

    def tell(self, delivery: Delivery) -> None:
        """Queues it, behind all before."""
        self.queue.append(delivery)
        self.queued_bytes += cost_bytes(delivery)

    def take(self) -> Delivery | None:
        """The next that is to be sent."""
        if not self.queue:
            return None
        delivery = self.queue.popleft()
        self.queued_bytes -= cost_bytes(delivery)
        return delivery

    def clear(self) -> None:
        """Nothing waits any more."""
        self.queue.clear()
        self.queued_bytes = 0


def cost_bytes(delivery: Delivery) -> int:
    """What a delivery counts for in a queue."""
    return EVENT_OVERHEAD_BYTES + sum([_event_bytes(event) for event in delivery.events])


def _event_bytes(event: KeyEvent) -> int:
    size = EVENT_OVERHEAD_BYTES + len(event.kv.key) + len(event.kv.value)
    return size + len(event.prev.key) + len(event.prev.value) if event.prev else size


class Index:
    """Watches that are up to date, found by key: single keys and prefixes by hash, other ranges one by one."""

    def __init__(self) -> None:
        self._keys: dict[bytes, set[Watch]] = {}
        self._prefixes: dict[int, dict[bytes, set[Watch]]] = {}
        """By the length of the prefix."""
        self._ranges: dict[tuple[bytes, bytes], set[Watch]] = {}

    def _place(self, watch: Watch) -> tuple[dict[bytes, set[Watch]], bytes] | None:
        if not watch.spec.range_end:
            return self._keys, watch.first
        if watch.end and watch.first and watch.first[-1] < 0xFF and watch.end == layout.after(watch.first):
            return self._prefixes.setdefault(len(watch.first), {}), watch.first
        return None

    def add(self, watch: Watch) -> None:
        """One more."""
        place = self._place(watch)
        if place is None:
            self._ranges.setdefault((watch.first, watch.end), set()).add(watch)
        else:
            place[0].setdefault(place[1], set()).add(watch)

    def discard(self, watch: Watch) -> None:
        """One less."""
        place = self._place(watch)
        if place is None:
            _discard(self._ranges, (watch.first, watch.end), watch)
            return
        _discard(place[0], place[1], watch)
        if not place[0] and watch.spec.range_end:
            del self._prefixes[len(watch.first)]

    def watching(self, key: bytes) -> Iterator[Watch]:
        """All whose range has this key."""
        yield from self._keys.get(key, ())
        for length, by_prefix in self._prefixes.items():
            yield from by_prefix.get(key[:length], ())
        for (first, end), watches in self._ranges.items():
            if first <= key and (not end or key < end):
                yield from watches


def _discard(places: dict[bytes, set[Watch]] | dict[tuple[bytes, bytes], set[Watch]], at: object, watch: Watch) -> None:
    watches = places.get(at)  # type: ignore[call-overload]  # the key is of the dictionary's kind
    if watches is not None:
        watches.discard(watch)
        if not watches:
            del places[at]  # type: ignore[arg-type]  # the same


class Hub:
    """All watches of a member. Whoever drives it calls `changed` after each round of commands, `catch_up` while that
    says that there is more, and sends what the streams of `ready` have queued."""

    def __init__(self, space: Keyspace) -> None:
        self._space = space
        self._index = Index()
        self._behind: dict[Watch, None] = {}
        self.streams: set[Stream] = set()
        self.ready: set[Stream] = set()
        """Streams to which something was told since somebody looked."""
        self.watches = 0
        """How many there are."""

    @property
    def behind(self) -> bool:
        """Whether somebody has to catch up."""
        return bool(self._behind)

    # Watches come and go ----------------------------------------------------------------------------------------------

    def open(self) -> Stream:
        """For one client."""
        stream = Stream()
        self.streams.add(stream)
        return stream

    def close(self, stream: Stream) -> None:
        """Nobody listens any more."""
        for number in list(stream.watches):
            self.cancel(stream, number)
        self.streams.discard(stream)
        self.ready.discard(stream)

    def create(self, stream: Stream, number: int, spec: WatchSpec) -> Watch:
        """From `start_revision` on, or from what happens next."""
        assert number not in stream.watches, "the stream has a watch of this id"
        first, end = layout.bounds(spec.key, spec.range_end)
        start = spec.start_revision or self._space.revision + 1
        watch = Watch(number, spec, stream, first, end, start)
        stream.watches[number] = watch
        self.watches += 1
        if start > self._space.revision:
            self._settle(watch)
        else:
            self._behind[watch] = None
        return watch

    def cancel(self, stream: Stream, number: int) -> bool:
        """Nothing more comes of it; whether it was there."""
        watch = stream.watches.pop(number, None)
        if watch is None:
            return False
        self.watches -= 1
        if watch.behind:
            self._behind.pop(watch, None)
        else:
            self._index.discard(watch)
        self._answer_progress(stream)
        return True

    def _settle(self, watch: Watch) -> None:
        """It knows all that has happened. One that begins in the future is told of nothing before."""
        watch.behind = False
        self._behind.pop(watch, None)
        self._index.add(watch)

    def _tell(self, watch: Watch, revision: int, events: list[KeyEvent]) -> None:
        if not watch.spec.prev_kv:
            events = [KeyEvent(event.kind, event.kv) if event.prev else event for event in events]
        watch.stream.tell(Delivery(watch.id, revision, tuple(events)))
        self.ready.add(watch.stream)

    # What happens -----------------------------------------------------------------------------------------------------

    def changed(self, revision: int, events: Iterable[KeyEvent]) -> None:
        """One revision's changes."""
        told: dict[Watch, list[KeyEvent]] = {}
        for event in events:
            for watch in self._index.watching(event.kv.key):
                if watch.next_revision <= revision and watch.wants(event):
                    told.setdefault(watch, []).append(event)
        for watch, wanted in told.items():
            if watch.stream.full:
                self._fall_behind(watch, revision)
            else:
                self._tell(watch, revision, wanted)
                watch.next_revision = revision + 1

    def _fall_behind(self, watch: Watch, revision: int) -> None:
        self._index.discard(watch)
        watch.behind = True
        watch.next_revision = revision
        self._behind[watch] = None

    def compacted(self) -> None:
        """History is about to go: whoever is behind it ends, and whoever wants to know how far it is, is told, so that
        it can go on from there after a break."""
        for watch in [watch for watch in self._behind if watch.next_revision < self._space.compacted]:
            self._end(watch)
        for stream in self.streams:
            for watch in stream.watches.values():
                if watch.spec.progress_notify and not watch.behind:
                    self._notice(watch, near=True)

    def _end(self, watch: Watch) -> None:
        self.cancel(watch.stream, watch.id)
        watch.stream.tell(
            Delivery(watch.id, self._space.revision, canceled=COMPACTED, compact_revision=self._space.compacted)
        )
        self.ready.add(watch.stream)

    def replaced(self) -> None:
        """The keyspace is another one now, that of a snapshot: everybody looks into its history for what they miss."""
        revision = self._space.revision
        for stream in self.streams:
            for watch in stream.watches.values():
                if not watch.behind and watch.next_revision <= revision:
                    self._index.discard(watch)
                    watch.behind = True
                    self._behind[watch] = None

    # Catching up ------------------------------------------------------------------------------------------------------

    def catch_up(self) -> bool:
        """Each watch that is behind reads a bounded part of the history; whether some could go on at once."""
        more = False
        for watch in list(self._behind):
            if watch.next_revision < self._space.compacted:
                self._end(watch)
            elif not watch.stream.full:
                self._read(watch)
                more = more or watch in self._behind
        return more

    def _read(self, watch: Watch) -> None:
        newest = self._space.revision
        at = watch.next_revision
        events: list[KeyEvent] = []
        for looked, (kind, kv) in enumerate(self._space.changes(watch.next_revision, newest + 1)):
            if kv.mod_revision != at:
                self._flush(watch, at, events)
                if looked >= CATCH_UP_CHANGES or watch.stream.full:
                    watch.next_revision = kv.mod_revision
                    return
                at, events = kv.mod_revision, []
            event = KeyEvent(kind, kv)
            if watch.wants(event):
                events.append(self._with_previous(watch, event))
        self._flush(watch, at, events)
        watch.next_revision = newest + 1
        self._settle(watch)
        self._answer_progress(watch.stream)

    def _with_previous(self, watch: Watch, event: KeyEvent) -> KeyEvent:
        if not watch.spec.prev_kv:
            return event
        return KeyEvent(event.kind, event.kv, self._space.before(event.kv.key, event.kv.mod_revision))

    def _flush(self, watch: Watch, revision: int, events: list[KeyEvent]) -> None:
        if events:
            self._tell(watch, revision, events)

    # Progress ---------------------------------------------------------------------------------------------------------

    def ask_progress(self, stream: Stream) -> None:
        """One notice for all its watches, when none of them is behind."""
        stream.asked_progress = True
        self._answer_progress(stream)

    def _answer_progress(self, stream: Stream) -> None:
        if stream.asked_progress and not any(watch.behind for watch in stream.watches.values()):
            stream.asked_progress = False
            stream.tell(Delivery(STREAM, self._space.revision))
            self.ready.add(stream)

    def notify_progress(self) -> None:
        """Tells those that wish it how far they are. To be called now and then."""
        for stream in self.streams:
            for watch in stream.watches.values():
                if watch.spec.progress_notify and not watch.behind and not stream.full:
                    self._notice(watch, near=False)

    def _notice(self, watch: Watch, *, near: bool) -> None:
        if watch.next_revision <= self._space.revision + 1:
            watch.stream.tell(Delivery(watch.id, self._space.revision, compaction_near=near))
            self.ready.add(watch.stream)
