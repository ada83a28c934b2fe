"""Evidence that nobody can tell the next number: three tests with p-values, beside a seller in order, who must fail.

It prevents that "unpredictable" is only a word. Each test asks how likely numbers as odd as these are if every number
of the pool is as likely as any other; under ALARM it says so. A good source fails each test once in a thousand reports.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

ALARM = 0.001
"""A p-value below this is called a failure."""

BUCKETS = 64
"""Equal parts of the pool; the game is to name the next number's part."""

SAMPLE_MIN = 640
"""Numbers that a report needs: ten for each bucket, by the rule of thumb for chi-square."""


@dataclass(frozen=True, slots=True)
class Test:
    """One test's outcome. `statistic` is its own measure, `p` the chance of one as odd from a fair source."""

    name: str
    statistic: float
    p: float
    said: str

    @property
    def passed(self) -> bool:
        """Whether it raises no alarm."""
        return self.p >= ALARM

    def json(self) -> dict[str, Any]:
        """As the report shows it."""
        return {
            "name": self.name,
            "statistic": round(self.statistic, 4),
            "p": self.p,
            "passed": self.passed,
            "said": self.said,
        }


def judge(places: Sequence[int], size: int) -> list[Test]:
    """All tests on numbers in the order in which they were drawn, each as its place in a pool of `size`."""
    assert len(places) >= SAMPLE_MIN, f"{len(places)} numbers are too few"
    assert all(0 <= place < size for place in places), "a place is outside the pool"
    return [spread(places, size), digits(places), serial(places, size), game(places, size)]


def spread(places: Sequence[int], size: int) -> Test:
    """Chi-square: each of the pool's parts is drawn from as often."""
    counts = Counter(place * BUCKETS // size for place in places)
    starts = [-(-part * size // BUCKETS) for part in range(BUCKETS + 1)]
    expected = [len(places) * (end - start) / size for start, end in pairwise(starts)]
    value = sum((counts[part] - want) ** 2 / want for part, want in enumerate(expected))
    return Test("chi-square of places", value, chi_square_tail(value, BUCKETS - 1), f"over {BUCKETS} parts of the pool")


def digits(places: Sequence[int]) -> Test:
    """Chi-square: the last digits are as often 0 as 9."""
    counts = Counter(place % 10 for place in places)
    want = len(places) / 10
    value = sum((counts[digit] - want) ** 2 / want for digit in range(10))
    return Test("chi-square of last digits", value, chi_square_tail(value, 9), "over the ten digits")


def serial(places: Sequence[int], size: int) -> Test:
    """Serial correlation: a number says nothing about how large the next one is."""
    mean = sum(places) / len(places)
    variance = sum((place - mean) ** 2 for place in places)
    together = sum((a - mean) * (b - mean) for a, b in pairwise(places))
    value = together / variance if variance else 1.0
    p = math.erfc(abs(value) * math.sqrt(len(places)) / math.sqrt(2))
    return Test("serial correlation", value, p, f"of {len(places)} numbers and those after them")


def game(places: Sequence[int], size: int) -> Test:
    """The next-number game: the best of several guessers, each of whom has seen all numbers so far.

    A guesser wins a round by naming the part of the pool in which the next number lies; by luck one in BUCKETS.
    """
    wins = {name: _wins(guess, places, size) for name, guess in GUESSERS.items()}
    best = max(wins, key=lambda name: wins[name])
    rounds = len(places) - 1
    # The best of several is luckier than one: Bonferroni's correction.
    p = min(1.0, len(GUESSERS) * binomial_tail(wins[best], rounds, 1 / BUCKETS))
    said = f"best guesser '{best}' named {wins[best]} of {rounds} parts; luck alone names {rounds / BUCKETS:.0f}"
    return Test("next-number game", wins[best] / rounds, p, said)


def in_order(count: int, size: int) -> list[int]:
    """The baseline: a shop that sells its numbers from the first on. Places, as `judge` takes them."""
    return [place % size for place in range(count)]


def _again(seen: Sequence[int], size: int) -> int:
    return seen[-1]


def _after(seen: Sequence[int], size: int) -> int:
    return (seen[-1] + 1) % size


def _step(seen: Sequence[int], size: int) -> int:
    return (2 * seen[-1] - seen[-2]) % size if len(seen) > 1 else seen[-1]


def _opposite(seen: Sequence[int], size: int) -> int:
    return size - 1 - seen[-1]


GUESSERS: Mapping[str, Callable[[Sequence[int], int], int]] = {
    "the last one again": _again,
    "the one after the last": _after,
    "the same step again": _step,
    "the opposite end": _opposite,
}


def _wins(guess: Callable[[Sequence[int], int], int], places: Sequence[int], size: int) -> int:
    # Guessers look back two numbers at most, so they get no longer past.
    return sum(
        guess(places[max(0, at - 2) : at], size) * BUCKETS // size == places[at] * BUCKETS // size
        for at in range(1, len(places))
    )


def chi_square_tail(value: float, freedom: int) -> float:
    """The chance of a chi-square as large: the upper incomplete gamma function (Numerical Recipes 6.2)."""
    return _upper_gamma(freedom / 2, value / 2)


def binomial_tail(wins: int, rounds: int, luck: float) -> float:
    """The chance of so many wins or more, summed in logarithms."""
    if wins <= 0:
        return 1.0
    logs = [
        math.lgamma(rounds + 1) - math.lgamma(k + 1) - math.lgamma(rounds - k + 1)
        + k * math.log(luck) + (rounds - k) * math.log1p(-luck)
        for k in range(wins, rounds + 1)
    ]  # fmt: skip
    top = max(logs)
    return min(1.0, math.exp(top) * sum(math.exp(each - top) for each in logs))


def _upper_gamma(a: float, x: float) -> float:
    if x <= 0:
        return 1.0
    scale = math.exp(-x + a * math.log(x) - math.lgamma(a))
    if x < a + 1:
        term = total = 1 / a
        step = a
        while abs(term) > abs(total) * 1e-15:
            step += 1
            term *= x / step
            total += term
        return max(0.0, 1 - total * scale)
    b, c, d = x + 1 - a, 1e300, 1 / (x + 1 - a)
    fraction = d
    for i in range(1, 500):
        factor = -i * (i - a)
        b += 2
        d = 1 / (factor * d + b)
        c = b + factor / c
        fraction *= d * c
        if abs(d * c - 1) < 1e-15:
            break
    return fraction * scale
