"""Time and chance of the real machine. Everything else takes them as arguments."""

import secrets
import time
from datetime import UTC, datetime


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        """UTC now, timezone-aware."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since some start that never goes back."""
        return time.monotonic()


class SystemRandom:
    """The operating system's cryptographic randomness."""

    def token(self, size: int) -> bytes:
        """`size` random bytes."""
        return secrets.token_bytes(size)

    def below(self, bound: int) -> int:
        """A uniform integer in [0, bound)."""
        return secrets.randbelow(bound)
