"""Keys, pages of keys, transactions and leases of any etcd v3."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc

from serai.kernel.errors import SeraiError
from serai.protocols.etcd.messages import rpc
from serai.systems.coordination.client import watches
from serai.systems.coordination.client.locks import Lock
from serai.systems.coordination.client.wire import CALL_S, Changed, Wire
from serai.systems.coordination.errors import LeaseNotFound
from serai.systems.coordination.state.layout import after

PAGE = 500
"""Keys that one call brings."""
RENEW_SHARE = 3
"""A lease is renewed this often in its life."""


@dataclass(frozen=True, slots=True)
class Item:
    """A key as it is. `mod_revision` is what to compare with before changing it."""

    key: str
    value: str
    create_revision: int
    mod_revision: int
    version: int
    lease: int


@dataclass(frozen=True, slots=True)
class Page:
    """Some keys, in order, as of one revision; `next_key` continues."""

    items: Sequence[Item]
    count: int
    revision: int
    next_key: str | None


def prefix_end(prefix: bytes) -> bytes:
    """The end of the range of all keys that begin so."""
    trimmed = prefix.rstrip(b"\xff")
    return after(trimmed) if trimmed else b"\x00"


class Client:
    """One store. Use as an async context manager, or `close` it."""

    def __init__(
        self,
        endpoints: str = "http://127.0.0.1:2379",
        *,
        user: str = "",
        password: str = "",
        credentials: grpc.ChannelCredentials | None = None,
        call_s: float = CALL_S,
    ) -> None:
        self.wire = Wire(endpoints, user=user, password=password, credentials=credentials, call_s=call_s)

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends its connections."""
        await self.wire.close()

    # Keys -------------------------------------------------------------------------------------------------------------

    async def get(self, key: str, *, revision: int = 0) -> Item | None:
        """A key as it is, or as it was at a revision."""
        answer = await self._range(rpc.RangeRequest(key=key.encode(), revision=revision))
        return item_of(answer.kvs[0]) if answer.kvs else None

    async def set(self, key: str, value: str, *, lease: int = 0, expected: int | None = None) -> int:
        """Sets a key and returns the revision. `expected`: only if its mod_revision is still this (0: only if it is not
        there). Changed."""
        put = rpc.PutRequest(key=key.encode(), value=value.encode(), lease=lease)
        if expected is None:
            answer = await self.wire.call("etcdserverpb.KV", "Put", put)
            return int(answer.header.revision)
        done = await self.transact([_unchanged(key, expected)], [rpc.RequestOp(request_put=put)])
        if not done.succeeded:
            raise Changed(f"{key} is no longer as it was at revision {expected}; read it again")
        return int(done.header.revision)

    async def delete(self, key: str, *, expected: int | None = None) -> int:
        """Deletes a key; how many were there. Changed."""
        request = rpc.DeleteRangeRequest(key=key.encode())
        if expected is None:
            return int((await self.wire.call("etcdserverpb.KV", "DeleteRange", request)).deleted)
        done = await self.transact([_unchanged(key, expected)], [rpc.RequestOp(request_delete_range=request)])
        if not done.succeeded:
            raise Changed(f"{key} is no longer as it was at revision {expected}; read it again")
        return 1

    async def page(self, prefix: str, *, start: str = "", limit: int = PAGE, revision: int = 0) -> Page:
        """Keys that begin so, from `start` on."""
        begin = (start or prefix).encode() or b"\x00"
        request = rpc.RangeRequest(key=begin, range_end=prefix_end(prefix.encode()), limit=limit, revision=revision)
        answer = await self._range(request)
        items = [item_of(kv) for kv in answer.kvs]
        following = items[-1].key + "\x00" if answer.more and items else None
        return Page(items, int(answer.count), int(answer.header.revision), following)

    async def all(self, prefix: str) -> tuple[Mapping[str, Item], int]:
        """All keys that begin so, as of one revision, which is returned beside them."""
        found: dict[str, Item] = {}
        page = await self.page(prefix)
        revision = page.revision
        while True:
            found |= {item.key: item for item in page.items}
            if page.next_key is None:
                return found, revision
            page = await self.page(prefix, start=page.next_key, revision=revision)

    async def _range(self, request: Any) -> Any:
        return await self.wire.call("etcdserverpb.KV", "Range", request)

    async def transact(self, compare: Sequence[Any], success: Sequence[Any], failure: Sequence[Any] = ()) -> Any:
        """If all comparisons hold, what is in `success`, else what is in `failure`, at one revision."""
        request = rpc.TxnRequest(compare=compare, success=success, failure=failure)
        return await self.wire.call("etcdserverpb.KV", "Txn", request)

    # Watches ----------------------------------------------------------------------------------------------------------

    async def watch(
        self, prefix: str, *, start_revision: int = 0, exact: bool = False
    ) -> AsyncIterator[watches.Change]:
        """Every change of the keys that begin so (`exact`: of this key alone), across breaks. Compacted if changes were
        lost in between."""
        end = b"" if exact else prefix_end(prefix.encode())
        async for change in watches.changes(self.wire, prefix.encode() or b"\x00", end, start_revision):
            assert isinstance(change, watches.Change), "gaps are raised here"
            yield change

    # Leases and locks -------------------------------------------------------------------------------------------------

    async def grant(self, ttl_s: int) -> int:
        """A lease; its id."""
        answer = await self.wire.call("etcdserverpb.Lease", "LeaseGrant", rpc.LeaseGrantRequest(TTL=ttl_s))
        return int(answer.ID)

    async def revoke(self, lease: int) -> None:
        """Ends a lease, and its keys."""
        await self.wire.call("etcdserverpb.Lease", "LeaseRevoke", rpc.LeaseRevokeRequest(ID=lease))

    async def renew(self, lease: int) -> int:
        """Gives a lease all of its time again; the seconds. LeaseNotFound."""
        call = self.wire.stream("etcdserverpb.Lease", "LeaseKeepAlive", 0, await self.wire.metadata(0))
        try:
            async with asyncio.timeout(self.wire.call_s):
                await call.write(rpc.LeaseKeepAliveRequest(ID=lease))
                answer = await call.read()
        finally:
            call.cancel()
        if answer is grpc.aio.EOF or answer.TTL <= 0:
            raise LeaseNotFound(f"lease {lease:x} has ended")
        return int(answer.TTL)

    @asynccontextmanager
    async def leased(self, ttl_s: int) -> AsyncIterator["Held"]:
        """A lease that is renewed meanwhile and ends with the block. `Held.lost` says if it could not be kept."""
        lease = await self.grant(ttl_s)
        held = Held(lease)
        keeper = asyncio.create_task(self._keep(held, ttl_s))
        try:
            yield held
        finally:
            keeper.cancel()
            if not held.lost.is_set():
                await self.revoke(lease)

    async def _keep(self, held: "Held", ttl_s: int) -> None:
        loop = asyncio.get_running_loop()
        ends_s = loop.time() + ttl_s
        while loop.time() < ends_s:
            await asyncio.sleep(ttl_s / RENEW_SHARE)
            try:
                ends_s = loop.time() + await self.renew(held.id)
            except LeaseNotFound:
                break
            except (SeraiError, TimeoutError, grpc.aio.AioRpcError):
                continue  # there is time for another try
        held.lost.set()

    def lock(self, name: str, *, ttl_s: int = 15) -> Lock:
        """A lock to be used by `async with`; its fencing number is what protects, see `locks.py`."""
        return Lock(self, name, ttl_s)

    # The cluster ------------------------------------------------------------------------------------------------------

    async def status(self, endpoint: int = 0) -> Any:
        """How one member stands."""
        return await self.wire.call("etcdserverpb.Maintenance", "Status", rpc.StatusRequest(), only=endpoint)

    async def members(self) -> Any:
        """All members."""
        return await self.wire.call("etcdserverpb.Cluster", "MemberList", rpc.MemberListRequest(linearizable=True))

    async def leases(self) -> Sequence[Any]:
        """All leases, each with what is left of it and its keys."""
        answer = await self.wire.call("etcdserverpb.Lease", "LeaseLeases", rpc.LeaseLeasesRequest())
        asks = [rpc.LeaseTimeToLiveRequest(ID=lease.ID, keys=True) for lease in answer.leases[:PAGE]]
        return [await self.wire.call("etcdserverpb.Lease", "LeaseTimeToLive", ask) for ask in asks]


@dataclass(slots=True)
class Held:
    """A lease that is being kept."""

    id: int
    lost: asyncio.Event

    def __init__(self, number: int) -> None:
        self.id = number
        self.lost = asyncio.Event()


def item_of(kv: Any) -> Item:
    """A key of the wire."""
    return Item(
        kv.key.decode(errors="replace"),
        kv.value.decode(errors="replace"),
        kv.create_revision,
        kv.mod_revision,
        kv.version,
        kv.lease,
    )


def _unchanged(key: str, revision: int) -> Any:
    return rpc.Compare(key=key.encode(), target="MOD", result="EQUAL", mod_revision=revision)
