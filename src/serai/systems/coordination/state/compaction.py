"""Taking compacted history away, a few records at a time, so that no command waits for it.

It may end at any record and go on from there, also after a crash: a record goes only if nothing that may still be asked
for needs it, and that does not change.
"""

import msgspec

from serai.systems.coordination.state import layout
from serai.systems.coordination.state.buffered import Buffered
from serai.systems.coordination.state.keyspace import Keyspace
from serai.systems.coordination.state.words import EventKind, KeyValue

RECORDS_A_STEP = 256
"""Looked at in one step."""

_CURSOR = layout.only("compaction")
_read: msgspec.msgpack.Decoder[tuple[EventKind, KeyValue]] = msgspec.msgpack.Decoder(tuple[EventKind, KeyValue])
_read_revision: msgspec.msgpack.Decoder[int] = msgspec.msgpack.Decoder(int)


class Compaction:
    """`pending` while there is something to take away."""

    def __init__(self, records: Buffered, space: Keyspace) -> None:
        self._records = records
        self._space = space
        self.pending = False
        self.reload()

    def reload(self) -> None:
        """Goes on where the map says, after a start."""
        self.pending = self._done < self._space.compacted

    @property
    def _done(self) -> int:
        """Up to this revision all is done."""
        mark = self._records.get(_CURSOR)
        return _read_revision.decode(mark) if mark else 0

    def step(self) -> None:
        """Looks at the next few records."""
        until = self._space.compacted
        done = until
        before = 0
        for looked, (record, value) in enumerate(self._records.scan(*layout.changes(self._done, until))):
            revision, _ = layout.change_place(record)
            if looked >= RECORDS_A_STEP and revision > before:
                done = revision
                break
            before = revision
            kind, kv = _read.decode(value)
            if self._space.superseded(kind, kv):
                self._records.delete(record)
                self._records.delete(layout.history(kv.key, revision))
        self._records.put(_CURSOR, msgspec.msgpack.encode(done))
        self.pending = done < until
