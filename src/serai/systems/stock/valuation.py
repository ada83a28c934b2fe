"""What the goods are worth: first in first out, and moving average. Pure replays of a product's own lines.

Back-dated lines stand where they happened, so a late invoice changes what was sold since, by replaying and not by
rewriting. Money is whole minor units: what cannot be divided stays with what is left, so no cent appears or vanishes.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Flowed:
    """So much came (positive) or went (negative); `cost_minor` of all of it, where it was bought."""

    quantity: int
    cost_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Worth:
    """What is there, what it cost, and what went cost. `owed` went before anything was there to cost it."""

    quantity: int
    value_minor: int
    gone_minor: int
    owed: int = 0


@dataclass(slots=True)
class _Layers:
    """Deliveries, oldest first, as (quantity, value)."""

    layers: deque[tuple[int, int]] = field(default_factory=deque)
    quantity: int = 0
    value: int = 0

    def add(self, quantity: int, value: int) -> None:
        """A delivery."""
        self.layers.append((quantity, value))
        self.quantity += quantity
        self.value += value

    def take(self, quantity: int) -> int:
        """The value of the oldest `quantity`; there is as much."""
        assert quantity <= self.quantity, f"{quantity} of {self.quantity}"
        taken, left = 0, quantity
        while left:
            there, value = self.layers.popleft()
            used = min(there, left)
            part = value if used == there else value * used // there
            if used < there:
                self.layers.appendleft((there - used, value - part))
            taken, left = taken + part, left - used
        self.quantity -= quantity
        self.value -= taken
        return taken


def fifo(flows: Iterable[Flowed]) -> Worth:
    """The oldest goods go first. What comes without a price (a return, a find) is worth what the last delivery was."""
    stock, gone, owed = _Layers(), 0, 0
    last = (1, 0)
    for flow in flows:
        if flow.quantity > 0:
            value = flow.cost_minor
            if value is None:
                value = last[1] * flow.quantity // last[0]
            else:
                last = (flow.quantity, value)
            back = min(owed, flow.quantity)
            paid = value * back // flow.quantity
            owed, gone = owed - back, gone + paid
            if flow.quantity > back:
                stock.add(flow.quantity - back, value - paid)
        else:
            there = min(-flow.quantity, stock.quantity)
            gone += stock.take(there)
            owed += -flow.quantity - there
    return Worth(stock.quantity, stock.value, gone, owed)


def moving_average(flows: Iterable[Flowed]) -> Worth:
    """Every delivery mixes with what is there. What comes without a price comes at the average of the moment."""
    quantity, value, gone, owed = 0, 0, 0, 0
    last = (1, 0)
    for flow in flows:
        if flow.quantity > 0:
            if flow.cost_minor is not None:
                cost, last = flow.cost_minor, (flow.quantity, flow.cost_minor)
            elif quantity:
                cost = value * flow.quantity // quantity
            else:
                cost = last[1] * flow.quantity // last[0]
            back = min(owed, flow.quantity)
            paid = cost * back // flow.quantity
            owed, gone = owed - back, gone + paid
            quantity, value = quantity + flow.quantity - back, value + cost - paid
        else:
            there = min(-flow.quantity, quantity)
            part = value if there == quantity else value * there // quantity
            quantity, value, gone = quantity - there, value - part, gone + part
            owed += -flow.quantity - there
    return Worth(quantity, value, gone, owed)
