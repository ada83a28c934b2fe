"""The only client of the gateway: the official `stripe` library, pointed at Stripe or at the embedded gateway.

It turns every way in which a call can end into one Answer. What it cannot tell apart is LOST, never a guess. Each call
has a deadline, and an idempotency key made of our payment and the step: repeating a step cannot repeat its effect.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
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

_AFTER_US_S = 240
"""How much later: its clock may be ahead, and a request may have waited on its way."""

KEYS_MAX = 4
"""Idempotency keys that one round of a step tries: that of this round, and those of the rounds before."""

SPENT = 500
"""The status after which the gateway answers the same under the same key. A proxy's 502 to 504 tell nothing."""

UNCLEAR = (stripe.StripeError, aiohttp.ClientError, OSError)
"""All that may end a call without an answer. The library wraps what happens before the answer's headers; the rest
comes as the transport raises it (a timeout is an OSError)."""


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

    def __init__(self, key: str, base_address: str | None, call_s: float = CALL_S) -> None:
        self._http = stripe.AIOHTTPClient(timeout=call_s)
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
        except UNCLEAR as error:
            return _lost("authorise", error)
        return _answer(intent)

    async def ask(self, payment: Payment) -> Answer:
        """What the gateway knows about the payment, by its name for it or by ours."""
        try:
            if payment.intent_id:
                return _answer(await self._client.v1.payment_intents.retrieve_async(payment.intent_id))
            made = int(payment.created_at.timestamp())
            async for intent in self._list({"gte": made - _BEFORE_US_S, "lte": made + _AFTER_US_S}):
                if _reference(intent) == payment.reference:
                    return _answer(intent)
        except stripe.InvalidRequestError as error:
            return Answer(Outcome.NOT_FOUND) if error.code == "resource_missing" else _lost("ask", error)
        except UNCLEAR as error:
            return _lost("ask", error)
        return Answer(Outcome.NOT_FOUND)

    async def capture(self, payment: Payment) -> Answer:
        """Takes the authorised money."""
        intent_id = _intent_of(payment)

        async def send(key: str) -> Answer:
            intent = await self._client.v1.payment_intents.capture_async(intent_id, {}, {"idempotency_key": key})
            return Answer(Outcome.CAPTURED if intent.status == "succeeded" else Outcome.LOST, intent_id)

        async def look() -> Answer:
            status = (await self._retrieve(intent_id)).status
            known = {"succeeded": Outcome.CAPTURED, "canceled": Outcome.REFUSED}
            return Answer(known.get(status, Outcome.LOST), intent_id)

        return await self._change(payment, "capture", send, look)

    async def void(self, payment: Payment) -> Answer:
        """Gives the authorisation back. Money that somebody captured by hand meanwhile is returned whole."""
        if not payment.intent_id:
            return Answer(Outcome.VOIDED)
        intent_id = payment.intent_id

        async def send(key: str) -> Answer:
            await self._client.v1.payment_intents.cancel_async(intent_id, {}, {"idempotency_key": key})
            return Answer(Outcome.VOIDED, intent_id)

        async def look() -> Answer:
            status = (await self._retrieve(intent_id)).status
            if status == "succeeded":
                whole = replace(payment, refund_minor=payment.amount.minor)
                returned = (await self.refund(whole)).outcome is Outcome.REFUNDED
                return Answer(Outcome.VOIDED if returned else Outcome.LOST, intent_id)
            return Answer(Outcome.VOIDED if status == "canceled" else Outcome.LOST, intent_id)

        return await self._change(payment, "void", send, look)

    async def refund(self, payment: Payment) -> Answer:
        """Returns `refund_minor` of the captured money; nothing to return counts as done."""
        intent_id, minor = _intent_of(payment), payment.refund_minor
        if not minor:
            return Answer(Outcome.REFUNDED, intent_id)

        async def send(key: str) -> Answer:
            await self._client.v1.refunds.create_async(
                {"payment_intent": intent_id, "amount": minor}, {"idempotency_key": key}
            )
            return Answer(Outcome.REFUNDED, intent_id)

        async def look() -> Answer:
            returned = _refunded_minor(await self._retrieve(intent_id))
            return Answer(Outcome.REFUNDED if returned >= minor else Outcome.LOST, intent_id)

        return await self._change(payment, "refund", send, look)

    async def list_since(self, since_s: int) -> AsyncIterator[Intent]:
        """Every payment of the account since then (Unix time), newest first."""
        async for intent in self._list({"gte": since_s}):
            yield Intent(
                intent.id,
                _reference(intent),
                intent.status,
                intent.amount,
                intent.amount_received,
                _refunded_minor(intent),
                intent.currency.upper(),
            )

    async def cancel_stray(self, intent_id: str) -> bool:
        """Voids an authorisation that no payment of ours stands for; false if that did not work."""
        try:
            # Voiding twice is voiding once, so each try may have a key of its own, which the library makes.
            await self._client.v1.payment_intents.cancel_async(intent_id)
        except UNCLEAR as error:
            _lost("void a stray authorisation", error)
            return False
        return True

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.close_async()  # type: ignore[no-untyped-call]  # the library leaves this one untyped

    async def _list(self, created: Any) -> AsyncIterator[stripe.PaymentIntent]:
        page = await self._client.v1.payment_intents.list_async(
            {"created": created, "limit": PAGE, "expand": ["data.latest_charge"]}
        )
        async for intent in page.auto_paging_iter():
            yield intent

    async def _retrieve(self, intent_id: str) -> stripe.PaymentIntent:
        return await self._client.v1.payment_intents.retrieve_async(intent_id, {"expand": ["latest_charge"]})

    async def _change(
        self,
        payment: Payment,
        step: str,
        send: Callable[[str], Awaitable[Answer]],
        look: Callable[[], Awaitable[Answer]],
    ) -> Answer:
        """Sends a change, and looks what is true when the gateway refuses or breaks.

        The gateway keeps a 500 under its idempotency key like any other answer, so that key is spent. The keys of a
        step are numbered: each round repeats those of the last rounds and may add one, only after the gateway has said
        500 and that nothing has changed. So a repetition finds what an earlier round did, and none is stuck for a day.
        """
        if payment.tries and (seen := await self._looked(step, look)).outcome is not Outcome.LOST:
            return seen
        for number in range(max(0, payment.tries + 1 - KEYS_MAX), payment.tries + 1):
            try:
                return await send(f"{payment.payment_id}:{step}:{number}")
            except stripe.InvalidRequestError as error:
                log.warning("the gateway refused to %s: %s", step, error.code)
                return await self._looked(step, look)
            except stripe.APIError as error:
                seen = await self._looked(step, look)
                if seen.outcome is not Outcome.LOST or error.http_status != SPENT:
                    return seen
            except UNCLEAR as error:
                return _lost(step, error)
        return Answer(Outcome.LOST)

    async def _looked(self, step: str, look: Callable[[], Awaitable[Answer]]) -> Answer:
        try:
            return await look()
        except UNCLEAR as error:
            return _lost(step, error)


def _intent_of(payment: Payment) -> str:
    assert payment.intent_id, f"a payment that is {payment.state} has a name at the gateway"
    return payment.intent_id


def _refunded_minor(intent: stripe.PaymentIntent) -> int:
    charge = intent.latest_charge
    # A released authorisation counts as refunded there, though no money had moved.
    return charge.amount_refunded if isinstance(charge, stripe.Charge) and charge.captured else 0


def _reference(intent: stripe.PaymentIntent) -> str:
    return str(getattr(intent.metadata, "reference", ""))


def _answer(intent: stripe.PaymentIntent) -> Answer:
    if intent.status in ("requires_capture", "succeeded"):
        return Answer(Outcome.AUTHORISED, intent.id)
    if intent.status == "requires_action":
        redirect = intent.next_action.redirect_to_url if intent.next_action else None
        return Answer(Outcome.ACTION, intent.id, action_url=redirect.url if redirect else None)
    if intent.status in ("requires_payment_method", "canceled"):
        return Answer(Outcome.DECLINED, intent.id, _why(intent.last_payment_error) or intent.status)
    return Answer(Outcome.LOST, intent.id)


def _declined(error: stripe.CardError) -> Answer:
    intent = getattr(error.error, "payment_intent", None)
    return Answer(Outcome.DECLINED, intent.id if intent else None, _why(error.error) or error.code or "card_declined")


def _why(failure: Any) -> str | None:
    """The issuer's reason, or the gateway's. Neither needs to be there: a refused authentication has no issuer's."""
    return getattr(failure, "decline_code", None) or getattr(failure, "code", None)


def _lost(step: str, error: Exception) -> Answer:
    log.warning("no clear answer to %s: %s", step, type(error).__name__)
    return Answer(Outcome.LOST)
