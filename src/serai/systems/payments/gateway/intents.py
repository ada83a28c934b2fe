"""What each operation does to a payment intent: pure decisions over a desk, in the words of Stripe's API.

A declined card is an answer, not an exception: the failed attempt and its event are written although the client
gets 402.
"""

from dataclasses import dataclass, replace
from typing import Any

from serai.systems.payments.gateway import model, params
from serai.systems.payments.gateway.cards import CARDS, Card, Issuer
from serai.systems.payments.gateway.desk import Desk
from serai.systems.payments.gateway.errors import CardRefused, InvalidRequest
from serai.systems.payments.gateway.model import Doc
from serai.systems.payments.gateway.states import LEGAL, Move, Status, refusal


@dataclass(frozen=True, slots=True)
class Terms:
    """What confirming depends on beyond the intent: how long an authorisation lives and where buyers authenticate."""

    authorisation_s: int
    public_url: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the client is told: an HTTP status and a document. `lost`: it happened, but the client never hears of it."""

    status: int
    doc: Doc
    lost: bool = False


_UNATTENDED: dict[str, Any] = {
    "issuer": Issuer.DECLINES,
    "code": "authentication_required",
    "decline_code": "authentication_required",
    "message": "Your card was declined. This transaction requires authentication.",
}
"""What a card that wants its owner answers when the owner is not there."""

_COPIED = ("description", "receipt_email", "statement_descriptor", "statement_descriptor_suffix", "transfer_group")


def create(desk: Desk, terms: Terms, values: dict[str, Any]) -> Answer:
    """A new intent, confirmed at once if asked."""
    params.require(values, "amount", "currency")
    confirming = values.get("confirm", False)
    _refuse_confirm_only(values, confirming)
    id_, created = desk.new_id("pi")
    intent = model.payment_intent(id_, created, desk.new_secret(), values)
    intent["metadata"] = params.merged({}, values.get("metadata", {}))
    if "payment_method" in values:
        intent = _moved(intent, Move.ATTACH, payment_method=desk.method(values["payment_method"]))
    desk.put(intent)
    desk.announce("payment_intent.created", intent)
    return _confirmed(desk, terms, intent, values) if confirming else Answer(200, intent)


def update(desk: Desk, _: Terms, values: dict[str, Any], id_: str) -> Answer:
    """Changes metadata and description at any time; amount, currency and method only before money moves."""
    intent = desk.get("payment_intent", id_)
    status = Status(intent["status"])
    for name in ("amount", "currency", "payment_method", "capture_method"):
        if name in values and (status, Move.ATTACH) not in LEGAL:
            raise _unexpected(intent, refusal(status, Move.ATTACH).replace("payment_method", name, 1))
    changed = {name: values[name] for name in (*_COPIED, "amount", "currency", "capture_method") if name in values}
    if "metadata" in values:
        changed["metadata"] = params.merged(intent["metadata"], values["metadata"])
    if "payment_method" in values:
        attached = desk.method(values["payment_method"])
        intent = _moved(intent, Move.ATTACH, payment_method=attached, next_action=None)
    return Answer(200, desk.put(intent | changed))


def confirm(desk: Desk, terms: Terms, values: dict[str, Any], id_: str) -> Answer:
    """Charges the card: authorised or paid, an authentication to do, or declined (402)."""
    intent = desk.get("payment_intent", id_)
    status = Status(intent["status"])
    if (status, Move.CHARGE) not in LEGAL:
        raise _unexpected(intent, refusal(status, Move.CHARGE))
    changed: Doc = {"next_action": None}
    if "payment_method" in values:
        changed["payment_method"] = desk.method(values["payment_method"])
    if "capture_method" in values:
        changed["capture_method"] = values["capture_method"]
    return _confirmed(desk, terms, intent | changed, values)


def capture(desk: Desk, _: Terms, values: dict[str, Any], id_: str) -> Answer:
    """Takes the authorised money, or a part of it and releases the rest."""
    intent = _unexpired(desk, id_)
    if intent["status"] == Status.SUCCEEDED:
        raise _unexpected(intent, "This PaymentIntent could not be captured because it has already been captured.")
    if intent["status"] != Status.REQUIRES_CAPTURE:
        raise _unexpected(intent, refusal(Status(intent["status"]), Move.CAPTURE))
    if values.get("final_capture") is False:
        raise InvalidRequest("This PaymentIntent is not eligible for multicapture.", param="final_capture")
    amount = values.get("amount_to_capture", intent["amount_capturable"])
    if amount > intent["amount_capturable"]:
        raise InvalidRequest(
            "The payment could not be captured because the requested capture amount is greater than the amount you "
            "can capture for this charge.",
            code="amount_too_large",
            param="amount_to_capture",
        )
    charge = desk.put(desk.get("charge", intent["latest_charge"]) | {"captured": True, "amount_captured": amount})
    changed = {name: values[name] for name in _COPIED if name in values}
    if "metadata" in values:
        changed["metadata"] = params.merged(intent["metadata"], values["metadata"])
    intent = desk.put(_moved(intent, Move.CAPTURE, amount_capturable=0, amount_received=amount, **changed))
    desk.announce("charge.captured", charge)
    desk.announce("payment_intent.succeeded", intent)
    return Answer(200, intent)


def cancel(desk: Desk, _: Terms, values: dict[str, Any], id_: str) -> Answer:
    """Gives up the intent; an authorisation is released (a void: no money moved)."""
    intent = _unexpired(desk, id_)
    if (Status(intent["status"]), Move.CANCEL) not in LEGAL:
        raise _unexpected(intent, refusal(Status(intent["status"]), Move.CANCEL))
    return Answer(200, _released(desk, intent, Move.CANCEL, values.get("cancellation_reason")))


def expire(desk: Desk, id_: str) -> Doc:
    """Releases an authorisation whose time has come; changes nothing if it was settled meanwhile."""
    return _unexpired(desk, id_)


def authenticated(desk: Desk, terms: Terms, id_: str, approved: bool) -> Doc:
    """The buyer's answer on the hosted page; changes nothing if the intent no longer waits for it."""
    intent = desk.get("payment_intent", id_)
    if intent["status"] != Status.REQUIRES_ACTION:
        return intent
    intent = intent | {"next_action": None}
    card = _card(intent)
    if approved:
        return _charged(desk, terms, intent, card)
    error = {
        "code": "payment_intent_authentication_failure",
        "doc_url": "https://stripe.com/docs/error-codes/payment-intent-authentication-failure",
        "message": "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new "
        "PaymentMethod to attempt to fulfill this PaymentIntent again.",
        "payment_method": model.payment_method(intent["payment_method"]),
        "type": "invalid_request_error",
    }
    intent = desk.put(_moved(intent, Move.DECLINE, payment_method=None, last_payment_error=error))
    desk.announce("payment_intent.payment_failed", intent)
    return intent


def _confirmed(desk: Desk, terms: Terms, intent: Doc, values: dict[str, Any]) -> Answer:
    if intent["payment_method"] is None:
        raise _unexpected(
            intent,
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the "
            "PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a "
            "payment method or ConfirmationToken.",
        )
    card = _card(intent)
    if card.issuer is Issuer.DECLINES:
        return _declined(desk, intent, card)
    if card.issuer is Issuer.CHALLENGES:
        if values.get("off_session") or values.get("error_on_requires_action"):
            return _declined(desk, intent, replace(card, **_UNATTENDED))
        return _challenged(desk, terms, intent, values.get("return_url"))
    done = _charged(desk, terms, intent, card)
    return Answer(200, done, lost=card.issuer is Issuer.APPROVES_SILENTLY)


def _challenged(desk: Desk, terms: Terms, intent: Doc, return_url: str | None) -> Answer:
    page = f"{terms.public_url.rstrip('/')}/authenticate/{intent['id']}?key={model.challenge_key(intent)}"
    action = {"redirect_to_url": {"return_url": return_url, "url": page}, "type": "redirect_to_url"}
    intent = desk.put(_moved(intent, Move.CHALLENGE, next_action=action, last_payment_error=None))
    desk.announce("payment_intent.requires_action", intent)
    return Answer(200, intent)


def _charged(desk: Desk, terms: Terms, intent: Doc, card: Card) -> Doc:
    manual = intent["capture_method"] == "manual"
    id_, created = desk.new_id("ch")
    charge = desk.put(model.charge(id_, created, intent, card, desk.now_s + terms.authorisation_s if manual else None))
    desk.announce("charge.succeeded", charge)
    moved = _moved(
        intent,
        Move.AUTHORISE if manual else Move.CHARGE,
        latest_charge=id_,
        last_payment_error=None,
        amount_capturable=intent["amount"] if manual else 0,
        amount_received=0 if manual else intent["amount"],
    )
    desk.put(moved)
    desk.announce("payment_intent.amount_capturable_updated" if manual else "payment_intent.succeeded", moved)
    return moved


def _declined(desk: Desk, intent: Doc, card: Card) -> Answer:
    id_, created = desk.new_id("ch")
    charge = desk.put(model.charge(id_, created, intent, card, None))
    refused = CardRefused(card.message, code=card.code, more={"charge": id_, "decline_code": card.decline_code})
    refused.more["payment_method"] = model.payment_method(intent["payment_method"])
    error = refused.json()["error"]
    intent = _moved(intent, Move.DECLINE, latest_charge=id_, payment_method=None, last_payment_error=error)
    desk.put(intent)
    desk.announce("charge.failed", charge)
    desk.announce("payment_intent.payment_failed", intent)
    return Answer(refused.status, {"error": error | {"payment_intent": intent}})


def _unexpired(desk: Desk, id_: str) -> Doc:
    """The intent, its authorisation released first if that has lapsed."""
    intent = desk.get("payment_intent", id_)
    if intent["status"] != Status.REQUIRES_CAPTURE:
        return intent
    due = model.due_of(desk.get("charge", intent["latest_charge"]))
    if due is None or desk.now_s < due:
        return intent
    return _released(desk, intent, Move.EXPIRE, "automatic")


def _released(desk: Desk, intent: Doc, move: Move, reason: str | None) -> Doc:
    if intent["status"] == Status.REQUIRES_CAPTURE:
        charge = desk.get("charge", intent["latest_charge"])
        charge = desk.put(charge | {"refunded": True, "amount_refunded": charge["amount"]})
        desk.announce("charge.expired" if move is Move.EXPIRE else "charge.refunded", charge)
    closed = _moved(
        intent, move, amount_capturable=0, canceled_at=desk.now_s, cancellation_reason=reason, next_action=None
    )
    desk.put(closed)
    desk.announce("payment_intent.canceled", closed)
    return closed


def _card(intent: Doc) -> Card:
    index = model.card_of(intent["payment_method"])
    assert index is not None
    return CARDS[index]


def _moved(intent: Doc, move: Move, **changed: Any) -> Doc:
    return intent | changed | {"status": LEGAL[Status(intent["status"]), move]}


def _refuse_confirm_only(values: dict[str, Any], confirming: bool) -> None:
    for name in ("return_url", "off_session", "error_on_requires_action"):
        if name in values and not confirming:
            raise InvalidRequest(
                f"The parameter `{name}` cannot be passed without `confirm` set to `true`.", param=name
            )


def _unexpected(intent: Doc, message: str) -> InvalidRequest:
    return InvalidRequest(message, code="payment_intent_unexpected_state", more={"payment_intent": intent})
