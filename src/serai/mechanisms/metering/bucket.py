"""The token bucket: lets bursts through and holds an average, with one number of state a principal.

It prevents one caller from taking everybody's share, and a refused caller from guessing when to come back.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """`burst` requests at once, refilled by `per_s` requests a second."""

    burst: int
    per_s: float

    def __post_init__(self) -> None:
        assert self.burst >= 1 and self.per_s > 0, f"a rate that lets nothing through: {self}"


@dataclass(frozen=True, slots=True)
class Bucket:
    """Tokens left at a moment (seconds of a monotonic clock). It refills lazily, when it is looked at."""

    tokens: float
    at_s: float


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether the request may pass, what is left, and the seconds until it is worth trying (0 if it passed)."""

    allowed: bool
    remaining: int
    retry_after_s: float
    bucket: Bucket


def take(bucket: Bucket | None, rate: Rate, now_s: float, cost: int = 1) -> Decision:
    """Spends `cost` tokens if they are there. A principal not seen before starts with a full bucket."""
    assert 1 <= cost <= rate.burst, f"cost {cost} can never pass a burst of {rate.burst}"
    tokens = float(rate.burst)
    if bucket is not None:
        elapsed_s = max(0.0, now_s - bucket.at_s)
        tokens = min(float(rate.burst), bucket.tokens + elapsed_s * rate.per_s)
    if tokens < cost:
        return Decision(False, int(tokens), (cost - tokens) / rate.per_s, Bucket(tokens, now_s))
    return Decision(True, int(tokens - cost), 0.0, Bucket(tokens - cost, now_s))
