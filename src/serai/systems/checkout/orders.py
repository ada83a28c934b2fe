"""What an order does when its payment moves; each in the transaction in which the payment moves.

So the goods change hands if and only if the money does, whoever drives the payment: the buyer's request, a webhook, or
recovery after a crash. The answer of the request is stored here too, under its idempotency key.
"""

from abc import ABC, abstractmethod
from typing import Generic
from uuid import UUID

from serai.runtime.postgres.database import Transaction
from serai.systems.allocation.api import Allocation, Claim
from serai.systems.checkout.buying import store_answer
from serai.systems.checkout.claims import Claims
from serai.systems.checkout.model import OrderT, Reply, Words
from serai.systems.checkout.refusals import authentication, declined, returned
from serai.systems.payments.api import GoodsLost, Payment


class ClaimOrders(ABC, Generic[OrderT]):
    """Implements `payments.model.Orders` for a shop that says how its own rows change."""

    def __init__(self, allocation: Allocation, claims: Claims, words: Words) -> None:
        self._allocation = allocation
        self._claims = claims
        self._words = words

    @abstractmethod
    async def order(self, tx: Transaction, order_id: UUID) -> OrderT:
        """The order of a payment of ours."""

    @abstractmethod
    def facts(self, order: OrderT) -> tuple[UUID, bytes, str]:
        """The order's claim, its request's idempotency scope, and its id as the buyer names it."""

    @abstractmethod
    async def may_reclaim(self, tx: Transaction, claim: Claim) -> None:
        """GoodsLost if the goods of an expired claim are not on sale any more."""

    @abstractmethod
    async def confirm(self, tx: Transaction, order: OrderT, claim: Claim, confirmed: Claim) -> bool:
        """`claim` was paid, `confirmed` has the goods. False: the order does not wait for them any more."""

    @abstractmethod
    async def note(self, tx: Transaction, order: OrderT, reason: str) -> None:
        """The payment was declined and the goods are still held."""

    @abstractmethod
    async def fail(self, tx: Transaction, order: OrderT, reason: str, *, tell: bool) -> None:
        """The order gets no goods; `tell` the buyer, who is not waiting for an answer."""

    @abstractmethod
    async def captured(self, tx: Transaction, order: OrderT) -> Reply:
        """The money is ours: what follows, and the answer."""

    @abstractmethod
    async def on_refunded(self, tx: Transaction, payment: Payment) -> None:
        """The refund that the order asked for was made."""

    async def on_authorised(self, tx: Transaction, payment: Payment) -> None:
        """The goods become the buyer's, or GoodsLost."""
        order = await self.order(tx, payment.order_id)
        claim = await self._allocation.claim_by_id(tx, self.facts(order)[0])
        confirmed = await self._claims.confirm(tx, claim, self.may_reclaim)
        if not await self.confirm(tx, order, claim, confirmed):
            raise GoodsLost(f"order {payment.order_id} does not wait for its payment any more")

    async def on_action(self, tx: Transaction, payment: Payment) -> None:
        """The buyer must go to the bank; the answer says where."""
        _, scope, order_id = self.facts(await self.order(tx, payment.order_id))
        await store_answer(tx, scope, Reply.refused(authentication(payment, self._words, order_id)))

    async def on_doubt(self, tx: Transaction, payment: Payment) -> None:
        """The goods stay until the gateway has said what happened."""
        await self._claims.doubt(tx, self.facts(await self.order(tx, payment.order_id))[0])

    async def on_declined(self, tx: Transaction, payment: Payment) -> None:
        """Back to the hold, so that another card can be tried; or, if it is not whole any more, to nothing."""
        order = await self.order(tx, payment.order_id)
        claim_id, scope, _ = self.facts(order)
        held = await self._claims.back_to_hold(tx, claim_id)
        error = declined(payment, self._words, held=held)
        if held:
            await self.note(tx, order, error.message)
        else:
            await self._claims.give_back(tx, claim_id)
            await self.fail(tx, order, error.message, tell=False)
        await store_answer(tx, scope, Reply.refused(error))

    async def on_captured(self, tx: Transaction, payment: Payment) -> None:
        """What follows from a sale, and the answer."""
        order = await self.order(tx, payment.order_id)
        await store_answer(tx, self.facts(order)[1], await self.captured(tx, order))

    async def on_returned(self, tx: Transaction, payment: Payment) -> None:
        """The buyer keeps the money and gets no goods."""
        order = await self.order(tx, payment.order_id)
        claim_id, scope, _ = self.facts(order)
        await self._claims.give_back(tx, claim_id)
        error = returned(payment, self._words)
        await self.fail(tx, order, error.message, tell=True)
        await store_answer(tx, scope, Reply.refused(error))
