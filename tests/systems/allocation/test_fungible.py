"""Pools of many units of a kind: filled in batches, drawn from a random point, found empty only when they are."""

import asyncio
from contextlib import suppress
from random import Random as Seeded
from uuid import UUID

import psycopg
import pytest
from tests.conftest import MakeServer
from tests.doubles import ManualClock, SeededRandom
from tests.systems.allocation.shop import OWNER, Shop
from tests.systems.allocation.test_crash import kill

from serai.mechanisms.allocation.claims import UnitState
from serai.runtime.postgres.database import DatabaseUnavailable, open_database
from serai.systems.allocation import service
from serai.systems.allocation.api import Claim, DrawAsk, Filling, NoSuchUnits, NotEnough, PoolNotOpen, UnitRef
from serai.systems.allocation.store.drawing import BLOCK_KEYS


async def planned(shop: Shop, size: int) -> int:
    async with shop.database.transaction(shop.tenant) as tx:
        return await shop.allocation.plan_pool(tx, OWNER, size)


async def filled(shop: Shop, size: int) -> int:
    pool = await planned(shop, size)
    await shop.allocation.fill_pool(shop.database, shop.tenant, pool, "test")
    return pool


async def draw(shop: Shop, pool: int, count: int = 1) -> Claim:
    return await shop.open(shop.ask(draws=[DrawAsk(pool, count)]))


async def drawn_out(shop: Shop, pool: int) -> list[int]:
    """Every key that can still be drawn, in the order in which they came."""
    keys = []
    with suppress(NotEnough):
        while True:
            keys.append((await draw(shop, pool)).units[0].key)
    return keys


async def open_blocks(shop: Shop, pool: int) -> list[int]:
    rows = await shop.rows(
        "select block from allocation.unit_blocks where pool_no = %s and free_from <= clock_timestamp() order by 1",
        pool,
    )
    return [block for (block,) in rows]


async def sell(shop: Shop, pool: int, *, but: list[int]) -> None:
    """All units but these become sold to a claim that was never made, by the owner's hand."""
    await shop.tamper(
        "update allocation.units set state = 'sold', claim_id = gen_random_uuid()"
        " where pool_no = %s and key <> all(%s)",
        pool,
        but,
    )


async def test_a_pool_is_filled_in_batches_and_open_when_full(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "FILL_BATCH", 2 * BLOCK_KEYS)
    pool = await planned(shop, 10_000)
    async with shop.database.transaction(shop.tenant) as tx:
        assert await shop.allocation.fill(tx, pool, "test") == Filling(4096, 10_000)
    with pytest.raises(PoolNotOpen):
        await draw(shop, pool)
    told: list[int] = []
    await shop.allocation.fill_pool(
        shop.database, shop.tenant, pool, "test", lambda filling: told.append(filling.filled)
    )
    assert told == [8192, 10_000]
    async with shop.database.transaction(shop.tenant) as tx:
        assert await shop.allocation.fill(tx, pool) == Filling(10_000, 10_000)
        assert (await shop.allocation.filling(tx, pool)).full
    assert await shop.states(pool) == dict.fromkeys(range(10_000), UnitState.FREE)
    await draw(shop, pool)
    await shop.prove()
    lines = await shop.rows("select move, cardinality(keys), span::text from allocation.ledger where move = 'fill'")
    assert lines == [("fill", 0, "[0,4096)"), ("fill", 0, "[4096,8192)"), ("fill", 0, "[8192,10000)")]


async def test_nobody_fills_what_was_not_planned(shop: Shop, other_tenant: UUID) -> None:
    pool = await planned(shop, 10)
    async with shop.database.transaction(other_tenant) as tx:
        with pytest.raises(NoSuchUnits):
            await shop.allocation.fill(tx, pool)
        with pytest.raises(NoSuchUnits):
            await shop.allocation.filling(tx, pool)


async def test_a_kill_while_filling_leaves_whole_batches_and_is_gone_on_from(
    make_server: MakeServer, tenant: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "FILL_BATCH", BLOCK_KEYS)
    server, random = make_server(), SeededRandom()
    size = 50 * BLOCK_KEYS + 7

    def told(filling: Filling) -> None:
        if filling.filled == 10 * BLOCK_KEYS:
            assert server.pid
            kill(server.pid)

    async with (
        open_database(server.url("serai_app"), random) as database,
        open_database(server.url("serai_jobs"), random) as jobs,
    ):
        shop = Shop(database, jobs, server.url("serai_owner"), ManualClock(), random, tenant)
        pool = await planned(shop, size)
        with pytest.raises((DatabaseUnavailable, psycopg.OperationalError)):
            await shop.allocation.fill_pool(database, tenant, pool, "test", told)
    server.stop()
    server.prepare()
    server.start()
    server.wait_ready(60)
    async with (
        open_database(server.url("serai_app"), random) as database,
        open_database(server.url("serai_jobs"), random) as jobs,
    ):
        after = Shop(database, jobs, server.url("serai_owner"), ManualClock(), random, tenant)
        async with database.transaction(tenant) as tx:
            reached = await after.allocation.filling(tx, pool)
        assert reached.filled >= 10 * BLOCK_KEYS
        assert reached.filled % BLOCK_KEYS == 0
        with pytest.raises(PoolNotOpen):
            await draw(after, pool)
        await after.prove()
        await after.allocation.fill_pool(database, tenant, pool, "test")
        assert len(await after.states(pool)) == size
        await after.prove()


async def test_a_pool_sells_out_exactly_and_the_next_is_told(shop: Shop) -> None:
    pool = await filled(shop, 3 * BLOCK_KEYS // 2)
    await sell(shop, pool, but=[*range(0, 3000, 50)])
    sellers = await asyncio.gather(*(drawn_out(shop, pool) for _ in range(12)))
    assert sorted(key for keys in sellers for key in keys) == [*range(0, 3000, 50)]
    with pytest.raises(NotEnough) as refusal:
        await draw(shop, pool)
    assert (refusal.value.asked, refusal.value.left) == (1, 0)
    assert await open_blocks(shop, pool) == []


async def test_the_last_number_is_found_wherever_it_is(shop: Shop) -> None:
    pool = await filled(shop, 20 * BLOCK_KEYS)
    for last in (0, 1, BLOCK_KEYS - 1, BLOCK_KEYS, 7 * BLOCK_KEYS + 99, 20 * BLOCK_KEYS - 1):
        await shop.tamper(
            "update allocation.units set state = 'free', claim_id = null, expires_at = null where pool_no = %s", pool
        )
        await shop.tamper("update allocation.unit_blocks set free_from = '-infinity' where pool_no = %s", pool)
        await sell(shop, pool, but=[last])
        assert await drawn_out(shop, pool) == [last]


async def test_every_way_of_freeing_a_unit_reopens_its_block(shop: Shop) -> None:
    pool = await filled(shop, 2 * BLOCK_KEYS + 10)
    await sell(shop, pool, but=[5])

    async def gone() -> Claim:
        claim = await draw(shop, pool)
        with pytest.raises(NotEnough):
            await draw(shop, pool)
        assert await open_blocks(shop, pool) == []
        return claim

    await shop.move("release", await gone())
    await shop.move("cancel", await shop.sold(await gone()))
    declined = await shop.move("decline", await shop.move("pay", await gone(), 3000))
    assert await open_blocks(shop, pool) == [0], "a decline may end the hold sooner than was noted"
    await shop.age(declined)
    assert await shop.sweep() == 1
    await shop.move("release", await shop.move("doubt", await shop.move("pay", await gone(), 60)))
    async with shop.database.transaction(shop.tenant) as tx:
        await shop.allocation.block(tx, [UnitRef(pool, 5)], "test")
    with pytest.raises(NotEnough):
        await draw(shop, pool)
    async with shop.database.transaction(shop.tenant) as tx:
        await shop.allocation.unblock(tx, [UnitRef(pool, 5)], "test")
    assert (await draw(shop, pool)).units == (UnitRef(pool, 5),)


async def test_an_expired_hold_is_drawn_without_a_sweep(shop: Shop) -> None:
    pool = await filled(shop, 100)
    await sell(shop, pool, but=[7])
    late = await draw(shop, pool)
    with pytest.raises(NotEnough):
        await draw(shop, pool)
    await shop.age(late)
    # Time passes for the note too: it says when the first hold of the block ends.
    moved = "update allocation.unit_blocks set free_from = free_from - interval '10000 s' where free_from < 'infinity'"
    assert await shop.tamper(moved) == 1
    assert (await draw(shop, pool)).units == (UnitRef(pool, 7),)


async def test_in_a_storm_of_draws_and_releases_no_unit_is_lost(shop: Shop) -> None:
    """Blocks are closed and reopened all the time: at the end exactly what is free can be drawn."""
    size = 2 * BLOCK_KEYS
    pool = await filled(shop, size)
    left = [*range(0, size, 300)]
    await sell(shop, pool, but=left)
    kept: list[int] = []

    async def visit(seed: int) -> None:
        chance = Seeded(seed)
        for _ in range(12):
            with suppress(NotEnough):
                claim = await draw(shop, pool, chance.choice([1, 1, 2]))
                if chance.random() < 0.9:
                    await shop.move("release", claim)
                else:
                    kept.extend(unit.key for unit in claim.units)

    await asyncio.gather(*(visit(seed) for seed in range(14)))
    assert sorted(kept + await drawn_out(shop, pool)) == left


async def test_a_busy_unit_is_waited_for_before_a_refusal(shop: Shop) -> None:
    pool = await filled(shop, 50)
    await sell(shop, pool, but=[31])
    async with shop.database.transaction(shop.tenant) as tx:
        await tx.execute("select from allocation.units where pool_no = %s and key = 31 for update", (pool,))
        waiting = asyncio.create_task(draw(shop, pool))
        done, _ = await asyncio.wait([waiting], timeout=0.2)
        assert not done, "a locked row is no proof of being sold out"
    assert (await waiting).units == (UnitRef(pool, 31),)


async def test_draws_spread_over_the_whole_pool(shop: Shop) -> None:
    pool = await filled(shop, 8 * BLOCK_KEYS)
    blocks = [(await draw(shop, pool)).units[0].key // BLOCK_KEYS for _ in range(160)]
    assert all(6 <= blocks.count(block) <= 40 for block in range(8)), blocks


async def test_drawing_changes_neither_the_pools_version_nor_its_row(shop: Shop) -> None:
    pool = await filled(shop, 100)
    async with shop.database.transaction(shop.tenant) as tx:
        await tx.execute("select from allocation.pools where pool_no = %s for update", (pool,))
        await shop.move("release", await draw(shop, pool))
    assert await shop.version(pool) == 1
