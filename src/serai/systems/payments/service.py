"""Drives payments: the one loop that requests, webhooks and recovery run.

Between two steps nothing is held but the row's state, so a crash anywhere leaves a payment that the next round can
read, ask about and finish. No transaction is open during a call to the gateway.
"""

import asyncio
import logging
from dataclasses import replace
from uuid import UUID

from psycopg.errors import DeadlockDetected, LockNotAvailable

from serai.kernel.ids import uuid7
from serai.kernel.ports import Clock, Random
from serai.mechanisms.payments.saga import RESTING, STEPS, Outcome, PaymentState, Step, after, pause_s
from serai.runtime.postgres.database import Database, Transaction
from serai.systems.payments import store
from serai.systems.payments.cashier import Cashier
from serai.systems.payments.errors import NoSuchPayment
from serai.systems.payments.model import (
    DOUBT_S,
    LEASE_S,
    NOT_CONFIRMED,
    NOT_RECEIVED,
    Answer,
    GoodsLost,
    Order,
    Orders,
    Payment,
)

log = logging.getLogger("serai.payments")

RECOVERY_BATCH_MAX = 50
"""Payments that one round of recovery leases."""

RECOVERY_AT_ONCE = 8
"""Of them worked on side by side."""

STEPS_MAX = 6
"""No payment needs more steps in one go; a loop that does is broken and stops."""

ASK_BUYER_S = 20.0
"""How often recovery looks whether an absent buyer has authenticated."""

RECORD_TRIES_MAX = 4
"""How often an outcome is written anew after meeting a row that somebody else had locked."""

_JITTER_MS = 10


class Payments:
    """Takes money for the orders of other systems, and gives it back."""

    def __init__(self, database: Database, cashier: Cashier, clock: Clock, random: Random, site_url: str) -> None:
        self._database = database
        self._cashier = cashier
        self._clock = clock
        self._random = random
        self._site_url = site_url
        self._orders: dict[str, Orders] = {}

    def serve(self, owner: str, orders: Orders) -> None:
        """Registers the system whose orders are paid under this name."""
        self._orders[owner] = orders

    async def start(self, tx: Transaction, order: Order) -> Payment:
        """A payment in the caller's transaction; nothing is sent until `run`."""
        assert order.owner in self._orders, f"no system serves orders of {order.owner}"
        payment_id = uuid7(self._clock, self._random)
        return await store.insert_payment(tx, payment_id, order, self._event_id())

    async def authorise(self, payment: Payment, return_path: str) -> Payment:
        """Sends a fresh payment, right after the transaction that started it, and drives it until it rests.

        `return_path` is the page of this site to which the bank sends the buyer back.
        """
        assert payment.state is PaymentState.AUTHORISING
        answer = await self._cashier.authorise(payment, f"{self._site_url}{return_path}")
        return await self.run(await self._record(payment, answer))

    async def run(self, payment: Payment) -> Payment:
        """Takes step after step until the payment rests or nothing more is known."""
        for _ in range(STEPS_MAX):
            if payment.state in RESTING:
                return payment
            version = payment.version
            payment = await self._record(payment, await self._take(STEPS[payment.state], payment))
            waits = payment.state in (PaymentState.AWAITING_BUYER, PaymentState.IN_DOUBT)
            if waits or payment.tries > 0 or payment.version == version:
                return payment
        return payment

    async def refund(self, tx: Transaction, payment: Payment, minor: int) -> Payment:
        """Notes a refund in the caller's transaction; `run` or recovery makes it. NoSuchPayment if none is captured."""
        assert 0 <= minor <= payment.amount.minor, f"a refund of {minor} of {payment.amount}"
        asked = await store.ask_refund(tx, payment, minor)
        if asked is None:
            raise NoSuchPayment(f"Payment {payment.payment_id} has no captured money to return.")
        return asked

    async def of_order(self, tx: Transaction, owner: str, order_id: UUID) -> Payment | None:
        """The newest attempt of an order."""
        return await store.latest_of_order(tx, owner, order_id)

    async def recover(self, jobs: Database) -> int:
        """One round over payments that nobody is working on; returns how many it looked at."""
        async with jobs.transaction(None) as tx:
            due = await store.lease_due(tx, RECOVERY_BATCH_MAX)
        for start in range(0, len(due), RECOVERY_AT_ONCE):
            await asyncio.gather(*(self._recover_one(payment) for payment in due[start : start + RECOVERY_AT_ONCE]))
        return len(due)

    async def _recover_one(self, payment: Payment) -> None:
        try:
            await self.run(payment)
        except Exception:  # one payment that cannot be driven must not stop the others; it is logged and leased again
            log.exception("payment %s could not be recovered from %s", payment.payment_id, payment.state)

    async def _take(self, step: Step, payment: Payment) -> Answer:
        match step:
            case Step.CAPTURE:
                return await self._cashier.capture(payment)
            case Step.VOID:
                return await self._cashier.void(payment)
            case Step.REFUND:
                return await self._cashier.refund(payment)
            case _:
                return self._judged(payment, await self._cashier.ask(payment))

    @staticmethod
    def _judged(payment: Payment, answer: Answer) -> Answer:
        """What an answer to ASK means at this payment's age."""
        if answer.outcome is Outcome.NOT_FOUND:
            # A young one may still be on its way.
            young = payment.age_s < DOUBT_S
            return Answer(Outcome.LOST) if young else replace(answer, decline_code=NOT_RECEIVED)
        if answer.outcome is Outcome.ACTION and payment.state is PaymentState.IN_DOUBT:
            return replace(answer, decline_code=NOT_CONFIRMED)  # the buyer was never told where to go
        if answer.outcome is Outcome.ACTION and payment.state is PaymentState.AWAITING_BUYER and payment.overdue:
            return Answer(Outcome.TIMED_OUT, answer.intent_id, decline_code=NOT_CONFIRMED)
        return answer

    async def _record(self, payment: Payment, answer: Answer) -> Payment:
        """Writes the outcome and what it means to the order, in one transaction.

        If somebody else keeps the rows locked, the payment is returned as it was, and recovery asks again.
        """
        for attempt in range(RECORD_TRIES_MAX):
            try:
                return await self._commit(payment, answer)
            except GoodsLost:
                answer = Answer(Outcome.CLAIM_LOST, answer.intent_id)
            except (LockNotAvailable, DeadlockDetected):
                await asyncio.sleep((1 + self._random.below(_JITTER_MS << attempt)) / 1000)
        log.warning("payment %s: its goods are locked, %s is not recorded yet", payment.payment_id, answer.outcome)
        return payment

    async def _commit(self, payment: Payment, answer: Answer) -> Payment:
        to = after(payment.state, answer.outcome)
        async with self._database.transaction(payment.tenant_id, by_key=True) as tx:
            moved = await store.move_payment(tx, payment, to, answer, _next_try_s(payment, to), self._event_id())
            if moved is None:  # a twin was faster; what it did stands
                return await self._again(tx, payment)
            if to is not payment.state:
                await self._tell(tx, payment.state, moved)
            return moved

    async def _again(self, tx: Transaction, payment: Payment) -> Payment:
        found = await store.payment_by_id(tx, payment.tenant_id, payment.payment_id)
        assert found is not None, "payments are never deleted"
        return found

    async def _tell(self, tx: Transaction, before: PaymentState, payment: Payment) -> None:
        orders = self._orders[payment.owner]
        match payment.state:
            case PaymentState.CAPTURING:
                await orders.on_authorised(tx, payment)
            case PaymentState.AWAITING_BUYER:
                await orders.on_action(tx, payment)
            case PaymentState.IN_DOUBT:
                await orders.on_doubt(tx, payment)
            case PaymentState.DECLINED:
                await orders.on_declined(tx, payment)
            case PaymentState.CAPTURED:
                await orders.on_captured(tx, payment)
            case PaymentState.VOIDED | PaymentState.FAILED:
                await orders.on_returned(tx, payment)
            case PaymentState.REFUNDED:
                await orders.on_refunded(tx, payment)
            case _:
                log.debug("payment %s: %s -> %s", payment.payment_id, before, payment.state)

    def _event_id(self) -> UUID:
        return uuid7(self._clock, self._random)


def _next_try_s(payment: Payment, to: PaymentState) -> float | None:
    """When recovery shall look at a payment that came to this state: None rests it."""
    if to in RESTING:
        return None
    if to is PaymentState.AWAITING_BUYER:
        return ASK_BUYER_S
    return pause_s(payment.tries) if to in (payment.state, PaymentState.IN_DOUBT) else float(LEASE_S)
