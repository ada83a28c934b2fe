"""A tenant's scarce things on a real database: short words for what the tests of allocation do and look at."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg

from serai.kernel.ids import Capability
from serai.kernel.ports import Clock, Random
from serai.mechanisms.allocation.claims import UnitState
from serai.mechanisms.allocation.ledger import Bucket, Content, Line, Place, Unit, differences, replay
from serai.runtime.postgres.database import Database
from serai.systems.allocation.api import (
    Allocation,
    Ask,
    Claim,
    CounterAsk,
    CounterPlan,
    DrawAsk,
    UnitRef,
    pool_versions,
    pool_views,
)

OWNER = "hall"


@dataclass
class Shop:
    """Everything happens as serai_app in transactions of one tenant; only `age` and `tamper` are the owner's hand."""

    database: Database
    jobs: Database
    owner_url: str
    clock: Clock
    random: Random
    tenant: UUID
    allocation: Allocation = field(init=False)

    def __post_init__(self) -> None:
        self.allocation = Allocation(self.clock, self.random)

    async def pool(self, keys: Sequence[int] = (), counters: Sequence[CounterPlan] = ()) -> int:
        async with self.database.transaction(self.tenant) as tx:
            return await self.allocation.create_pool(tx, OWNER, keys, "test", counters)

    def ask(
        self,
        units: Sequence[UnitRef] = (),
        counters: Sequence[CounterAsk] = (),
        draws: Sequence[DrawAsk] = (),
        *,
        ttl_s: int = 600,
        holder: str = "somebody",
        holder_max: int | None = None,
    ) -> Ask:
        capability = Capability.new(self.clock, self.random)
        return Ask(capability, OWNER, holder, units, ttl_s, {"price": 5}, holder_max, counters=counters, draws=draws)

    async def open(self, ask: Ask) -> Claim:
        """As a handler does: with the retries of with_free_units."""

        async def work(tx: Any) -> Claim:
            return await self.allocation.open_claim(tx, ask)

        return await self.allocation.with_free_units(self.database, self.tenant, ask.units, work)

    async def hold(self, *units: UnitRef, ttl_s: int = 600) -> Claim:
        return await self.open(self.ask(units, ttl_s=ttl_s))

    async def count(self, *counters: CounterAsk) -> Claim:
        return await self.open(self.ask(counters=counters))

    async def read(self, claim: Claim) -> Claim:
        async with self.database.transaction(self.tenant) as tx:
            return await self.allocation.claim_by_id(tx, claim.claim_id)

    async def move(self, name: str, claim: Claim, *arguments: Any) -> Claim:
        """The move on the claim exactly as given, however old it is."""
        async with self.database.transaction(self.tenant) as tx:
            moved: Claim = await getattr(self.allocation, name)(tx, claim, *arguments)
            return moved

    async def sold(self, claim: Claim) -> Claim:
        return await self.move("confirm", await self.move("pay", claim, 60))

    async def sweep(self) -> int:
        return await self.allocation.sweep(self.jobs)

    async def states(self, pool_no: int) -> Mapping[int, UnitState]:
        async with self.database.transaction(self.tenant) as tx:
            return (await pool_views(tx, [pool_no]))[0].states

    async def counters(self, pool_no: int) -> Mapping[int, Bucket]:
        async with self.database.transaction(self.tenant) as tx:
            return (await pool_views(tx, [pool_no]))[0].counters

    async def version(self, pool_no: int) -> int:
        async with self.database.transaction(self.tenant) as tx:
            return (await pool_versions(tx, [pool_no]))[pool_no]

    async def age(self, claim: Claim, seconds: float = 10_000) -> None:
        """Time passes for one claim: its ends move into the past, in its own row, its units and their ledger lines."""
        arguments = {"seconds": seconds, "tenant": self.tenant, "claim": claim.claim_id}
        async with await psycopg.AsyncConnection.connect(self.owner_url) as owner:
            await owner.execute(
                "update allocation.claims set expires_at = expires_at - make_interval(secs => %(seconds)s),"
                " held_until = held_until - make_interval(secs => %(seconds)s),"
                " created_at = created_at - make_interval(secs => %(seconds)s)"
                " where tenant_id = %(tenant)s and claim_id = %(claim)s",
                arguments,
            )
            # In the order of everybody else: an update alone locks rows as they lie.
            await owner.execute(
                "select from allocation.units where tenant_id = %(tenant)s and claim_id = %(claim)s"
                " order by pool_no, key for update",
                arguments,
            )
            await owner.execute(
                "update allocation.units set expires_at = expires_at - make_interval(secs => %(seconds)s)"
                " where tenant_id = %(tenant)s and claim_id = %(claim)s",
                arguments,
            )
            await owner.execute(
                "update allocation.ledger set expires_at = expires_at - make_interval(secs => %(seconds)s)"
                " where tenant_id = %(tenant)s and unit_claim_id = %(claim)s",
                arguments,
            )

    async def tamper(self, statement: str, *arguments: object) -> int:
        """What a hand in the database does; returns how many rows it touched."""
        async with await psycopg.AsyncConnection.connect(self.owner_url) as owner:
            return (await owner.execute(statement, arguments)).rowcount  # type: ignore[arg-type]  # the test's own text

    async def rows(self, statement: str, *arguments: object) -> list[tuple[Any, ...]]:
        """As serai_jobs, which sees every tenant."""
        async with self.jobs.transaction(None) as tx:
            return await tx.fetch(statement, arguments)  # type: ignore[arg-type]  # the test's own text

    async def findings(self) -> list[str]:
        """All that the audit has to say; nothing, where all is well."""
        async with self.database.transaction(self.tenant) as tx:
            _, found = await self.allocation.audit(tx, OWNER)
            return [*map(str, found), *map(str, await self.allocation.breaches(tx, OWNER))]

    async def tables(self) -> dict[Place, Content]:
        """Every unit and bucket, exactly."""
        units = await self.rows(
            "select pool_no, key, state::text, claim_id, expires_at from allocation.units where tenant_id = %s",
            self.tenant,
        )
        buckets = await self.rows(
            "select pool_no, key, bucket, capacity, overbook, held, sold from allocation.counters where tenant_id = %s",
            self.tenant,
        )
        here: dict[Place, Content] = {
            Place(pool, key): Unit(UnitState(state), claim, expiry) for pool, key, state, claim, expiry in units
        }
        here |= {Place(*row[:3]): Bucket(*row[3:]) for row in buckets}
        return here

    async def replayed(self) -> dict[Place, Content]:
        """Every unit and bucket, as the pure replay of all ledger lines leaves them."""
        entries = await self.rows(
            "select entry_no, move, pool_no, keys, coalesce(lower(span), 0), coalesce(upper(span), 0), state::text,"
            " unit_claim_id, expires_at from allocation.ledger where tenant_id = %s order by entry_no",
            self.tenant,
        )
        counts = await self.rows(
            "select entry_no, move, pool_no, key, bucket, capacity, overbook, held, sold"
            " from allocation.counter_ledger where tenant_id = %s order by entry_no",
            self.tenant,
        )
        lines = [
            Line(
                no,
                move,
                tuple(Place(pool, key) for key in keys or range(low, past)),
                Unit(UnitState(state), claim, expiry),
            )
            for no, move, pool, keys, low, past, state, claim, expiry in entries
        ]
        lines += [
            Line(no, move, (Place(pool, key, bucket),), Bucket(*sizes))
            for no, move, pool, key, bucket, *sizes in counts
        ]
        return replay(lines)

    async def prove(self) -> None:
        """The tables are what the ledger says, by the audit and by its pure twin, and no unit has two live claims."""
        assert await self.findings() == []
        assert list(differences(await self.tables(), await self.replayed())) == []
        doubly = await self.rows(
            "select l.pool_no, l.key from allocation.claim_lines l join allocation.claims c using (tenant_id, claim_id)"
            " where c.tenant_id = %s and (c.state in ('confirmed', 'unknown')"
            "   or c.state in ('held', 'paying') and c.expires_at > clock_timestamp())"
            " group by l.pool_no, l.key having count(*) > 1",
            self.tenant,
        )
        assert doubly == []


async def together(*work: Any) -> list[Any]:
    """All at once; what each returned or raised."""
    return await asyncio.gather(*work, return_exceptions=True)
