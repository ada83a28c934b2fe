"""Transactions that carry a tenant: what they promise to whoever writes SQL in them."""

import asyncio
from uuid import UUID

import psycopg
import pytest
from psycopg.errors import SerializationFailure
from tests.conftest import UrlOf
from tests.doubles import SeededRandom

from serai.kernel.errors import Misconfigured
from serai.runtime.postgres.database import RETRIES_MAX, Database, DatabaseUnavailable, Transaction, open_database
from serai.runtime.postgres.server import SUPERUSER


async def put(tx: Transaction, scope: bytes = b"one") -> None:
    """A row in a table that every tenant has its own part of."""
    await tx.execute(
        "insert into runtime.idempotency (tenant_id, scope, request_hash, locked_until) values (%s, %s, '', now())",
        (tx.owner, scope),
    )


async def rows(tx: Transaction) -> int:
    found = await tx.fetch_one("select count(*) from runtime.idempotency")
    assert found is not None
    return int(found[0])


async def test_a_tenant_sees_its_own_rows_and_an_exception_leaves_none(
    database: Database, tenant: UUID, other_tenant: UUID
) -> None:
    async with database.transaction(tenant) as tx:
        await put(tx)
    with pytest.raises(ZeroDivisionError):
        async with database.transaction(tenant) as tx:
            await put(tx, b"two")
            _ = 1 / 0
    async with database.transaction(tenant) as tx:
        assert await rows(tx) == 1
    async with database.transaction(other_tenant) as tx:
        assert await rows(tx) == 0
    async with database.transaction(None) as tx:
        assert await rows(tx) == 0, "a connection that served a tenant forgets it"


async def test_a_tenant_cannot_write_rows_of_another(database: Database, tenant: UUID, other_tenant: UUID) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        async with database.transaction(tenant) as tx:
            await put(Transaction(tx.connection, other_tenant))


async def plans_made(tx: Transaction) -> tuple[int, int]:
    """Generic and custom plans of the one statement that was prepared on this connection."""
    found = await tx.fetch_one(
        "select generic_plans, custom_plans from pg_prepared_statements where statement like '%%made only here%%'"
    )
    assert found is not None
    return int(found[0]), int(found[1])


@pytest.mark.parametrize("by_key", [True, False])
async def test_statements_by_key_are_planned_once_a_connection(database: Database, tenant: UUID, by_key: bool) -> None:
    # An array of unknown length: left to itself, PostgreSQL plans this one for each call.
    query = "select /* made only here */ count(*) from unnest(%s::bytea[]) s join runtime.idempotency i on i.scope = s"
    async with database.transaction(tenant, by_key=by_key) as tx:
        for number in range(20):
            await tx.fetch(query, ([bytes([number])],))
        generic, custom = await plans_made(tx)
        assert (custom == 0) == by_key, (generic, custom)
    async with database.transaction(tenant) as tx:
        found = await tx.fetch_one("select current_setting('plan_cache_mode'), current_setting('enable_seqscan')")
        assert found == ("auto", "on"), "the next transaction of this connection is an ordinary one"


async def test_a_plan_by_key_made_for_a_tiny_table_does_not_read_it_whole_when_it_is_full(
    database_url: UrlOf, random: SeededRandom, tenant: UUID
) -> None:
    with psycopg.connect(database_url(SUPERUSER), autocommit=True) as admin:
        admin.execute("alter table runtime.idempotency set (autovacuum_enabled = off)")
        admin.execute("analyze runtime.idempotency")  # now the planner believes that there is next to nothing in it
        async with open_database(database_url("serai_app"), random, pool_min=1, pool_max=1) as database:
            query = (
                "select i.scope from unnest(%s::bytea[]) s"
                " join runtime.idempotency i on i.tenant_id = %s and i.scope = s"
            )
            for _ in range(8):
                async with database.transaction(tenant, by_key=True) as tx:
                    await tx.fetch(query, ([b"x"], tenant))
            admin.execute(
                "insert into runtime.idempotency (tenant_id, scope, request_hash, locked_until)"
                " select %s, n::text::bytea, '', now() from generate_series(1, 20000) n",
                (tenant,),
            )
            async with database.transaction(tenant, by_key=True) as tx:
                assert await tx.fetch(query, ([b"17"], tenant)) == [(b"17",)]
                found = await tx.fetch("select name from pg_prepared_statements where statement like '%%unnest%%'")
                explained = await tx.fetch(f"explain execute {found[0][0]} (array['17'::bytea], '{tenant}')")
            assert not any("Seq Scan" in line for (line,) in explained), explained


async def test_a_collision_is_tried_again_and_not_for_ever(database: Database, tenant: UUID) -> None:
    tries = 0

    async def collide(tx: Transaction) -> int:
        nonlocal tries
        tries += 1
        await put(tx, bytes([tries]))
        if tries < RETRIES_MAX:
            raise SerializationFailure
        return await rows(tx)

    assert await database.retrying(tenant, collide) == 1, "what a failed try wrote is gone"

    async def collide_always(tx: Transaction) -> None:
        raise SerializationFailure

    with pytest.raises(DatabaseUnavailable, match="contended"):
        await database.retrying(tenant, collide_always)


async def test_when_no_connection_is_free_the_refusal_says_so(
    database_url: UrlOf, random: SeededRandom, tenant: UUID
) -> None:
    async with (
        open_database(database_url("serai_app"), random, pool_min=1, pool_max=1, wait_s=0.05) as database,
        database.transaction(tenant),
    ):
        assert database.usage()[0] == 1
        with pytest.raises(DatabaseUnavailable, match="no free connection"):
            async with database.transaction(tenant):
                raise AssertionError("there is only one connection")


async def test_a_connection_that_the_server_cuts_is_an_answer_and_is_replaced(
    database: Database, database_url: UrlOf, tenant: UUID
) -> None:
    with pytest.raises(DatabaseUnavailable, match="closed the connection"):
        async with database.transaction(tenant) as tx:
            pid = await tx.fetch_one("select pg_backend_pid()")
            with psycopg.connect(database_url(SUPERUSER), autocommit=True) as admin:
                admin.execute("select pg_terminate_backend(%s)", pid)
            await tx.fetch("select 1")
    async with database.transaction(tenant) as tx:
        assert await rows(tx) == 0


async def test_a_cancelled_task_gives_its_connection_back_clean(database: Database, tenant: UUID) -> None:
    began = asyncio.Event()

    async def linger() -> None:
        async with database.transaction(tenant) as tx:
            await put(tx)
            began.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(linger())
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with database.transaction(tenant) as tx:
        assert await rows(tx) == 0
    assert database.usage()[0] == 0


async def test_a_role_that_could_bypass_the_policies_is_refused(database_url: UrlOf, random: SeededRandom) -> None:
    for role in (SUPERUSER, "serai_owner"):
        with pytest.raises(Misconfigured, match="could bypass row-level security"):
            async with open_database(database_url(role), random):
                raise AssertionError(f"{role} was let in")
