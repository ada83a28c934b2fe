"""What other systems may use of payments. Write methods take the caller's transaction and never open their own."""

from serai.mechanisms.payments.saga import PaymentState
from serai.systems.payments.errors import AuthenticationRequired, PaymentDeclined, PaymentUnknown
from serai.systems.payments.model import NOT_CONFIRMED, NOT_RECEIVED, GoodsLost, Order, Payment
from serai.systems.payments.service import Payments
from serai.systems.payments.store import captured_total, unsettled

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
    "captured_total",
    "unsettled",
]
