"""When to order and how much: whether a level is low, what to buy, and a reorder point from what was sold.

The formulas are the field's: demand over the lead time plus a safety stock for its spread (Silver, Pyke, Thomas,
"Inventory and Production Management in Supply Chains", chapter 6). Every suggestion says how it came about.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from statistics import NormalDist, fmean, pstdev

DAYS_MIN = 14
"""Days of history below which a suggestion would be a guess."""

SERVICE_PERCENT = 95.0
"""How often the goods should last until the delivery comes."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How one product is reordered at one location; quantities in the product's smallest part."""

    reorder_point: int
    reorder_quantity: int
    level_max: int | None = None
    lead_time_days: int = 0
    safety_stock: int = 0

    def is_low(self, on_hand: int) -> bool:
        """Whether it is time to order."""
        return on_hand <= self.reorder_point


def suggested_quantity(policy: Policy, on_hand: int, reserved: int, inbound: int) -> int:
    """What to buy: up to the maximum, else whole reorder quantities, counting what is promised and on its way.

    0 if what is on its way lifts the position above the point.
    """
    position = on_hand - reserved + inbound
    if position > policy.reorder_point:
        return 0
    if policy.level_max is not None:
        return policy.level_max - position
    missing = policy.reorder_point + 1 - position
    return policy.reorder_quantity * ceil(missing / policy.reorder_quantity)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A reorder point, and how it came about."""

    reorder_point: int
    safety_stock: int
    mean_per_day: float
    deviation_per_day: float
    days: int
    lead_time_days: int
    service_percent: float
    formula: str


def suggested_point(sold_per_day: Sequence[int], lead_time_days: int, service: float = SERVICE_PERCENT) -> Suggestion:
    """The level at which to order, from what was sold on each day, days without a sale included."""
    assert len(sold_per_day) >= DAYS_MIN, f"{len(sold_per_day)} days are too few"
    assert min(sold_per_day) >= 0, "sales are not negative"
    assert 50 <= service < 100, f"a service of {service} %"
    mean, deviation = fmean(sold_per_day), pstdev(sold_per_day)
    factor = NormalDist().inv_cdf(service / 100)
    safety = ceil(factor * deviation * sqrt(lead_time_days))
    point = ceil(mean * lead_time_days) + safety
    formula = (
        f"reorder point = demand a day x lead time + z x deviation x sqrt(lead time)"
        f" = {mean:.2f} x {lead_time_days} + {factor:.2f} x {deviation:.2f} x {sqrt(lead_time_days):.2f}"
        f" = {point}; z for a service of {service:g} %"
    )
    return Suggestion(point, safety, mean, deviation, len(sold_per_day), lead_time_days, service, formula)
