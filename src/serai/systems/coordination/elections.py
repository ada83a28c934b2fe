"""Leader election: one of several is elected, tells a value, and is followed by who came next.

`leadership.fence` rises with every leader, so that what it commands can refuse a deposed one, as with a lock. The keys
are those of etcd's own elections.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from serai.systems.coordination.client import Client, Item, Lease
from serai.systems.coordination.client.leases import while_kept
from serai.systems.coordination.client.queues import Place, Queue
from serai.systems.coordination.errors import ElectionNotLeader
from serai.systems.coordination.locks import TTL_S


@dataclass(frozen=True, slots=True)
class Leader:
    """Who is elected: what it tells, and its fencing number."""

    value: str
    fence: int
    key: str


@dataclass(frozen=True, slots=True)
class Leadership:
    """That we are elected. It ends with the block, or when the lease is lost."""

    queue: Queue
    place: Place
    lease: Lease

    @property
    def fence(self) -> int:
        """Goes along with every command."""
        return self.place.number

    async def proclaim(self, value: str) -> None:
        """Tells another value. ElectionNotLeader."""
        if not await self.queue.say(self.place, value):
            raise ElectionNotLeader(f"{self.queue.name!r} has another leader than the one of fence {self.fence}")


class Election:
    """An election by name."""

    def __init__(self, store: Client, name: str, *, ttl_s: int = TTL_S) -> None:
        """`ttl_s`: how long a leader that has died still counts as one."""
        self._store = store
        self._queue = Queue(store, name)
        self._ttl_s = ttl_s

    @asynccontextmanager
    async def campaign(self, value: str) -> AsyncIterator[Leadership]:
        """Waits to be elected; the end of the block resigns. LeaseLost ends it when leadership could not be kept."""
        async with self._store.lease(self._ttl_s) as lease, while_kept(lease):
            place = await self._queue.join(lease, value)
            await self._queue.front(place)
            yield Leadership(self._queue, place, lease)

    async def leader(self) -> Leader | None:
        """Who is elected now, if anybody."""
        return _leader(await self._queue.oldest())

    async def observe(self) -> AsyncIterator[Leader | None]:
        """Who is elected, now and whenever it changes or tells another value; None while nobody is."""
        async for oldest in self._queue.fronts():
            yield _leader((oldest, 0))


def _leader(found: tuple[Item | None, int]) -> Leader | None:
    item, _ = found
    return Leader(item.value, item.create_revision, item.key) if item else None
