"""Classes of numbers, by rules that are data: what a number is worth is seen in its last digits.

It prevents that a number which people pay for goes at the price of any other, whichever way it was found: the class is
computed from the number, never stored, so it cannot differ between search, hold and sale.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise


class NumberClass(StrEnum):
    """From the dearest."""

    GOLD = "gold"
    PREMIUM = "premium"
    PLAIN = "plain"


class Shape(StrEnum):
    """What a rule looks for at the end of a number; `size` digits of it."""

    RUN = "run"
    """777777."""
    STAIRS = "stairs"
    """123456 or 654321."""
    PAIRS = "pairs"
    """121212."""
    TWIN = "twin"
    """123123: two equal halves."""
    MIRROR = "mirror"
    """123321."""


@dataclass(frozen=True, slots=True)
class ClassRule:
    """A number that ends in this shape is of this class."""

    number_class: NumberClass
    shape: Shape
    size: int


DEFAULT_RULES = (
    ClassRule(NumberClass.GOLD, Shape.RUN, 5),
    ClassRule(NumberClass.GOLD, Shape.STAIRS, 6),
    ClassRule(NumberClass.GOLD, Shape.PAIRS, 6),
    ClassRule(NumberClass.PREMIUM, Shape.RUN, 4),
    ClassRule(NumberClass.PREMIUM, Shape.STAIRS, 5),
    ClassRule(NumberClass.PREMIUM, Shape.TWIN, 6),
    ClassRule(NumberClass.PREMIUM, Shape.MIRROR, 6),
)
"""The first that fits decides. About one number in 5,000 is gold, and one in 350 premium."""


def class_of(number: int, rules: Sequence[ClassRule] = DEFAULT_RULES) -> NumberClass:
    """The class of a number; plain where no rule fits."""
    digits = str(number)
    for rule in rules:
        if len(digits) >= rule.size and _LOOKS[rule.shape](digits[-rule.size :]):
            return rule.number_class
    return NumberClass.PLAIN


def _run(tail: str) -> bool:
    return len(set(tail)) == 1


def _stairs(tail: str) -> bool:
    steps = {int(after) - int(before) for before, after in pairwise(tail)}
    return steps in ({1}, {-1})


def _pairs(tail: str) -> bool:
    return tail == tail[:2] * (len(tail) // 2)


def _twin(tail: str) -> bool:
    half = len(tail) // 2
    return tail[:half] == tail[half:]


def _mirror(tail: str) -> bool:
    return tail == tail[::-1]


_LOOKS: Mapping[Shape, Callable[[str], bool]] = {
    Shape.RUN: _run,
    Shape.STAIRS: _stairs,
    Shape.PAIRS: _pairs,
    Shape.TWIN: _twin,
    Shape.MIRROR: _mirror,
}
