"""Whether a transaction could change a key twice at its one revision, by two puts or by a put and a delete.

It prevents a watcher from being told two things of one key at once, and a history in which one hides the other. All
that a transaction may change is kept in order, so that a large one is not compared piece by piece with itself.
"""

from bisect import bisect_left, bisect_right

from serai.systems.coordination.state import layout
from serai.systems.coordination.state.words import DeleteRange, Operation, Put, Txn


class Changed:
    """Keys that may be put, and ranges that may be deleted."""

    def __init__(self) -> None:
        self.keys: set[bytes] = set()
        self._sorted: list[bytes] = []
        self._firsts: list[bytes] = []
        """Ranges in order, none of which touches another, with their ends beside; an end of b"" is none."""
        self._ends: list[bytes] = []

    def collides(self, other: "Changed") -> bool:
        """Whether both could change one key, but for two deletes: the second finds nothing."""
        if not self.keys.isdisjoint(other.keys):
            return True
        return any(self._deletes(key) for key in other.keys) or any(
            self._puts_between(first, end) for first, end in zip(other._firsts, other._ends, strict=True)
        )

    def _deletes(self, key: bytes) -> bool:
        at = bisect_right(self._firsts, key) - 1
        return at >= 0 and (not self._ends[at] or key < self._ends[at])

    def _puts_between(self, first: bytes, end: bytes) -> bool:
        if len(self._sorted) < len(self.keys):
            self._sorted = sorted(self.keys)
        at = bisect_left(self._sorted, first)
        return at < len(self._sorted) and (not end or self._sorted[at] < end)

    def put(self, key: bytes) -> None:
        """One key."""
        self.keys.add(key)

    def delete(self, first: bytes, end: bytes) -> None:
        """One range; those that it touches become one with it."""
        low = bisect_left(self._firsts, first)
        if low and (not self._ends[low - 1] or self._ends[low - 1] >= first):
            low -= 1
            first = self._firsts[low]
        high = low
        while high < len(self._firsts) and (not end or self._firsts[high] <= end):
            end = b"" if not end or not self._ends[high] else max(end, self._ends[high])
            high += 1
        self._firsts[low:high], self._ends[low:high] = [first], [end]

    def add(self, other: "Changed") -> None:
        """Both together."""
        self.keys |= other.keys
        for first, end in zip(other._firsts, other._ends, strict=True):
            self.delete(first, end)


def collide(word: Txn) -> bool:
    """Whether either branch could change a key twice."""
    return any(_could(branch) and _changed(branch) is None for branch in (word.success, word.failure))


def _could(branch: tuple[Operation, ...]) -> bool:
    """One put alone, the usual transaction, need not be looked at."""
    return len(branch) > 1 or (len(branch) == 1 and isinstance(branch[0], Txn))


def _changed(branch: tuple[Operation, ...]) -> Changed | None:
    """What a branch may change; None if it could change a key twice."""
    whole = Changed()
    for one in branch:
        parts = _parts(one)
        for part in parts:
            if part is None or whole.collides(part):
                return None
        for part in parts:
            assert part is not None, "a part that collides in itself was found above"
            whole.add(part)
    return whole


def _parts(word: Operation) -> list[Changed | None]:
    """Of a nested transaction one branch is done, so they cannot collide with each other."""
    if isinstance(word, Txn):
        return [_changed(word.success), _changed(word.failure)]
    changed = Changed()
    if isinstance(word, Put):
        changed.put(word.key)
    elif isinstance(word, DeleteRange):
        changed.delete(*layout.bounds(word.key, word.range_end))
    return [changed]
