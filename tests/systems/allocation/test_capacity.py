"""Capacities that come and go: many counters in one move, all or none, made on first receipt, in any order."""

import asyncio
from collections.abc import Mapping
from random import Random as Seeded

import psycopg
import pytest
from psycopg.errors import DeadlockDetected
from tests.systems.allocation.shop import Shop, together

from serai.systems.allocation.api import (
    Bucket,
    CapacityMove,
    CounterAsk,
    CounterPlan,
    CounterRef,
    CounterTooSmall,
    NoSuchCounters,
    NotEnough,
    counters_between,
    counters_of,
)

HUGE = 10**11


async def move(shop: Shop, deltas: Mapping[CounterRef, int], overbook: int = 0) -> dict[CounterRef, Bucket]:
    moves = [CapacityMove(counter, delta, overbook) for counter, delta in deltas.items()]
    async with shop.database.transaction(shop.tenant) as tx:
        return await shop.allocation.move_capacity(tx, moves, "test")


async def place(shop: Shop) -> int:
    """A pool as a system makes it before anything is received."""
    return await shop.pool(counters=[CounterPlan(0, capacity=0)])


async def test_a_counter_is_made_on_first_receipt_and_holds_big_numbers(shop: Shop) -> None:
    pool = await place(shop)
    new, other = CounterRef(pool, 2**40), CounterRef(pool, 5)
    assert await move(shop, {new: HUGE, other: 3}, overbook=2) == {new: Bucket(HUGE, 2), other: Bucket(3, 2)}
    assert await move(shop, {new: -1}) == {new: Bucket(HUGE - 1, 2)}
    claim = await shop.sold(await shop.count(CounterAsk(pool, new.key, HUGE)))
    async with shop.database.transaction(shop.tenant) as tx:
        assert await counters_of(tx, [new, other]) == {new: Bucket(HUGE - 1, 2, 0, HUGE), other: Bucket(3, 2)}
        assert list(await counters_between(tx, [pool], 1, 2**41)) == [other, new]
        assert list(await counters_between(tx, [pool], 1, 2**41, after=other)) == [new]
    await shop.prove()
    await shop.move("cancel", claim)
    await shop.prove()


async def test_a_move_is_all_or_nothing_and_a_caught_refusal_commits_nothing(shop: Shop) -> None:
    pool = await place(shop)
    here, there, new = (CounterRef(pool, key) for key in (1, 2, 3))
    await move(shop, {here: 5, there: 5})
    await shop.count(CounterAsk(pool, 1, 2))
    before = await shop.tables()
    for deltas, short in (({here: -4, there: 4}, [1]), ({here: -9, new: 9}, [1]), ({here: -4, there: -6}, [1, 2])):
        async with shop.database.transaction(shop.tenant) as tx:
            with pytest.raises(NotEnough) as refused:
                moves = [CapacityMove(counter, delta) for counter, delta in deltas.items()]
                await shop.allocation.move_capacity(tx, moves)
        assert [ask.key for ask in refused.value.short] == short
        assert refused.value.left == 3
    with pytest.raises(NoSuchCounters):
        await move(shop, {CounterRef(pool + 1000, 1): 1})
    assert await shop.tables() == before
    assert await move(shop, {here: -3, there: 3}) == {here: Bucket(2, held=2), there: Bucket(8)}
    await shop.prove()


async def test_what_goes_out_may_go_below_nothing_only_as_far_as_it_may_be_oversold(shop: Shop) -> None:
    pool = await place(shop)
    here = CounterRef(pool, 1)
    await move(shop, {here: 1}, overbook=3)
    assert await move(shop, {here: -4}) == {here: Bucket(-3, 3)}
    with pytest.raises(NotEnough):
        await move(shop, {here: -1})
    with pytest.raises(CounterTooSmall):
        async with shop.database.transaction(shop.tenant) as tx:
            await shop.allocation.set_overbook(tx, pool, 2)
    async with shop.database.transaction(shop.tenant) as tx:
        await shop.allocation.set_overbook(tx, pool, 4)
    assert await move(shop, {here: -1}) == {here: Bucket(-4, 4)}
    await shop.prove()


async def test_nothing_moves_by_a_delta_of_nothing(shop: Shop) -> None:
    pool = await place(shop)
    here = CounterRef(pool, 1)
    await move(shop, {here: 7})
    lines = await shop.rows("select count(*) from allocation.counter_ledger")
    assert await move(shop, {here: 0}) == {here: Bucket(7)}
    assert await shop.rows("select count(*) from allocation.counter_ledger") == lines


async def test_several_buckets_share_a_move_as_a_naive_twin_would(shop: Shop) -> None:
    chance = Seeded(7)
    pool = await shop.pool(counters=[CounterPlan(1, capacity=9, overbook=1, buckets=4)])
    here, capacity = CounterRef(pool, 1), 9
    for _ in range(60):
        delta = chance.randint(-8, 8)
        if capacity + 1 + delta < 0:
            with pytest.raises(NotEnough):
                await move(shop, {here: delta})
        else:
            capacity += delta
            assert await move(shop, {here: delta}) == {here: Bucket(capacity, 1)}
    await shop.prove()


@pytest.mark.parametrize("fresh", [False, True])
async def test_fifty_opposite_moves_meet_no_deadlock(shop: Shop, fresh: bool) -> None:
    """`fresh`: the counters are made by the moves themselves, all at the same moment."""
    pool = await place(shop)
    keys = [3, 1, 2]
    if not fresh:
        await move(shop, {CounterRef(pool, key): 1000 for key in keys})

    async def transfer(number: int) -> None:
        chance = Seeded(number)
        for _ in range(4):
            here, there = chance.sample(keys, 2)
            deltas = {CounterRef(pool, here): 1, CounterRef(pool, there): 2 if fresh else -1}
            await move(shop, deltas)

    failed = [each for each in await together(*(transfer(number) for number in range(50))) if each is not None]
    assert failed == []
    total = sum(bucket.capacity for bucket in (await shop.counters(pool)).values())
    assert total == (600 if fresh else 3000)
    await shop.prove()


async def test_the_control_deadlocks_when_it_locks_as_it_was_asked(shop: Shop) -> None:
    """The design's transfer: one row, then the other, in the order in which they were named."""
    pool = await place(shop)
    await move(shop, {CounterRef(pool, key): 1000 for key in (1, 2)})
    first, both = asyncio.Barrier(2), "update allocation.counters set capacity = capacity + %s where key = %s"

    async def transfer(here: int, there: int) -> None:
        async with shop.database.transaction(shop.tenant) as tx:
            await tx.execute(both, (-1, here))
            await first.wait()
            await tx.execute(both, (1, there))

    outcomes = await together(transfer(1, 2), transfer(2, 1))
    assert [type(each) for each in outcomes if each is not None] == [DeadlockDetected]


async def test_buyers_and_lorries_leave_nothing_below_nothing(shop: Shop) -> None:
    pool = await place(shop)
    here = CounterRef(pool, 1)
    await move(shop, {here: 40})
    taken = 0

    async def carry_off(number: int) -> None:
        nonlocal taken
        chance = Seeded(number)
        for _ in range(5):
            try:
                if chance.random() < 0.5:
                    await move(shop, {here: -1})
                else:
                    await shop.sold(await shop.count(CounterAsk(pool, 1, 1)))
            except NotEnough:
                continue
            taken += 1

    await asyncio.gather(*(carry_off(number) for number in range(16)))
    assert taken == 40
    assert (await shop.counters(pool))[1].room == 0
    await shop.prove()


async def test_a_stranger_moves_nothing(shop: Shop, other_tenant: object) -> None:
    pool = await place(shop)
    await move(shop, {CounterRef(pool, 1): 5})
    async with shop.database.transaction(other_tenant) as tx:  # type: ignore[arg-type]  # a UUID
        with pytest.raises(NoSuchCounters):
            await shop.allocation.move_capacity(tx, [CapacityMove(CounterRef(pool, 1), 1)])
        assert await counters_of(tx, [CounterRef(pool, 1)]) == {}
    assert (await shop.counters(pool))[1] == Bucket(5)


async def test_the_database_itself_refuses_to_go_below_nothing(shop: Shop) -> None:
    pool = await place(shop)
    await move(shop, {CounterRef(pool, 1): 5})
    with pytest.raises(psycopg.errors.CheckViolation):
        await shop.tamper("update allocation.counters set capacity = -1 where key = 1")
