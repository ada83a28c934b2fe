"""What shops may use: subclass `Buying` and `ClaimOrders`, say your `Words`, draw a `PayForm`."""

from pathlib import Path

from serai.systems.checkout.audit import Billed, Expects, money_findings
from serai.systems.checkout.buying import Buying
from serai.systems.checkout.claims import Claims
from serai.systems.checkout.model import Reply, Started, Words
from serai.systems.checkout.orders import ClaimOrders
from serai.systems.checkout.pages import BACK_FROM_BANK, EMAIL, Pay, PayForm, attempt_key, checked
from serai.systems.checkout.requests import paid_hold

FOLDER = Path(__file__).parent
"""Of the templates and static files that shops' pages share."""

__all__ = [
    "BACK_FROM_BANK",
    "EMAIL",
    "FOLDER",
    "Billed",
    "Buying",
    "ClaimOrders",
    "Claims",
    "Expects",
    "Pay",
    "PayForm",
    "Reply",
    "Started",
    "Words",
    "attempt_key",
    "checked",
    "money_findings",
    "paid_hold",
]
