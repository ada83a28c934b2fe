"""The ports through which a core meets the world: time and chance are arguments, never globals.

`serai.runtime` implements them on the machine; tests and simulations implement them from a seed.
"""

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
