"""Selling held numbers, putting them on cards, and taking them back."""

from dataclasses import dataclass, replace
from uuid import UUID

from serai.kernel.ids import Capability, human_code
from serai.kernel.ports import Clock, Random
from serai.runtime.http.idempotency import Key
from serai.runtime.postgres.database import Database, Transaction
from serai.systems.allocation.api import Allocation
from serai.systems.checkout.api import Buying, Claims, Reply, Started
from serai.systems.payments.api import Order, Payment, Payments, PaymentState
from serai.systems.simcards.errors import NoSuchSale, NotReturnable, SaleNotOpen, SaleUnsettled
from serai.systems.simcards.model import OWNER, Identity, Pool, Sale, SaleState
from serai.systems.simcards.numbering.cards import masked_tail
from serai.systems.simcards.service.holds import Hold, Holds
from serai.systems.simcards.service.numbers import Numbers
from serai.systems.simcards.service.orders import WORDS, sale_json
from serai.systems.simcards.settings import SimcardsSettings
from serai.systems.simcards.store import sales as store


@dataclass(frozen=True, slots=True)
class Purchase:
    """What a buyer sends."""

    hold: Capability
    method: str
    email: str
    identity: Identity


@dataclass(frozen=True, slots=True)
class SaleStanding:
    """A sale with all that its pages tell: where its money is, the hold that it was made from, who buys, the pool."""

    sale: Sale
    payment: Payment
    hold: Capability
    identity: Identity
    pool: Pool


class Sales(Buying[Sale]):
    """Sells, activates and takes back."""

    def __init__(
        self,
        database: Database,
        allocation: Allocation,
        payments: Payments,
        holds: Holds,
        numbers: Numbers,
        clock: Clock,
        random: Random,
        settings: SimcardsSettings,
    ) -> None:
        super().__init__(database, payments, WORDS)
        self._allocation = allocation
        self._holds = holds
        self._numbers = numbers
        self._claims = Claims(allocation, clock, random, WORDS)
        self._clock = clock
        self._random = random
        self._settings = settings

    async def sell(self, tenant: UUID, purchase: Purchase, key: Key) -> Reply:
        """Pays for a hold. Raises NumberHoldExpired, NoSuchNumberHold, and what `buy` raises."""
        return await self.buy(tenant, key, lambda tx: self._start(tx, purchase, key), "/simcards/sales/")

    async def resume(self, tenant: UUID, sale: Capability) -> Reply:
        """The buyer comes back from the bank: looks what it said, and finishes. SaleNotOpen, NoSuchSale."""
        async with self._database.transaction(tenant) as tx:
            found = await self._open(tx, sale)
            payment = await self._payments.of_order(tx, OWNER, found.sale_id)
        if payment is None or found.state not in (SaleState.PENDING, SaleState.SOLD):
            raise SaleNotOpen("This sale does not wait for a payment.")
        payment = await self._payments.run(payment)
        reply = await self.reply(tenant, Started(found, payment, False), payment, None)
        return Reply(200 if reply.status == 201 else reply.status, reply.body)

    async def get(self, tenant: UUID, sale: Capability) -> Sale:
        """The sale, for whoever shows its id; NoSuchSale."""
        async with self._database.transaction(tenant) as tx:
            return await self._open(tx, sale)

    async def standing(self, tenant: UUID, sale: Capability) -> SaleStanding:
        """The same with all that its page tells; NoSuchSale."""
        async with self._database.transaction(tenant) as tx:
            return await self._standing(tx, await self._open(tx, sale))

    async def of_id(self, tenant: UUID, sale_id: UUID) -> SaleStanding:
        """The same for those who work in the shop, who need no secret; NoSuchSale."""
        async with self._database.transaction(tenant) as tx:
            found = await store.sale_by_id(tx, sale_id)
            if found is None:
                raise NoSuchSale("There is no such sale.")
            return await self._standing(tx, found)

    async def of_hold(self, tenant: UUID, hold: Capability) -> SaleStanding | None:
        """The sale that was made from this hold, if any; NoSuchNumberHold."""
        async with self._database.transaction(tenant) as tx:
            claim = await self._holds.claim(tx, hold)
            found = await store.sale_of_hold(tx, claim.claim_id)
            return await self._standing(tx, found) if found else None

    async def activate(self, tenant: UUID, sale: Capability, iccid: str, actor: str) -> Sale:
        """Puts the number on a card of the stock; the same card again is the same answer.

        NoSuchSale, SaleUnsettled while the money is on its way, CardTaken, IllegalNumberMove.
        """
        async with self._database.transaction(tenant) as tx:
            found = await self._locked(tx, sale)
            if found.state is SaleState.ACTIVE and found.iccid == iccid:
                return found
            await self._settled(tx, found)
            await self._numbers.activate(tx, found, actor, f"card {masked_tail(iccid)}")
            await self._numbers.pair(tx, found.number, iccid)
            moved = await store.move_sale(tx, found.sale_id, (SaleState.SOLD,), SaleState.ACTIVE)
            assert moved, "the sale's row is locked, and its number was sold"
            return await self._open(tx, sale)

    async def take_back(self, tenant: UUID, sale: Capability, actor: str) -> Sale:
        """The number goes into quarantine. Before it was activated all the money is returned, afterwards none.

        Once returned, always the same answer. NoSuchSale, NotReturnable, SaleUnsettled.
        """

        async def work(tx: Transaction) -> Payment | None:
            found = await self._locked(tx, sale)
            if found.state is SaleState.RETURNED:
                return None
            if found.state not in (SaleState.SOLD, SaleState.ACTIVE):
                raise NotReturnable(f"This sale is {found.state}; only a sold number can be returned.")
            payment = await self._settled(tx, found)
            refund = found.total.minor if found.state is SaleState.SOLD else 0
            was = (SaleState.SOLD, SaleState.ACTIVE)
            await store.move_sale(tx, found.sale_id, was, SaleState.RETURNED, refund_minor=refund)
            # Cancelled and blocked in one transaction: nobody sees the unit free between.
            await self._allocation.cancel(tx, await self._allocation.claim_by_id(tx, found.claim_id), actor)
            await self._numbers.rest(tx, found.number, actor)
            return await self._payments.refund(tx, payment, refund) if refund else None

        refunding = await self._database.retrying(tenant, work)
        if refunding is not None:
            await self._payments.run(refunding)
        return await self.get(tenant, sale)

    async def told(self, tenant: UUID, started: Started[Sale]) -> Reply:
        """201: the number is the buyer's. What was just made is known without asking."""
        if started.fresh:
            return Reply.of(201, sale_json(replace(started.order, state=SaleState.SOLD)))
        return Reply.of(201, sale_json(await self.get(tenant, started.order.capability)))

    async def pending(self, tenant: UUID, order: Sale) -> bool:
        """Whether the number is still held."""
        return (await self.get(tenant, order.capability)).state is SaleState.PENDING

    def order_id(self, order: Sale) -> str:
        """The secret id."""
        return order.capability.text()

    async def _start(self, tx: Transaction, purchase: Purchase, key: Key) -> Started[Sale]:
        claim = await self._holds.claim(tx, purchase.hold)
        earlier = await store.sale_of_hold(tx, claim.claim_id)
        if earlier and earlier.request_scope == key.scope:
            payment = await self._payments.of_order(tx, OWNER, earlier.sale_id)
            assert payment is not None, "a sale and its first payment are written together"
            return Started(earlier, payment, fresh=False)
        hold = self._holds.as_hold(await self._holds.pool_of(tx, claim), claim)
        await self._claims.pay(tx, claim, self._settings.payment_s)
        sale = await self._sale(tx, claim.claim_id, hold, earlier, purchase, key)
        order = Order(
            owner=OWNER,
            order_id=sale.sale_id,
            attempt=sale.attempts,
            amount=sale.total,
            method=purchase.method,
            description=f"Phone number {sale.sale_id}",
        )
        return Started(sale, await self._payments.start(tx, order), fresh=True)

    async def _sale(
        self, tx: Transaction, claim_id: UUID, hold: Hold, earlier: Sale | None, purchase: Purchase, key: Key
    ) -> Sale:
        if earlier is not None:
            return await store.next_attempt(tx, earlier, purchase.email, purchase.identity, key.scope)
        return await store.insert_sale(
            tx,
            Capability.new(self._clock, self._random),
            claim_id=claim_id,
            pool_id=hold.pool.pool_id,
            number=hold.number,
            number_class=hold.number_class,
            code=human_code(self._random),
            email=purchase.email,
            identity=purchase.identity,
            total=hold.price,
            request_scope=key.scope,
        )

    async def _standing(self, tx: Transaction, sale: Sale) -> SaleStanding:
        payment = await self._payments.of_order(tx, OWNER, sale.sale_id)
        assert payment is not None, "a sale and its first payment are written together"
        held = await self._allocation.claim_by_id(tx, sale.hold_id)
        identity = await store.identity_of(tx, sale.sale_id)
        return SaleStanding(sale, payment, held.capability, identity, await self._holds.pool_of(tx, held))

    async def _settled(self, tx: Transaction, sale: Sale) -> Payment:
        payment = await self._payments.of_order(tx, OWNER, sale.sale_id)
        if payment is None or payment.state is not PaymentState.CAPTURED:
            raise SaleUnsettled("The payment is still being settled; try again in a moment.", retry_after_s=2)
        return payment

    async def _locked(self, tx: Transaction, sale: Capability) -> Sale:
        await store.lock_sale(tx, sale.id)
        return await self._open(tx, sale)

    async def _open(self, tx: Transaction, sale: Capability) -> Sale:
        found = await store.sale_by_id(tx, sale.id)
        if found is None or not sale.opens(found.key):
            raise NoSuchSale("There is no such sale.")
        return found
