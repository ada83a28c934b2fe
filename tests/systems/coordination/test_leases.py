"""Leases, locks and elections through gRPC: who holds what, for how long, and what is left when somebody goes."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc.aio
import pytest
from tests.systems.coordination.doors import WAIT_S, Opened, opened, refused, said

from serai.protocols.etcd.messages import election, lock, rpc
from serai.systems.coordination import errors
from serai.systems.coordination.handlers.lease import TTL_MIN_S, grant
from serai.systems.coordination.handlers.queues import SESSION_TTL_S
from serai.systems.coordination.member import NOBODY
from serai.systems.coordination.state.words import DeleteRange, Put


@pytest.fixture
async def door() -> AsyncIterator[Opened]:
    async with opened() as it:
        yield it


async def granted(door: Opened, ttl_s: int = 60, number: int = 0) -> int:
    answer = await door.stub("Lease/LeaseGrant", rpc.LeaseGrantRequest(TTL=ttl_s, ID=number))
    return int(answer.ID)


async def keys(door: Opened, prefix: bytes = b"") -> list[bytes]:
    answer = await door.stub("KV/Range", rpc.RangeRequest(key=prefix or b"\x00", range_end=prefix + b"\xff"))
    return [kv.key for kv in answer.kvs]


# Leases -------------------------------------------------------------------------------------------------------------


async def test_an_id_is_the_clients_or_chosen(door: Opened) -> None:
    assert await granted(door, 60, 77) == 77
    chosen = {await granted(door) for _ in range(3)}
    assert len(chosen) == 3 and all(0 < number < 2**63 for number in chosen)
    listed = await door.stub("Lease/LeaseLeases", rpc.LeaseLeasesRequest())
    assert {one.ID for one in listed.leases} == {77, *chosen}


async def test_a_chosen_id_that_is_taken_is_chosen_again(door: Opened) -> None:
    numbers = iter([77, 77, 78])
    await grant(door.member, lambda: next(numbers), 0, 60, NOBODY)
    outcome = await grant(door.member, lambda: next(numbers), 0, 60, NOBODY)
    assert outcome.result.id == 78  # type: ignore[attr-defined]  # a LeaseResult


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (rpc.LeaseGrantRequest(TTL=60, ID=77), errors.LeaseExists),
        (rpc.LeaseGrantRequest(TTL=9_000_000_001), errors.LeaseTooLong),
        (rpc.LeaseGrantRequest(TTL=60, ID=-5), errors.LeaseIdNegative),
    ],
)
async def test_leases_that_cannot_be(door: Opened, request_: object, error: type[errors.CoordinationError]) -> None:
    await granted(door, 60, 77)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await door.stub("Lease/LeaseGrant", request_)
    assert refused(raised) == said(error)


async def test_a_short_lease_becomes_one_that_outlives_an_election(door: Opened) -> None:
    assert (await door.stub("Lease/LeaseGrant", rpc.LeaseGrantRequest(TTL=0))).TTL == TTL_MIN_S


async def test_keys_end_with_their_lease(door: Opened) -> None:
    number = await granted(door, 10)
    await door.member.propose(Put(b"k", b"v", number))
    left = await door.stub("Lease/LeaseTimeToLive", rpc.LeaseTimeToLiveRequest(ID=number, keys=True))
    assert (left.TTL, left.grantedTTL, list(left.keys)) == (10, 10, [b"k"])
    door.member.advance(6)
    stream = door.stub.stream("Lease/LeaseKeepAlive")
    await stream.write(rpc.LeaseKeepAliveRequest(ID=number))
    renewed = await asyncio.wait_for(stream.read(), WAIT_S)
    assert (number, 10) == (renewed.ID, renewed.TTL)
    door.member.advance(6)
    assert await keys(door) == [b"k"]
    door.member.advance(6)
    assert await keys(door) == []
    await stream.write(rpc.LeaseKeepAliveRequest(ID=number))
    assert (await asyncio.wait_for(stream.read(), WAIT_S)).TTL == 0
    gone = await door.stub("Lease/LeaseTimeToLive", rpc.LeaseTimeToLiveRequest(ID=number))
    assert (gone.TTL, gone.grantedTTL) == (-1, 0)


async def test_a_revoked_lease_takes_its_keys_along(door: Opened) -> None:
    number = await granted(door)
    await door.member.propose(Put(b"k", b"v", number))
    await door.stub("Lease/LeaseRevoke", rpc.LeaseRevokeRequest(ID=number))
    assert await keys(door) == []
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await door.stub("Lease/LeaseRevoke", rpc.LeaseRevokeRequest(ID=number))
    assert refused(raised) == said(errors.LeaseNotFound)


# Locks --------------------------------------------------------------------------------------------------------------


def locking(door: Opened, lease: int = 0, **options: Any) -> "asyncio.Task[Any]":
    return asyncio.ensure_future(door.stub("Lock/Lock", lock.LockRequest(name=b"l", lease=lease), **options))


async def waiting(door: Opened, count: int) -> None:
    """Until so many have a place."""
    async with asyncio.timeout(WAIT_S):
        while len(await keys(door, b"l/")) < count:
            await asyncio.sleep(0)


async def test_a_lock_is_one_callers_and_its_number_rises(door: Opened) -> None:
    first = await locking(door, await granted(door, number=0xAB))
    assert first.key == b"l/ab"
    second = locking(door, await granted(door))
    third = locking(door, await granted(door))
    await waiting(door, 3)
    assert not second.done() and not third.done()
    await door.stub("Lock/Unlock", lock.UnlockRequest(key=first.key))
    done, _ = await asyncio.wait((second, third), timeout=WAIT_S, return_when=asyncio.FIRST_COMPLETED)
    (winner,) = done
    later = (await winner).fencing
    assert later > first.fencing
    kv = (await door.stub("KV/Range", rpc.RangeRequest(key=(await winner).key))).kvs[0]
    assert kv.create_revision == later
    await door.stub("Lock/Unlock", lock.UnlockRequest(key=(await winner).key))
    last = await asyncio.wait_for(third if winner is second else second, WAIT_S)
    assert last.fencing > later


async def test_locking_twice_with_one_lease_is_locking_once(door: Opened) -> None:
    lease = await granted(door)
    first, second = await locking(door, lease), await locking(door, lease)
    assert (first.key, first.fencing) == (second.key, second.fencing)


async def test_a_lock_without_a_lease_gets_one(door: Opened) -> None:
    await locking(door)
    (lease,) = door.member.state.leases.granted.values()
    assert lease.ttl_s == SESSION_TTL_S


async def test_a_caller_that_gives_up_leaves_the_queue(door: Opened) -> None:
    await locking(door, await granted(door))
    impatient = locking(door)
    await waiting(door, 2)
    impatient.cancel()
    async with asyncio.timeout(WAIT_S):
        while len(await keys(door, b"l/")) > 1 or len(door.member.state.leases.granted) > 1:
            await asyncio.sleep(0)


async def test_a_second_call_that_gives_up_does_not_give_the_first_ones_place_up(door: Opened) -> None:
    await locking(door, await granted(door))
    lease = await granted(door)
    first = locking(door, lease)
    await waiting(door, 2)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await locking(door, lease, timeout=0.2)
    assert refused(raised)[0] == "DEADLINE_EXCEEDED"
    assert len(await keys(door, b"l/")) == 2 and not first.done()
    first.cancel()


async def test_a_lease_that_ends_while_it_waits_gets_no_lock(door: Opened) -> None:
    holder = await locking(door, await granted(door))
    lease = await granted(door)
    waiter = locking(door, lease)
    await waiting(door, 2)
    await door.stub("Lease/LeaseRevoke", rpc.LeaseRevokeRequest(ID=lease))
    await door.stub("Lock/Unlock", lock.UnlockRequest(key=holder.key))
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await waiter
    assert refused(raised) == said(errors.SessionExpired)


# Elections ----------------------------------------------------------------------------------------------------------


def campaigning(door: Opened, value: bytes, lease: int) -> "asyncio.Task[Any]":
    request = election.CampaignRequest(name=b"e", value=value, lease=lease)
    return asyncio.ensure_future(door.stub("Election/Campaign", request))


async def test_one_is_elected_after_the_other(door: Opened) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await door.stub("Election/Leader", election.LeaderRequest(name=b"e"))
    assert refused(raised) == said(errors.ElectionNoLeader)
    observer = door.stub.stream("Election/Observe", election.LeaderRequest(name=b"e"))

    async def observed() -> bytes:
        return bytes((await asyncio.wait_for(observer.read(), WAIT_S)).kv.value)

    first = (await campaigning(door, b"one", await granted(door, number=1))).leader
    assert (first.key, first.lease, first.name) == (b"e/1", 1, b"e")
    assert await observed() == b"one"
    second = campaigning(door, b"two", await granted(door, number=2))
    await door.stub("Election/Proclaim", election.ProclaimRequest(leader=first, value=b"one more"))
    assert await observed() == b"one more"
    await door.stub("Election/Resign", election.ResignRequest(leader=first))
    later = (await asyncio.wait_for(second, WAIT_S)).leader
    assert later.rev > first.rev and await observed() == b"two"
    leads = await door.stub("Election/Leader", election.LeaderRequest(name=b"e"))
    assert leads.kv.value == b"two"
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await door.stub("Election/Proclaim", election.ProclaimRequest(leader=first, value=b"late"))
    assert refused(raised) == said(errors.ElectionNotLeader)
    await door.stub("Election/Resign", election.ResignRequest(leader=first))
    assert (await door.stub("Election/Leader", election.LeaderRequest(name=b"e"))).kv.value == b"two"
    observer.cancel()


async def test_campaigning_again_proclaims(door: Opened) -> None:
    lease = await granted(door)
    first = (await campaigning(door, b"one", lease)).leader
    again = (await campaigning(door, b"two", lease)).leader
    assert again.rev == first.rev
    assert (await door.stub("Election/Leader", election.LeaderRequest(name=b"e"))).kv.value == b"two"


async def test_an_observer_of_an_emptied_election_waits_for_the_next(door: Opened) -> None:
    leader = (await campaigning(door, b"one", await granted(door))).leader
    observer = door.stub.stream("Election/Observe", election.LeaderRequest(name=b"e"))
    assert (await asyncio.wait_for(observer.read(), WAIT_S)).kv.value == b"one"
    await door.member.propose(DeleteRange(leader.key))
    await campaigning(door, b"two", await granted(door))
    assert (await asyncio.wait_for(observer.read(), WAIT_S)).kv.value == b"two"
    observer.cancel()


@pytest.mark.parametrize("name", ["Proclaim", "Resign"])
async def test_a_leadership_must_be_said(door: Opened, name: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await door.stub(f"Election/{name}", getattr(election, f"{name}Request")())
    assert refused(raised) == said(errors.MissingLeaderKey)
