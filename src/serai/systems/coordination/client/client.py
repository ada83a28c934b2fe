"""The client of a store: keys, pages of keys, transactions, watches, leases, and how its members stand."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Self

import grpc.aio

from serai.protocols.etcd.messages import rpc
from serai.systems.coordination.client import leases
from serai.systems.coordination.client.endpoints import Endpoints, Tls
from serai.systems.coordination.client.errors import KeyChanged
from serai.systems.coordination.client.watches import Range, Watching
from serai.systems.coordination.client.wire import Deadlines, Wire, told
from serai.systems.coordination.client.words import (
    Change,
    Condition,
    Delete,
    Gap,
    Item,
    Operation,
    Outcome,
    Page,
    Put,
    Unchanged,
    key_bytes,
    prefix_end,
)
from serai.systems.coordination.errors import Compacted

PAGE_KEYS = 500
"""Keys that one call brings."""


class Client:
    """One store. Use it as an async context manager, or `close` it. Belongs to one event loop."""

    def __init__(
        self,
        endpoints: str = "http://127.0.0.1:2379",
        *,
        user: str = "",
        password: str = "",
        tls: Tls | None = None,
        deadlines: Deadlines | None = None,
    ) -> None:
        """'http://a:2379,http://b:2379'; any one that is reached will do. https:// speaks TLS, with
        '?cacert=ca.pem&cert=me.pem&key=me.key' or `tls`. What is given here goes before the URL's. Misconfigured."""
        named = Endpoints.parse(endpoints)
        known = Endpoints(named.members, user or named.user, password or named.password, tls or named.tls)
        self.wire = Wire(known, deadlines or Deadlines())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends its connections."""
        await self.wire.close()

    # Keys -------------------------------------------------------------------------------------------------------------

    async def get(self, key: str | bytes, *, revision: int = 0, stale: bool = False) -> Item | None:
        """A key as it is, or as it was at a revision. `stale`: as the member that is asked has it, without asking the
        others. Compacted."""
        request = rpc.RangeRequest(key=key_bytes(key), revision=revision, serializable=stale)
        answer = await self.wire.call("KV/Range", request)
        return Item.of(answer.kvs[0]) if answer.kvs else None

    async def set(self, key: str | bytes, value: str | bytes, *, lease: int = 0, expected: int | None = None) -> int:
        """Sets a key; the revision. `expected`: only if its mod_revision is still this, 0 only if it is not there.
        KeyChanged."""
        return await self._write(Put(key, value, lease), expected)

    async def delete(self, key: str | bytes, *, expected: int | None = None) -> int:
        """Deletes a key, if it is there; the revision. KeyChanged."""
        return await self._write(Delete(key), expected)

    async def delete_all(self, prefix: str | bytes) -> int:
        """Deletes all keys that begin so; how many."""
        return int((await self.wire.call("KV/DeleteRange", Delete(prefix, prefix=True).request())).deleted)

    async def _write(self, operation: Put | Delete, expected: int | None) -> int:
        if expected is None:
            name = "KV/Put" if isinstance(operation, Put) else "KV/DeleteRange"
            return int((await self.wire.call(name, operation.request())).header.revision)
        done = await self.transact([Unchanged(operation.key, expected)], [operation])
        if not done.succeeded:
            raise KeyChanged(f"{operation.key!r} is no longer as it was at revision {expected}; read it again")
        return done.revision

    async def page(
        self, prefix: str | bytes, *, start: str | bytes = "", limit: int = PAGE_KEYS, revision: int = 0
    ) -> Page:
        """Keys that begin so, in order, from `start` on."""
        first = key_bytes(start or prefix) or b"\x00"
        request = rpc.RangeRequest(
            key=first, range_end=prefix_end(key_bytes(prefix)), limit=limit, revision=revision
        )  # fmt: skip
        answer = await self.wire.call("KV/Range", request)
        items = [Item.of(kv) for kv in answer.kvs]
        following = items[-1].key + "\x00" if answer.more and items else None
        return Page(items, answer.count, answer.header.revision, following)

    async def all(self, prefix: str | bytes, *, page_keys: int = PAGE_KEYS) -> tuple[Mapping[str, Item], int]:
        """All keys that begin so, as of one revision, which is returned beside them."""
        page = await self.page(prefix, limit=page_keys)
        found = {item.key: item for item in page.items}
        revision = page.revision
        while page.next_key is not None:
            page = await self.page(prefix, start=page.next_key, limit=page_keys, revision=revision)
            found |= {item.key: item for item in page.items}
        return found, revision

    async def count(self, prefix: str | bytes) -> int:
        """How many keys begin so."""
        first = key_bytes(prefix)
        request = rpc.RangeRequest(key=first or b"\x00", range_end=prefix_end(first), count_only=True)
        return int((await self.wire.call("KV/Range", request)).count)

    async def transact(
        self,
        when: Sequence[Condition],
        then: Sequence[Operation],
        otherwise: Sequence[Operation] = (),
        *,
        again: bool = False,
    ) -> Outcome:
        """If all conditions hold `then`, else `otherwise`, at one revision. `again`: doing it twice does no harm."""
        request = rpc.TxnRequest(
            compare=[one.message() for one in when],
            success=[one.message() for one in then],
            failure=[one.message() for one in otherwise],
        )
        return Outcome.of(await self.wire.call("KV/Txn", request, again=again))

    # Watches ----------------------------------------------------------------------------------------------------------

    async def watch(
        self, prefix: str | bytes, *, start_revision: int = 0, exact: bool = False, before: bool = False
    ) -> AsyncIterator[Change]:
        """Every change of the keys that begin so (`exact`: of this key alone) from a revision on (0: from now on),
        across breaks. Compacted, if the store no longer knows some of them."""
        watching = self.watching(prefix, start_revision=start_revision, exact=exact, before=before)
        async for found in watching.tell():
            if isinstance(found, Gap):
                raise Compacted(f"changes of {prefix!r} before revision {found.revision} are lost; read it anew")
            yield found

    def watching(
        self, prefix: str | bytes, *, start_revision: int = 0, exact: bool = False, before: bool = False
    ) -> Watching:
        """The same for those who go on after a gap."""
        key = key_bytes(prefix)
        return Watching(self.wire, Range(key or b"\x00", b"" if exact else prefix_end(key), before), start_revision)

    # Leases -----------------------------------------------------------------------------------------------------------

    def lease(self, ttl_s: int) -> AbstractAsyncContextManager[leases.Lease]:
        """`async with store.lease(10) as lease`: renewed meanwhile, revoked at the end; `lease.lost` says if not."""
        return leases.kept(self.wire, ttl_s)

    async def grant(self, ttl_s: int) -> int:
        """A lease that nobody renews; its id."""
        return (await leases.granted(self.wire, ttl_s)).id

    async def revoke(self, lease: int) -> None:
        """Ends a lease, and its keys with it."""
        await leases.revoked(self.wire, lease)

    async def leases(self) -> Sequence[int]:
        """The ids of all leases."""
        answer = await self.wire.call("Lease/LeaseLeases", rpc.LeaseLeasesRequest())
        return [each.ID for each in answer.leases]

    async def time_to_live(self, lease: int) -> Any:
        """What is left of a lease and which keys it has, as etcd's LeaseTimeToLiveResponse; TTL -1: it is over."""
        return await self.wire.call("Lease/LeaseTimeToLive", rpc.LeaseTimeToLiveRequest(ID=lease, keys=True))

    # The cluster ------------------------------------------------------------------------------------------------------

    async def status(self, endpoint: int = 0) -> Any:
        """How one member stands, as etcd's StatusResponse; `endpoint` counts those that were named."""
        return await self.wire.call("Maintenance/Status", rpc.StatusRequest(), only=endpoint)

    async def members(self) -> Any:
        """All members, as etcd's MemberListResponse."""
        return await self.wire.call("Cluster/MemberList", rpc.MemberListRequest(linearizable=True))

    async def snapshot(self, endpoint: int = 0) -> AsyncIterator[bytes]:
        """One member's snapshot, piece by piece. Unanswered, if it breaks off."""
        wire = self.wire
        call = wire.stream("Maintenance/Snapshot", endpoint, await wire.metadata(endpoint), rpc.SnapshotRequest())
        try:
            async for answer in call:
                yield answer.blob
        except grpc.aio.AioRpcError as error:
            raise told(error, str(wire.member(endpoint))) from error
        finally:
            call.cancel()

    async def compact(self, revision: int) -> None:
        """Forgets what was before a revision."""
        await self.wire.call("KV/Compact", rpc.CompactionRequest(revision=revision))
