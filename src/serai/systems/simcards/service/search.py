"""Finding a number: a few that look like what was asked for, masked, each with what it costs.

Numbers are made up from the pattern and looked up, never listed, so a search costs the same in a pool of any size, and
says nothing of what it does not show.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from serai.kernel.errors import Invalid
from serai.kernel.ids import Capability
from serai.kernel.ports import Clock, Random
from serai.runtime.postgres.database import Database, Transaction
from serai.systems.allocation.api import free_keys
from serai.systems.simcards.errors import NoSuchPool
from serai.systems.simcards.model import Candidate, Pool
from serai.systems.simcards.numbering.classes import NumberClass, class_of
from serai.systems.simcards.numbering.patterns import Pattern, candidates, masked
from serai.systems.simcards.numbering.plans import calling_code
from serai.systems.simcards.service.pools import Pools
from serai.systems.simcards.service.showing import Seen, Viewer, room, seen, show
from serai.systems.simcards.settings import SimcardsSettings
from serai.systems.simcards.store import pools as store

TRIES_MAX = 2_000
"""Numbers made up for one search: 40 ms of a core."""

RARE_TRIES_MAX = 20_000
"""Of which so many are only looked at, where a class is asked for that few numbers have."""

LOOK_UP = 64
"""Numbers looked up in one statement."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody looks for: a pool, or any open one of a country and area."""

    pattern: Pattern
    count: int
    pool_id: UUID | None = None
    region: str | None = None
    area: str | None = None
    number_class: NumberClass | None = None


class Search:
    """Finds numbers."""

    def __init__(
        self, database: Database, pools: Pools, clock: Clock, random: Random, settings: SimcardsSettings
    ) -> None:
        self._database = database
        self._pools = pools
        self._clock = clock
        self._random = random
        self._settings = settings

    async def find(self, tenant: UUID, wish: Wish, viewer: Viewer) -> list[Candidate]:
        """Up to `count` free numbers that look like it; fewer if there are no more, or today's quota ends.

        Invalid for a wish that no number can meet; NoSuchPool; QuotaUsed once the day's numbers are used up.
        """
        pool = await self.pool(tenant, wish)
        _check(wish.pattern, pool)
        async with self._database.transaction(tenant) as tx:
            most = min(wish.count, await room(tx, viewer, self._settings))
            found = await self._free(tx, pool, wish, most) if most else []
            # Nothing found is no number shown; asking with a quota used up is refused all the same.
            await show(tx, viewer, self._settings, candidates=len(found) or (0 if most else 1))
            shown = {Capability.new(self._clock, self._random): (key, number) for key, number in found}
            if shown:
                units = {capability: key for capability, (key, _) in shown.items()}
                await store.insert_candidates(tx, pool.pool_id, units)
        return [self._candidate(pool, wish, each, number) for each, (_, number) in shown.items()]

    async def pool(self, tenant: UUID, wish: Wish) -> Pool:
        """The open pool that the wish names, or one of those that fit it, by chance. NoSuchPool."""
        if wish.pool_id is not None:
            pool = await self._pools.get(tenant, wish.pool_id)
            if pool.opened_at is None:
                raise NoSuchPool(f"The pool {pool.name!r} is not open yet.")
            return pool
        fitting = [
            pool
            for pool in await self._pools.all(tenant)
            if pool.opened_at is not None
            and wish.region in (None, pool.region)
            and pool.prefix.startswith(wish.area or "")
        ]
        if not fitting:
            raise NoSuchPool("There are no numbers of this country and area here.")
        return fitting[self._random.below(len(fitting))]

    async def seen(self, tenant: UUID, viewer: Viewer) -> Seen:
        """How much of today's quota is used."""
        async with self._database.transaction(tenant) as tx:
            return await seen(tx, viewer, self._settings)

    async def _free(self, tx: Transaction, pool: Pool, wish: Wish, most: int) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        made_up = self._made_up(pool, wish)
        while len(found) < most:
            batch = {pool.unit_key(number): number for number, _ in zip(made_up, range(LOOK_UP), strict=False)}
            if not batch:
                break
            free = await free_keys(tx, pool.pool_no, list(batch))
            found += [(key, number) for key, number in batch.items() if key in free]
        return found[:most]

    def _made_up(self, pool: Pool, wish: Wish) -> Iterator[int]:
        """Numbers of the pool that look like the wish, whoever has them."""
        tries_max = RARE_TRIES_MAX if wish.number_class not in (None, NumberClass.PLAIN) else TRIES_MAX
        for tail in candidates(wish.pattern, pool.tail_digits, tries_max, self._random):
            number = int(pool.lead + tail)
            if number in pool.numbers and wish.number_class in (None, class_of(number)):
                yield number

    def _candidate(self, pool: Pool, wish: Wish, capability: Capability, number: int) -> Candidate:
        tail = str(number)[len(pool.lead) :]
        shown = masked(f"+{calling_code(pool.region)} {pool.prefix} ", tail, wish.pattern, self._random)
        return Candidate(capability, pool.pool_id, shown, class_of(number), pool.price(number))


def _check(pattern: Pattern, pool: Pool) -> None:
    """Refuses what no number of the pool can look like, or what names a number outright."""
    for field in ("prefix", "contains", "ends"):
        digits = getattr(pattern, field)
        if len(digits) > pool.tail_digits:
            raise Invalid.of(
                field, "too_long", f"Numbers of this pool have {pool.tail_digits} digits after +{pool.lead}."
            )
    if pattern.repeated > pool.tail_digits:
        raise Invalid.of("repeated", "too_long", f"Numbers of this pool have {pool.tail_digits} digits to repeat.")
