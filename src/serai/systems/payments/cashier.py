"""The only client of the gateway: the official `stripe` library, pointed at Stripe or at the embedded gateway.

It turns every way in which a call can end into one Answer. What it cannot tell apart is LOST, never a guess. Each call
has a deadline, and an idempotency key made of our payment and the step: repeating a step cannot repeat its effect.
"""

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import stripe

from serai.mechanisms.payments.saga import Outcome
from serai.systems.payments.model import Answer, Payment

log = logging.getLogger("serai.payments")

CALL_S = 8.0
"""Deadline of one call to the gateway."""

RETRIES = 1
"""The library's own retries of a call that did not get through, with the same idempotency key."""

PAGE = 100

_BEFORE_US_S = 120
"""How much earlier than our own clock the gateway's may have stamped a payment."""


@dataclass(frozen=True, slots=True)
class Intent:
    """A payment as the gateway's list shows it."""

    intent_id: str
    reference: str
    status: str
    amount_minor: int
    captured_minor: int
    refunded_minor: int
    currency: str


class Cashier:
    """Takes and returns money."""

    def __init__(self, key: str, base_address: str | None) -> None:
        self._http = stripe.AIOHTTPClient(timeout=CALL_S)
        addresses: Any = {"api": base_address} if base_address else {}
        self._client = stripe.StripeClient(
            key, http_client=self._http, base_addresses=addresses, max_network_retries=RETRIES
        )

    async def authorise(self, payment: Payment, return_url: str) -> Answer:
        """Reserves the money on the buyer's card, without taking it."""
        try:
            intent = await self._client.v1.payment_intents.create_async(
                {
                    "amount": payment.amount.minor,
                    "currency": payment.amount.currency.lower(),
                    "payment_method": payment.method,
                    "capture_method": "manual",
                    "confirm": True,
                    "description": payment.description,
                    "metadata": {"reference": payment.reference, "order": str(payment.order_id)},
                    "return_url": return_url,
                    "automatic_payment_methods": {"enabled": True},
                },
                {"idempotency_key": f"{payment.payment_id}:authorise"},
            )
        except stripe.CardError as error:
            return _declined(error)
        except stripe.InvalidRequestError as error:
            log.warning("the gateway refused a payment: %s", error.user_message or error.code)
            return Answer(Outcome.DECLINED, decline_code=error.code or "invalid_request")
        except stripe.StripeError as error:
            return _lost("authorise", error)
        return _answer(intent)

    async def ask(self, payment: Payment) -> Answer:
        """What the gateway knows about the payment, by its name for it or by ours."""
        try:
            if payment.intent_id:
                return _answer(await self._client.v1.payment_intents.retrieve_async(payment.intent_id))
            since = int(payment.created_at.timestamp()) - _BEFORE_US_S
            async for intent in self._list(since):
                if _reference(intent) == payment.reference:
                    return _answer(intent)
        except stripe.StripeError as error:
            return _lost("ask", error)
        return Answer(Outcome.NOT_FOUND)

    async def capture(self, payment: Payment) -> Answer:
        """Takes the authorised money."""
        assert payment.intent_id, "only an authorised payment is captured"
        try:
            intent = await self._client.v1.payment_intents.capture_async(
                payment.intent_id, {}, {"idempotency_key": f"{payment.payment_id}:capture"}
            )
        except stripe.InvalidRequestError:
            return await self._captured_after_all(payment)
        except stripe.StripeError as error:
            return _lost("capture", error)
        return Answer(Outcome.CAPTURED if intent.status == "succeeded" else Outcome.LOST, intent.id)

    async def void(self, payment: Payment) -> Answer:
        """Gives the authorisation back; nothing was taken."""
        if not payment.intent_id:
            return Answer(Outcome.VOIDED)
        try:
            await self._client.v1.payment_intents.cancel_async(
                payment.intent_id, {}, {"idempotency_key": f"{payment.payment_id}:void"}
            )
        except stripe.InvalidRequestError:
            asked = await self._status(payment.intent_id)
            return Answer(Outcome.VOIDED if asked == "canceled" else Outcome.LOST, payment.intent_id)
        except stripe.StripeError as error:
            return _lost("void", error)
        return Answer(Outcome.VOIDED, payment.intent_id)

    async def refund(self, payment: Payment) -> Answer:
        """Returns `refund_minor` of the captured money; nothing to return counts as done."""
        assert payment.intent_id, "only a captured payment is refunded"
        if not payment.refund_minor:
            return Answer(Outcome.REFUNDED, payment.intent_id)
        try:
            await self._client.v1.refunds.create_async(
                {"payment_intent": payment.intent_id, "amount": payment.refund_minor},
                {"idempotency_key": f"{payment.payment_id}:refund"},
            )
        except stripe.InvalidRequestError as error:
            already = error.code == "charge_already_refunded"
            return Answer(Outcome.REFUNDED, payment.intent_id) if already else _lost("refund", error)
        except stripe.StripeError as error:
            return _lost("refund", error)
        return Answer(Outcome.REFUNDED, payment.intent_id)

    async def list_since(self, since_s: int) -> AsyncIterator[Intent]:
        """Every payment of the account since then (Unix time), newest first."""
        async for intent in self._list(since_s):
            charge = intent.latest_charge
            # A released authorisation counts as refunded there, though no money had moved.
            refunded = charge.amount_refunded if isinstance(charge, stripe.Charge) and charge.captured else 0
            yield Intent(
                intent.id,
                _reference(intent),
                intent.status,
                intent.amount,
                intent.amount_received,
                refunded,
                intent.currency.upper(),
            )

    async def cancel_stray(self, intent_id: str) -> None:
        """Voids an authorisation that no payment of ours stands for; StripeError if it does not work."""
        await self._client.v1.payment_intents.cancel_async(intent_id, {}, {"idempotency_key": f"{intent_id}:stray"})

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.close_async()  # type: ignore[no-untyped-call]  # the library leaves this one untyped

    async def _list(self, since_s: int) -> AsyncIterator[stripe.PaymentIntent]:
        page = await self._client.v1.payment_intents.list_async(
            {"created": {"gte": since_s}, "limit": PAGE, "expand": ["data.latest_charge"]}
        )
        async for intent in page.auto_paging_iter():
            yield intent

    async def _status(self, intent_id: str) -> str:
        try:
            return (await self._client.v1.payment_intents.retrieve_async(intent_id)).status
        except stripe.StripeError:
            return ""

    async def _captured_after_all(self, payment: Payment) -> Answer:
        """The gateway refused to capture: because it has already, or because the authorisation is gone."""
        assert payment.intent_id
        status = await self._status(payment.intent_id)
        if status == "succeeded":
            return Answer(Outcome.CAPTURED, payment.intent_id)
        return Answer(Outcome.REFUSED if status == "canceled" else Outcome.LOST, payment.intent_id)


def _reference(intent: stripe.PaymentIntent) -> str:
    return str(getattr(intent.metadata, "reference", ""))


def _answer(intent: stripe.PaymentIntent) -> Answer:
    if intent.status in ("requires_capture", "succeeded"):
        return Answer(Outcome.AUTHORISED, intent.id)
    if intent.status == "requires_action":
        redirect = intent.next_action.redirect_to_url if intent.next_action else None
        return Answer(Outcome.ACTION, intent.id, action_url=redirect.url if redirect else None)
    if intent.status in ("requires_payment_method", "canceled"):
        failure = intent.last_payment_error
        return Answer(Outcome.DECLINED, intent.id, (failure.decline_code or failure.code) if failure else intent.status)
    return Answer(Outcome.LOST, intent.id)


def _declined(error: stripe.CardError) -> Answer:
    body: Any = error.error
    intent = getattr(body, "payment_intent", None)
    code = getattr(body, "decline_code", None) or error.code or "card_declined"
    return Answer(Outcome.DECLINED, intent.id if intent else None, code)


def _lost(step: str, error: stripe.StripeError) -> Answer:
    log.warning("no clear answer to %s: %s", step, type(error).__name__)
    return Answer(Outcome.LOST)
