"""What can go wrong with a payment.

SeraiError
├── PaymentDeclined         402 payment_declined         the bank said no; another card or key may do
├── AuthenticationRequired  402 authentication_required  the bank wants the buyer to confirm
├── PaymentUnknown          503 payment_unknown          the gateway's answer was lost; it is being asked for
└── NoSuchPayment           404 payment_not_found
"""

from serai.kernel.errors import NotFound, SeraiError, Unavailable


class PaymentDeclined(SeraiError):
    """The bank said no."""

    status = 402
    code = "payment_declined"
    title = "The payment was declined"


class AuthenticationRequired(SeraiError):
    """The bank wants the buyer to confirm the payment first."""

    status = 402
    code = "authentication_required"
    title = "Your bank asks you to confirm"


class PaymentUnknown(Unavailable):
    """The gateway's answer was lost; it is being asked for, and nothing is charged twice."""

    code = "payment_unknown"
    title = "The payment's outcome is not known yet"


class NoSuchPayment(NotFound):
    """No payment has this id."""

    code = "payment_not_found"
