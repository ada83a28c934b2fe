"""A request that pays: its intention is written in one transaction, then the payment is driven, then it is answered.

If the request dies anywhere, recovery drives on, and the same request sent again finds its own order by the idempotency
key and continues from where that stands; nothing is done twice.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Generic
from uuid import UUID

from serai.runtime.http import idempotency
from serai.runtime.http.idempotency import Key
from serai.runtime.postgres.database import Database, Transaction
from serai.systems.checkout.model import OrderT, Reply, Started, Words
from serai.systems.checkout.refusals import authentication, declined, returned
from serai.systems.payments.api import Payment, Payments, PaymentState, PaymentUnknown


class Buying(ABC, Generic[OrderT]):
    """Buys. A shop says how its order is started, and what the buyer is told when the money is there."""

    def __init__(self, database: Database, payments: Payments, words: Words) -> None:
        self._database = database
        self._payments = payments
        self._words = words

    @abstractmethod
    async def told(self, tenant: UUID, started: Started[OrderT]) -> Reply:
        """201: the goods are the buyer's."""

    @abstractmethod
    async def pending(self, tenant: UUID, order: OrderT) -> bool:
        """Whether the order still waits for money, so that its goods are held."""

    @abstractmethod
    def order_id(self, order: OrderT) -> str:
        """How the buyer names the order."""

    async def buy(
        self, tenant: UUID, key: Key, start: Callable[[Transaction], Awaitable[Started[OrderT]]], page: str
    ) -> Reply:
        """201, 402 (declined, or the bank asks), 409 (the goods were gone). `page` followed by the order's id is where
        the bank sends the buyer back to.

        Raises what `start` raises, RequestInFlight, IdempotencyKeyReused, `words.expired`, and PaymentUnknown: send the
        same request again later.
        """
        async with self._database.transaction(tenant, by_key=True) as tx:
            if replay := await idempotency.reserve(tx, key):
                return Reply(replay.status, replay.body)
            started = await start(tx)
        if started.fresh:
            payment = await self._payments.authorise(started.payment, page + self.order_id(started.order))
        else:
            payment = await self._payments.run(started.payment)
        return await self.reply(tenant, started, payment, key)

    async def reply(self, tenant: UUID, started: Started[OrderT], payment: Payment, key: Key | None) -> Reply:
        """What the buyer is told of a payment in this state; the same as what was stored with the state."""
        match payment.state:
            case PaymentState.CAPTURED:
                return await self.told(tenant, started)
            case PaymentState.DECLINED:
                held = await self.pending(tenant, started.order)
                return Reply.refused(declined(payment, self._words, held=held))
            case PaymentState.AWAITING_BUYER:
                return Reply.refused(authentication(payment, self._words, self.order_id(started.order)))
            case PaymentState.VOIDING | PaymentState.VOIDED | PaymentState.FAILED:
                return Reply.refused(returned(payment, self._words))
            case PaymentState.REFUNDING | PaymentState.REFUNDED:
                raise self._words.expired(self._words.given_back)
            case _:
                await self._release(tenant, key)
                raise PaymentUnknown(
                    "The payment's outcome is not known yet. Do not pay again: send the same request in a moment, "
                    "or wait for our mail.",
                    retry_after_s=5,
                )

    async def _release(self, tenant: UUID, key: Key | None) -> None:
        if key is not None:
            async with self._database.transaction(tenant) as tx:
                await idempotency.release(tx, key)


async def store_answer(tx: Transaction, request_scope: bytes, reply: Reply) -> None:
    """Stores the answer of a request under its idempotency key, in the transaction that makes it true."""
    await idempotency.record(tx, Key(request_scope, b""), reply.status, reply.body)
