"""The dumb twin of the keyspace: whole copies of everything at every revision, and rules written down as in etcd's
documentation."""

from dataclasses import dataclass, field

from serai.systems.coordination.state.words import (
    Compare,
    DeleteRange,
    EventKind,
    KeyEvent,
    KeyValue,
    Order,
    Put,
    Range,
    Relation,
    Target,
    Txn,
)


def inside(key: bytes, word: Range | DeleteRange | Compare) -> bool:
    if not word.range_end:
        return key == word.key
    return key >= word.key and (word.range_end == b"\0" or key < word.range_end)


@dataclass
class NaiveStore:
    """`states[r]` is everything as of revision r."""

    states: dict[int, dict[bytes, KeyValue]] = field(default_factory=lambda: {1: {}})
    events: dict[int, list[KeyEvent]] = field(default_factory=dict)
    compacted: int = 0

    @property
    def revision(self) -> int:
        return max(self.states)

    def change(self, word: Put | DeleteRange | Txn) -> object:
        now = dict(self.states[self.revision])
        at = self.revision + 1
        events: list[KeyEvent] = []
        result = self._do(self._plan(word, now), now, at, events)
        if events:
            self.states[at], self.events[at] = now, events
        return result

    def _plan(self, word: object, now: dict[bytes, KeyValue]) -> object:
        if not isinstance(word, Txn):
            return word
        good = all(self._true(one, now) for one in word.compare)
        return good, [self._plan(one, now) for one in (word.success if good else word.failure)]

    def _true(self, one: Compare, now: dict[bytes, KeyValue]) -> bool:
        found = [kv for key, kv in now.items() if inside(key, one)]
        if one.target is Target.VALUE:
            pairs = [(kv.value, one.value) for kv in found]
            if not pairs:
                return False
        else:
            name = {Target.VERSION: "version", Target.CREATE: "create_revision", Target.MOD: "mod_revision"}
            what = name.get(one.target, "lease")
            pairs = [(getattr(kv, what), one.number) for kv in found] or [(0, one.number)]
        test = {
            Relation.EQUAL: lambda a, b: a == b,
            Relation.NOT_EQUAL: lambda a, b: a != b,
            Relation.GREATER: lambda a, b: a > b,
            Relation.LESS: lambda a, b: a < b,
        }[one.relation]
        return all(test(a, b) for a, b in pairs)

    def _do(self, step: object, now: dict[bytes, KeyValue], at: int, events: list[KeyEvent]) -> object:
        if isinstance(step, tuple):
            return step[0], [self._do(one, now, at, events) for one in step[1]]
        if isinstance(step, Put):
            old = now.get(step.key)
            new = KeyValue(
                step.key, old.create_revision if old else at, at, old.version + 1 if old else 1, step.value, step.lease
            )
            now[step.key] = new
            events.append(KeyEvent(EventKind.PUT, new, old))
            return old if step.prev_kv else None
        if isinstance(step, DeleteRange):
            gone = [now.pop(key) for key in sorted(now) if inside(key, step)]
            events += [KeyEvent(EventKind.DELETE, KeyValue(kv.key, 0, at, 0, b""), kv) for kv in gone]
            return len(gone), gone if step.prev_kv else []
        assert isinstance(step, Range)
        return self._select(now, step)

    def read(self, word: Range) -> object:
        return self._select(self.states[word.revision or self.revision], word)

    def _select(self, state: dict[bytes, KeyValue], word: Range) -> object:
        found = [state[key] for key in sorted(state) if inside(key, word)]
        count = len(found)
        if word.count_only:
            return [], count, False
        found = [kv for kv in found if kv.mod_revision >= word.mod_min and kv.create_revision >= word.create_min]
        found = [kv for kv in found if not word.mod_max or kv.mod_revision <= word.mod_max]
        found = [kv for kv in found if not word.create_max or kv.create_revision <= word.create_max]
        by = ["key", "version", "create_revision", "mod_revision", "value"][word.sort_by]
        found.sort(key=lambda kv: getattr(kv, by), reverse=word.order is Order.DESCEND)
        more = bool(word.limit) and len(found) > word.limit
        found = found[: word.limit] if word.limit else found
        if word.keys_only:
            found = [KeyValue(kv.key, kv.create_revision, kv.mod_revision, kv.version, b"", kv.lease) for kv in found]
        return found, count, more


def naive_collision(branch: tuple[object, ...]) -> bool:
    """Whether two operations that may both be done could change one key, not both by deletes."""
    flat = [list(_all(one)) for one in branch]
    inside_one = any(
        naive_collision(half) for one in branch if isinstance(one, Txn) for half in (one.success, one.failure)
    )
    pairs = [(a, b) for at, mine in enumerate(flat) for theirs in flat[at + 1 :] for a in mine for b in theirs]
    return inside_one or any(_meet(a, b) for a, b in pairs)


def _all(word: object) -> "list[Put | DeleteRange]":
    if isinstance(word, Txn):
        return [found for one in (*word.success, *word.failure) for found in _all(one)]
    return [word] if isinstance(word, Put | DeleteRange) else []


def _meet(one: Put | DeleteRange, other: Put | DeleteRange) -> bool:
    if isinstance(one, Put):
        return one.key == other.key if isinstance(other, Put) else inside(one.key, other)
    return isinstance(other, Put) and inside(other.key, one)
