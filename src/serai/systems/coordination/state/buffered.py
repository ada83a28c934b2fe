"""Writes that are gathered in front of an ordered map, and read as if they were in it, until they go in as one batch.

It prevents a state that a crash leaves between two commands: what a round of commands did and up to which entry it did
it are one batch. It also knows how large everything is without looking: whoever replaces a record says what was there.
"""

from bisect import bisect_left
from collections.abc import Iterator

from serai.kernel.ports import OrderedMap


class Buffered:
    """An ordered map with writes in front of it. `size_bytes` is of all keys and values but the marks."""

    def __init__(self, below: OrderedMap) -> None:
        self.below = below
        self.size_bytes = 0
        self._writes: dict[bytes, bytes | None] = {}
        self._sorted: list[bytes] = []
        """Keys of `_writes` in order, but for those that came since the last scan."""
        self._fresh: list[bytes] = []

    def get(self, key: bytes) -> bytes | None:
        """The value, or None."""
        if key in self._writes:
            return self._writes[key]
        return self.below.get(key)

    def put(self, key: bytes, value: bytes, before: bytes | None = None) -> None:
        """Sets it; `before` is what is there now."""
        self.size_bytes += len(value) + (len(key) if before is None else -len(before))
        self._set(key, value)

    def delete(self, key: bytes, before: bytes) -> None:
        """Takes it away; `before` is what is there now."""
        self.size_bytes -= len(key) + len(before)
        self._set(key, None)

    def replace(self, key: bytes, value: bytes) -> None:
        """Sets one that is rarely set: it looks itself what is there."""
        self.put(key, value, self.get(key))

    def mark(self, key: bytes, value: bytes) -> None:
        """Sets what is not counted."""
        self._set(key, value)

    def _set(self, key: bytes, value: bytes | None) -> None:
        if key not in self._writes:
            self._fresh.append(key)
        self._writes[key] = value

    def scan(self, first: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Pairs with first <= key < end, ascending, as they are when the scan begins."""
        if not self._writes:
            return self.below.scan(first, end)
        if self._fresh:
            # Two runs in order: a sort merges them, so that a round of many scans does not sort from scratch each time.
            self._sorted += sorted(self._fresh)
            self._sorted.sort()
            self._fresh.clear()
        mine = self._sorted[bisect_left(self._sorted, first) : bisect_left(self._sorted, end)]
        if not mine:
            return self.below.scan(first, end)
        return _merged([(key, self._writes[key]) for key in mine], self.below.scan(first, end))

    def flush(self) -> None:
        """All of them as one batch."""
        if self._writes:
            self.below.write(list(self._writes.items()))
            self._writes = {}
            self._sorted, self._fresh = [], []


def _merged(
    mine: list[tuple[bytes, bytes | None]], below: Iterator[tuple[bytes, bytes]]
) -> Iterator[tuple[bytes, bytes]]:
    theirs = next(below, None)
    for key, value in mine:
        while theirs is not None and theirs[0] < key:
            yield theirs
            theirs = next(below, None)
        if theirs is not None and theirs[0] == key:
            theirs = next(below, None)
        if value is not None:
            yield key, value
    while theirs is not None:
        yield theirs
        theirs = next(below, None)
