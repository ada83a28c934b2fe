"""Sets of numbers as sorted ranges, so that a whole area code is a handful of pairs and each number has its place.

It prevents two failures: a set of eight million numbers in memory, and a number that has no place or two. `place` and
`at` are inverse to each other, and places run from 0 without a gap.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise

Pair = tuple[int, int]
"""First and last number of a range, both included."""


@dataclass(frozen=True)
class Ranges:
    """Disjoint ranges in ascending order, none touching the next."""

    pairs: tuple[Pair, ...]

    def __post_init__(self) -> None:
        assert all(first <= last for first, last in self.pairs), "a range ends before it begins"
        assert all(a[1] + 1 < b[0] for a, b in pairwise(self.pairs)), "ranges touch"

    @classmethod
    def of(cls, pairs: Iterable[Pair]) -> "Ranges":
        """The numbers in any of the pairs, which may overlap and come in any order."""
        merged: list[Pair] = []
        for first, last in sorted(pairs):
            if merged and first <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(merged[-1][1], last))
            else:
                merged.append((first, last))
        return cls(tuple(merged))

    @cached_property
    def _ends(self) -> Sequence[int]:
        return list(accumulate(last - first + 1 for first, last in self.pairs))

    @cached_property
    def _firsts(self) -> Sequence[int]:
        return [first for first, _ in self.pairs]

    @property
    def size(self) -> int:
        """How many numbers."""
        return self._ends[-1] if self.pairs else 0

    def __contains__(self, number: int) -> bool:
        index = bisect_right(self._firsts, number) - 1
        return index >= 0 and number <= self.pairs[index][1]

    def __iter__(self) -> Iterator[int]:
        for first, last in self.pairs:
            yield from range(first, last + 1)

    def at(self, place: int) -> int:
        """The number at a place, 0 being the smallest."""
        assert 0 <= place < self.size, f"place {place} of {self.size}"
        index = bisect_right(self._ends, place)
        before = self._ends[index - 1] if index else 0
        return self.pairs[index][0] + place - before

    def place(self, number: int) -> int:
        """Where a number stands."""
        assert number in self, f"{number} is not in these ranges"
        index = bisect_right(self._firsts, number) - 1
        before = self._ends[index - 1] if index else 0
        return before + number - self.pairs[index][0]

    def __and__(self, other: "Ranges") -> "Ranges":
        found: list[Pair] = []
        mine, theirs = 0, 0
        while mine < len(self.pairs) and theirs < len(other.pairs):
            (a, b), (c, d) = self.pairs[mine], other.pairs[theirs]
            if max(a, c) <= min(b, d):
                found.append((max(a, c), min(b, d)))
            if b < d:
                mine += 1
            else:
                theirs += 1
        return Ranges.of(found)

    def __sub__(self, other: "Ranges") -> "Ranges":
        if not self.pairs:
            return self
        low, high = self.pairs[0][0], self.pairs[-1][1]
        gaps, start = [], low
        for first, last in other.pairs:
            if start < first:
                gaps.append((start, first - 1))
            start = max(start, last + 1)
        if start <= high:
            gaps.append((start, high))
        return self & Ranges.of(gaps)
