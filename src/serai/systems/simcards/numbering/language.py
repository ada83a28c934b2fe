"""Which numbers a pattern of digits matches, as ranges: all of them, exactly, without trying each.

Numbering plans are written as regular expressions over digits (phonenumbers' metadata, and our own rules). Trying eight
million numbers takes minutes; walking the pattern's automaton digit by digit takes milliseconds, since whole subtrees
match or fail together. Patterns know digits, \\d, [classes], (?:groups), |, ? and {counts}; anything else is refused.
"""

import re
from collections.abc import Iterator
from functools import cache
from itertools import count

from serai.systems.simcards.numbering.ranges import Pair, Ranges

LENGTH_MAX = 15
"""Digits of the longest E.164 number."""

_DIGITS = frozenset(range(10))
_TOKEN = re.compile(r"\\d|\[[\d-]+\]|\d|\(\?:|\(|\)|\||\?|\{\d+(?:,\d+)?\}")

Step = tuple[frozenset[int], int]
"""These digits lead to that state."""


class _Automaton:
    """A nondeterministic automaton (Thompson's construction) built by reading the pattern once."""

    def __init__(self, pattern: str) -> None:
        self.steps: dict[int, list[Step]] = {}
        self.free: dict[int, list[int]] = {}
        self._new = count()
        self._tokens = _tokens(pattern)
        self._at = 0
        self.start, self.end = self._either()
        if self._at != len(self._tokens):
            raise ValueError(f"a parenthesis too many in {pattern!r}")

    def _state(self) -> int:
        state = next(self._new)
        self.steps[state], self.free[state] = [], []
        return state

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _either(self) -> tuple[int, int]:
        start, end = self._state(), self._state()
        while True:
            first, last = self._sequence()
            self.free[start].append(first)
            self.free[last].append(end)
            if self._peek() != "|":
                return start, end
            self._at += 1

    def _sequence(self) -> tuple[int, int]:
        start = last = self._state()
        while self._peek() not in ("", "|", ")"):
            first, end = self._counted()
            self.free[last].append(first)
            last = end
        return start, last

    def _counted(self) -> tuple[int, int]:
        """An atom as often as its quantifier says: read anew for each time."""
        begin = self._at
        start, last = self._atom()
        after = self._at
        least, most = _bounds(self._peek())
        if (least, most) == (1, 1) and not self._peek().startswith(("{", "?")):
            return start, last
        start = last = self._state()
        end = self._state()
        for time in range(most):
            if time >= least:
                self.free[last].append(end)
            self._at = begin
            first, after_one = self._atom()
            self.free[last].append(first)
            last = after_one
        self.free[last].append(end)
        self._at = after + 1
        return start, end

    def _atom(self) -> tuple[int, int]:
        token = self._peek()
        self._at += 1
        if token in ("(?:", "("):
            start, end = self._either()
            if self._peek() != ")":
                raise ValueError("a parenthesis is not closed")
            self._at += 1
            return start, end
        start, end = self._state(), self._state()
        self.steps[start].append((_digits(token), end))
        return start, end

    def closure(self, states: frozenset[int]) -> frozenset[int]:
        """These states and all that cost no digit."""
        seen, queue = set(states), list(states)
        while queue:
            for free in self.free[queue.pop()]:
                if free not in seen:
                    seen.add(free)
                    queue.append(free)
        return frozenset(state for state in seen if self.steps[state] or state == self.end)

    def after(self, states: frozenset[int], digit: int) -> frozenset[int]:
        """Where a digit leads."""
        return self.closure(frozenset(to for state in states for digits, to in self.steps[state] if digit in digits))


def matching(pattern: str, length: int) -> Ranges:
    """All numbers of exactly `length` digits (leading zeros count) that the whole pattern matches."""
    assert 1 <= length <= LENGTH_MAX, f"{length} digits"
    automaton = _Automaton(pattern)

    @cache
    def numbers(states: frozenset[int], left: int) -> tuple[Pair, ...]:
        if not states:
            return ()
        if left == 0:
            return ((0, 0),) if automaton.end in states else ()
        tenth = 10 ** (left - 1)
        found: list[Pair] = []
        for digit in range(10):
            for first, last in numbers(automaton.after(states, digit), left - 1):
                _append(found, first + digit * tenth, last + digit * tenth)
        return tuple(found)

    return Ranges(numbers(automaton.closure(frozenset([automaton.start])), length))


def _append(found: list[Pair], first: int, last: int) -> None:
    if found and found[-1][1] + 1 == first:
        found[-1] = (found[-1][0], last)
    else:
        found.append((first, last))


def _tokens(pattern: str) -> list[str]:
    return list(_split(pattern))


def _split(pattern: str) -> Iterator[str]:
    at = 0
    while at < len(pattern):
        found = _TOKEN.match(pattern, at)
        if found is None:
            raise ValueError(f"{pattern[at]!r} at {at} is not part of a pattern of digits")
        yield found.group()
        at = found.end()


def _bounds(part: str) -> tuple[int, int]:
    if part == "?":
        return 0, 1
    if part.startswith("{"):
        least, _, most = part[1:-1].partition(",")
        return int(least), int(most or least)
    return 1, 1


def _digits(part: str) -> frozenset[int]:
    if part == "\\d":
        return _DIGITS
    if part.isdecimal():
        return frozenset([int(part)])
    if not part.startswith("["):
        raise ValueError(f"{part!r} stands where a digit should")
    found: set[int] = set()
    for each in re.findall(r"\d-\d|\d", part[1:-1]):
        first, _, last = each.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return frozenset(found)
