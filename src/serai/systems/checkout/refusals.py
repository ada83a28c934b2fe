"""Why there is nothing to be had, in words that the buyer can act on."""

from serai.kernel.errors import Conflict
from serai.systems.checkout.model import Words
from serai.systems.payments.api import (
    NOT_CONFIRMED,
    NOT_RECEIVED,
    AuthenticationRequired,
    Payment,
    PaymentDeclined,
    PaymentState,
)

DECLINES = {
    "insufficient_funds": "The card has not enough money on it",
    "expired_card": "The card has expired",
    "incorrect_cvc": "The card's security code is wrong",
    "lost_card": "The bank declined the card",
    "stolen_card": "The bank declined the card",
    "resource_missing": "The gateway does not know this payment method",
    "processing_error": "The bank could not process the card",
    NOT_RECEIVED: "The payment did not reach the bank",
    NOT_CONFIRMED: "The bank's confirmation did not come in time",
}
"""Decline codes that a buyer can act on, in words."""


def declined(payment: Payment, words: Words, *, held: bool) -> PaymentDeclined:
    """The bank said no; `held`: whether the goods still are."""
    said = DECLINES.get(payment.decline_code or "", "The bank declined the card")
    then = words.still_held if held else words.not_held
    return PaymentDeclined(f"{said}; nothing was charged. {then}", extra={"decline_code": payment.decline_code})


def returned(payment: Payment, words: Words) -> Conflict | PaymentDeclined:
    """The payment was undone: no money, no goods."""
    if payment.state is PaymentState.FAILED:
        return PaymentDeclined(
            f"The bank withdrew the payment before it was taken; nothing was charged, and {words.ended}",
            extra={"decline_code": payment.decline_code},
        )
    if payment.decline_code:
        return declined(payment, words, held=False)
    return words.lost(words.gone)


def authentication(payment: Payment, words: Words, order_id: str) -> AuthenticationRequired:
    """The bank wants to see the buyer first; `order_id` is what goes on with."""
    return AuthenticationRequired(
        "Your bank wants you to confirm this payment; do that, then continue.",
        extra={
            words.id_field: order_id,
            "next_action": {"type": "redirect_to_url", "url": payment.action_url},
        },
    )
