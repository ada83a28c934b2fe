"""The gateway's webhook. It is a hint and no more: recovery asks the gateway itself what is true."""

import json
from uuid import UUID

import stripe
from fastapi import APIRouter, Request

from serai.kernel.errors import Invalid
from serai.runtime.http.models import Model
from serai.runtime.http.routing import Router
from serai.runtime.postgres.database import Database
from serai.systems.payments import store

HINTS_MAX = 10_000
"""Hints that a process keeps between two flushes."""

FLUSH_EVERY_S = 0.5
"""How soon recovery hears of a hint."""


class BadSignature(Invalid):
    """The webhook was not signed by the gateway, or too long ago."""

    status = 400
    code = "bad_webhook_signature"
    title = "The webhook's signature is wrong"


class Received(Model):
    """The gateway only looks at the status."""

    received: bool


class Hints:
    """Payments of which the gateway said that something changed, until the next flush tells recovery.

    A hint costs no transaction of its own, and may be lost with the process: recovery looks by itself as well.
    """

    def __init__(self, jobs: Database) -> None:
        self._jobs = jobs
        self._waiting: set[tuple[UUID, UUID]] = set()

    def note(self, tenant: UUID, payment_id: UUID) -> None:
        """Remembers one; above HINTS_MAX it is dropped."""
        if len(self._waiting) < HINTS_MAX:
            self._waiting.add((tenant, payment_id))

    async def flush(self) -> None:
        """Tells recovery of all, in one statement."""
        if self._waiting:
            noted, self._waiting = self._waiting, set()
            async with self._jobs.transaction(None) as tx:
                await store.hurry(tx, sorted(noted))


def make_router(hints: Hints, webhook_secret: str) -> APIRouter:
    """POST /api/payments/v1/webhook."""
    router = Router(prefix="/api/payments/v1", tags=["payments"])

    @router.post("/webhook", include_in_schema=False)
    async def webhook(request: Request) -> Received:
        body = await request.body()
        signature = request.headers.get("stripe-signature", "")
        try:
            stripe.WebhookSignature.verify_header(body.decode(), signature, webhook_secret, tolerance=300)
        except (stripe.SignatureVerificationError, ValueError) as error:
            raise BadSignature("The webhook does not carry a valid signature of this site's gateway.") from error
        if ids := _payment_of(body):
            hints.note(*ids)
        return Received(received=True)

    return router


def _payment_of(body: bytes) -> tuple[UUID, UUID] | None:
    """The (tenant, payment) that an event is about; None for any other event: refusing it would only bring it again."""
    try:
        reference = json.loads(body)["data"]["object"]["metadata"]["reference"]
        tenant, _, payment = reference.partition("/")
        return UUID(tenant), UUID(payment)
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
