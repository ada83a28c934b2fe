"""Many buyers at once: nothing is sold twice, of overlapping asks one wins, none deadlocks; the control must fail."""

import asyncio
from collections.abc import AsyncIterator
from random import Random as Seeded
from uuid import UUID

import pytest
from tests.conftest import UrlOf
from tests.systems.allocation import naive_store
from tests.systems.allocation.shop import Shop

from serai.kernel.errors import Conflict
from serai.kernel.ids import uuid7
from serai.mechanisms.allocation.claims import UnitState
from serai.runtime.postgres.database import open_database
from serai.systems.allocation.api import (
    Claim,
    CounterAsk,
    CounterPlan,
    DrawAsk,
    NotEnough,
    UnitRef,
    UnitsTaken,
)

BUYERS = 64
SEATS = 60


@pytest.fixture
async def crowd(shop: Shop, database_url: UrlOf) -> AsyncIterator[Shop]:
    """The shop with a connection for every buyer."""
    async with open_database(database_url("serai_app"), shop.random, pool_min=BUYERS, pool_max=BUYERS) as database:
        shop.database = database
        yield shop


def pairs(seed: int, pool: int) -> list[list[UnitRef]]:
    """What one buyer tries, in order: adjacent seats, everywhere in the hall."""
    starts = list(range(SEATS - 1))
    Seeded(seed).shuffle(starts)
    return [[UnitRef(pool, start), UnitRef(pool, start + 1)] for start in starts[:12]]


async def test_sixty_four_buyers_of_one_pool_sell_each_seat_once(crowd: Shop) -> None:
    pool = await crowd.pool(range(SEATS))
    bought: list[Claim] = []

    async def buy(buyer: int) -> None:
        for wish in pairs(buyer, pool):
            try:
                bought.append(await crowd.sold(await crowd.hold(*wish)))
            except UnitsTaken:
                continue

    await asyncio.gather(*(buy(buyer) for buyer in range(BUYERS)))
    sold = [unit for claim in bought for unit in claim.units]
    assert len(sold) == len(set(sold))
    states = await crowd.states(pool)
    assert {UnitRef(pool, key) for key, state in states.items() if state is UnitState.SOLD} == set(sold)
    # Whoever could still sit together would have been served: no two neighbours are free that somebody wanted.
    wanted = {tuple(wish) for buyer in range(BUYERS) for wish in pairs(buyer, pool)}
    assert not [wish for wish in wanted if all(states[unit.key] is UnitState.FREE for unit in wish)]
    await crowd.prove()


async def test_the_control_sells_twice_under_the_same_race(crowd: Shop) -> None:
    pool = await crowd.pool(range(SEATS))
    told: list[UnitRef] = []

    async def buy(buyer: int) -> None:
        for wish in pairs(buyer, pool):
            claim_id = uuid7(crowd.clock, crowd.random)
            if await naive_store.buy(crowd.database, crowd.tenant, wish, claim_id):
                told.extend(wish)

    await asyncio.gather(*(buy(buyer) for buyer in range(BUYERS)))
    assert len(told) > len(set(told)), "the race is not hard enough to prove anything"


async def test_opposite_orders_end_in_one_winner_and_no_deadlock(crowd: Shop) -> None:
    for attempt in range(6):
        pool = await crowd.pool(range(4))
        forwards = [UnitRef(pool, key) for key in range(4)]
        outcomes = await asyncio.gather(
            *(crowd.hold(*(forwards if buyer % 2 else forwards[::-1])) for buyer in range(32)), return_exceptions=True
        )
        assert [type(outcome) for outcome in outcomes if not isinstance(outcome, UnitsTaken)] == [Claim], attempt
    await crowd.prove()


async def test_of_a_ring_of_overlapping_asks_at_least_one_wins(crowd: Shop) -> None:
    for attempt in range(6):
        pool = await crowd.pool(range(32))
        outcomes = await asyncio.gather(
            *(crowd.hold(UnitRef(pool, (key + 1) % 32), UnitRef(pool, key)) for key in range(32)),
            return_exceptions=True,
        )
        wins = [outcome for outcome in outcomes if isinstance(outcome, Claim)]
        assert 1 <= len(wins) <= 16, attempt
        assert all(isinstance(outcome, Claim | UnitsTaken) for outcome in outcomes)
    await crowd.prove()


async def test_everything_at_once_ends_without_a_deadlock_and_adds_up(crowd: Shop) -> None:
    """Seats, places, draws, payments, cancellations, expiries and the sweep on one pool."""
    pool = await crowd.pool(range(12), [CounterPlan(100, capacity=10, buckets=3), CounterPlan(101, capacity=4)])
    numbers = await crowd.pool(range(12))
    errors: list[BaseException] = []

    async def visit(buyer: int) -> None:
        chance = Seeded(buyer)
        for _ in range(6):
            keys = chance.sample(range(12), chance.randint(0, 3))
            counters = [CounterAsk(pool, key, chance.randint(1, 3)) for key in chance.sample([100, 101], 1)]
            draws = [DrawAsk(numbers, chance.randint(1, 2))] if chance.random() < 0.5 else []
            ask = crowd.ask([UnitRef(pool, key) for key in keys], counters, draws)
            try:
                await _live(crowd, await crowd.open(ask), chance)
            except Conflict:
                continue

    async def sweep() -> None:
        for _ in range(20):
            await crowd.sweep()

    outcomes = await asyncio.gather(*(visit(buyer) for buyer in range(24)), sweep(), sweep(), return_exceptions=True)
    errors += [outcome for outcome in outcomes if outcome is not None]
    assert errors == []
    await crowd.prove()


async def _live(shop: Shop, claim: Claim, chance: Seeded) -> None:
    road = chance.choice(["leave", "release", "age", "pay", "sell", "sell", "cancel", "doubt"])
    if road == "release":
        await shop.move("release", claim)
    if road in ("pay", "sell", "cancel", "doubt"):
        claim = await shop.move("pay", claim, 60)
    if road in ("sell", "cancel"):
        claim = await shop.move("confirm", claim)
    if road == "cancel":
        await shop.move("cancel", claim)
    if road == "doubt":
        await shop.move("release", await shop.move("doubt", claim))
    if road in ("age", "leave", "pay"):
        await shop.age(claim)


async def test_refusals_of_a_besieged_pool_lock_nothing(crowd: Shop) -> None:
    """Sold units are refused by what was committed: a buyer who holds a lock elsewhere delays nobody."""
    pool = await crowd.pool([1, 2], [CounterPlan(7, capacity=1)])
    await crowd.hold(UnitRef(pool, 1))
    await crowd.count(CounterAsk(pool, 7, 1))
    async with crowd.database.transaction(crowd.tenant) as tx:
        await tx.execute("select from allocation.units where pool_no = %s and key = 1 for update", (pool,))
        await tx.execute("select from allocation.counters where pool_no = %s for update", (pool,))
        for ask in (crowd.ask([UnitRef(pool, 1)]), crowd.ask(counters=[CounterAsk(pool, 7, 1)])):
            with pytest.raises((UnitsTaken, NotEnough)):
                await crowd.open(ask)


async def test_a_unit_that_is_busy_for_long_is_told_as_taken(crowd: Shop, other_tenant: UUID) -> None:
    pool = await crowd.pool([1, 2, 3])
    async with crowd.database.transaction(crowd.tenant) as tx:
        await crowd.allocation.open_claim(tx, crowd.ask([UnitRef(pool, 2)]))
        with pytest.raises(UnitsTaken) as busy:
            await crowd.hold(UnitRef(pool, 1), UnitRef(pool, 2))
        assert busy.value.units == (UnitRef(pool, 2),)
    await crowd.hold(UnitRef(pool, 1))
    await crowd.prove()
