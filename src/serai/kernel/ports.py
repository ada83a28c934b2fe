"""The ports through which a core meets the world: time and chance are arguments, never globals.

`serai.runtime` implements them on the machine; tests and simulations implement them from a seed.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> datetime:
        """The wall clock, in UTC and timezone-aware. It may step; never measure a duration with it."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary start; never goes back. For durations and deadlines."""


class Random(Protocol):
    """Where chance comes from. The runtime's is cryptographic; a test's is seeded."""

    def token(self, size: int) -> bytes:
        """`size` random bytes, fit for secrets."""

    def below(self, bound: int) -> int:
        """A uniform integer in [0, bound)."""


class Disk(Protocol):
    """A directory of files as a machine finds it when it starts; while it runs it writes by `Store` effects."""

    def names(self) -> Sequence[str]:
        """Its files, sorted."""

    def read(self, file: str) -> bytes:
        """A file's content. FileNotFoundError."""


class OrderedMap(Protocol):
    """Keys in order, larger than memory. What was not synced may be lost by a crash, from the end of the writes."""

    def get(self, key: bytes) -> bytes | None:
        """The value, or None."""

    def scan(self, first: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Pairs with first <= key < end, ascending, as they are now: later writes do not change the iteration."""

    def write(self, batch: Sequence[tuple[bytes, bytes | None]]) -> None:
        """Puts and deletes (None) all of them or, after a crash, none."""

    def frozen(self) -> "FrozenMap":
        """A view of what is there now, which later writes do not change."""


class FrozenMap(Protocol):
    """An ordered map as it was at one moment. It holds on to what is deleted since: let it go soon."""

    def get(self, key: bytes) -> bytes | None:
        """The value, or None."""

    def scan(self, first: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Pairs with first <= key < end, ascending."""

    def close(self) -> None:
        """Lets it go; nothing may be asked of it any more."""
