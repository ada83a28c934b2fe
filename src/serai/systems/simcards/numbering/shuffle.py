"""The order in which a pool's numbers lie: a bijection between places and keys, known only to who has the pool's key.

It prevents that a number tells its neighbour: keys that follow each other stand for numbers anywhere in the range. It
is the second of two guards. The first is that every draw begins at a fresh random key, so whoever stole this key could
still predict nothing; and keys never leave the house, so nobody has pairs to attack it with.

A Feistel network over Z_a x Z_b (Black and Rogaway, "Ciphers with arbitrary finite domains", 2002), BLAKE2b as its
round function, walking on while the result lies outside the pool. Nothing is stored: eight million numbers need no
table.
"""

from dataclasses import dataclass
from hashlib import blake2b
from math import isqrt

ROUNDS = 12
"""Even, so that both halves are mixed as often."""

KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Shuffle:
    """A permutation of 0 to size - 1."""

    size: int
    key: bytes

    def __post_init__(self) -> None:
        assert self.size >= 1, f"a pool of {self.size}"
        assert len(self.key) == KEY_BYTES, f"a key of {len(self.key)} bytes"

    def key_of(self, place: int) -> int:
        """Where the number at `place` lies in the deck."""
        assert 0 <= place < self.size, f"place {place} of {self.size}"
        a, b = self._sides()
        while True:
            right, left = divmod(place, a)
            for number in range(0, ROUNDS, 2):
                left = (left + self._mix(number, right)) % a
                right = (right + self._mix(number + 1, left)) % b
            place = right * a + left
            if place < self.size:
                return place

    def place_of(self, key: int) -> int:
        """Which number lies there: the inverse of `key_of`."""
        assert 0 <= key < self.size, f"key {key} of {self.size}"
        a, b = self._sides()
        while True:
            right, left = divmod(key, a)
            for number in range(ROUNDS - 2, -1, -2):
                right = (right - self._mix(number + 1, left)) % b
                left = (left - self._mix(number, right)) % a
            key = right * a + left
            if key < self.size:
                return key

    def _sides(self) -> tuple[int, int]:
        """a and b with a x b just above the size, so that walking on is rare."""
        a = isqrt(self.size - 1) + 1
        return a, -(-self.size // a)

    def _mix(self, number: int, half: int) -> int:
        block = half << 8 | number
        return int.from_bytes(blake2b(block.to_bytes(9, "little"), digest_size=8, key=self.key).digest(), "little")
