"""The life of a payment intent as a table: which move is legal in which status, and where it leads.

It prevents a capture after a cancel, a cancel after a capture, and a second authorisation of the same intent.
Names and statuses are Stripe's (docs.stripe.com/payments/paymentintents/lifecycle).
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Status(StrEnum):
    """Where a payment intent stands, as it is written on the wire."""

    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_CONFIRMATION = "requires_confirmation"
    REQUIRES_ACTION = "requires_action"
    REQUIRES_CAPTURE = "requires_capture"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"


class Move(StrEnum):
    """What may happen to it."""

    ATTACH = "attach"
    CHALLENGE = "challenge"
    AUTHORISE = "authorise"
    CHARGE = "charge"
    DECLINE = "decline"
    CAPTURE = "capture"
    CANCEL = "cancel"
    EXPIRE = "expire"


_OPEN = (Status.REQUIRES_PAYMENT_METHOD, Status.REQUIRES_CONFIRMATION, Status.REQUIRES_ACTION)

LEGAL: Mapping[tuple[Status, Move], Status] = MappingProxyType(
    {(status, Move.ATTACH): Status.REQUIRES_CONFIRMATION for status in _OPEN}
    | {(status, Move.CHALLENGE): Status.REQUIRES_ACTION for status in _OPEN}
    | {(status, Move.AUTHORISE): Status.REQUIRES_CAPTURE for status in _OPEN}
    | {(status, Move.CHARGE): Status.SUCCEEDED for status in _OPEN}
    | {(status, Move.DECLINE): Status.REQUIRES_PAYMENT_METHOD for status in _OPEN}
    | {(status, Move.CANCEL): Status.CANCELED for status in (*_OPEN, Status.REQUIRES_CAPTURE)}
    | {
        (Status.REQUIRES_CAPTURE, Move.CAPTURE): Status.SUCCEEDED,
        (Status.REQUIRES_CAPTURE, Move.EXPIRE): Status.CANCELED,
    }
)
"""Every legal (status, move) and the status after it; a pair that is not here is refused and changes nothing."""

_VERBS = {
    Move.CAPTURE: ("This PaymentIntent could not be captured", "captured"),
    Move.CANCEL: ("You cannot cancel this PaymentIntent", "canceled"),
    Move.ATTACH: ("This PaymentIntent's payment_method could not be updated", "updated"),
}


def sources(move: Move) -> tuple[Status, ...]:
    """The statuses in which `move` is legal, in the order of a payment's life."""
    return tuple(status for status in Status if (status, move) in LEGAL)


def refusal(status: Status, move: Move) -> str:
    """Stripe's sentence for a move that `status` forbids."""
    assert (status, move) not in LEGAL
    start, participle = _VERBS.get(move, ("You cannot confirm this PaymentIntent", "confirmed"))
    allowed = ", ".join(sources(move))
    return (
        f"{start} because it has a status of {status}. "
        f"Only a PaymentIntent with one of the following statuses may be {participle}: {allowed}."
    )
