"""The objects of the wire, made from what is known about them. Every one is a plain dictionary that is never changed
in place: a change makes a new one, so an event keeps the object as it was.

Fields that the subset does not fill are present with the value that Stripe gives them when unused.
"""

import hmac
from hashlib import sha256
from typing import Any, Literal

from serai.systems.payments.gateway import ids
from serai.systems.payments.gateway.cards import BY_TOKEN, CARDS, Card, Issuer

Doc = dict[str, Any]
Kind = Literal["payment_intent", "charge", "refund", "event", "webhook_endpoint"]

API_VERSION = "2026-10-28.endive"
"""The version of Stripe's API whose shapes these are: the one that the `stripe` library 16.1 speaks."""

PREFIXES: dict[str, Kind] = {
    "pi": "payment_intent",
    "ch": "charge",
    "re": "refund",
    "evt": "event",
    "we": "webhook_endpoint",
}
PATHS: dict[Kind, str] = {
    "payment_intent": "/v1/payment_intents",
    "charge": "/v1/charges",
    "refund": "/v1/refunds",
    "event": "/v1/events",
    "webhook_endpoint": "/v1/webhook_endpoints",
}
EVENT_TYPES = frozenset(
    {
        "payment_intent.created",
        "payment_intent.requires_action",
        "payment_intent.amount_capturable_updated",
        "payment_intent.succeeded",
        "payment_intent.payment_failed",
        "payment_intent.canceled",
        "charge.succeeded",
        "charge.failed",
        "charge.captured",
        "charge.expired",
        "charge.refunded",
        "refund.created",
        "refund.updated",
    }
)
_NOBODY = {
    "address": {"city": None, "country": None, "line1": None, "line2": None, "postal_code": None, "state": None},
    "email": None,
    "name": None,
    "phone": None,
    "tax_id": None,
}


def payment_intent(id_: str, created: int, secret: str, values: Doc) -> Doc:
    """A new intent from the typed parameters of its creation; nothing has happened to it yet."""
    return {
        "id": id_,
        "object": "payment_intent",
        "amount": values["amount"],
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": values.get("automatic_payment_methods"),
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": values.get("capture_method", "automatic"),
        "client_secret": f"{id_}_secret_{secret}",
        "confirmation_method": "automatic",
        "created": created,
        "currency": values["currency"],
        "customer": None,
        "description": values.get("description"),
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "processing": None,
        "receipt_email": values.get("receipt_email"),
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "source": None,
        "statement_descriptor": values.get("statement_descriptor"),
        "statement_descriptor_suffix": values.get("statement_descriptor_suffix"),
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": values.get("transfer_group"),
    }


def challenge_key(intent: Doc) -> str:
    """What opens the authentication page of an intent: only its redirect carries it."""
    return hmac.new(intent["client_secret"].encode(), b"authenticate", sha256).hexdigest()[:32]


def charge(id_: str, created: int, intent: Doc, card: Card, capture_before: int | None) -> Doc:
    """One attempt to charge `card`: held until `capture_before` (Unix seconds), paid at once (None) or declined."""
    declined = card.issuer is Issuer.DECLINES
    paid_now = not declined and capture_before is None
    return {
        "id": id_,
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": intent["amount"] if paid_now else 0,
        "amount_refunded": 0,
        "balance_transaction": None,
        "billing_details": _NOBODY,
        "calculated_statement_descriptor": "SERAI",
        "captured": paid_now,
        "created": created,
        "currency": intent["currency"],
        "customer": None,
        "description": intent["description"],
        "disputed": False,
        "failure_code": card.code or None,
        "failure_message": card.message or None,
        "fraud_details": {},
        "livemode": False,
        "metadata": intent["metadata"],
        "outcome": {
            "network_status": "declined_by_network" if declined else "approved_by_network",
            "reason": card.decline_code or None,
            "risk_level": "normal",
            "seller_message": "The bank declined the payment." if declined else "Payment complete.",
            "type": "issuer_declined" if declined else "authorized",
        },
        "paid": not declined,
        "payment_intent": intent["id"],
        "payment_method": intent["payment_method"],
        "payment_method_details": {
            "card": _card_details(card) | ({"capture_before": capture_before} if capture_before else {}),
            "type": "card",
        },
        "receipt_email": intent["receipt_email"],
        "refunded": False,
        "status": "failed" if declined else "succeeded",
    }


def due_of(charge_: Doc) -> int | None:
    """When an authorisation lapses (Unix seconds); None once it is captured, released or was never given."""
    if charge_["captured"] or charge_["refunded"] or charge_["status"] != "succeeded":
        return None
    due: int | None = charge_["payment_method_details"]["card"].get("capture_before")
    return due


def refund(id_: str, created: int, charge_: Doc, *, amount: int, reason: str | None, metadata: dict[str, str]) -> Doc:
    """Money on its way back; test cards receive it at once."""
    return {
        "id": id_,
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge_["id"],
        "created": created,
        "currency": charge_["currency"],
        "destination_details": {"card": {"type": "refund"}, "type": "card"},
        "metadata": metadata,
        "payment_intent": charge_["payment_intent"],
        "reason": reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }


def event(id_: str, created: int, type_: str, *, about: Doc, previous: Doc | None, request: Doc) -> Doc:
    """What happened to `about`; `previous` has the changed members as they were."""
    data = {"object": about} | ({"previous_attributes": previous} if previous else {})
    return {
        "id": id_,
        "object": "event",
        "api_version": API_VERSION,
        "created": created,
        "data": data,
        "livemode": False,
        "pending_webhooks": 0,
        "request": request,
        "type": type_,
    }


def webhook_endpoint(id_: str, created: int, secret: str, values: Doc) -> Doc:
    """Where events are sent. `secret` signs them; it is shown once, in the answer to the creation."""
    return {
        "id": id_,
        "object": "webhook_endpoint",
        "api_version": values.get("api_version"),
        "application": None,
        "created": created,
        "description": values.get("description"),
        "enabled_events": values["enabled_events"],
        "livemode": False,
        "metadata": values.get("metadata") or {},
        "secret": secret,
        "status": "enabled",
        "url": values["url"],
    }


def without_secret(endpoint: Doc) -> Doc:
    """The endpoint as every answer but the first shows it."""
    return {name: value for name, value in endpoint.items() if name != "secret"}


def method_id(place: int, card: int, tail: bytes) -> str:
    """A payment method's id: its place, its card's index in two digits, six random digits."""
    assert card < 100 and len(tail) == 3
    return f"pm_{place:016x}{card:02d}{tail.hex()}"


def card_of(method: str) -> int | None:
    """The index of the card behind a test token or a payment method's id, or None."""
    if method in BY_TOKEN:
        return BY_TOKEN[method]
    if not method.startswith("pm_") or ids.place_of(method) is None:
        return None
    digits = method[19:21]
    return int(digits) if digits.isdecimal() and int(digits) < len(CARDS) else None


def payment_method(id_: str) -> Doc:
    """The payment method of an id that `card_of` knows."""
    index, place = card_of(id_), ids.place_of(id_)
    assert index is not None and place is not None, f"{id_!r} is no payment method of ours"
    card = CARDS[index]
    checks = {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"}
    return {
        "id": id_,
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": _NOBODY,
        "card": _card_details(card) | {"checks": checks, "generated_from": None},
        "created": ids.created_of(place),
        "customer": None,
        "livemode": False,
        "metadata": {},
        "type": "card",
    }


def _card_details(card: Card) -> Doc:
    return {
        "brand": card.brand,
        "country": "US",
        "exp_month": 12,
        "exp_year": 2034,
        "fingerprint": f"serai{card.brand}{card.last4}",
        "funding": "credit",
        "last4": card.last4,
        "network": card.brand,
        "wallet": None,
    }
