"""An event is told if its change is, in the order of its aggregate, by one relay at a time, and at least once."""

from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

import psycopg
import pytest
from tests.conftest import UrlOf
from tests.doubles import ManualClock, SeededRandom

from serai.kernel.ids import uuid7
from serai.runtime import outbox
from serai.runtime.outbox import Event, Outbox, RelayedEvent, oldest_age_s, position_before, read_events, relay_batch
from serai.runtime.postgres.database import Database


@pytest.fixture
def box(clock: ManualClock, random: SeededRandom) -> Outbox:
    return Outbox(clock, random)


def changed(key: str, number: int) -> Event:
    return Event("serai.test.thing", key, "serai.test.thing.changed.v1", {"number": number})


async def told(jobs_database: Database, after: int = 0) -> list[tuple[str, int]]:
    return [(event.key, event.data["number"]) for event in await read_events(jobs_database, after)]


async def test_an_event_is_told_only_if_its_change_was_committed(
    database: Database, jobs_database: Database, box: Outbox, tenant: UUID
) -> None:
    with suppress(KeyError):
        async with database.transaction(tenant) as tx:
            await box.append(tx, changed("a", 1))
            raise KeyError
    async with database.transaction(tenant) as tx:
        await box.append(tx, changed("a", 2))
        assert await relay_batch(jobs_database) == 0, "nothing leaves before the commit"
    assert await relay_batch(jobs_database) == 1
    assert await told(jobs_database) == [("a", 2)]


async def test_events_of_an_aggregate_keep_their_order_over_batches_and_commits_out_of_order(
    database: Database, jobs_database: Database, box: Outbox, tenant: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "RELAY_BATCH_MAX", 2)
    async with database.transaction(tenant) as slow:
        await box.append(slow, changed("slow", 1), changed("slow", 2))
        async with database.transaction(tenant) as tx:
            await box.append(tx, *(changed("a", number) for number in range(5)))
        assert await relay_batch(jobs_database) == 2
    while await relay_batch(jobs_database):
        pass
    seen = await told(jobs_database)
    assert [number for key, number in seen if key == "a"] == [0, 1, 2, 3, 4]
    assert [number for key, number in seen if key == "slow"] == [1, 2]


async def test_one_relay_works_at_a_time(
    database: Database, jobs_database: Database, database_url: UrlOf, box: Outbox, tenant: UUID
) -> None:
    async with database.transaction(tenant) as tx:
        await box.append(tx, changed("a", 1))
    with psycopg.connect(database_url("serai_jobs")) as other:
        other.execute("select pg_advisory_xact_lock(%s)", (outbox._RELAY_LOCK,))
        assert await relay_batch(jobs_database) == 0
    assert await relay_batch(jobs_database) == 1


async def test_what_a_relay_had_moved_when_it_died_is_moved_again(
    database: Database, jobs_database: Database, database_url: UrlOf, box: Outbox, tenant: UUID
) -> None:
    async with database.transaction(tenant) as tx:
        await box.append(tx, changed("a", 1), changed("a", 2))
    # Dies after its statement and before its commit: a deferred trigger that fails is the last moment there is.
    with psycopg.connect(database_url("serai_owner"), autocommit=True) as owner:
        owner.execute(
            "create function runtime.die() returns trigger language plpgsql as"
            " $$ begin perform pg_terminate_backend(pg_backend_pid()); return null; end $$"
        )
        owner.execute(
            "create constraint trigger die after insert on runtime.events deferrable initially deferred"
            " for each row execute function runtime.die()"
        )
        with pytest.raises(Exception, match=r"closed the connection|terminating"):
            await relay_batch(jobs_database)
        assert await told(jobs_database) == []
        owner.execute("drop trigger die on runtime.events")
    assert await relay_batch(jobs_database) == 2
    assert await told(jobs_database) == [("a", 1), ("a", 2)]


async def test_consumers_go_on_from_a_position_and_know_an_event_by_its_id(
    database: Database, jobs_database: Database, box: Outbox, tenant: UUID, other_tenant: UUID
) -> None:
    for number, owner in enumerate((tenant, other_tenant, tenant)):
        async with database.transaction(owner) as tx:
            await box.append(tx, changed("a", number))
    await relay_batch(jobs_database)
    first, *rest = await read_events(jobs_database, 0)
    assert await read_events(jobs_database, first.position) == rest
    assert [event.tenant_id for event in rest] == [other_tenant, tenant]
    assert len({first.id, *(event.id for event in rest)}) == 3
    before_newest = await position_before(jobs_database, 2)
    assert await told(jobs_database, before_newest) == [("a", 1), ("a", 2)]
    assert await position_before(jobs_database, 1, "serai.other") == rest[-1].position


async def test_a_tenant_sees_its_own_events_alone(
    database: Database, jobs_database: Database, box: Outbox, tenant: UUID, other_tenant: UUID
) -> None:
    async with database.transaction(tenant) as tx:
        await box.append(tx, changed("a", 1))
    await relay_batch(jobs_database)
    counts = []
    for owner in (tenant, other_tenant):
        async with database.transaction(owner) as tx:
            counts.append(await tx.fetch_one("select count(*) from runtime.events"))
    assert counts == [(1,), (0,)]


async def test_the_age_of_the_oldest_is_known(
    database: Database, jobs_database: Database, database_url: UrlOf, box: Outbox, tenant: UUID
) -> None:
    assert await oldest_age_s(jobs_database) == 0
    async with database.transaction(tenant) as tx:
        await box.append(tx, changed("a", 1), changed("a", 2))
    with psycopg.connect(database_url("serai_owner")) as owner:
        owner.execute("update runtime.outbox set at = at - interval '1 h' where data->>'number' = '1'")
    assert 3600 <= await oldest_age_s(jobs_database) < 3660


def test_a_cloud_event_has_the_members_of_the_specification(clock: ManualClock, random: SeededRandom) -> None:
    identity = uuid7(clock, random)
    at = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
    event = RelayedEvent(7, identity, identity, "serai.test.thing", "k", "serai.test.thing.changed.v1", at, {"n": 1})
    assert event.cloud_event() == {
        "specversion": "1.0",
        "id": str(identity),
        "source": "/serai/test/thing",
        "type": "serai.test.thing.changed.v1",
        "subject": "k",
        "time": "2026-11-24T12:30:00Z",
        "datacontenttype": "application/json",
        "data": {"n": 1},
    }
