"""Pools: planned from a numbering plan, filled with their units, opened when all are there; and how they stand."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from serai.kernel.errors import Invalid
from serai.kernel.ids import uuid7
from serai.kernel.money import known_currency
from serai.kernel.ports import Clock, Random
from serai.runtime.jobs import Queue
from serai.runtime.outbox import Event, Outbox
from serai.runtime.postgres.database import Database, Transaction
from serai.systems.allocation.api import Allocation, Filling, live_units
from serai.systems.simcards.errors import NoSuchPool, PoolsOverlap
from serai.systems.simcards.model import OWNER, Pool, Standing
from serai.systems.simcards.numbering.classes import NumberClass
from serai.systems.simcards.numbering.plans import NoSuchPlan, Wanted, numbers_of
from serai.systems.simcards.numbering.shuffle import KEY_BYTES, Shuffle
from serai.systems.simcards.numbering.states import NumberState
from serai.systems.simcards.settings import SimcardsSettings
from serai.systems.simcards.store import pools as store

TOPIC = "serai.simcards.pool"

PRICE_MINOR_MAX = 10**9
"""Of a number, in minor units."""


@dataclass(frozen=True, slots=True)
class NewPool:
    """What somebody who makes a pool says."""

    name: str
    wanted: Wanted
    prices: Mapping[NumberClass, int]
    """Minor units; all classes."""
    currency: str
    quarantine_days: int | None = None


class Pools:
    """Makes and reads pools. Open ones are kept in memory: nothing of them changes."""

    def __init__(
        self,
        database: Database,
        allocation: Allocation,
        outbox: Outbox,
        queue: Queue,
        clock: Clock,
        random: Random,
        settings: SimcardsSettings,
    ) -> None:
        self._database = database
        self._allocation = allocation
        self._outbox = outbox
        self._queue = queue
        self._clock = clock
        self._random = random
        self._settings = settings
        self._open: dict[tuple[UUID, UUID], Pool] = {}

    async def plan(self, tenant: UUID, new: NewPool, *, later: bool = True) -> Pool:
        """A pool whose numbers are planned; `later`: a job fills it. Invalid names the field; PoolsOverlap."""
        try:
            numbers, length = numbers_of(new.wanted)
        except NoSuchPlan as error:
            raise Invalid.of(error.field, "not_in_plan", str(error)) from None
        if not known_currency(new.currency):
            said = f"{new.currency!r} is no ISO 4217 currency; write one such as EUR."
            raise Invalid.of("currency", "unknown_currency", said)
        if missing := [each.value for each in NumberClass if each not in new.prices]:
            raise Invalid.of("prices", "missing", f"Say what {missing[0]} numbers cost too.")
        if wrong := [each.value for each, minor in new.prices.items() if not 0 <= minor <= PRICE_MINOR_MAX]:
            raise Invalid.of("prices", "bad_price", f"A price is from 0 to {PRICE_MINOR_MAX:,}; {wrong[0]} is not.")
        async with self._database.transaction(tenant) as tx:
            await store.lock_pools(tx)
            for other in await store.all_pools(tx):
                if shared := (other.numbers & numbers).size:
                    raise PoolsOverlap(f"{shared:,} of these numbers are in the pool {other.name!r} already.")
            pool = Pool(
                pool_id=uuid7(self._clock, self._random),
                pool_no=await self._allocation.plan_pool(tx, OWNER, numbers.size),
                name=new.name,
                region=new.wanted.region,
                kind=new.wanted.kind,
                prefix=new.wanted.prefix,
                length=length,
                numbers=numbers,
                shuffle=Shuffle(numbers.size, self._random.token(KEY_BYTES)),
                quarantine_days=self._quarantine_days(new),
                prices=dict(new.prices),
                currency=new.currency,
                opened_at=None,
            )
            await store.insert_pool(tx, pool)
            if later:
                await self._queue.defer(tx, "simcards.fill_pool", tenant=str(tenant), pool_id=str(pool.pool_id))
        return pool

    async def fill(
        self, tenant: UUID, pool_id: UUID, told: Callable[[Filling], None] | None = None, actor: str = "fill"
    ) -> None:
        """Makes a planned pool's units, from where it was left, and opens it. NoSuchPool."""
        pool = await self.get(tenant, pool_id)
        await self._allocation.fill_pool(self._database, tenant, pool.pool_no, actor, told)
        async with self._database.transaction(tenant) as tx:
            if await store.open_pool(tx, pool_id):
                data = {"name": pool.name, "region": pool.region, "prefix": pool.prefix, "size": pool.numbers.size}
                await self._outbox.append(tx, Event(TOPIC, str(pool_id), f"{TOPIC}.opened.v1", data))

    async def get(self, tenant: UUID, pool_id: UUID) -> Pool:
        """A pool, open or not; NoSuchPool."""
        if known := self._open.get((tenant, pool_id)):
            return known
        async with self._database.transaction(tenant) as tx:
            return await self.read(tx, pool_id)

    async def read(self, tx: Transaction, pool_id: UUID) -> Pool:
        """The same in a transaction; NoSuchPool."""
        key = (tx.owner, pool_id)
        if known := self._open.get(key):
            return known
        pool = await store.pool_by_id(tx, pool_id)
        if pool is None:
            raise NoSuchPool(f"There is no pool {str(pool_id)!r}.")
        if pool.opened_at is not None:
            self._open[key] = pool
        return pool

    async def all(self, tenant: UUID) -> list[Pool]:
        """Every pool, oldest first."""
        async with self._database.transaction(tenant) as tx:
            return await store.all_pools(tx)

    async def of_number(self, tx: Transaction, number: int) -> Pool | None:
        """The pool in which a number is, if any."""
        return next((pool for pool in await store.all_pools(tx) if number in pool.numbers), None)

    async def standing(self, tenant: UUID, pool_id: UUID) -> Standing:
        """How many of a pool's numbers are in each state, and when it will be empty. NoSuchPool.

        Reads the numbers that have been somebody's and the living claims, not the millions that are free.
        """
        async with self._database.transaction(tenant) as tx:
            pool = await self.read(tx, pool_id)
            filling = await self._allocation.filling(tx, pool.pool_no)
            held = await live_units(tx, pool.pool_no)
            touched = await store.counts_by_state(tx, pool_id)
            pace = await store.sold_per_day(tx, pool_id)
        planned = pool.numbers.size if pool.opened_at is None else 0
        counts = dict.fromkeys(NumberState, 0) | touched
        counts[NumberState.PLANNED] = planned
        counts[NumberState.HELD] = held
        gone = sum(count for state, count in touched.items() if state is not NumberState.AVAILABLE)
        counts[NumberState.AVAILABLE] = free = max(0, pool.numbers.size - planned - held - gone)
        return Standing(pool, filling.filled, counts, pace, free / pace if pace else None)

    def _quarantine_days(self, new: NewPool) -> int:
        return self._settings.quarantine_days if new.quarantine_days is None else new.quarantine_days
