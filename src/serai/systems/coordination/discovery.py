"""Service discovery: who offers what and where, for as long as somebody keeps it there.

    /serai/TENANT/services/SERVICE/INSTANCE -> {"service", "name", "address", "metadata"}

Each instance stands on a lease: one that dies is gone after `ttl_s`. A registration whose lease was lost, because the
store was away for longer, is made again by itself.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Self

import msgspec

from serai.systems.coordination.client import Client, Item
from serai.systems.coordination.client.mirrors import Mirror
from serai.systems.coordination.configuration.naming import checked_name
from serai.systems.coordination.errors import Away, Overloaded

TTL_S = 15
"""How long an instance that has died is still found."""


class Instance(msgspec.Struct, frozen=True):
    """One place where a service is offered. `metadata`: a version, a zone, a weight: whatever callers choose by."""

    service: str
    name: str
    address: str
    metadata: Mapping[str, str] = msgspec.field(default_factory=dict)


class Registration:
    """An instance that is being kept there."""

    def __init__(self, store: Client, key: str, instance: Instance, ttl_s: int) -> None:
        self._store = store
        self._key = key
        self._ttl_s = ttl_s
        self.instance = instance
        self.standing = asyncio.Event()
        """Set while it is registered."""

    async def keep(self) -> None:
        """Registers, again whenever it was lost, until it is cancelled."""
        while True:
            with suppress(Away, Overloaded):
                async with self._store.lease(self._ttl_s) as lease:
                    await self._store.set(self._key, msgspec.json.encode(self.instance), lease=lease.id)
                    self.standing.set()
                    await lease.lost.wait()
            self.standing.clear()
            await asyncio.sleep(self._store.wire.deadlines.pause_s)


class Registry:
    """The services of one tenant."""

    def __init__(self, store: Client, tenant: str) -> None:
        self._store = store
        self.prefix = f"/serai/{tenant}/services/"

    def _below(self, service: str) -> str:
        return f"{self.prefix}{checked_name(service)}/"

    @asynccontextmanager
    async def register(
        self,
        service: str,
        name: str,
        address: str,
        metadata: Mapping[str, str] | None = None,
        *,
        ttl_s: int = TTL_S,
    ) -> AsyncIterator[Registration]:
        """Offers an instance until the block ends. It begins when the instance can be found."""
        instance = Instance(service, name, address, metadata or {})
        made = Registration(self._store, self._below(service) + checked_name(name), instance, ttl_s)
        keeper = asyncio.create_task(made.keep(), name=f"register {service}/{name}")
        standing = asyncio.create_task(made.standing.wait())
        try:
            await asyncio.wait({keeper, standing}, return_when=asyncio.FIRST_COMPLETED)
            if keeper.done():
                keeper.result()
            yield made
        finally:
            standing.cancel()
            keeper.cancel()
            with suppress(asyncio.CancelledError):
                await keeper

    async def resolve(self, service: str) -> list[Instance]:
        """The instances that are offered now, by name."""
        items, _ = await self._store.all(self._below(service))
        return _instances(items)

    async def services(self) -> Mapping[str, list[Instance]]:
        """All services that have an instance."""
        items, _ = await self._store.all(self.prefix)
        found: dict[str, list[Instance]] = {}
        for instance in _instances(items):
            found.setdefault(instance.service, []).append(instance)
        return found

    def live(self, service: str) -> "LiveSet":
        """The instances of a service as a set that follows the store."""
        return LiveSet(self._store, self._below(service))


class LiveSet:
    """`async with registry.live("search") as search: search.instances`; reading needs no network."""

    def __init__(self, store: Client, prefix: str) -> None:
        self._mirror = Mirror(store, prefix)

    async def __aenter__(self) -> Self:
        await self._mirror.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._mirror.__aexit__(*error)

    @property
    def instances(self) -> list[Instance]:
        """Those that are offered, by name."""
        return _instances(self._mirror.items)

    async def changed(self) -> list[Instance]:
        """Waits until one comes, goes or says something else; all of them then."""
        await self._mirror.changed()
        return self.instances


def _instances(items: Mapping[str, Item]) -> list[Instance]:
    """What others wrote there and is no instance is left out."""
    found = []
    for key in sorted(items):
        with suppress(msgspec.DecodeError):
            found.append(msgspec.json.decode(items[key].raw, type=Instance))
    return found
