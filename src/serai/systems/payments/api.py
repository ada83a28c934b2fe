"""What other systems may use of payments. Write methods take the caller's transaction and never open their own."""

from serai.mechanisms.payments.saga import PaymentState
from serai.systems.payments.errors import AuthenticationRequired, PaymentDeclined, PaymentUnknown
from serai.systems.payments.model import NOT_CONFIRMED, NOT_RECEIVED, GoodsLost, Order, Payment
from serai.systems.payments.reconcile import Report
from serai.systems.payments.service import Payments
from serai.systems.payments.store import Taken, captured_total, taken_of, unsettled
from serai.systems.payments.system import open_reconciler

__all__ = [
    "NOT_CONFIRMED",
    "NOT_RECEIVED",
    "AuthenticationRequired",
    "GoodsLost",
    "Order",
    "Payment",
    "PaymentDeclined",
    "PaymentState",
    "PaymentUnknown",
    "Payments",
    "Report",
    "Taken",
    "captured_total",
    "open_reconciler",
    "taken_of",
    "unsettled",
]
