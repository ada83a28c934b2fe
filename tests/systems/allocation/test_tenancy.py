"""Row-level security: another tenant sees nothing of a claim, and cannot move it."""

from dataclasses import replace
from uuid import UUID

import psycopg
import pytest
from tests.systems.allocation.shop import OWNER, Shop

from serai.systems.allocation.api import (
    CounterAsk,
    CounterPlan,
    DrawAsk,
    NoSuchClaim,
    NoSuchCounters,
    NoSuchUnits,
    NotEnough,
    UnitRef,
    free_counts,
    pool_versions,
    pool_views,
)

TABLES = ("pools", "units", "counters", "claims", "claim_lines", "claim_counts", "ledger", "counter_ledger")


@pytest.fixture
def stranger(shop: Shop, other_tenant: UUID) -> Shop:
    return replace(shop, tenant=other_tenant)


async def test_a_stranger_sees_and_moves_nothing(shop: Shop, stranger: Shop) -> None:
    pool = await shop.pool([1, 2], [CounterPlan(9, capacity=5)])
    claim = await shop.move("pay", await shop.open(shop.ask([UnitRef(pool, 1)], [CounterAsk(pool, 9, 1)])), 60)
    before = await shop.tables()
    async with stranger.database.transaction(stranger.tenant) as tx:
        assert await pool_views(tx, [pool]) == []
        assert await pool_versions(tx, [pool]) == {}
        assert await free_counts(tx, [pool]) == {pool: 0}
        assert await stranger.allocation.audit(tx, OWNER) == (0, [])
        assert await stranger.allocation.breaches(tx, OWNER) == []
        for refused, error in (
            (stranger.allocation.claim(tx, claim.capability), NoSuchClaim),
            (stranger.allocation.claim_by_id(tx, claim.claim_id), NoSuchClaim),
            (stranger.allocation.confirm(tx, claim), NoSuchClaim),
            (stranger.allocation.release(tx, claim), NoSuchClaim),
            (stranger.allocation.block(tx, [UnitRef(pool, 2)], "x"), NoSuchUnits),
            (stranger.allocation.resize_counter(tx, pool, CounterPlan(9, capacity=50)), NoSuchCounters),
            (stranger.allocation.open_claim(tx, stranger.ask([UnitRef(pool, 2)])), NoSuchUnits),
            (stranger.allocation.open_claim(tx, stranger.ask(counters=[CounterAsk(pool, 9, 1)])), NoSuchCounters),
            (stranger.allocation.open_claim(tx, stranger.ask(draws=[DrawAsk(pool, 1)])), NotEnough),
        ):
            with pytest.raises(error):
                await refused
    assert await shop.tables() == before


@pytest.mark.parametrize("table", TABLES)
async def test_every_table_is_closed_to_strangers(shop: Shop, stranger: Shop, table: str) -> None:
    pool = await shop.pool([1, 2], [CounterPlan(9, capacity=5)])
    await shop.open(shop.ask([UnitRef(pool, 1)], [CounterAsk(pool, 9, 1)]))
    count = f"select count(*) from allocation.{table}"
    for database, tenant, visible in (
        (shop.database, shop.tenant, True),
        (stranger.database, stranger.tenant, False),
        (shop.database, None, False),
        (shop.jobs, None, True),
    ):
        async with database.transaction(tenant) as tx:
            row = await tx.fetch_one(count)  # type: ignore[arg-type]  # a name from the list above
        assert row is not None
        assert (row[0] > 0) is visible


@pytest.mark.parametrize("table", ["ledger", "counter_ledger", "claim_lines", "claim_counts"])
async def test_nobody_who_serves_requests_can_rewrite_history(shop: Shop, table: str) -> None:
    for statement in (f"delete from allocation.{table}", f"update allocation.{table} set pool_no = 1"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with shop.database.transaction(shop.tenant) as tx:
                await tx.execute(statement)  # type: ignore[arg-type]  # a name from the list above


async def test_a_row_cannot_be_slipped_to_another_tenant(shop: Shop, other_tenant: UUID) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
        async with shop.database.transaction(shop.tenant) as tx:
            await tx.execute("insert into allocation.pools (tenant_id, owner) values (%s, 'x')", (other_tenant,))
