"""Members on real files and sockets: one, three, kills, leases, watches, members that come and go."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from tests.systems.coordination.site import NAMES, Cluster, Place, _free_port

from serai.runtime.machines.errors import MachineHalted
from serai.systems.coordination import errors
from serai.systems.coordination.cluster.identity import Identity, keep_identity
from serai.systems.coordination.errors import CoordinationError
from serai.systems.coordination.state.words import (
    Compact,
    EventKind,
    Grant,
    Hash,
    HashResult,
    LeaseResult,
    Put,
    Range,
    RangeResult,
    WatchSpec,
)

Open = Callable[[int], Awaitable[Cluster]]


@pytest.fixture
async def open_cluster(tmp_path: Path) -> AsyncIterator[Open]:
    cluster = Cluster(tmp_path)

    async def opened(size: int) -> Cluster:
        cluster.found(size)
        await cluster.start()
        return cluster

    yield opened
    await cluster.close()


async def read(cluster: Cluster, name: str, key: bytes, *, linearizable: bool = True) -> bytes | None:
    outcome = await cluster.node(name).read(Range(key), linearizable=linearizable)
    assert isinstance(outcome.result, RangeResult)
    return outcome.result.kvs[0].value if outcome.result.kvs else None


async def test_one_member_keeps_what_it_acknowledged_through_a_kill(open_cluster: Open) -> None:
    cluster = await open_cluster(1)
    for number in range(200):
        outcome = await cluster.node("a").propose(Put(b"k%d" % number, b"v%d" % number))
    await cluster.node("a").propose(Compact(outcome.revision - 10))
    before = await cluster.node("a").read(Hash())
    await cluster.kill("a")
    await cluster.start("a")
    assert await read(cluster, "a", b"k199") == b"v199"
    after = await cluster.node("a").read(Hash())
    assert after == before and isinstance(after.result, HashResult)


async def test_a_revision_that_another_member_told_is_waited_for(open_cluster: Open) -> None:
    """Etcd's Go client reads so in its software transactions: first anywhere, then elsewhere at that revision."""
    cluster = await open_cluster(3)
    leader = await cluster.leader()
    others = [name for name in NAMES[:3] if name != leader]
    for number in range(30):
        revision = (await cluster.node(leader).propose(Put(b"k", b"%d" % number))).revision
        for name in others:
            outcome = await cluster.node(name).read(Range(b"k", revision=revision), linearizable=False)
            assert isinstance(outcome.result, RangeResult) and outcome.result.kvs[0].value == b"%d" % number
    with pytest.raises(errors.FutureRevision):
        await cluster.node(others[0]).read(Range(b"k", revision=revision + 1), linearizable=False)
    await cluster.kill(leader, others[1])
    with pytest.raises(errors.FutureRevision):
        await cluster.node(others[0]).read(Range(b"k", revision=revision + 1), linearizable=False)


async def test_three_members_answer_alike_whoever_is_asked(open_cluster: Open) -> None:
    cluster = await open_cluster(3)
    await cluster.leader()
    for name in NAMES[:3]:
        await cluster.node(name).propose(Put(name.encode(), b"by " + name.encode()))
    for asked in NAMES[:3]:
        for written in NAMES[:3]:
            assert await read(cluster, asked, written.encode()) == b"by " + written.encode()
    await cluster.until(lambda: len({node.revision for node in cluster.nodes}) == 1)
    hashes = {(await node.read(Hash(), linearizable=False)).result for node in cluster.nodes}
    assert len(hashes) == 1
    assert {member.name for member in cluster.node("a").state.cluster.members} == {"a", "b", "c"}


async def test_nothing_acknowledged_is_lost_when_leaders_die_under_load(open_cluster: Open) -> None:
    cluster = await open_cluster(3)
    acknowledged: dict[bytes, bytes] = {}
    answers = 0
    going = True

    async def client(number: int) -> None:
        nonlocal answers
        count = 0
        while going:
            count += 1
            key, value = b"key-%d" % number, b"%d" % count
            for name in NAMES[:3]:
                place = cluster.places[name]
                if place.node is None:
                    continue
                try:
                    await place.node.propose(Put(key, value))
                except CoordinationError:
                    continue
                acknowledged[key] = value
                answers += 1
                break
            await asyncio.sleep(0)

    clients = [asyncio.create_task(client(number)) for number in range(8)]
    for _ in range(4):
        leader = await cluster.leader()
        enough = answers + 50
        await cluster.until(lambda enough=enough: answers >= enough)
        await cluster.kill(leader)
        await cluster.leader()
        await cluster.start(leader)
    going = False
    await asyncio.gather(*clients)
    await cluster.leader()
    assert len(acknowledged) == 8
    for key, value in acknowledged.items():
        found = await read(cluster, "a", key)
        assert found is not None and int(found) >= int(value), f"{key!r} is {found!r}, and {value!r} was acknowledged"
    await cluster.until(lambda: len({node.revision for node in cluster.nodes}) == 1)
    assert len({(await node.read(Hash(), linearizable=False)).result for node in cluster.nodes}) == 1


async def test_without_a_majority_nothing_is_promised(open_cluster: Open) -> None:
    cluster = await open_cluster(3)
    leader = await cluster.leader()
    others = [name for name in NAMES[:3] if name != leader]
    await cluster.node(leader).propose(Put(b"k", b"before"))
    await cluster.kill(*others)
    with pytest.raises((errors.TimedOut, errors.NoLeader, errors.LeaderChanged)):
        await cluster.node(leader).propose(Put(b"k", b"during"))
    with pytest.raises((errors.TimedOut, errors.NoLeader)):
        await read(cluster, leader, b"k")
    assert await read(cluster, leader, b"k", linearizable=False) == b"before"
    await cluster.start(*others)
    await cluster.leader()
    assert await read(cluster, others[0], b"k") in (b"before", b"during")


async def test_a_lease_ends_and_its_keys_with_it_unless_it_is_renewed(open_cluster: Open) -> None:
    cluster = await open_cluster(3)
    leader = await cluster.leader()
    follower = next(name for name in NAMES[:3] if name != leader)
    await cluster.node(follower).propose(Grant(7, 1))
    await cluster.node(follower).propose(Grant(8, 600))
    await cluster.node(follower).propose(Put(b"short", b"x", lease=7))
    await cluster.node(follower).propose(Put(b"long", b"x", lease=8))
    assert await cluster.node(follower).keep_alive(7) == 1
    assert await cluster.node(follower).keep_alive(404) == 0
    stream = cluster.node(follower).watch()
    stream.create(WatchSpec(b"short"))
    delivery = await asyncio.wait_for(stream.next(), 10)
    assert [event.kind for event in delivery.events] == [EventKind.DELETE]
    assert await read(cluster, leader, b"short") is None and await read(cluster, leader, b"long") == b"x"
    left = (await cluster.node(follower).time_to_live(8, keys=True)).result
    assert isinstance(left, LeaseResult) and 590 < left.ttl_s <= 600 and left.keys == (b"long",)
    gone = (await cluster.node(follower).time_to_live(7, keys=True)).result
    assert isinstance(gone, LeaseResult) and gone.ttl_s == -1


async def test_a_watch_misses_nothing_while_its_member_is_set_back_and_catches_up(open_cluster: Open) -> None:
    cluster = await open_cluster(3)
    leader = await cluster.leader()
    follower = next(name for name in NAMES[:3] if name != leader)
    first = (await cluster.node(leader).propose(Put(b"w/0", b"0"))).revision
    await cluster.kill(follower)
    for number in range(1, 50):
        await cluster.node(leader).propose(Put(b"w/%d" % number, b"%d" % number))
    await cluster.start(follower)
    stream = cluster.node(follower).watch()
    stream.create(WatchSpec(b"w/", b"w0", start_revision=first))
    seen: list[bytes] = []
    while len(seen) < 50:
        seen += [event.kv.value for event in (await asyncio.wait_for(stream.next(), 10)).events]
    assert seen == [b"%d" % number for number in range(50)]


async def test_a_member_joins_votes_and_is_removed(open_cluster: Open) -> None:
    cluster = await open_cluster(3)
    leader = await cluster.leader()
    await cluster.until(lambda: len(cluster.node(leader).state.cluster.members) == 3)
    for number in range(100):
        await cluster.node(leader).propose(Put(b"k%d" % number, b"v"))
    port = _free_port()
    added = await cluster.node(leader).add_member((f"http://127.0.0.1:{port}",), learner=False)
    assert added.learner and added.joining
    data = cluster.root / "d"
    data.mkdir()
    identity = Identity(
        cluster.node(leader).cluster_id, added.id, "d", cluster.node(leader).state.cluster.members, founder=False
    )
    keep_identity(data, identity)
    cluster.places["d"] = Place("d", data, port, identity)
    await cluster.start("d")

    def votes() -> bool:
        known = cluster.node("d").state.cluster.member(added.id)
        return known is not None and not known.learner and known.name == "d"

    await cluster.until(votes)
    assert await read(cluster, "d", b"k99") == b"v"
    with pytest.raises(errors.MemberNotLearner):
        await cluster.node(leader).promote_member(added.id)
    with pytest.raises(errors.PeerUrlExists):
        await cluster.node(leader).add_member((f"http://127.0.0.1:{port}",), learner=True)
    await cluster.node(leader).remove_member(added.id)
    with pytest.raises(MachineHalted, match="was removed"):
        await asyncio.wait_for(asyncio.shield(cluster.node("d").over), 10)
    await cluster.node(leader).propose(Put(b"still", b"here"))


async def test_the_lead_is_handed_over_when_it_is_asked_for_and_at_a_stop(open_cluster: Open) -> None:
    cluster = await open_cluster(3)
    leader = await cluster.leader()
    other = next(name for name in NAMES[:3] if name != leader)
    await cluster.node(leader).move_leader(cluster.node(other).id)
    await cluster.until(lambda: cluster.node(leader).leader == cluster.node(other).id)
    with pytest.raises(errors.NotLeader):
        await cluster.node(leader).move_leader(cluster.node(leader).id)
    assert await cluster.leader() == other
    with pytest.raises(errors.BadLeaderTransferee):
        await cluster.node(other).move_leader(404)
    stopped = cluster.node(other)
    await stopped.stop()
    cluster.places[other].node = None
    await cluster.until(lambda: cluster.node(leader).leader not in (0, stopped.id))


async def test_a_request_that_is_too_large_is_refused_with_its_size(open_cluster: Open) -> None:
    cluster = await open_cluster(1)
    with pytest.raises(errors.RequestTooLarge, match="at most 1572864"):
        await cluster.node("a").propose(Put(b"k", b"x" * 2_000_000))
