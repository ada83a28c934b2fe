"""Taking compacted history away, a few records at a time, so that no command waits for it.

Whatever changed up to the compacted revision makes what its key was before superfluous; a delete below it is
superfluous itself. So one walk along the changes finds all, and each walk begins at the revision where the last one
ended: what was kept there may be superfluous now. It may stop behind any record and go on from there, also after a
crash, since its place is in the batch of what it took away.
"""

import msgspec

from serai.systems.coordination.state import layout
from serai.systems.coordination.state.buffered import Buffered
from serai.systems.coordination.state.keyspace import Change, Keyspace
from serai.systems.coordination.state.words import EventKind

_PLACE = layout.only("compaction")


class _Place(msgspec.Struct, frozen=True, array_like=True):
    """Where to go on. `goal` is where this walk ends, 0 between two."""

    revision: int = 0
    sub: int = 0
    goal: int = 0


_read = msgspec.msgpack.Decoder(Change).decode
_read_place = msgspec.msgpack.Decoder(_Place).decode


class Compaction:
    """`pending` while there is something to take away."""

    def __init__(self, records: Buffered, space: Keyspace, changes_a_step: int) -> None:
        self._records = records
        self._space = space
        self._changes_a_step = changes_a_step
        self.pending = False
        self._place = _Place()

    def reload(self) -> None:
        """Goes on where the map says, after a start."""
        record = self._records.get(_PLACE)
        self._place = _read_place(record) if record else _Place()
        self._look()

    def begin(self) -> None:
        """A revision was compacted."""
        self._look()

    def _look(self) -> None:
        self.pending = self._place.goal > 0 or self._place.revision < self._space.compacted

    def step(self) -> None:
        """Looks at the next few changes."""
        assert self.pending, "there is something to take away"
        at = self._place
        goal = at.goal or self._space.compacted
        after = _Place(goal)
        changes = self._records.scan(layout.change(at.revision, at.sub), layout.change(goal + 1, 0))
        for looked, (place, record) in enumerate(changes):
            if looked == self._changes_a_step:
                after = _Place(*layout.change_place(place), goal)
                break
            self._supersede(_read(record), goal)
        self._place = after
        self._records.replace(_PLACE, msgspec.msgpack.encode(after))
        self._look()

    def _supersede(self, change: Change, goal: int) -> None:
        if change.previous:
            self._space.forget(change.kv.key, change.previous)
        if change.kind is EventKind.DELETE and change.kv.mod_revision < goal:
            self._space.forget(change.kv.key, change.kv.mod_revision)
