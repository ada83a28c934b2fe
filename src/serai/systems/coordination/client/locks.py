"""A lock over a lease, with the number that makes it safe.

A lock of a distributed store excludes nobody by itself: its holder may be paused for longer than its lease lives and go
on without knowing. So each holder gets a number that only rises (the revision at which it came into the queue), and
whatever is protected takes work only with a number that is not lower than the highest it has seen:

    async with store.lock("/locks/report") as lock:
        await tx.execute("update reports set body = %s, fence = %s where fence <= %s", body, lock.fence, lock.fence)

A holder that was overtaken changes no row.
"""

import asyncio
from typing import TYPE_CHECKING, Any

from serai.protocols.etcd.messages import rpc
from serai.systems.coordination.errors import LeaseNotFound

if TYPE_CHECKING:
    from serai.systems.coordination.client.client import Client, Held


class Lock:
    """`async with` waits for it. `fence` is the number; `lost` is set when it could not be kept."""

    def __init__(self, client: "Client", name: str, ttl_s: int) -> None:
        self._client = client
        self._name = name.rstrip("/")
        self._ttl_s = ttl_s
        self._leased: Any = None
        self.fence = 0
        self.key = ""
        self.lost = asyncio.Event()

    async def __aenter__(self) -> "Lock":
        self._leased = self._client.leased(self._ttl_s)
        held = await self._leased.__aenter__()
        try:
            self.lost = held.lost
            await self._queue(held)
            await self._wait(held)
        except BaseException as error:
            await self._leased.__aexit__(type(error), error, error.__traceback__)
            raise
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self._leased.__aexit__(*error)

    async def _queue(self, held: "Held") -> None:
        self.key = f"{self._name}/{held.id:x}"
        absent = rpc.Compare(key=self.key.encode(), target="CREATE", result="EQUAL", create_revision=0)
        put = rpc.RequestOp(request_put=rpc.PutRequest(key=self.key.encode(), lease=held.id))
        done = await self._client.transact([absent], [put])
        self.fence = int(done.header.revision)

    async def _wait(self, held: "Held") -> None:
        """Until nobody is before us. Each waits for the one before it alone, so that an end wakes one."""
        prefix = f"{self._name}/"
        while True:
            items, revision = await self._client.all(prefix)
            before = [item for item in items.values() if item.create_revision < self.fence]
            if self.key not in items:
                raise LeaseNotFound(f"the place in the queue for {self._name} was lost: its lease has ended")
            if not before:
                return
            last = max(before, key=lambda item: item.create_revision)
            async for change in self._client.watch(last.key, start_revision=revision + 1, exact=True):
                if change.value is None:
                    break
