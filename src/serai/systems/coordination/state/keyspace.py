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

FIRST_REVISION = 1
"""Of an empty store, as etcd counts."""

_DEAD = b"d"
_ALIVE = b""


class Change(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What became of a key. `previous` is the revision at which it had changed before; 0 if it was not there."""

    kind: EventKind
    kv: KeyValue
    previous: int


_encode = msgspec.msgpack.Encoder().encode
_read_kv = msgspec.msgpack.Decoder(KeyValue).decode
_read_change = msgspec.msgpack.Decoder(Change).decode


class Keyspace:
    """`revision` is that of the newest change. Changes are made between `begin` and `finish`, all at one revision."""

    def __init__(self, records: Buffered) -> None:
        self._records = records
        self.revision, self.compacted = FIRST_REVISION, 0
        """Whoever drives it keeps both in the batch of what it changed, and says them after a start."""
        self._at = 0
        """The revision of the changes that are being made."""
        self._events: list[KeyEvent] = []

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
        self._at = 0
        return events

    def put(self, word: Put) -> PutResult | Fault:
        """Sets a key."""
        place = layout.current(word.key)
        record = self._records.get(place)
        if record is None:
            if word.ignore_value or word.ignore_lease:
                return Fault("coordination_key_not_found", f"{word.key!r} is not there")
            before, after = None, KeyValue(word.key, self._at, self._at, 1, word.value, word.lease)
        else:
            before = _read_kv(record)
            after = self._follows(before, word)
        self._records.put(place, _encode(after), record)
        self._change(EventKind.PUT, after, before, _ALIVE)
        if before is None or before.lease != after.lease:
            self._attach(word.key, before.lease if before else 0, after.lease)
        return PutResult(before if word.prev_kv else None)

    def _follows(self, before: KeyValue, word: Put) -> KeyValue:
        assert before.mod_revision < self._at, "a key changes once at a revision"
        return KeyValue(
            word.key,
            before.create_revision,
            self._at,
            before.version + 1,
            before.value if word.ignore_value else word.value,
            before.lease if word.ignore_lease else word.lease,
        )

    def delete(self, word: DeleteRange) -> DeleteResult:
        """Deletes keys."""
        gone = tuple([self._delete(record) for record in list(self._present(word.key, word.range_end))])
        return DeleteResult(len(gone), gone if word.prev_kv else ())

    def _delete(self, record: bytes) -> KeyValue:
        before = _read_kv(record)
        self._records.delete(layout.current(before.key), record)
        self._change(EventKind.DELETE, KeyValue(before.key, 0, self._at, 0, b""), before, _DEAD)
        if before.lease:
            self._attach(before.key, before.lease, 0)
        return before

    def _change(self, kind: EventKind, after: KeyValue, before: KeyValue | None, state: bytes) -> None:
        sub = len(self._events)
        previous = before.mod_revision if before else 0
        self._records.put(layout.history(after.key, self._at), b"%d" % sub + state)
        self._records.put(layout.change(self._at, sub), _encode(Change(kind, after, previous)))
        self._events.append(KeyEvent(kind, after, before))

    def _attach(self, key: bytes, old: int, new: int) -> None:
        if old:
            self._records.delete(layout.attached(old, key), b"")
        if new:
            self._records.put(layout.attached(new, key), b"")

    def keys_of(self, lease: int) -> list[bytes]:
        """Those that end with it, in order."""
        return [layout.attached_key(record) for record, _ in self._records.scan(*layout.attached_to(lease))]

    # Reads ------------------------------------------------------------------------------------------------------------

    def get(self, key: bytes) -> KeyValue | None:
        """A key as it is now, also amid changes."""
        record = self._records.get(layout.current(key))
        return None if record is None else _read_kv(record)

    def present(self, key: bytes, range_end: bytes) -> Iterator[KeyValue]:
        """The keys of a range as they are now, in order."""
        return map(_read_kv, self._present(key, range_end))

    def _present(self, key: bytes, range_end: bytes) -> Iterator[bytes]:
        if not range_end:
            found = self._records.get(layout.current(key))
            return iter(() if found is None else (found,))
        records = self._records.scan(*layout.current_range(*layout.bounds(key, range_end)))
        return (record for _, record in records)

    def past(self, key: bytes, range_end: bytes, revision: int) -> Iterator[KeyValue]:
        """The keys of a range as they were at a revision that is not compacted, in order."""
        return map(self._at_place, self._past(key, range_end, revision))

    def _past(self, key: bytes, range_end: bytes, revision: int) -> Iterator[tuple[int, int]]:
        """The changes that made them what they were: revision and number."""
        seen: bytes | None = None
        for record, note in self._records.scan(*layout.history_range(*layout.bounds(key, range_end))):
            name, at = layout.unescaped(record)
            if name == seen or at > revision:
                continue
            seen = name
            if not note.endswith(_DEAD):
                yield at, int(note)

    def _at_place(self, place: tuple[int, int]) -> KeyValue:
        record = self._records.get(layout.change(*place))
        assert record is not None, f"change {place} is in the history and not among the changes"
        return _read_change(record).kv

    def before(self, change: Change) -> KeyValue | None:
        """What a key was before a change, as far as that is still known."""
        if not change.previous or change.kv.mod_revision <= self.compacted:
            return None
        note = self._records.get(layout.history(change.kv.key, change.previous))
        assert note is not None, f"what {change.kv.key!r} was when the history begins is kept"
        return self._at_place((change.previous, int(note)))

    def changes(self, first: int, end: int) -> Iterator[Change]:
        """What changed at first <= revision < end, in order; compacted changes are missing."""
        return (_read_change(record) for _, record in self._records.scan(*layout.changes(first, end)))

    def range(self, word: Range) -> RangeResult | Fault:
        """As etcd's Range: filter, then count, then sort, then limit."""
        problem = self.unreadable(word.revision)
        if problem is not None:
            return problem
        # Amid changes, what is present is no longer what was there at the newest revision.
        if 0 < word.revision < self.revision or (word.revision > 0 and self._events):
            return select(self._past(word.key, word.range_end, word.revision), self._at_place, word)
        return select(self._present(word.key, word.range_end), _read_kv, word)

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
        return None

    def forget(self, key: bytes, revision: int) -> None:
        """Takes a change away that nobody may ask for any more; nothing if it is gone."""
        assert revision <= self.compacted, "only what is compacted goes"
        history = layout.history(key, revision)
        note = self._records.get(history)
        if note is not None:
            place = layout.change(revision, int(note.removesuffix(_DEAD)))
            record = self._records.get(place)
            assert record is not None, (
                f"the change of {key!r} at {revision} is in the history and not among the changes"
            )
            self._records.delete(history, note)
            self._records.delete(place, record)
