"""What a lock and an election have in common: a queue of keys below a name, the oldest of which is in front.

A place ends with its lease. Its key is that of etcd's own clients (`NAME/LEASE`, in hexadecimal), so that all of them
exclude each other. Its number is the revision at which it was made: it only rises, from holder to holder, for ever.
Whoever waits watches the key just before its own, so that one end wakes one waiter.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from serai.protocols.etcd.messages import rpc
from serai.systems.coordination.client.client import Client
from serai.systems.coordination.client.errors import LeaseLost
from serai.systems.coordination.client.leases import Lease
from serai.systems.coordination.client.watches import Range, Watching
from serai.systems.coordination.client.words import Created, Get, Item, Put, key_bytes, prefix_end


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a queue. `number` is its fencing number."""

    key: str
    number: int
    lease: int


class Queue:
    """The queue below one name."""

    def __init__(self, store: Client, name: str) -> None:
        self._store = store
        self.name = name.rstrip("/")
        self._prefix = f"{self.name}/"

    async def join(self, lease: Lease, value: str) -> Place:
        """A place at the end. Asking twice gives the same place, so a broken connection is no matter."""
        key = f"{self._prefix}{lease.id:x}"
        done = await self._store.transact([Created(key, 0)], [Put(key, value, lease.id)], [Get(key)], again=True)
        if done.succeeded:
            return Place(key, done.revision, lease.id)
        (known,) = done.found
        assert known is not None, "it was there at this revision"
        return Place(key, known.create_revision, lease.id)

    async def front(self, place: Place) -> None:
        """Waits until nobody is before it. LeaseLost, if the place was lost meanwhile."""
        while True:
            before, revision = await self._before(place.number)
            if before is None:
                break
            await self._gone(before.key, revision)
        held = await self._store.get(place.key)
        if held is None or held.create_revision != place.number:
            raise LeaseLost(f"the place in the queue for {self.name!r} is gone: its lease {place.lease:x} is over")

    async def _before(self, number: int) -> tuple[Item | None, int]:
        return await self._first("DESCEND", number - 1)

    async def oldest(self) -> tuple[Item | None, int]:
        """Who is in front, and as of which revision."""
        return await self._first("ASCEND", 0)

    async def _first(self, order: str, newest: int) -> tuple[Item | None, int]:
        prefix = key_bytes(self._prefix)
        request = rpc.RangeRequest(
            key=prefix,
            range_end=prefix_end(prefix),
            limit=1,
            sort_target="CREATE",
            sort_order=order,
            max_create_revision=newest,
        )
        answer = await self._store.wire.call("KV/Range", request)
        return Item.of(answer.kvs[0]) if answer.kvs else None, answer.header.revision

    async def _gone(self, key: str, revision: int) -> None:
        """Waits until a key that was there at a revision is deleted, or may have been."""
        watched = Range(key_bytes(key), deletions_only=True)
        async for _ in Watching(self._store.wire, watched, revision + 1).tell():
            return

    async def say(self, place: Place, value: str) -> bool:
        """Another value for a place; whether it is still this one's."""
        put = Put(place.key, value, place.lease)
        return (await self._store.transact([Created(place.key, place.number)], [put], again=True)).succeeded

    async def fronts(self) -> AsyncIterator[Item | None]:
        """Who is in front, now and whenever that or its value changes; None: nobody."""
        while True:
            oldest, revision = await self.oldest()
            yield oldest
            watching = self._store.watching(self._prefix, start_revision=revision + 1)
            async for _ in watching.tell():
                if (await self.oldest())[0] != oldest:
                    break
