"""Time and chance for tests: a clock that moves when told, and randomness from a seed."""

from datetime import UTC, datetime, timedelta
from random import Random as Seeded

START = datetime(2026, 11, 24, 12, tzinfo=UTC)


class ManualClock:
    """Stands still until a test advances it. PostgreSQL's clock is its own: expiry in SQL is moved by updating rows."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return (self.at - START).total_seconds()

    def advance(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class SeededRandom:
    """Repeats itself for the same seed."""

    def __init__(self, seed: int = 0) -> None:
        self._seeded = Seeded(seed)

    def token(self, size: int) -> bytes:
        return self._seeded.randbytes(size)

    def below(self, bound: int) -> int:
        return self._seeded.randrange(bound)
