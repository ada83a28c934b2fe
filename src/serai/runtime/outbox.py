"""The outbox: an event is written in the transaction of the change that it tells, and delivered later, at least once.

It prevents the two lies of sending from a handler: an event for a change that rolled back, and a change without its
event. Events of one aggregate are delivered in order, because event_no is drawn while the aggregate is locked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from serai.kernel.ids import uuid7
from serai.kernel.ports import Clock, Random
from serai.runtime.postgres.database import Database, Transaction

RELAY_BATCH_MAX = 1_000
"""Events moved in one transaction of the relay."""

_RELAY_LOCK = 0x5E2A2  # any constant: one active relay a database


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to one aggregate. `topic` is 'serai.<system>.<noun>', `key` the aggregate's id."""

    topic: str
    key: str
    type: str
    data: Mapping[str, Any]


class Outbox:
    """Where a system leaves its events."""

    def __init__(self, clock: Clock, random: Random) -> None:
        self._clock = clock
        self._random = random

    async def append(self, tx: Transaction, *events: Event) -> None:
        """Adds events to the caller's transaction."""
        for event in events:
            await tx.execute(
                "insert into runtime.outbox (tenant_id, id, topic, key, type, data) values (%s, %s, %s, %s, %s, %s)",
                (
                    tx.owner,
                    uuid7(self._clock, self._random),
                    event.topic,
                    event.key,
                    event.type,
                    orjson.dumps(event.data).decode(),
                ),
            )


async def relay_batch(jobs: Database) -> int:
    """Moves the oldest events to where consumers read them; returns how many. Another active relay means none."""
    async with jobs.transaction(None) as tx:
        row = await tx.fetch_one("select pg_try_advisory_xact_lock(%s)", (_RELAY_LOCK,))
        assert row is not None
        if not row[0]:
            return 0
        # The inner select keeps event_no order; the outer insert draws positions in that order.
        return await tx.execute(
            """
            with batch as (
              select tenant_id, event_no from runtime.outbox order by event_no limit %s
            ), moved as (
              delete from runtime.outbox o using batch b
              where o.tenant_id = b.tenant_id and o.event_no = b.event_no
              returning o.tenant_id, o.event_no, o.id, o.topic, o.key, o.type, o.at, o.data
            )
            insert into runtime.events (tenant_id, id, topic, key, type, at, data)
            select tenant_id, id, topic, key, type, at, data from moved order by event_no
            """,
            (RELAY_BATCH_MAX,),
        )


@dataclass(frozen=True, slots=True)
class RelayedEvent:
    """An event as consumers see it: a CloudEvent with a position in the log."""

    position: int
    tenant_id: UUID
    id: UUID
    topic: str
    key: str
    type: str
    at: datetime
    data: dict[str, Any]

    def cloud_event(self) -> dict[str, Any]:
        """CloudEvents 1.0 JSON."""
        return {
            "specversion": "1.0",
            "id": str(self.id),
            "source": f"/{self.topic.replace('.', '/')}",
            "type": self.type,
            "subject": self.key,
            "time": self.at.isoformat().replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            "data": self.data,
        }


async def read_events(jobs: Database, after: int, limit: int = 100, topic: str = "") -> list[RelayedEvent]:
    """Relayed events behind a position, oldest first, across tenants. `topic`: this one and those below it."""
    async with jobs.transaction(None) as tx:
        rows = await tx.fetch(
            "select position, tenant_id, id, topic, key, type, at, data from runtime.events"
            " where position > %s and (%s = '' or topic = %s or starts_with(topic, %s)) order by position limit %s",
            (after, topic, topic, f"{topic}.", limit),
        )
    return [RelayedEvent(*row) for row in rows]


async def position_before(jobs: Database, count: int, topic: str = "") -> int:
    """The position behind which the newest `count` events of a topic stand."""
    async with jobs.transaction(None) as tx:
        row = await tx.fetch_one(
            "select min(position) from (select position from runtime.events"
            " where %s = '' or topic = %s or starts_with(topic, %s) order by position desc limit %s) newest",
            (topic, topic, f"{topic}.", count),
        )
        end = await tx.fetch_one("select coalesce(max(position), 0) from runtime.events")
    assert row is not None and end is not None
    return int(end[0]) if row[0] is None else int(row[0]) - 1


async def oldest_age_s(jobs: Database) -> float:
    """Seconds that the oldest unrelayed event has waited; 0 when none waits."""
    async with jobs.transaction(None) as tx:
        row = await tx.fetch_one("select extract(epoch from clock_timestamp() - min(at))::float8 from runtime.outbox")
    return float(row[0]) if row and row[0] is not None else 0.0
