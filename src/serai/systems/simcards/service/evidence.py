"""Evidence of chance on a live pool: numbers are drawn as buyers draw them, judged, and given back undrawn."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from serai.kernel.ids import Capability
from serai.kernel.ports import Clock, Random
from serai.runtime.postgres.database import Database, Transaction
from serai.systems.allocation.api import Allocation, Ask, DrawAsk, NotEnough
from serai.systems.simcards.errors import Exhausted, NoSuchPool
from serai.systems.simcards.model import OWNER, Pool
from serai.systems.simcards.numbering.randomness import SAMPLE_MIN, Test, in_order, judge
from serai.systems.simcards.service.pools import Pools

DRAWS = 2_000
"""Numbers that a report draws if it is not told otherwise."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the tests say of a pool's draws, and of a shop that sells in order."""

    pool: Pool
    draws: int
    tests: tuple[Test, ...]
    baseline: tuple[Test, ...]

    @property
    def holds(self) -> bool:
        """Whether no test of ours fails, and the baseline fails the game: else the tests prove nothing."""
        return all(test.passed for test in self.tests) and not self.baseline[-1].passed

    def json(self) -> dict[str, Any]:
        """As the report shows it."""
        return {
            "pool": self.pool.name,
            "numbers": self.pool.numbers.size,
            "draws": self.draws,
            "holds": self.holds,
            "tests": [test.json() for test in self.tests],
            "baseline": [test.json() for test in self.baseline],
        }


class _Undone(Exception):
    """Ends a transaction so that what it drew is free again."""


class Witness:
    """Draws as buyers draw, and lets the tests judge."""

    def __init__(self, database: Database, allocation: Allocation, pools: Pools, clock: Clock, random: Random) -> None:
        self._database = database
        self._allocation = allocation
        self._pools = pools
        self._clock = clock
        self._random = random

    async def gather(self, tenant: UUID, pool_id: UUID, draws: int = DRAWS) -> Evidence:
        """Draws that often and judges. Nothing of it stays in the database. NoSuchPool, Exhausted."""
        pool = await self._pools.get(tenant, pool_id)
        if pool.opened_at is None:
            raise NoSuchPool(f"The pool {pool.name!r} is not open yet.")
        places = [pool.shuffle.place_of(await self._draw(tenant, pool)) for _ in range(max(draws, SAMPLE_MIN))]
        size = pool.numbers.size
        return Evidence(pool, len(places), tuple(judge(places, size)), tuple(judge(in_order(len(places), size), size)))

    async def _draw(self, tenant: UUID, pool: Pool) -> int:
        """The unit that a buyer would get now; it is free again when this returns. Exhausted."""
        drawn: list[int] = []
        ask = Ask(
            capability=Capability.new(self._clock, self._random),
            owner=OWNER,
            holder="evidence",
            units=(),
            draws=(DrawAsk(pool.pool_no, 1),),
            ttl_s=60,
            terms={},
        )

        async def work(tx: Transaction) -> None:
            claim = await self._allocation.open_claim(tx, ask)
            drawn.append(claim.units[0].key)
            raise _Undone

        try:
            await self._allocation.with_free_units(self._database, tenant, (), work)
        except _Undone:
            return drawn[0]
        except NotEnough:
            raise Exhausted(f"The pool {pool.name!r} has no number left to draw.") from None
        raise AssertionError("the transaction was to be undone")
