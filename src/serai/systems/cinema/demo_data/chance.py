"""Chance without a generator: a draw is a hash of what it is for, so it is the same on every day and machine."""

from hashlib import sha256
from typing import Final, TypeVar
from uuid import UUID, uuid5

T = TypeVar("T")

NAMESPACE: Final = UUID("5f0a4c52-6f4b-5d0e-9a55-0d3c8c1e7b27")
"""Under which the demo's ids are derived (RFC 9562 section 5.5)."""


def draw(below: int, *what: object) -> int:
    """A number in [0, below) that depends on nothing but `what`."""
    assert below > 0
    text = "\x1f".join(map(str, what))
    return int.from_bytes(sha256(text.encode()).digest()[:8]) % below


def shuffled(items: tuple[T, ...], *what: object) -> tuple[T, ...]:
    """The items in an order that depends on nothing but `what`."""
    order = sorted(range(len(items)), key=lambda place: (draw(2**60, *what, place), place))
    return tuple(items[place] for place in order)


def demo_id(kind: str, name: str) -> UUID:
    """The id of a demo thing, from its natural key."""
    return uuid5(NAMESPACE, f"{kind}/{name}")
