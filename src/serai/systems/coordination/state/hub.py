"""Who watches what, and what each is told: every change of its range once, in order, whole revisions at a time.

It prevents a slow client from filling the memory: a watch whose stream is full is not told any more, is behind from
then on, and later catches up from the history instead of a queue. It prevents a notice of progress that is ahead of
what was sent: notices go through the same queue. A watch whose history was compacted away ends and says so.
"""

from collections.abc import Sequence
from itertools import groupby

from serai.systems.coordination.state import layout
from serai.systems.coordination.state.index import Index
from serai.systems.coordination.state.keyspace import Change, Keyspace
from serai.systems.coordination.state.limits import Limits
from serai.systems.coordination.state.streams import Stream, Watch
from serai.systems.coordination.state.words import Delivery, KeyEvent, WatchSpec

COMPACTED = "etcdserver: mvcc: required revision has been compacted"
STREAM = -1
"""The id of a notice that is for a whole stream."""

Window = list[tuple[int, list[Change]]]
"""Changes by revision."""


class Hub:
    """All watches of a member. Whoever drives it calls `changed` after each round of commands, `catch_up` while that
    says that there is more and whenever a client has taken something, and sends what the streams of `ready` have
    queued."""

    def __init__(self, space: Keyspace, limits: Limits) -> None:
        self._space = space
        self._limits = limits
        self._index = Index()
        self._behind: dict[Watch, None] = {}
        self._asking: dict[Stream, None] = {}
        """Streams that wait for a notice of progress."""
        self.streams: dict[Stream, None] = {}
        self.ready: dict[Stream, None] = {}
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
        stream = Stream(self._limits)
        self.streams[stream] = None
        return stream

    def close(self, stream: Stream) -> None:
        """Nobody listens any more."""
        for number in list(stream.watches):
            self.cancel(stream, number)
        for streams in (self.streams, self.ready, self._asking):
            streams.pop(stream, None)

    def create(self, stream: Stream, number: int, spec: WatchSpec) -> Watch:
        """From `start_revision` on, or from what happens next."""
        assert number not in stream.watches, "the stream has a watch of this id"
        first, end = layout.bounds(spec.key, spec.range_end)
        start = spec.start_revision if spec.start_revision > 0 else self._space.revision + 1
        watch = Watch(number, spec, stream, first, end, start)
        stream.watches[number] = watch
        self.watches += 1
        if start > self._space.revision:
            self._settle(watch)
        else:
            self._behind[watch] = None
            self._take_back_progress(stream)
        return watch

    def _take_back_progress(self, stream: Stream) -> None:
        """A notice for all watches of a stream, which waits, is not true of one that came since and is behind."""
        if any(delivery.watch_id == STREAM for delivery, _ in stream.queue):
            stream.forget(STREAM)
            self._asking[stream] = None

    def cancel(self, stream: Stream, number: int) -> bool:
        """Nothing more comes of it; whether it was there."""
        watch = stream.watches.pop(number, None)
        if watch is None:
            return False
        self.watches -= 1
        if watch.behind:
            del self._behind[watch]
        else:
            self._index.discard(watch)
        return True

    def _settle(self, watch: Watch) -> None:
        """It knows all that has happened. One that begins in the future is told of nothing before."""
        watch.behind = False
        self._behind.pop(watch, None)
        self._index.add(watch)

    def _fall_behind(self, watch: Watch, revision: int) -> None:
        """It goes on from this revision, when it catches up."""
        assert revision <= self._space.revision, "there is something to catch up with"
        self._index.discard(watch)
        watch.behind = True
        watch.next_revision = revision
        self._behind[watch] = None

    # What happens -----------------------------------------------------------------------------------------------------

    def changed(self, revision: int, events: Sequence[KeyEvent]) -> None:
        """One revision's changes."""
        bare = [KeyEvent(event.kind, event.kv) if event.prev else event for event in events]
        for watch, places in self._told(revision, events).items():
            chosen = events if watch.spec.prev_kv else bare
            if watch.stream.full:
                self._fall_behind(watch, revision)
            else:
                self._tell(watch, revision, tuple([chosen[place] for place in places]))

    def _told(self, revision: int, events: Sequence[KeyEvent]) -> dict[Watch, list[int]]:
        """Who is to be told which of them."""
        told: dict[Watch, list[int]] = {}
        for place, event in enumerate(events):
            kind, key = event.kind, event.kv.key
            for watch in self._index.watching(key):
                if watch.next_revision <= revision and watch.wants(kind, key):
                    told.setdefault(watch, []).append(place)
        return told

    def _tell(self, watch: Watch, revision: int, events: tuple[KeyEvent, ...]) -> None:
        assert watch.next_revision <= revision, "nothing is told twice"
        watch.stream.tell(Delivery(watch.id, revision, events))
        watch.next_revision = revision + 1
        watch.warned = False
        self.ready[watch.stream] = None

    def compacted(self) -> None:
        """History is about to go. Whoever is behind it ends. Whoever wishes to know how far it is, is told, so that it
        can go on from there after a break; a slow one is told once, until it moves on."""
        for watch in [watch for watch in self._behind if watch.next_revision < self._space.compacted]:
            self._end(watch)
        for stream in self.streams:
            for watch in stream.watches.values():
                if watch.spec.progress_notify and not (watch.warned and (watch.behind or stream.full)):
                    self._notice(watch, near=True)

    def _end(self, watch: Watch) -> None:
        self.cancel(watch.stream, watch.id)
        revision, compacted = self._space.revision, self._space.compacted
        watch.stream.tell(Delivery(watch.id, revision, canceled=COMPACTED, compact_revision=compacted))
        self.ready[watch.stream] = None

    def replaced(self, revision: int) -> None:
        """The keyspace is another one now, that of a snapshot: everybody who knew all up to `revision` looks into its
        history for what came since."""
        assert self._space.revision >= revision, "a snapshot never takes a member back"
        if self._space.revision == revision:
            return
        for stream in self.streams:
            for watch in stream.watches.values():
                if not watch.behind and watch.next_revision <= self._space.revision:
                    self._fall_behind(watch, max(watch.next_revision, revision + 1))

    # Catching up ------------------------------------------------------------------------------------------------------

    def catch_up(self) -> bool:
        """Watches that are behind are told of a bounded part of the history; whether some could go on at once."""
        for watch in [watch for watch in self._behind if watch.next_revision < self._space.compacted]:
            self._end(watch)
        waiting = [watch for watch in self._behind if not watch.stream.full]
        waiting.sort(key=lambda watch: watch.next_revision)
        for _ in range(self._limits.catch_up_reads):
            if not waiting:
                break
            window, until = self._read(waiting[0].next_revision)
            reached = [watch for watch in waiting if watch.next_revision < until]
            waiting = waiting[len(reached) :]
            self._show(window, reached, until)
        self._answer_progress()
        return any(not watch.stream.full for watch in self._behind)

    def _read(self, first: int) -> tuple[Window, int]:
        """Whole revisions from the history, and the revision behind them."""
        window: Window = []
        looked = 0
        for revision, changes in groupby(self._space.changes(first, self._space.revision + 1), _revision):
            if looked >= self._limits.catch_up_changes:
                return window, revision
            window.append((revision, list(changes)))
            looked += len(window[-1][1])
        return window, self._space.revision + 1

    def _show(self, window: Window, watches: list[Watch], until: int) -> None:
        late = Index()
        for watch in watches:
            late.add(watch)
        stopped: dict[Watch, None] = {}
        for revision, changes in window:
            for watch, wanted in _wanted(late, revision, changes).items():
                if watch.stream.full:
                    late.discard(watch)
                    stopped[watch] = None
                    watch.next_revision = revision
                else:
                    self._tell(watch, revision, tuple([self._event(watch, change) for change in wanted]))
        for watch in watches:
            if watch not in stopped:
                watch.next_revision = max(watch.next_revision, until)
                if until > self._space.revision:
                    self._settle(watch)

    def _event(self, watch: Watch, change: Change) -> KeyEvent:
        return KeyEvent(change.kind, change.kv, self._space.before(change) if watch.spec.prev_kv else None)

    # Progress ---------------------------------------------------------------------------------------------------------

    def ask_progress(self, stream: Stream) -> None:
        """One notice for all its watches, when none of them is behind."""
        self._asking[stream] = None
        self._answer_progress()

    def _answer_progress(self) -> None:
        for stream in [stream for stream in self._asking if not stream.full and not stream.behind]:
            del self._asking[stream]
            stream.tell(Delivery(STREAM, self._space.revision))
            self.ready[stream] = None

    def notify_progress(self) -> None:
        """Tells those that wish it how far they are. To be called now and then."""
        for stream in self.streams:
            for watch in stream.watches.values():
                if watch.spec.progress_notify and not watch.behind and not stream.full:
                    self._notice(watch, near=False)

    def _notice(self, watch: Watch, *, near: bool) -> None:
        """All before was queued: what it lacks while it is behind comes later. In the future there is no progress."""
        revision = watch.next_revision - 1 if watch.behind else self._space.revision
        if watch.next_revision <= self._space.revision + 1:
            watch.stream.tell(Delivery(watch.id, revision, compaction_near=near))
            watch.warned = near
            self.ready[watch.stream] = None


def _revision(change: Change) -> int:
    return change.kv.mod_revision


def _wanted(index: Index, revision: int, changes: list[Change]) -> dict[Watch, list[Change]]:
    wanted: dict[Watch, list[Change]] = {}
    for change in changes:
        for watch in index.watching(change.kv.key):
            if watch.next_revision <= revision and watch.wants(change.kind, change.kv.key):
                wanted.setdefault(watch, []).append(change)
    return wanted
