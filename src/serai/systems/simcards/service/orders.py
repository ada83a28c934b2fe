"""What a sale does when its payment moves; `checkout` says when."""

from typing import Any
from uuid import UUID

from serai.kernel.ports import Clock, Random
from serai.runtime.jobs import Queue
from serai.runtime.outbox import Event, Outbox
from serai.runtime.postgres.database import Transaction
from serai.systems.allocation.api import Allocation, Claim
from serai.systems.checkout.api import ClaimOrders, Claims, Reply, Words
from serai.systems.payments.api import Payment
from serai.systems.simcards.errors import NumberHoldExpired, NumberTaken
from serai.systems.simcards.model import Sale, SaleState
from serai.systems.simcards.numbering.plans import shown
from serai.systems.simcards.service.numbers import Numbers
from serai.systems.simcards.service.pools import Pools
from serai.systems.simcards.store import sales as store

TOPIC = "serai.simcards.sale"

WORDS = Words(
    id_field="sale_id",
    held="Your number is still held.",
    still_held="Your number is still held: try another card.",
    not_held="Your number is not held any more: choose again.",
    being_paid="This number is being paid by another request; ask again.",
    ended="the sale has ended.",
    gone="The number was gone before the payment came through; no money was taken.",
    given_back="This sale was paid and has been returned since.",
    lost=NumberTaken,
    expired=NumberHoldExpired,
)


def sale_json(sale: Sale) -> dict[str, Any]:
    """A sale as its buyer sees it."""
    return {
        "id": sale.capability.text(),
        "state": sale.state,
        "number": f"+{sale.number}",
        "shown": shown(sale.number),
        "class": sale.number_class,
        "confirmation_code": sale.confirmation_code,
        "total": sale.total.json(),
        "iccid": sale.iccid,
        "refund": {"amount": sale.refund_minor, "currency": sale.total.currency},
        "refunded": sale.refunded,
        "reason": sale.reason,
    }


class SaleOrders(ClaimOrders[Sale]):
    """Numbers change hands with their money."""

    def __init__(
        self,
        allocation: Allocation,
        pools: Pools,
        numbers: Numbers,
        outbox: Outbox,
        queue: Queue,
        clock: Clock,
        random: Random,
    ) -> None:
        super().__init__(allocation, Claims(allocation, clock, random, WORDS), WORDS)
        self._pools = pools
        self._numbers = numbers
        self._outbox = outbox
        self._queue = queue

    async def order(self, tx: Transaction, order_id: UUID) -> Sale:
        """The sale of a payment of ours."""
        sale = await store.sale_by_id(tx, order_id)
        assert sale is not None, "a payment of ours names its sale, and sales are never deleted"
        return sale

    def facts(self, order: Sale) -> tuple[UUID, bytes, str]:
        """Its claim, its request's scope, its id."""
        return order.claim_id, order.request_scope, order.capability.text()

    async def may_reclaim(self, tx: Transaction, claim: Claim) -> None:
        """A number that nobody has taken since is still on sale: retired and resting ones are blocked."""

    async def confirm(self, tx: Transaction, order: Sale, claim: Claim, confirmed: Claim) -> bool:
        """The number is sold."""
        if not await store.confirm_sale(tx, order.sale_id, confirmed.claim_id):
            return False
        await self._numbers.sell(tx, order, await self._pools.read(tx, order.pool_id), claim.holder)
        return True

    async def note(self, tx: Transaction, order: Sale, reason: str) -> None:
        """Another card may be tried."""
        await store.note_reason(tx, order.sale_id, reason)

    async def fail(self, tx: Transaction, order: Sale, reason: str, *, tell: bool) -> None:
        """The sale ends without a number; one that was sold already is let go."""
        was = (SaleState.PENDING, SaleState.SOLD)
        if await store.move_sale(tx, order.sale_id, was, SaleState.FAILED, reason=reason):
            await self._numbers.let_go(tx, order, "payment")
            if tell:
                data = {"pool_id": str(order.pool_id), "total": order.total.json()}
                await self._outbox.append(tx, Event(TOPIC, str(order.sale_id), f"{TOPIC}.failed.v1", data))
                await self._queue.defer(tx, "simcards.mail_sale", tenant=str(tx.owner), sale_id=str(order.sale_id))

    async def captured(self, tx: Transaction, order: Sale) -> Reply:
        """The receipt's mail, and the answer."""
        await self._queue.defer(tx, "simcards.mail_sale", tenant=str(tx.owner), sale_id=str(order.sale_id))
        return Reply.of(201, sale_json(order))

    async def on_refunded(self, tx: Transaction, payment: Payment) -> None:
        """The money of a returned number is on its way back."""
        await store.mark_refunded(tx, payment.order_id)
        await self._queue.defer(tx, "simcards.mail_sale", tenant=str(tx.owner), sale_id=str(payment.order_id))
