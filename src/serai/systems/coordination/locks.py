"""A lock, and the number that makes it safe.

A lock of a distributed store excludes nobody by itself: its holder may be paused for longer than its lease lives, and
go on without knowing. So each holder has a fencing number that only rises, and whatever the lock protects refuses work
with a smaller number than it has seen. In PostgreSQL that is one condition:

    async with lock(store, "/locks/nightly-report") as held:
        await tx.execute(
            "update reports set body = %s, fence = %s where name = 'nightly' and fence <= %s",
            (body, held.fence, held.fence),
        )

A holder that was overtaken changes no row. The block is cancelled, and LeaseLost raised, as soon as the lease is lost
by the holder's own clock; the number covers what that cannot: a write on its way, a process that was stopped.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from serai.systems.coordination.client import Client, Lease
from serai.systems.coordination.client.leases import while_kept
from serai.systems.coordination.client.queues import Queue

TTL_S = 15
"""How long a lock outlives a holder that has died."""


@dataclass(frozen=True, slots=True)
class Held:
    """A lock that is ours. `fence` goes along with every write to what it protects."""

    name: str
    fence: int
    key: str
    lease: Lease

    def require(self) -> None:
        """LeaseLost, unless it is still ours by our clock. For before a step that cannot be fenced."""
        self.lease.require()


@asynccontextmanager
async def lock(store: Client, name: str, *, ttl_s: int = TTL_S) -> AsyncIterator[Held]:
    """Waits for the lock; `asyncio.timeout` limits the wait. LeaseLost ends the block when it could not be kept."""
    queue = Queue(store, name)
    async with store.lease(ttl_s) as lease, while_kept(lease):
        place = await queue.join(lease, "")
        await queue.front(place)
        yield Held(queue.name, place.number, place.key, lease)
