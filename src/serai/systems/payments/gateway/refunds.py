"""Refunds: money goes back in parts or whole, never more than was captured.

It prevents a double click and a repeated job from paying a buyer twice.
"""

from typing import Any

from serai.kernel.money import Money
from serai.systems.payments.gateway import model, params
from serai.systems.payments.gateway.desk import Desk
from serai.systems.payments.gateway.errors import InvalidRequest
from serai.systems.payments.gateway.intents import Answer, Terms
from serai.systems.payments.gateway.model import Doc
from serai.systems.payments.gateway.states import Status


def create(desk: Desk, _: Terms, values: dict[str, Any]) -> Answer:
    """A refund of a captured payment, of what is left of it unless `amount` says less."""
    charge = _captured_charge(desk, values)
    left = charge["amount_captured"] - charge["amount_refunded"]
    assert left >= 0, f"{charge['id']} gave back more than it took"
    if left == 0:
        raise InvalidRequest(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    amount = values.get("amount", left)
    if amount > left:
        asked, rest = (Money(minor, charge["currency"].upper()).format() for minor in (amount, left))
        message = f"Refund amount ({asked}) is greater than unrefunded amount on charge ({rest})"
        raise InvalidRequest(message, code="amount_too_large", param="amount")
    id_, created = desk.new_id("re")
    metadata = params.merged({}, values.get("metadata", {}))
    refund = desk.put(model.refund(id_, created, charge, amount=amount, reason=values.get("reason"), metadata=metadata))
    before = {"amount_refunded": charge["amount_refunded"], "refunded": charge["refunded"]}
    after = {"amount_refunded": charge["amount_refunded"] + amount, "refunded": amount == left}
    charge = desk.put(charge | after)
    desk.announce("refund.created", refund)
    desk.announce("charge.refunded", charge, before)
    return Answer(200, refund)


def update(desk: Desk, _: Terms, values: dict[str, Any], id_: str) -> Answer:
    """Changes a refund's metadata."""
    refund = desk.get("refund", id_)
    metadata = params.merged(refund["metadata"], values.get("metadata", {}))
    changed = desk.put(refund | {"metadata": metadata})
    desk.announce("refund.updated", changed, {"metadata": refund["metadata"]})
    return Answer(200, changed)


def _captured_charge(desk: Desk, values: dict[str, Any]) -> Doc:
    if ("payment_intent" in values) == ("charge" in values):
        raise InvalidRequest(
            "One of the following params should be provided for this request: payment_intent or charge."
        )
    if "charge" in values:
        charge = desk.get("charge", values["charge"], "charge")
        intent = desk.get("payment_intent", charge["payment_intent"])
    else:
        intent = desk.get("payment_intent", values["payment_intent"], "payment_intent")
        charge = desk.get("charge", intent["latest_charge"]) if intent["latest_charge"] else {}
    if intent["status"] != Status.SUCCEEDED or not charge.get("captured"):
        message = f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund."
        raise InvalidRequest(message, code="payment_intent_unexpected_state")
    return charge
