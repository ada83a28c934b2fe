"""Keys with their history: every change has a revision, and what was there at a revision can be asked for until it is
compacted.

It prevents the three mistakes of such stores: a revision that comes twice (it is in the same batch as what it changed),
a read in the past that sees something newer, and a change that a watcher could miss (`changes` has them all, in order).
"""

from collections.abc import Iterator

import msgspec

from serai.systems.coordination.state import layout
from serai.systems.coordination.state.buffered import Buffered
from serai.systems.coordination.state.ranges import select
from serai.systems.coordination.state.words import (
    DeleteRange,
    DeleteResult,
    EventKind,
    Fault,
    KeyEvent,
    KeyValue,
    Put,
    PutResult,
    Range,
    RangeResult,
)

_encode = msgspec.msgpack.Encoder().encode
_read_kv: msgspec.msgpack.Decoder[KeyValue] = msgspec.msgpack.Decoder(KeyValue)
_read_change: msgspec.msgpack.Decoder[tuple[EventKind, KeyValue]] = msgspec.msgpack.Decoder(tuple[EventKind, KeyValue])
_read_marks: msgspec.msgpack.Decoder[tuple[int, int]] = msgspec.msgpack.Decoder(tuple[int, int])

_MARKS = layout.only("revision")
FIRST_REVISION = 1
"""Of an empty store, as etcd counts."""

_DEAD = b"d"
_ALIVE = b""


class Keyspace:
    """`revision` is that of the newest change. Changes are made between `begin` and `finish`, all at one revision."""

    def __init__(self, records: Buffered) -> None:
        self._records = records
        self.revision, self.compacted = FIRST_REVISION, 0
        self._at = 0
        """The revision of the changes that are being made."""
        self._events: list[KeyEvent] = []
        self.reload()

    def reload(self) -> None:
        """Knows what the map says, after it was replaced."""
        marks = self._records.get(_MARKS)
        self.revision, self.compacted = _read_marks.decode(marks) if marks else (FIRST_REVISION, 0)

    # Changes ----------------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Changes follow, at the next revision."""
        assert not self._events, "the last changes were finished"
        self._at = self.revision + 1

    def finish(self) -> tuple[KeyEvent, ...]:
        """They are done; what changed. If nothing did, the revision stays."""
        events, self._events = tuple(self._events), []
        if events:
            self.revision = self._at
            self._keep_marks()
        self._at = 0
        return events

    def put(self, word: Put) -> PutResult | Fault:
        """Sets a key."""
        before = self.get(word.key)
        if before is None and (word.ignore_value or word.ignore_lease):
            return Fault("coordination_key_not_found", f"{word.key!r} is not there")
        at = self._at
        after = KeyValue(
            word.key,
            before.create_revision if before else at,
            at,
            before.version + 1 if before else 1,
            before.value if before and word.ignore_value else word.value,
            before.lease if before and word.ignore_lease else word.lease,
        )
        record = _encode(after)
        self._records.put(layout.current(word.key), record)
        self._change(EventKind.PUT, after, before, _ALIVE)
        if before is None or before.lease != after.lease:
            self._attach(word.key, before.lease if before else 0, after.lease)
        return PutResult(before if word.prev_kv else None)

    def delete(self, word: DeleteRange) -> DeleteResult:
        """Deletes keys."""
        gone = tuple(self.present(word.key, word.range_end))
        for before in gone:
            self._delete(before)
        return DeleteResult(len(gone), gone if word.prev_kv else ())

    def _delete(self, before: KeyValue) -> None:
        self._records.delete(layout.current(before.key))
        self._change(EventKind.DELETE, KeyValue(before.key, 0, self._at, 0, b""), before, _DEAD)
        if before.lease:
            self._attach(before.key, before.lease, 0)

    def _change(self, kind: EventKind, after: KeyValue, before: KeyValue | None, state: bytes) -> None:
        sub = len(self._events)
        self._records.put(layout.history(after.key, self._at), b"%d" % sub + state)
        self._records.put(layout.change(self._at, sub), _encode((kind, after)))
        self._events.append(KeyEvent(kind, after, before))

    def _attach(self, key: bytes, old: int, new: int) -> None:
        if old:
            self._records.delete(layout.attached(old, key))
        if new:
            self._records.put(layout.attached(new, key), b"")

    def keys_of(self, lease: int) -> list[bytes]:
        """Those that end with it, in order."""
        return [layout.attached_key(record) for record, _ in self._records.scan(*layout.attached_to(lease))]

    # Reads ------------------------------------------------------------------------------------------------------------

    def get(self, key: bytes) -> KeyValue | None:
        """A key as it is now, also amid changes."""
        record = self._records.get(layout.current(key))
        return None if record is None else _read_kv.decode(record)

    def present(self, key: bytes, range_end: bytes) -> Iterator[KeyValue]:
        """The keys of a range as they are now, in order."""
        if not range_end:
            found = self.get(key)
            return iter(() if found is None else (found,))
        records = self._records.scan(*layout.current_range(*layout.bounds(key, range_end)))
        return (_read_kv.decode(record) for _, record in records)

    def past(self, key: bytes, range_end: bytes, revision: int) -> Iterator[KeyValue]:
        """The keys of a range as they were at a revision that is not compacted, in order."""
        seen: bytes | None = None
        for record, note in self._records.scan(*layout.history_range(*layout.bounds(key, range_end))):
            name, at = layout.unescaped(record)
            if name == seen or at > revision:
                continue
            seen = name
            if not note.endswith(_DEAD):
                yield self._changed(at, int(note))

    def before(self, key: bytes, revision: int) -> KeyValue | None:
        """What a key was before its change at this revision, as far as that is still known."""
        _, end = layout.history_of(key)
        for record, note in self._records.scan(layout.history(key, revision - 1), end):
            _, at = layout.unescaped(record)
            if note.endswith(_DEAD):
                return None
            return self._changed(at, int(note))
        return None

    def _changed(self, revision: int, sub: int) -> KeyValue:
        record = self._records.get(layout.change(revision, sub))
        assert record is not None, f"change {sub} of revision {revision} is in the history and not among the changes"
        return _read_change.decode(record)[1]

    def changes(self, first: int, end: int) -> Iterator[tuple[EventKind, KeyValue]]:
        """What changed at first <= revision < end, in order; compacted changes are missing."""
        return (_read_change.decode(record) for _, record in self._records.scan(*layout.changes(first, end)))

    def range(self, word: Range) -> RangeResult | Fault:
        """As etcd's Range: filter, then count, then sort, then limit."""
        problem = self.unreadable(word.revision)
        if problem is not None:
            return problem
        # Amid changes, what is present is no longer what was there at the newest revision.
        if 0 < word.revision < self.revision or (word.revision > 0 and self._events):
            return select(self.past(word.key, word.range_end, word.revision), word)
        return select(self.present(word.key, word.range_end), word)

    def unreadable(self, revision: int) -> Fault | None:
        """Why nothing can be read at a revision, or None."""
        if revision > self.revision:
            return Fault("coordination_future_revision", f"revision {revision}; the newest is {self.revision}")
        if 0 < revision < self.compacted:
            return Fault("coordination_compacted", f"revision {revision}; the oldest is {self.compacted}")
        return None

    # Compaction -------------------------------------------------------------------------------------------------------

    def compact(self, revision: int) -> Fault | None:
        """Reads before this revision are refused from now on; `compaction.py` takes the records away."""
        if revision > self.revision:
            return Fault("coordination_future_revision", f"revision {revision}; the newest is {self.revision}")
        if revision <= self.compacted:
            return Fault("coordination_compacted", f"revision {revision} is compacted; the oldest is {self.compacted}")
        self.compacted = revision
        self._keep_marks()
        return None

    def _keep_marks(self) -> None:
        assert self.compacted <= self.revision, "what is newest stays"
        self._records.put(_MARKS, _encode((self.revision, self.compacted)))

    def superseded(self, kind: EventKind, kv: KeyValue) -> bool:
        """Whether a change before the compacted revision is needed no more: something newer stood there at that
        revision, or nothing did."""
        assert kv.mod_revision < self.compacted, "only what is compacted goes"
        _, end = layout.history_of(kv.key)
        for record, _ in self._records.scan(layout.history(kv.key, self.compacted), end):
            return kind is EventKind.DELETE or layout.unescaped(record)[1] != kv.mod_revision
        return True
