"""Counters and fungible units: alone and mixed with named units, all or nothing, never refused too early."""

import asyncio
from dataclasses import replace

import psycopg
import pytest
from tests.doubles import SeededRandom
from tests.systems.allocation.shop import Shop

from serai.mechanisms.allocation.claims import ClaimState, UnitState
from serai.systems.allocation.api import (
    Bucket,
    Claim,
    CounterAsk,
    CounterPlan,
    CounterTooSmall,
    DrawAsk,
    NoSuchCounters,
    NotEnough,
    UnitRef,
    UnitsTaken,
)


async def test_a_counter_follows_the_life_of_its_claims(shop: Shop) -> None:
    pool = await shop.pool(counters=[CounterPlan(7, capacity=10)])
    hall = CounterAsk(pool, 7, 4)
    claim = await shop.count(hall)
    assert claim.counters == (hall,)
    assert (await shop.read(claim)).counters == (hall,)
    assert await shop.counters(pool) == {7: Bucket(10, held=4)}
    claim = await shop.sold(claim)
    assert await shop.counters(pool) == {7: Bucket(10, sold=4)}
    await shop.prove()
    await shop.move("cancel", claim)
    assert await shop.counters(pool) == {7: Bucket(10)}
    await shop.move("release", await shop.count(hall))
    assert await shop.counters(pool) == {7: Bucket(10)}
    await shop.prove()


async def test_a_claim_over_every_shape_is_all_or_nothing(shop: Shop) -> None:
    seats = await shop.pool([1, 2], [CounterPlan(7, capacity=3, overbook=1, buckets=2), CounterPlan(8, capacity=1)])
    numbers = await shop.pool(range(5))
    ask = shop.ask(
        [UnitRef(seats, 2), UnitRef(seats, 1)],
        [CounterAsk(seats, 8, 1), CounterAsk(seats, 7, 4)],
        [DrawAsk(numbers, 2)],
    )
    claim = await shop.open(ask)
    assert claim.units[:2] == (UnitRef(seats, 2), UnitRef(seats, 1))
    assert {unit.pool_no for unit in claim.units[2:]} == {numbers}
    assert set((await shop.read(claim)).units) == set(claim.units)
    await shop.prove()
    again = replace(ask, capability=shop.ask([UnitRef(seats, 1)]).capability)
    before = await shop.tables()
    for refused, error in (
        (again, UnitsTaken),
        (replace(again, units=[]), NotEnough),
        (replace(again, units=[], counters=[], draws=[DrawAsk(numbers, 4)]), NotEnough),
        (replace(again, units=[], counters=[CounterAsk(seats, 9, 1)]), NoSuchCounters),
    ):
        with pytest.raises(error):
            await shop.open(refused)
        assert await shop.tables() == before
    await shop.sold(claim)
    assert await shop.counters(seats) == {7: Bucket(3, 1, sold=4), 8: Bucket(1, sold=1)}
    assert list((await shop.states(numbers)).values()).count(UnitState.SOLD) == 2
    await shop.prove()


async def test_what_is_short_is_told_with_what_is_left(shop: Shop) -> None:
    pool = await shop.pool(counters=[CounterPlan(7, capacity=5, buckets=3)])
    await shop.count(CounterAsk(pool, 7, 3))
    with pytest.raises(NotEnough, match="3 were asked for and 2 are left") as short:
        await shop.count(CounterAsk(pool, 7, 3))
    assert (short.value.pool_no, short.value.key, short.value.left) == (pool, 7, 2)


async def test_room_in_several_buckets_is_room(shop: Shop) -> None:
    pool = await shop.pool(counters=[CounterPlan(7, capacity=8, buckets=4)])
    claim = await shop.count(CounterAsk(pool, 7, 7))
    assert await shop.counters(pool) == {7: Bucket(8, held=7)}
    assert claim.counters == (CounterAsk(pool, 7, 7),)
    await shop.sold(claim)
    await shop.count(CounterAsk(pool, 7, 1))
    await shop.prove()


async def test_a_counter_that_runs_short_sweeps_its_expired_claims_first(shop: Shop) -> None:
    pool = await shop.pool([1], [CounterPlan(7, capacity=4, buckets=2), CounterPlan(8, capacity=1)])
    old = await shop.open(shop.ask([UnitRef(pool, 1)], [CounterAsk(pool, 7, 3)]))
    other = await shop.count(CounterAsk(pool, 8, 1))
    await shop.age(old)
    await shop.age(other)
    await shop.count(CounterAsk(pool, 7, 4))
    # The claim went as a whole, and no claim that was not in the way.
    assert (await shop.read(old)).state is ClaimState.EXPIRED
    assert (await shop.read(other)).state is ClaimState.HELD
    assert await shop.states(pool) == {1: UnitState.FREE}
    assert await shop.counters(pool) == {7: Bucket(4, held=4), 8: Bucket(1, held=1)}
    await shop.prove()


async def test_a_late_confirmation_keeps_its_counts_while_nobody_needs_them(shop: Shop) -> None:
    pool = await shop.pool(counters=[CounterPlan(7, capacity=1)])
    paying = await shop.move("pay", await shop.count(CounterAsk(pool, 7, 1)), 60)
    await shop.age(paying)
    await shop.move("confirm", paying)
    assert await shop.counters(pool) == {7: Bucket(1, sold=1)}
    assert await shop.sweep() == 0
    await shop.prove()


async def test_the_sweep_frees_counts_of_many_claims_at_once(shop: Shop) -> None:
    pool = await shop.pool([1, 2, 3], [CounterPlan(7, capacity=9, buckets=2)])
    for key in (1, 2, 3):
        await shop.age(await shop.open(shop.ask([UnitRef(pool, key)], [CounterAsk(pool, 7, 3)])))
    assert await shop.sweep() == 3
    assert await shop.counters(pool) == {7: Bucket(9)}
    assert set((await shop.states(pool)).values()) == {UnitState.FREE}
    await shop.prove()


async def test_a_resize_keeps_what_is_taken_and_writes_a_line(shop: Shop) -> None:
    pool = await shop.pool(counters=[CounterPlan(7, capacity=4)])
    await shop.sold(await shop.count(CounterAsk(pool, 7, 3)))
    version = await shop.version(pool)

    async def resize(plan: CounterPlan) -> None:
        async with shop.database.transaction(shop.tenant) as tx:
            await shop.allocation.resize_counter(tx, pool, plan, "admin")

    await resize(CounterPlan(7, capacity=20, overbook=3, buckets=4))
    assert await shop.counters(pool) == {7: Bucket(20, 3, sold=3)}
    assert await shop.version(pool) > version
    await shop.count(CounterAsk(pool, 7, 20))
    with pytest.raises(NotEnough):
        await shop.count(CounterAsk(pool, 7, 1))
    with pytest.raises(CounterTooSmall, match="23 are held or sold, more than 20 and 2 beyond"):
        await resize(CounterPlan(7, capacity=20, overbook=2))
    with pytest.raises(NoSuchCounters):
        await resize(CounterPlan(8, capacity=1))
    assert (await shop.rows("select distinct actor from allocation.counter_ledger where move = 'resize'")) == [
        ("admin",)
    ]
    await shop.prove()


async def test_the_table_itself_refuses_to_sell_more_than_there_is(shop: Shop) -> None:
    pool = await shop.pool(counters=[CounterPlan(7, capacity=2, overbook=1)])
    for wrong in ("held = 4", "held = -1", "sold = -1", "capacity = -2"):
        with pytest.raises(psycopg.errors.CheckViolation):
            await shop.tamper(f"update allocation.counters set {wrong} where pool_no = %s", pool)


async def test_a_draw_finds_every_free_unit_and_then_says_how_many_there_were(shop: Shop) -> None:
    pool = await shop.pool([*range(10), 10_000_000])
    drawn = []
    for _ in range(5):
        drawn += (await shop.open(shop.ask(draws=[DrawAsk(pool, 2)]))).units
    assert len(set(drawn)) == 10
    with pytest.raises(NotEnough, match="2 were asked for and 1 are left") as short:
        await shop.open(shop.ask(draws=[DrawAsk(pool, 2)]))
    assert (short.value.pool_no, short.value.key) == (pool, None)
    await shop.open(shop.ask(draws=[DrawAsk(pool, 1)]))
    await shop.prove()


async def test_a_draw_takes_over_expired_holds(shop: Shop) -> None:
    pool = await shop.pool([1, 2])
    old = await shop.open(shop.ask(draws=[DrawAsk(pool, 2)]))
    await shop.age(old)
    await shop.open(shop.ask(draws=[DrawAsk(pool, 2)]))
    assert await shop.sweep() == 1
    assert set((await shop.states(pool)).values()) == {UnitState.HELD}
    await shop.prove()


async def test_draws_start_where_chance_says(shop: Shop) -> None:
    firsts = set()
    for seed in range(6):
        shop.allocation._opener._random = SeededRandom(seed)
        pool = await shop.pool(range(100))
        firsts.add((await shop.open(shop.ask(draws=[DrawAsk(pool, 1)]))).units[0].key)
    assert len(firsts) > 3


async def test_busy_is_not_sold_out(shop: Shop) -> None:
    """The last units are locked by a buyer who then gives up: the draw must wait, not refuse."""
    pool = await shop.pool([1, 2, 3])
    undecided = shop.database.transaction(shop.tenant)
    tx = await undecided.__aenter__()
    await shop.allocation.open_claim(tx, shop.ask([UnitRef(pool, 2), UnitRef(pool, 3)]))
    drawing = asyncio.create_task(shop.open(shop.ask(draws=[DrawAsk(pool, 3)])))
    await _until_waiting(shop)
    with pytest.raises(RuntimeError):
        await undecided.__aexit__(RuntimeError, RuntimeError("gives up"), None)
        raise RuntimeError("gives up")
    claim = await drawing
    assert {unit.key for unit in claim.units} == {1, 2, 3}
    await shop.prove()


async def _until_waiting(shop: Shop) -> None:
    async with asyncio.timeout(20):
        while not await shop.rows(
            "select from pg_locks l join pg_stat_activity a using (pid)"
            " where not l.granted and a.datname = current_database()"
        ):
            await asyncio.sleep(0)


async def test_many_buyers_of_one_counter_take_exactly_what_there_is(shop: Shop) -> None:
    for buckets in (1, 8):
        pool = await shop.pool(counters=[CounterPlan(7, capacity=20, overbook=2, buckets=buckets)])
        outcomes = await asyncio.gather(
            *(shop.count(CounterAsk(pool, 7, 1)) for _ in range(40)), return_exceptions=True
        )
        assert sum(isinstance(outcome, Claim) for outcome in outcomes) == 22
        assert sum(isinstance(outcome, NotEnough) for outcome in outcomes) == 18
        assert await shop.counters(pool) == {7: Bucket(20, 2, held=22)}
    await shop.prove()


async def test_many_draws_take_exactly_what_there_is(shop: Shop) -> None:
    pool = await shop.pool(range(30))
    outcomes = await asyncio.gather(
        *(shop.open(shop.ask(draws=[DrawAsk(pool, 2)])) for _ in range(40)), return_exceptions=True
    )
    claims = [outcome for outcome in outcomes if isinstance(outcome, Claim)]
    assert len(claims) == 15
    assert sum(isinstance(outcome, NotEnough) for outcome in outcomes) == 25
    assert len({unit for claim in claims for unit in claim.units}) == 30
    await shop.prove()
