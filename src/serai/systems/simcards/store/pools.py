"""SQL of pools, of what they show, and of how much anybody was shown."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import orjson

from serai.kernel.ids import Capability
from serai.runtime.postgres.database import Row, Transaction
from serai.systems.simcards.model import Pool
from serai.systems.simcards.numbering.classes import NumberClass
from serai.systems.simcards.numbering.plans import Kind
from serai.systems.simcards.numbering.ranges import Ranges
from serai.systems.simcards.numbering.shuffle import Shuffle
from serai.systems.simcards.numbering.states import NumberState

_COLUMNS = """pool_id, pool_no, name, region, kind, prefix, length, firsts, lasts, shuffle_key, quarantine_days, prices,
  currency, opened_at"""


def _pool(row: Row) -> Pool:
    pool_id, pool_no, name, region, kind, prefix, length, firsts, lasts, key, days, prices, currency, opened_at = row
    numbers = Ranges(tuple(zip(firsts, lasts, strict=True)))
    return Pool(
        pool_id=pool_id,
        pool_no=pool_no,
        name=name,
        region=region,
        kind=Kind(kind),
        prefix=prefix,
        length=length,
        numbers=numbers,
        shuffle=Shuffle(numbers.size, bytes(key)),
        quarantine_days=days,
        prices={NumberClass(name): minor for name, minor in prices.items()},
        currency=currency,
        opened_at=opened_at,
    )


async def lock_pools(tx: Transaction) -> None:
    """Alone among those who make pools, until the transaction ends: ranges must not overlap."""
    await tx.execute(
        "select pg_advisory_xact_lock(hashtextextended(concat_ws('/', %s::uuid, 'simcards.pools'), 386723))",
        (tx.owner,),
    )


async def insert_pool(tx: Transaction, pool: Pool) -> None:
    """A pool that is not open yet."""
    await tx.execute(
        """
        insert into simcards.pools (tenant_id, pool_id, pool_no, name, region, kind, prefix, length, firsts, lasts,
                                    shuffle_key, quarantine_days, prices, currency)
        values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        """,
        (
            tx.owner,
            pool.pool_id,
            pool.pool_no,
            pool.name,
            pool.region,
            pool.kind,
            pool.prefix,
            pool.length,
            [first for first, _ in pool.numbers.pairs],
            [last for _, last in pool.numbers.pairs],
            pool.shuffle.key,
            pool.quarantine_days,
            orjson.dumps({each.value: minor for each, minor in pool.prices.items()}).decode(),
            pool.currency,
        ),
    )


async def open_pool(tx: Transaction, pool_id: UUID) -> bool:
    """Its numbers become available; false if they were already."""
    changed = await tx.execute(
        "update simcards.pools set opened_at = clock_timestamp()"
        " where tenant_id = %s and pool_id = %s and opened_at is null",
        (tx.owner, pool_id),
    )
    return changed == 1


async def pool_by_id(tx: Transaction, pool_id: UUID) -> Pool | None:
    """By primary key."""
    row = await tx.fetch_one(
        f"select {_COLUMNS} from simcards.pools where tenant_id = %s and pool_id = %s", (tx.owner, pool_id)
    )
    return _pool(row) if row else None


async def all_pools(tx: Transaction) -> list[Pool]:
    """Every pool, in the order in which they were made: a shop has a few hundred at most."""
    rows = await tx.fetch(f"select {_COLUMNS} from simcards.pools where tenant_id = %s order by pool_id", (tx.owner,))
    return [_pool(row) for row in rows]


async def counts_by_state(tx: Transaction, pool_id: UUID) -> dict[NumberState, int]:
    """How many of a pool's numbers that have been somebody's are in each state; by the index numbers_by_state."""
    rows = await tx.fetch(
        "select state, count(*) from simcards.numbers where tenant_id = %s and pool_id = %s group by state",
        (tx.owner, pool_id),
    )
    return {NumberState(state): count for state, count in rows}


async def sold_per_day(tx: Transaction, pool_id: UUID) -> float:
    """Sales a day over the last week, or since the pool was opened; a sale's id begins with its time (UUIDv7)."""
    row = await tx.fetch_one(
        """
        select count(s.sale_id) / greatest(1.0, least(7.0,
          extract(epoch from clock_timestamp() - min(p.opened_at)) / 86400))::float8
        from simcards.pools p left join simcards.sales s
          on s.tenant_id = p.tenant_id and s.pool_id = p.pool_id and s.sold_at > clock_timestamp() - interval '7 days'
            and s.sale_id > (lpad(to_hex((extract(epoch from clock_timestamp() - interval '8 days') * 1000)::bigint),
                                  12, '0') || repeat('0', 20))::uuid
        where p.tenant_id = %s and p.pool_id = %s
        """,
        (tx.owner, pool_id),
    )
    assert row is not None
    return float(row[0] or 0)


async def insert_candidates(tx: Transaction, pool_id: UUID, found: Mapping[Capability, int]) -> None:
    """What a search shows: units by the capability that holds them."""
    await tx.execute(
        """
        insert into simcards.candidates (tenant_id, candidate_id, key, pool_id, unit_key)
        select %s::uuid, id, key, %s::uuid, unit_key
        from unnest(%s::uuid[], %s::bytea[], %s::bigint[]) as c(id, key, unit_key)
        """,
        (tx.owner, pool_id, [each.id for each in found], [each.key for each in found], list(found.values())),
    )


async def candidate(tx: Transaction, candidate_id: UUID, ttl_s: int) -> tuple[bytes, UUID, int] | None:
    """(key, pool, unit) of a candidate that was shown not longer ago than `ttl_s`; by primary key."""
    row = await tx.fetch_one(
        """
        select key, pool_id, unit_key from simcards.candidates
        where tenant_id = %s and candidate_id = %s and shown_at > clock_timestamp() - make_interval(secs => %s)
        """,
        (tx.owner, candidate_id, ttl_s),
    )
    return None if row is None else (bytes(row[0]), row[1], row[2])


async def show(tx: Transaction, who: str, *, candidates: int, numbers: int, limits: Sequence[int]) -> bool:
    """Counts what is shown to somebody today; false if it would be more than the limits (candidates, numbers).

    Locks their row of the day, so that requests at once cannot each see room. Days are UTC's, by the database's clock.
    """
    row = await tx.fetch_one(
        """
        insert into simcards.shown as s (tenant_id, who, candidates, numbers)
        select %(tenant)s::uuid, %(who)s, %(candidates)s::int, %(numbers)s::int
        where %(candidates)s::int <= %(candidates_max)s::int and %(numbers)s::int <= %(numbers_max)s::int
        on conflict (tenant_id, who, day) do update
          set candidates = s.candidates + excluded.candidates, numbers = s.numbers + excluded.numbers
          where s.candidates + excluded.candidates <= %(candidates_max)s::int
            and s.numbers + excluded.numbers <= %(numbers_max)s::int
        returning 1
        """,
        {
            "tenant": tx.owner,
            "who": who,
            "candidates": candidates,
            "numbers": numbers,
            "candidates_max": limits[0],
            "numbers_max": limits[1],
        },
    )
    return row is not None


async def shown_today(tx: Transaction, who: str) -> tuple[int, int]:
    """How many masked numbers and how many whole ones somebody was shown today."""
    row = await tx.fetch_one(
        "select candidates, numbers from simcards.shown where tenant_id = %s and who = %s"
        " and day = (clock_timestamp() at time zone 'UTC')::date",
        (tx.owner, who),
    )
    return (int(row[0]), int(row[1])) if row else (0, 0)


async def forget_shown(tx: Transaction) -> int:
    """Deletes candidates and counts of past days, across tenants (role serai_jobs)."""
    gone = await tx.execute("delete from simcards.candidates where shown_at < clock_timestamp() - interval '1 day'")
    return gone + await tx.execute(
        "delete from simcards.shown where day < (clock_timestamp() at time zone 'UTC')::date"
    )
