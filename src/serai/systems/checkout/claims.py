"""What a shop does with the claim behind an order when its payment moves."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from serai.kernel.ids import Capability
from serai.kernel.ports import Clock, Random
from serai.runtime.http.idempotency import RequestInFlight
from serai.runtime.postgres.database import Transaction
from serai.systems.allocation.api import (
    Allocation,
    Ask,
    Claim,
    ClaimExpired,
    ClaimLost,
    ClaimState,
    IllegalMove,
    UnitsTaken,
)
from serai.systems.checkout.model import Words
from serai.systems.payments.api import GoodsLost

RECLAIM_S = 60
"""Life of the claim that takes back goods whose hold expired while the buyer paid; it is confirmed at once."""

GIVE_BACK_TRIES_MAX = 3
"""Besides us only the sweep moves a claim that is being paid, and that once."""

MayReclaim = Callable[[Transaction, Claim], Awaitable[None]]
"""Raises GoodsLost if the goods of an expired claim are not on sale any more."""


class Claims:
    """Moves claims along with payments."""

    def __init__(self, allocation: Allocation, clock: Clock, random: Random, words: Words) -> None:
        self._allocation = allocation
        self._clock = clock
        self._random = random
        self._words = words

    async def pay(self, tx: Transaction, claim: Claim, payment_s: int) -> Claim:
        """A payment begins. RequestInFlight while another is on its way, `words.expired` when the hold is over."""
        if claim.state in (ClaimState.PAYING, ClaimState.UNKNOWN):
            raise self._being_paid()
        try:
            return await self._allocation.pay(tx, claim, payment_s)
        except ClaimLost as error:
            if (await self._allocation.claim_by_id(tx, claim.claim_id)).state is ClaimState.PAYING:
                raise self._being_paid() from None
            raise self._words.expired(error.message) from None
        except (ClaimExpired, IllegalMove) as error:
            raise self._words.expired(error.message) from None

    async def confirm(self, tx: Transaction, claim: Claim, may_reclaim: MayReclaim) -> Claim:
        """The goods become the buyer's; late money takes them again if nobody has them. GoodsLost."""
        if claim.state in (ClaimState.PAYING, ClaimState.UNKNOWN):
            return await self._confirm(tx, claim)
        if claim.state is not ClaimState.EXPIRED:
            raise GoodsLost(f"the claim is {claim.state}")
        await may_reclaim(tx, claim)
        ask = Ask(
            capability=Capability.new(self._clock, self._random),
            owner=claim.owner,
            holder=claim.holder,
            units=claim.units,
            ttl_s=RECLAIM_S,
            terms=claim.terms,
            actor="late payment",
        )
        try:
            fresh = await self._allocation.open_claim(tx, ask)
        except UnitsTaken as error:
            raise GoodsLost(error.message) from None
        return await self._confirm(tx, await self._allocation.pay(tx, fresh, RECLAIM_S))

    async def doubt(self, tx: Transaction, claim_id: UUID) -> None:
        """The goods stay until the gateway has said what happened."""
        claim = await self._allocation.claim_by_id(tx, claim_id)
        if claim.state is ClaimState.PAYING:
            await self._allocation.doubt(tx, claim)

    async def back_to_hold(self, tx: Transaction, claim_id: UUID) -> bool:
        """Returns a claim to its hold; false if its time ran out, or a part of it is gone."""
        claim = await self._allocation.claim_by_id(tx, claim_id)
        if claim.expired or claim.state is not ClaimState.PAYING:
            return False
        try:
            await self._allocation.decline(tx, claim)
        except ClaimLost:
            return False  # it expired at this moment; the refused statement has changed nothing
        return True

    async def give_back(self, tx: Transaction, claim_id: UUID) -> None:
        """Frees what the claim still has. The sweep may have been faster, so it looks again."""
        for _ in range(GIVE_BACK_TRIES_MAX):
            claim = await self._allocation.claim_by_id(tx, claim_id)
            try:
                if claim.state in (ClaimState.PAYING, ClaimState.UNKNOWN):
                    await self._allocation.release(tx, claim)
                elif claim.state is ClaimState.CONFIRMED:
                    await self._allocation.cancel(tx, claim)
                return
            except ClaimLost:
                continue

    async def _confirm(self, tx: Transaction, claim: Claim) -> Claim:
        try:
            return await self._allocation.confirm(tx, claim)
        except (ClaimLost, IllegalMove) as error:
            raise GoodsLost(error.message) from None

    def _being_paid(self) -> RequestInFlight:
        return RequestInFlight(self._words.being_paid, retry_after_s=2)
