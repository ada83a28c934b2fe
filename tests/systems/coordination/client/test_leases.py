"""Leases that are kept, locks with fencing numbers, elections: who holds is alone, and is told when that is over."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from tests.conftest import UrlOf
from tests.systems.coordination import stores

from serai.protocols.etcd.messages import lock as lock_messages
from serai.systems.coordination.client import Client, Deadlines, Lease, LeaseLost
from serai.systems.coordination.client.leases import Keeping, while_kept
from serai.systems.coordination.elections import Election, Leader
from serai.systems.coordination.errors import ElectionNotLeader
from serai.systems.coordination.locks import Held, lock

NAME = "/locks/report"


async def soon(waited: Any) -> Any:
    return await asyncio.wait_for(waited, stores.WAIT_S)


async def test_a_lease_is_renewed_meanwhile_and_ends_with_its_block(store: Client) -> None:
    async with store.lease(3) as lease:
        await store.set("/leased", "v", lease=lease.id)
        first = lease._ends_s
        while lease._ends_s == first:  # a renewal comes after a third of its life, at the latest at once
            await asyncio.sleep(0.01)
        assert lease.id in await store.leases()
        assert list((await store.time_to_live(lease.id)).keys) == [b"/leased"]
        lease.require()
    assert await store.get("/leased") is None
    assert lease.id not in await store.leases()


async def test_a_lease_that_the_store_ends_is_lost(store: Client) -> None:
    async with store.lease(3) as lease:
        await store.revoke(lease.id)
        await soon(lease.lost.wait())
        assert lease.left_s == 0
        with pytest.raises(LeaseLost, match=f"{lease.id:x}"):
            lease.require()


async def test_a_lease_is_lost_by_our_own_clock_while_the_store_is_away(url: str) -> None:
    """Otherwise a holder that is cut off would go on while the store gives the lease away."""
    async with stores.proxied(url) as proxy, stores.client(proxy.url) as store:
        now = asyncio.get_running_loop().time()
        lease = Lease(await store.grant(60), 0.2, now)
        await proxy.cut()
        await soon(Keeping(store.wire, lease).run())
        assert lease.lost.is_set() and asyncio.get_running_loop().time() >= now + 0.2


async def test_a_life_counts_from_when_its_renewal_was_sent() -> None:
    now = asyncio.get_running_loop().time()
    lease = Lease(1, 10, now - 9)
    assert 0 < lease.left_s <= 1
    lease.renewed(10, now - 5)
    assert 4 < lease.left_s <= 5
    lease.renewed(10, now - 8)
    assert lease.left_s > 4, "an older answer makes it no shorter"
    assert Lease(1, 10, now - 11).left_s == 0, "also if this process was stopped in between"


async def test_what_stands_on_a_lease_is_cancelled_with_it() -> None:
    lease = Lease(7, 60, asyncio.get_running_loop().time())
    asyncio.get_running_loop().call_soon(lease.lost.set)
    with pytest.raises(LeaseLost):
        async with while_kept(lease):
            await asyncio.Event().wait()


async def test_another_cancellation_stays_one() -> None:
    lease = Lease(7, 60, asyncio.get_running_loop().time())

    async def holds() -> None:
        async with while_kept(lease):
            lease.lost.set()
            current = asyncio.current_task()
            assert current is not None
            current.cancel()
            await asyncio.Event().wait()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(holds())


# Locks ----------------------------------------------------------------------------------------------------------------


async def test_one_holds_at_a_time_and_numbers_rise(store: Client) -> None:
    inside: list[int] = []
    fences: list[int] = []

    async def work() -> None:
        async with lock(store, NAME) as held:
            inside.append(1)
            assert len(inside) == 1, "two are inside"
            fences.append(held.fence)
            await store.set("/work", str(held.fence))
            inside.pop()

    await soon(asyncio.gather(*[work() for _ in range(12)]))
    assert len(fences) == 12 and fences == sorted(set(fences))
    assert await store.count(NAME) == 0


async def test_a_lock_is_had_in_the_order_of_asking(store: Client) -> None:
    order: list[int] = []

    async def work(number: int) -> None:
        async with lock(store, NAME):
            order.append(number)

    async with lock(store, NAME):
        tasks = []
        for number in range(3):
            tasks.append(asyncio.create_task(work(number)))
            while await store.count(NAME) < number + 2:
                await asyncio.sleep(0.005)
    await soon(asyncio.gather(*tasks))
    assert order == [0, 1, 2]


async def test_whoever_gives_up_waiting_leaves_no_place_behind(store: Client) -> None:
    async with lock(store, NAME):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1), lock(store, NAME):
                raise AssertionError("it is held")
        assert await store.count(NAME) == 1


async def test_a_holder_whose_lease_ends_is_stopped_and_the_next_one_is_ahead(store: Client) -> None:
    held: asyncio.Future[Held] = asyncio.get_running_loop().create_future()

    async def holds() -> None:
        async with lock(store, NAME, ttl_s=2) as mine:
            held.set_result(mine)
            await asyncio.Event().wait()

    task = asyncio.create_task(holds())
    first = await soon(held)
    await store.revoke(first.lease.id)
    async with lock(store, NAME) as second:
        assert second.fence > first.fence
        with pytest.raises(LeaseLost):
            await soon(task)
        with pytest.raises(LeaseLost):
            first.require()
        second.require()


async def test_a_place_that_is_lost_while_waiting_is_no_lock(store: Client) -> None:
    async def waits() -> None:
        async with lock(store, NAME):
            raise AssertionError("its lease was gone")

    async with lock(store, NAME) as held:
        task = asyncio.create_task(waits())
        while len(places := (await store.all(NAME))[0]) < 2:
            await asyncio.sleep(0.005)
        (other,) = [item for item in places.values() if item.lease != held.lease.id]
        await store.revoke(other.lease)
    with pytest.raises(LeaseLost):
        await soon(task)


async def test_etcds_own_locks_and_ours_exclude_each_other(store: Client) -> None:
    lease = await store.grant(60)
    ask = lock_messages.LockRequest(name=NAME.encode(), lease=lease)
    theirs = await store.wire.call("Lock/Lock", ask)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1), lock(store, NAME):
            raise AssertionError("it is held")
    await store.wire.call("Lock/Unlock", lock_messages.UnlockRequest(key=theirs.key))
    async with lock(store, NAME) as held:
        assert held.fence > theirs.header.revision - 1


FENCED = "update reports set body = %s, fence = %s where name = 'nightly' and fence <= %s"
UNFENCED = "update reports set body = %s, fence = %s where name = 'nightly' and %s > 0"


@pytest.mark.parametrize(("statement", "kept"), [(FENCED, "second"), (UNFENCED, "first")], ids=["fenced", "unfenced"])
async def test_what_is_fenced_refuses_a_holder_that_was_overtaken(
    store: Client, database_url: UrlOf, statement: str, kept: str
) -> None:
    """The write of a holder that was paused arrives after that of the next one. The unfenced statement is the control:
    there the late write wins."""

    async with await psycopg.AsyncConnection.connect(database_url("serai_owner"), autocommit=True) as tx:
        await tx.execute("create table public.reports (name text primary key, body text, fence bigint not null)")
        await tx.execute("insert into reports values ('nightly', '', 0)")

        async def write(body: str, fence: int) -> None:
            await tx.execute(statement, (body, fence, fence))  # type: ignore[call-overload]  # one of the two above

        with pytest.raises(LeaseLost):
            async with lock(store, NAME, ttl_s=2) as first:
                await store.revoke(first.lease.id)
                await soon(asyncio.Event().wait())
        async with lock(store, NAME) as second:
            await write("second", second.fence)
        await write("first", first.fence)
        row = await (await tx.execute("select body from reports")).fetchone()
        assert row == (kept,)
        await tx.execute("drop table reports")


# Elections ------------------------------------------------------------------------------------------------------------


async def until(observed: AsyncIterator[Leader | None], value: str | None) -> Leader | None:
    async for leader in observed:
        if (leader.value if leader else None) == value:
            return leader
    raise AssertionError("an observation has no end")


async def test_one_is_elected_is_seen_and_is_followed_by_the_next(store: Client) -> None:
    election = Election(store, "/elections/mailer")
    observed = election.observe()
    assert await anext(observed) is None and await election.leader() is None
    async with election.campaign("a") as first:
        assert (await soon(until(observed, "a"))).fence == first.fence
        second = asyncio.create_task(_lead(Election(store, "/elections/mailer"), "b"))
        await first.proclaim("a at work")
        assert (await soon(until(observed, "a at work"))).fence == first.fence
        assert not second.done()
    leadership = await soon(second)
    assert leadership > first.fence
    await soon(until(observed, None))
    with pytest.raises(ElectionNotLeader):
        await first.proclaim("still here")


async def _lead(election: Election, value: str) -> int:
    async with election.campaign(value) as leadership:
        leader = await election.leader()
        assert leader is not None and (leader.value, leader.fence) == (value, leadership.fence)
        return leadership.fence


async def test_a_leader_that_is_cut_off_stops_by_itself(url: str) -> None:
    quick = Deadlines(call_s=0.3, connect_s=0.2, pause_s=0.02)
    async with stores.proxied(url) as proxy, stores.client(proxy.url, deadlines=quick) as cut_off:
        election = Election(cut_off, "/elections/mailer", ttl_s=2)
        with pytest.raises(LeaseLost):
            async with election.campaign("a") as leadership:
                leadership.lease.ttl_s = leadership.lease._ends_s = 0.0  # its time has passed; nothing was heard
                await proxy.cut()
                await soon(asyncio.Event().wait())
