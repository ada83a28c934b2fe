"""The audit names the first row that somebody's hand has changed, and is silent under load."""

import asyncio

import pytest
from tests.systems.allocation.shop import OWNER, Shop

from serai.systems.allocation.api import CounterAsk, CounterPlan, UnitRef
from serai.systems.allocation.service import FINDINGS_MAX


async def busy_pool(shop: Shop) -> int:
    pool = await shop.pool(range(1, 6), [CounterPlan(9, capacity=6, buckets=2)])
    await shop.sold(await shop.open(shop.ask([UnitRef(pool, 1), UnitRef(pool, 2)], [CounterAsk(pool, 9, 2)])))
    await shop.hold(UnitRef(pool, 3))
    assert await shop.findings() == []
    return pool


@pytest.mark.parametrize(
    ("hand", "finding"),
    [
        ("update allocation.units set state = 'free', claim_id = null where key = 2", "unit 2: the table has free"),
        (
            "update allocation.units set expires_at = expires_at + interval '1 hour' where key = 3",
            "unit 3: the table has held by claim",
        ),
        ("delete from allocation.units where key = 4", "unit 4: the table has no such row, the ledger free"),
        (
            "insert into allocation.units select tenant_id, pool_no, 77 from allocation.pools",
            "unit 77: the table has free, the ledger no such row",
        ),
        ("delete from allocation.ledger where move = 'confirm'", "unit 1: the table has sold by claim"),
        ("update allocation.counters set sold = sold - 1 where sold > 0", "counter 9, bucket"),
        ("update allocation.counters set capacity = 99 where bucket = 1", "counter 9, bucket 1: the table has"),
        ("delete from allocation.counter_ledger where bucket = 0", "0: the table has 0 held"),
        ("update allocation.claims set state = 'released' where state = 'confirmed'", "unit 1: is with a claim that"),
        ("update allocation.claim_counts set count = count + 1", "its claims 0 and"),
        ("delete from allocation.claim_lines where key = 3", "unit 3: is with a claim that does not own it"),
        (
            "insert into allocation.claim_lines select tenant_id, claim_id, pool_no, 5 from allocation.claim_lines"
            " where key = 1",
            "does not have all that it promises",
        ),
    ],
)
async def test_a_hand_in_the_database_is_found_and_named(shop: Shop, hand: str, finding: str) -> None:
    pool = await busy_pool(shop)
    assert await shop.tamper(hand) > 0
    findings = await shop.findings()
    assert [line for line in findings if finding in line], findings
    assert f"pool {pool}" in findings[0] or "claim" in findings[0]


async def test_the_first_difference_comes_first_and_the_list_ends(shop: Shop) -> None:
    pool = await shop.pool(range(1000))
    await shop.tamper("update allocation.units set state = 'blocked' where key >= 300")
    async with shop.database.transaction(shop.tenant) as tx:
        compared, found = await shop.allocation.audit(tx, OWNER)
    assert compared == 1000
    assert len(found) == FINDINGS_MAX
    assert str(found[0]) == f"pool {pool}, unit 300: the table has blocked, the ledger free"


async def test_other_owners_pools_are_not_compared(shop: Shop) -> None:
    await busy_pool(shop)
    async with shop.database.transaction(shop.tenant) as tx:
        assert await shop.allocation.audit(tx, "somebody else") == (0, [])


async def test_the_audit_is_silent_while_buyers_go_on(shop: Shop) -> None:
    pool = await shop.pool(range(40), [CounterPlan(99, capacity=100, buckets=4)])
    done = asyncio.Event()

    async def buy(key: int) -> None:
        for _ in range(4):
            claim = await shop.open(shop.ask([UnitRef(pool, key)], [CounterAsk(pool, 99, 1)]))
            await shop.move("cancel", await shop.sold(claim))

    async def audit() -> int:
        rounds = 0
        while not done.is_set():
            assert await shop.findings() == []
            rounds += 1
        return rounds

    auditing = asyncio.create_task(audit())
    await asyncio.gather(*(buy(key) for key in range(8)))
    done.set()
    assert await auditing > 1
    await shop.prove()
