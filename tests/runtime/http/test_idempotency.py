"""One key, one body, one answer: replayed, refused while a twin works, and resumed after one that died."""

import asyncio
from contextlib import suppress
from uuid import UUID

import psycopg
import pytest
from tests.conftest import UrlOf

from serai.kernel.errors import Invalid
from serai.runtime.http import idempotency
from serai.runtime.http.idempotency import (
    KEY_CHARS_MAX,
    IdempotencyKeyReused,
    Key,
    Replay,
    RequestInFlight,
    forget_old,
    owner_of,
    record,
    release,
    reserve,
)
from serai.runtime.postgres.database import Database


def key(header: str = "k", *, owner: str = "guest", path: str = "/bookings", body: bytes = b"{}") -> Key:
    return Key.of(header, owner=owner, method="POST", path=path, body=body)


async def take(database: Database, tenant: UUID, wanted: Key) -> Replay | None:
    async with database.transaction(tenant) as tx:
        return await reserve(tx, wanted)


async def finish(database: Database, tenant: UUID, wanted: Key, body: bytes = b"booked") -> None:
    async with database.transaction(tenant) as tx:
        await record(tx, wanted, 201, body)


def age(database_url: UrlOf, column: str, interval: str) -> None:
    """Moves the keys' times into the past."""
    with psycopg.connect(database_url("serai_owner")) as owner:
        owner.execute(f"update runtime.idempotency set {column} = {column} - interval '{interval}'".encode())


async def test_the_answer_is_replayed_byte_for_byte(database: Database, tenant: UUID) -> None:
    assert await take(database, tenant, key()) is None
    await finish(database, tenant, key(), b"\x00\xff")
    assert await take(database, tenant, key()) == Replay(201, b"\x00\xff")


async def test_another_body_is_refused_whether_the_first_is_done_or_not(
    database: Database, database_url: UrlOf, tenant: UUID
) -> None:
    await take(database, tenant, key())
    with pytest.raises(IdempotencyKeyReused):
        await take(database, tenant, key(body=b"other"))
    age(database_url, "locked_until", "1 h")
    with pytest.raises(IdempotencyKeyReused):
        await take(database, tenant, key(body=b"other"))
    await finish(database, tenant, key())
    with pytest.raises(IdempotencyKeyReused):
        await take(database, tenant, key(body=b"other"))


async def test_keys_of_others_and_of_other_routes_are_other_keys(
    database: Database, tenant: UUID, other_tenant: UUID
) -> None:
    await take(database, tenant, key())
    assert await take(database, other_tenant, key()) is None
    others = (key("l"), key(owner="user"), key(path="/refunds"), key(owner="gues", path="t/bookings"))
    assert [await take(database, tenant, other) for other in others] == [None] * 4


async def test_a_twin_waits_for_its_turn_and_takes_over_from_one_that_died(
    database: Database, database_url: UrlOf, tenant: UUID
) -> None:
    await take(database, tenant, key())
    with pytest.raises(RequestInFlight) as refused:
        await take(database, tenant, key())
    assert (refused.value.status, refused.value.retryable, refused.value.retry_after_s) == (409, True, 1)
    age(database_url, "locked_until", f"{idempotency.IN_FLIGHT_S} s")
    assert await take(database, tenant, key()) is None
    with pytest.raises(RequestInFlight):
        await take(database, tenant, key())


async def test_twins_at_the_same_moment_get_one_turn(database: Database, tenant: UUID) -> None:
    async def twin() -> bool:
        with suppress(RequestInFlight):
            return await take(database, tenant, key()) is None
        return False

    assert sum(await asyncio.gather(*(twin() for _ in range(12)))) == 1


async def test_what_rolled_back_reserves_nothing(database: Database, tenant: UUID) -> None:
    with suppress(KeyError):
        async with database.transaction(tenant) as tx:
            await reserve(tx, key())
            raise KeyError
    assert await take(database, tenant, key()) is None


async def test_what_is_given_back_is_free_at_once_and_an_answer_is_never_given_back(
    database: Database, tenant: UUID
) -> None:
    await take(database, tenant, key())
    async with database.transaction(tenant) as tx:
        await release(tx, key())
    assert await take(database, tenant, key()) is None
    await finish(database, tenant, key())
    async with database.transaction(tenant) as tx:
        await release(tx, key())
    assert await take(database, tenant, key()) == Replay(201, b"booked")


async def test_old_keys_of_all_tenants_are_forgotten_a_batch_at_a_time(
    database: Database, jobs_database: Database, database_url: UrlOf, tenant: UUID, other_tenant: UUID
) -> None:
    for owner in (tenant, other_tenant):
        await take(database, owner, key("old"))
        await take(database, owner, key("older"))
    age(database_url, "created_at", f"{idempotency.RETENTION_H} h")
    await take(database, tenant, key("new"))
    assert await forget_old(jobs_database, batch_max=3) == 4
    assert await forget_old(jobs_database) == 0
    assert await take(database, tenant, key("old")) is None
    with pytest.raises(RequestInFlight):
        await take(database, tenant, key("new"))


@pytest.mark.parametrize("header", [None, "", "x" * (KEY_CHARS_MAX + 1), "schlüssel"])
def test_a_key_must_be_there_short_and_ascii(header: str | None) -> None:
    with pytest.raises(Invalid) as refused:
        Key.of(header, owner="guest", method="POST", path="/", body=b"")
    assert [error.field for error in refused.value.errors] == ["Idempotency-Key"]


def test_the_owner_of_a_key_is_one_principal_of_one_tenant(tenant: UUID, other_tenant: UUID) -> None:
    assert owner_of(tenant, "user:1") == f"{tenant}/user:1"
    assert owner_of(tenant, "user:1") != owner_of(other_tenant, "user:1")
