"""What the pages of those who run the shop show: pools at a glance, and one pool's sales by day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from serai.kernel.ports import Clock
from serai.runtime.postgres.database import Database
from serai.runtime.postgres.keyset import Seek, Slice
from serai.systems.simcards.model import Standing
from serai.systems.simcards.numbering.states import NumberState
from serai.systems.simcards.porting import Porting
from serai.systems.simcards.service.pools import Pools
from serai.systems.simcards.store import board as store

POOLS_MAX = 50
"""Pools that the dashboard draws: each costs five short statements."""

DAYS = 14
"""Of the chart of sales."""

Day = tuple[date, int]


@dataclass(frozen=True, slots=True)
class Dashboard:
    """All pools at a glance, those that run out first on top."""

    standings: tuple[Standing, ...]
    more: int
    """Pools that are not drawn."""
    days: tuple[Day, ...]
    cards: tuple[int, int]
    """In all, and with a number."""
    portings: int
    """Requests that wait for somebody."""

    def count(self, *states: NumberState) -> int:
        """Numbers in these states, of the pools that are drawn."""
        return sum(standing.counts[state] for standing in self.standings for state in states)

    @property
    def first_to_end(self) -> Standing | None:
        """The pool that is empty first at last week's pace."""
        return next((each for each in self.standings if each.days_left is not None), None)


class Board:
    """Reads what the pages show."""

    def __init__(self, database: Database, pools: Pools, clock: Clock) -> None:
        self._database = database
        self._pools = pools
        self._clock = clock

    async def dashboard(self, tenant: UUID) -> Dashboard:
        """As of now."""
        pools = await self._pools.all(tenant)
        standings = [await self._pools.standing(tenant, pool.pool_id) for pool in pools[:POOLS_MAX]]
        async with self._database.transaction(tenant) as tx:
            sold = await store.sold_by_day(tx, DAYS)
            cards, portings = await store.card_counts(tx), await store.portings_waiting(tx)
        ranked = sorted(standings, key=lambda each: (each.days_left is None, each.days_left or 0, each.pool.name))
        return Dashboard(tuple(ranked), max(0, len(pools) - POOLS_MAX), self._days(sold), cards, portings)

    async def sold(self, tenant: UUID, pool_id: UUID) -> tuple[Day, ...]:
        """One pool's sales by day."""
        async with self._database.transaction(tenant) as tx:
            return self._days(await store.sold_by_day(tx, DAYS, pool_id))

    async def numbers(
        self, tenant: UUID, pool_id: UUID, text: str, state: str, seek: Seek
    ) -> Slice[store.ListedNumber]:
        """A page of a pool's numbers that have been somebody's."""
        async with self._database.transaction(tenant) as tx:
            return await store.numbers(tx, pool_id, text, state, seek)

    async def sales(self, tenant: UUID, text: str, state: str, seek: Seek) -> Slice[store.ListedSale]:
        """A page of the sales."""
        async with self._database.transaction(tenant) as tx:
            return await store.sales(tx, text, state, seek)

    async def cards(self, tenant: UUID, text: str, paired: bool | None, seek: Seek) -> Slice[store.ListedCard]:
        """A page of the stock of cards."""
        async with self._database.transaction(tenant) as tx:
            return await store.cards(tx, text, paired, seek)

    async def card_counts(self, tenant: UUID) -> tuple[int, int]:
        """Cards in all, and with a number."""
        async with self._database.transaction(tenant) as tx:
            return await store.card_counts(tx)

    async def portings(self, tenant: UUID, direction: str, waiting: bool | None, seek: Seek) -> Slice[Porting]:
        """A page of the requests to bring numbers along or take them away."""
        async with self._database.transaction(tenant) as tx:
            return await store.portings(tx, direction, waiting, seek)

    def _days(self, sold: dict[date, int]) -> tuple[Day, ...]:
        today = self._clock.now().date()
        days: Sequence[date] = [today - timedelta(days=ago) for ago in range(DAYS - 1, -1, -1)]
        return tuple((day, sold.get(day, 0)) for day in days)
