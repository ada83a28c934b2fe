"""What shops may use: subclass `Buying` and `ClaimOrders`, say your `Words`."""

from serai.systems.checkout.audit import Billed, Expects, money_findings
from serai.systems.checkout.buying import Buying
from serai.systems.checkout.claims import Claims
from serai.systems.checkout.model import Reply, Started, Words
from serai.systems.checkout.orders import ClaimOrders

__all__ = [
    "Billed",
    "Buying",
    "ClaimOrders",
    "Claims",
    "Expects",
    "Reply",
    "Started",
    "Words",
    "money_findings",
]
