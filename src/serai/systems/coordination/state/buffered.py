"""Writes that are gathered in front of an ordered map, and read as if they were in it, until they go in as one batch.

It prevents a state that a crash leaves between two commands: what a round of commands did and up to which entry it did
it are one batch.
"""

from bisect import bisect_left
from collections.abc import Iterator

from serai.kernel.ports import OrderedMap


class Buffered:
    """An ordered map with writes in front of it."""

    def __init__(self, below: OrderedMap) -> None:
        self.below = below
        self._writes: dict[bytes, bytes | None] = {}
        self._sorted: list[bytes] | None = []
        """The keys of `_writes` in order; None when they have changed since."""

    def get(self, key: bytes) -> bytes | None:
        """The value, or None."""
        if key in self._writes:
            return self._writes[key]
        return self.below.get(key)

    def put(self, key: bytes, value: bytes) -> None:
        """Sets it."""
        self._writes[key] = value
        self._sorted = None

    def delete(self, key: bytes) -> None:
        """Takes it away."""
        self._writes[key] = None
        self._sorted = None

    def scan(self, first: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Pairs with first <= key < end, ascending, as they are when the scan begins."""
        if not self._writes:
            return self.below.scan(first, end)
        if self._sorted is None:
            self._sorted = sorted(self._writes)
        mine = self._sorted[bisect_left(self._sorted, first) : bisect_left(self._sorted, end)]
        if not mine:
            return self.below.scan(first, end)
        return _merged([(key, self._writes[key]) for key in mine], self.below.scan(first, end))

    def flush(self) -> None:
        """All of them as one batch."""
        if self._writes:
            self.below.write(list(self._writes.items()))
            self._writes = {}
            self._sorted = []


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
