"""Leases that are kept alive in the background, and blocks that end when theirs could not be.

It prevents the holder who goes on after its time: a lease counts as lost by the holder's own clock, reckoned from when
a renewal was sent, so never later than the store gives it away; and a block that stands on it is cancelled then.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import grpc.aio

from serai.protocols.etcd.messages import rpc
from serai.systems.coordination.client.errors import LeaseLost, Unanswered
from serai.systems.coordination.client.wire import LEADER_NEEDED, Wire, ended, told
from serai.systems.coordination.errors import Away, CoordinationError, LeaseNotFound

RENEWALS_A_LIFE = 3
"""So that two may fail."""


class Lease:
    """A lease of ours. `lost` is set once it is over by our clock, or the store says that it is."""

    def __init__(self, number: int, ttl_s: float, sent_s: float) -> None:
        """`sent_s`: when, by the loop's clock, the request was sent that gave it its present life."""
        self.id = number
        self.ttl_s = ttl_s
        self.lost = asyncio.Event()
        self._ends_s = sent_s + ttl_s

    @property
    def left_s(self) -> float:
        """What is left by our clock; right also if this process was stopped meanwhile."""
        return 0.0 if self.lost.is_set() else max(0.0, self._ends_s - asyncio.get_running_loop().time())

    def require(self) -> None:
        """LeaseLost, unless it lives."""
        if not self.left_s:
            raise LeaseLost(f"lease {self.id:x} of {self.ttl_s:g} s could not be kept; whatever it stood for is over")

    def renewed(self, ttl_s: float, sent_s: float) -> None:
        """The store has given it another life."""
        self.ttl_s, self._ends_s = ttl_s, max(self._ends_s, sent_s + ttl_s)


class Keeping:
    """Renews one lease, from the member that answers, until it is lost."""

    def __init__(self, wire: Wire, lease: Lease) -> None:
        self._wire = wire
        self._lease = lease
        self._at = wire.at

    async def run(self) -> None:
        """Ends when the lease is lost, and says so. Whoever cancels it has let the lease go himself."""
        over = True
        try:
            while self._lease.left_s:
                try:
                    async with asyncio.timeout(self._lease.left_s):
                        await self._renew_by_one_stream()
                except (Away, TimeoutError):
                    self._at += 1
                    await asyncio.sleep(min(self._wire.deadlines.pause_s, self._lease.left_s))
        except CoordinationError:
            pass  # the store says that it is over, or that it is not ours
        except asyncio.CancelledError:
            over = False
            raise
        finally:
            if over:
                self._lease.lost.set()

    async def _renew_by_one_stream(self) -> None:
        member = str(self._wire.member(self._at))
        call = self._wire.stream(
            "Lease/LeaseKeepAlive", self._at, (*await self._wire.metadata(self._at), LEADER_NEEDED)
        )
        try:
            while True:
                await self._renew(call, member)
                await asyncio.sleep(self._lease.ttl_s / RENEWALS_A_LIFE)
        except grpc.aio.AioRpcError as error:
            raise told(error, member) from error
        except asyncio.InvalidStateError as error:
            raise await ended(call, member) from error
        finally:
            call.cancel()

    async def _renew(self, call: Any, member: str) -> None:
        sent_s = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(min(self._wire.deadlines.call_s, self._lease.ttl_s / RENEWALS_A_LIFE)):
                await call.write(rpc.LeaseKeepAliveRequest(ID=self._lease.id))
                answer = await call.read()
        except TimeoutError as error:
            raise Unanswered(f"{member} does not renew the lease") from error
        if answer is grpc.aio.EOF:
            raise await ended(call, member)
        if answer.TTL <= 0:
            raise LeaseNotFound(f"lease {self._lease.id:x} is over")
        self._lease.renewed(answer.TTL, sent_s)


async def granted(wire: Wire, ttl_s: int) -> Lease:
    """A new lease. The store may give it a longer life than was asked."""
    sent_s = asyncio.get_running_loop().time()
    answer = await wire.call("Lease/LeaseGrant", rpc.LeaseGrantRequest(TTL=ttl_s))
    return Lease(answer.ID, answer.TTL, sent_s)


async def revoked(wire: Wire, number: int) -> None:
    """Ends a lease, if it is not over."""
    with suppress(LeaseNotFound):
        await wire.call("Lease/LeaseRevoke", rpc.LeaseRevokeRequest(ID=number))


@asynccontextmanager
async def kept(wire: Wire, ttl_s: int) -> AsyncIterator[Lease]:
    """A lease that is renewed meanwhile, and revoked at the end; if the store is away then, it ends by itself."""
    lease = await granted(wire, ttl_s)
    keeper = asyncio.create_task(Keeping(wire, lease).run(), name=f"keep lease {lease.id:x}")
    try:
        yield lease
    finally:
        keeper.cancel()
        with suppress(asyncio.CancelledError):
            await keeper
        if not lease.lost.is_set():
            with suppress(CoordinationError):
                await revoked(wire, lease.id)


@asynccontextmanager
async def while_kept(lease: Lease) -> AsyncIterator[None]:
    """Cancels what is inside as soon as the lease is lost, and raises LeaseLost in its place."""
    task = asyncio.current_task()
    assert task is not None, "a block runs in a task"
    before = task.cancelling()
    watcher = asyncio.create_task(_cancel_when_lost(lease, task))
    try:
        yield
    except asyncio.CancelledError:
        if not watcher.done() or watcher.cancelled() or task.uncancel() > before:
            raise  # somebody else wants the task to end
        lease.require()
        raise
    finally:
        watcher.cancel()


async def _cancel_when_lost(lease: Lease, task: asyncio.Task[Any]) -> None:
    await lease.lost.wait()
    task.cancel()
