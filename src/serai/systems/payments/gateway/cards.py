"""Stripe's test payment methods: which token stands for which card, and what that card's issuer answers.

A card number never reaches the gateway. A payment method's id carries the index of its card, so payment methods need
no storage. Tokens and codes: docs.stripe.com/testing.
"""

from dataclasses import dataclass
from enum import Enum, auto


class Issuer(Enum):
    """What the issuer does when the card is charged."""

    APPROVES = auto()
    DECLINES = auto()
    CHALLENGES = auto()
    APPROVES_SILENTLY = auto()
    """The payment takes effect and the answer never arrives: the outcome is unknown to the client."""


@dataclass(frozen=True, slots=True)
class Card:
    """One test card. `code` and `decline_code` are Stripe's; empty where the card is not declined."""

    token: str
    brand: str
    last4: str
    issuer: Issuer = Issuer.APPROVES
    code: str = ""
    decline_code: str = ""
    message: str = ""


def _declined(token: str, last4: str, reason: str, message: str, code: str = "card_declined") -> Card:
    return Card(token, "visa", last4, Issuer.DECLINES, code, reason, message)


_NO = "Your card was declined."
_POOR = "Your card has insufficient funds."
_OLD = "Your card has expired."
_CVC = "Your card's security code is incorrect."
_BUSY = "An error occurred while processing your card. Try again in a little bit."
_OFTEN = "Your card was declined for making repeated attempts too frequently or exceeding its amount limit."

CARDS: tuple[Card, ...] = (
    Card("pm_card_visa", "visa", "4242"),
    Card("pm_card_mastercard", "mastercard", "4444"),
    Card("pm_card_amex", "amex", "8431"),
    Card("pm_card_visa_debit", "visa", "5556"),
    _declined("pm_card_chargeDeclined", "0002", "generic_decline", _NO),
    _declined("pm_card_visa_chargeDeclined", "0002", "generic_decline", _NO),
    _declined("pm_card_chargeDeclinedInsufficientFunds", "9995", "insufficient_funds", _POOR),
    _declined("pm_card_visa_chargeDeclinedInsufficientFunds", "9995", "insufficient_funds", _POOR),
    _declined("pm_card_visa_chargeDeclinedLostCard", "9987", "lost_card", _NO),
    _declined("pm_card_visa_chargeDeclinedStolenCard", "9979", "stolen_card", _NO),
    _declined("pm_card_visa_chargeDeclinedVelocityLimitExceeded", "6975", "card_velocity_exceeded", _OFTEN),
    _declined("pm_card_chargeDeclinedExpiredCard", "0069", "expired_card", _OLD, "expired_card"),
    _declined("pm_card_chargeDeclinedIncorrectCvc", "0127", "incorrect_cvc", _CVC, "incorrect_cvc"),
    _declined("pm_card_chargeDeclinedProcessingError", "0119", "processing_error", _BUSY, "processing_error"),
    _declined("pm_card_chargeDeclinedFraudulent", "0019", "fraudulent", _NO),
    Card("pm_card_authenticationRequired", "visa", "3184", Issuer.CHALLENGES),
    Card("pm_card_threeDSecure2Required", "visa", "3220", Issuer.CHALLENGES),
    # Ours alone: Stripe has no card for a lost answer, which is the case a payment saga exists for.
    Card("pm_card_answerLost", "visa", "0408", Issuer.APPROVES_SILENTLY),
)
"""Append only: a payment method's id names its card by position."""

BY_TOKEN = {card.token: index for index, card in enumerate(CARDS)}
