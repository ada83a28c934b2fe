"""Where a simulation's chance comes from: a seed means the same run on every Python and every machine.

The standard library promises that only for some of its generator's methods, so this one is ours: SHAKE-128 (FIPS 202)
of the seed's name and a block number, cut into 64-bit little-endian words. Floats are made by exact operations only,
never by a logarithm, which differs from one C library to the next in the last digit.
"""

from collections.abc import Sequence
from hashlib import shake_128
from struct import unpack
from typing import TypeVar

T = TypeVar("T")

_BLOCK_WORDS = 512
_WORD_FORMAT = f"<{_BLOCK_WORDS}Q"
_NARROW = 1 << 32
"""Below this bound one word decides, with a bias under 2**-32."""


class Seeded:
    """Chance from a seed; implements `serai.kernel.ports.Random`. Not fit for secrets."""

    __slots__ = ("_block", "_name", "_words")

    def __init__(self, seed: int | str) -> None:
        self._name = str(seed)
        self._block = 0
        self._words: list[int] = []

    def split(self, label: str) -> "Seeded":
        """A stream of its own: what is drawn there changes nothing here, so a new draw in one part moves no other."""
        return Seeded(f"{self._name}/{label}")

    def word(self) -> int:
        """64 bits."""
        if not self._words:
            self._refill()
        return self._words.pop()

    def unit(self) -> float:
        """A number in [0, 1) with 53 random bits."""
        if not self._words:
            self._refill()
        return (self._words.pop() >> 11) * 2.0**-53

    def _refill(self) -> None:
        name = f"{self._name}#{self._block}".encode()
        self._words.extend(unpack(_WORD_FORMAT, shake_128(name).digest(8 * _BLOCK_WORDS)))
        self._block += 1

    def happens(self, share: float) -> bool:
        """True in this share of cases. Nothing is drawn for a share of 0, so a fault that is off costs nothing."""
        return share > 0.0 and self.unit() < share

    def between(self, low: float, high: float) -> float:
        """A number in [low, high)."""
        assert low <= high, f"there is no number in [{low}, {high})"
        return low + (high - low) * self.unit()

    def below(self, bound: int) -> int:
        """A uniform integer in [0, bound)."""
        assert bound > 0, f"there is no integer in [0, {bound})"
        if bound <= _NARROW:
            return self.word() * bound >> 64
        return int.from_bytes(self.token((bound.bit_length() + 71) // 8), "little") % bound

    def token(self, size: int) -> bytes:
        """`size` random bytes."""
        assert size >= 0, f"{size} bytes cannot be drawn"
        return b"".join(self.word().to_bytes(8, "little") for _ in range((size + 7) // 8))[:size]

    def pick(self, things: Sequence[T]) -> T:
        """One of them."""
        assert things, "there is nothing to pick from"
        return things[self.below(len(things))]

    def shuffled(self, things: Sequence[T]) -> list[T]:
        """All of them in a random order (Fisher and Yates)."""
        mixed = list(things)
        for last in range(len(mixed) - 1, 0, -1):
            other = self.below(last + 1)
            mixed[last], mixed[other] = mixed[other], mixed[last]
        return mixed
