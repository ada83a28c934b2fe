"""Holding a number: one that chance draws, or one that a search has shown. Only then is it shown whole."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from serai.kernel.errors import SeraiError
from serai.kernel.ids import Capability
from serai.kernel.money import Money
from serai.kernel.ports import Clock, Random
from serai.runtime.postgres.database import Database, Transaction
from serai.systems.allocation.api import (
    Allocation,
    Ask,
    Claim,
    ClaimExpired,
    ClaimLost,
    ClaimState,
    DrawAsk,
    IllegalMove,
    NoSuchClaim,
    NotEnough,
    PoolNotOpen,
    UnitRef,
    UnitsTaken,
)
from serai.systems.simcards.errors import (
    Exhausted,
    NoSuchCandidate,
    NoSuchNumberHold,
    NoSuchPool,
    NumberHoldExpired,
    NumberTaken,
)
from serai.systems.simcards.model import OWNER, Pool
from serai.systems.simcards.numbering.classes import NumberClass, class_of
from serai.systems.simcards.service.pools import Pools
from serai.systems.simcards.service.showing import Viewer, show
from serai.systems.simcards.settings import SimcardsSettings
from serai.systems.simcards.store import pools as store

DRAWS_MAX = 12
"""Draws for a number of a wanted class: of plain ones nearly every first draw is one."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A number held for a buyer."""

    capability: Capability
    pool: Pool
    state: ClaimState
    expires_at: datetime
    number: int
    number_class: NumberClass
    price: Money


class _OtherClass(SeraiError):
    """Chance drew a number of another class; the transaction takes it back."""


class Holds:
    """Holds, extends and releases numbers."""

    def __init__(
        self,
        database: Database,
        allocation: Allocation,
        pools: Pools,
        clock: Clock,
        random: Random,
        settings: SimcardsSettings,
    ) -> None:
        self._database = database
        self._allocation = allocation
        self._pools = pools
        self._clock = clock
        self._random = random
        self._settings = settings

    async def draw(
        self,
        tenant: UUID,
        pool_id: UUID,
        viewer: Viewer,
        *,
        holder: str,
        holds_max: int | None,
        number_class: NumberClass | None = None,
    ) -> Hold:
        """A number that nobody can predict. Exhausted, NoSuchPool, QuotaUsed, TooManyClaims."""
        pool = await self._open_pool(tenant, pool_id)
        for _ in range(DRAWS_MAX):
            try:
                return await self._draw(tenant, pool, viewer, holder, holds_max, number_class)
            except _OtherClass:
                continue
            except PoolNotOpen:
                raise NoSuchPool(f"The pool {pool.name!r} is not open yet.") from None
            except NotEnough:
                raise Exhausted(f"The pool {pool.name!r} has no number left.") from None
        raise Exhausted(f"Chance drew {DRAWS_MAX} numbers, none of them {number_class}; search for one, or take any.")

    async def take(
        self, tenant: UUID, candidate: Capability, viewer: Viewer, *, holder: str, holds_max: int | None
    ) -> Hold:
        """The number that a search has shown. NoSuchCandidate, NumberTaken, QuotaUsed, TooManyClaims."""
        async with self._database.transaction(tenant) as tx:
            found = await store.candidate(tx, candidate.id, self._settings.candidate_ttl_s)
        if found is None or not candidate.opens(found[0]):
            raise NoSuchCandidate("This number was not shown to you lately; search again.")
        _, pool_id, unit_key = found
        pool = await self._open_pool(tenant, pool_id)
        ask = self._ask(pool, holder, holds_max, units=(UnitRef(pool.pool_no, unit_key),))

        async def work(tx: Transaction) -> Claim:
            await show(tx, viewer, self._settings, numbers=1)
            return await self._allocation.open_claim(tx, ask)

        try:
            claim = await self._allocation.with_free_units(self._database, tenant, ask.units, work)
        except UnitsTaken:
            raise NumberTaken("Somebody else has taken this number; choose another.") from None
        return self.as_hold(pool, claim)

    async def get(self, tenant: UUID, hold: Capability) -> Hold:
        """The hold as it stands; NoSuchNumberHold."""
        async with self._database.transaction(tenant) as tx:
            claim = await self.claim(tx, hold)
            return self.as_hold(await self.pool_of(tx, claim), claim)

    async def extend(self, tenant: UUID, hold: Capability) -> Hold:
        """A full life from now on; NumberHoldExpired if its time is over or it is not merely held any more."""
        async with self._database.transaction(tenant) as tx:
            claim = await self.claim(tx, hold)
            try:
                extended = await self._allocation.extend(tx, claim, self._settings.hold_ttl_s)
            except (ClaimExpired, ClaimLost, IllegalMove) as error:
                raise NumberHoldExpired(error.message) from None
            return self.as_hold(await self.pool_of(tx, claim), extended)

    async def release(self, tenant: UUID, hold: Capability) -> None:
        """Gives the number back; releasing what is gone already changes nothing."""
        async with self._database.transaction(tenant) as tx:
            claim = await self.claim(tx, hold)
            if claim.state in (ClaimState.RELEASED, ClaimState.EXPIRED, ClaimState.CANCELLED):
                return
            if claim.state is not ClaimState.HELD:
                raise NumberHoldExpired("This number is being paid or is sold; return the sale instead.")
            await self._allocation.release(tx, claim)

    async def claim(self, tx: Transaction, hold: Capability) -> Claim:
        """The claim behind a hold of ours; NoSuchNumberHold."""
        try:
            claim = await self._allocation.claim(tx, hold)
        except NoSuchClaim:
            raise NoSuchNumberHold("There is no such hold.") from None
        if claim.owner != OWNER:
            raise NoSuchNumberHold("There is no such hold.")
        return claim

    async def pool_of(self, tx: Transaction, claim: Claim) -> Pool:
        """The pool of a claim of ours."""
        return await self._pools.read(tx, UUID(claim.terms["pool_id"]))

    @staticmethod
    def as_hold(pool: Pool, claim: Claim) -> Hold:
        """A claim as its holder sees it. The price is that of the class when it was held."""
        state = ClaimState.EXPIRED if claim.expired and claim.state is ClaimState.HELD else claim.state
        number = pool.number(claim.units[0].key)
        number_class = class_of(number)
        price = Money(claim.terms["prices"][number_class], claim.terms["currency"])
        return Hold(claim.capability, pool, state, claim.expires_at, number, number_class, price)

    async def _draw(
        self,
        tenant: UUID,
        pool: Pool,
        viewer: Viewer,
        holder: str,
        holds_max: int | None,
        number_class: NumberClass | None,
    ) -> Hold:
        ask = self._ask(pool, holder, holds_max, draws=(DrawAsk(pool.pool_no, 1),))

        async def work(tx: Transaction) -> Claim:
            await show(tx, viewer, self._settings, numbers=1)
            claim = await self._allocation.open_claim(tx, ask)
            if number_class not in (None, class_of(pool.number(claim.units[0].key))):
                raise _OtherClass("another class")
            return claim

        return self.as_hold(pool, await self._allocation.with_free_units(self._database, tenant, (), work))

    async def _open_pool(self, tenant: UUID, pool_id: UUID) -> Pool:
        pool = await self._pools.get(tenant, pool_id)
        if pool.opened_at is None:
            raise NoSuchPool(f"The pool {pool.name!r} is not open yet.")
        return pool

    def _ask(self, pool: Pool, holder: str, holds_max: int | None, **what: Any) -> Ask:
        return Ask(
            capability=Capability.new(self._clock, self._random),
            owner=OWNER,
            holder=holder,
            units=what.get("units", ()),
            draws=what.get("draws", ()),
            ttl_s=self._settings.hold_ttl_s,
            terms={
                "pool_id": str(pool.pool_id),
                "prices": {each.value: minor for each, minor in pool.prices.items()},
                "currency": pool.currency,
            },
            holder_max=holds_max,
            actor=holder,
        )
