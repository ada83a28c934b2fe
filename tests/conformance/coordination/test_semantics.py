"""What clients build on: the guarantees that etcd broke in its own history, held by every engine.

These are promises of the API, not comparisons: what is asserted is what its documentation says."""

import asyncio
import hashlib

import grpc
import pytest
from tests.conformance.coordination.api import Api, after
from tools.engines import Cluster

from serai.protocols.etcd.messages import rpc

pytestmark = [pytest.mark.engines, pytest.mark.timeout(120)]

PUT, DELETE = 0, 1


def refused(problem: pytest.ExceptionInfo[grpc.aio.AioRpcError]) -> tuple[str, str]:
    return problem.value.code().name, problem.value.details() or ""


# Watches.


async def test_a_watch_on_the_future_sees_nothing_before_it(api: Api) -> None:
    now = (await api.put("future/a", "1")).revision
    stream = await api.watching()
    await stream.create("future/a", start_revision=now + 3)
    for n in range(2, 6):
        await api.put("future/a", str(n))
    assert [(one.kv.mod_revision, one.kv.value) for one in await stream.events(2)] == [(now + 3, b"4"), (now + 4, b"5")]


async def test_progress_is_never_ahead_of_events(api: Api) -> None:
    """etcd#15220: a notice said that a client had seen what was still to come."""
    stream = await api.watching()
    await stream.create("progress/", range_end=after("progress/"))

    async def write() -> int:
        answers = await asyncio.gather(*(api.put(f"progress/{n % 7}", str(n)) for n in range(200)))
        return max(one.revision for one in answers)

    writing = asyncio.create_task(write())
    seen, notices = 0, 0
    while not writing.done() or seen < writing.result():
        await stream.ask_progress()
        answer = await stream.read()
        if answer.events:
            assert answer.events[0].kv.mod_revision > seen, "an event came after the notice that covers it"
            seen = answer.events[-1].kv.mod_revision
        else:
            notices += 1
            seen = max(seen, answer.header.revision)
    assert notices


async def test_a_watch_on_what_is_compacted_is_told_and_the_stream_goes_on(api: Api) -> None:
    revisions = [(await api.put("gone/a", str(n))).revision for n in range(4)]
    await api.compact(revisions[2])
    stream = await api.watching()
    assert (await stream.create("gone/a", start_revision=revisions[0])).created
    told = await stream.read()
    assert told.canceled
    assert told.compact_revision == revisions[2]
    assert (await stream.create("gone/a", start_revision=revisions[2])).created
    assert [one.kv.mod_revision for one in await stream.events(2)] == revisions[2:]


async def test_a_key_deleted_in_the_compacted_revision_is_gone(api: Api) -> None:
    await api.put("tombstone/a", "1")
    gone = (await api.delete("tombstone/a")).header.revision
    await api.put("tombstone/b", "1")
    await api.compact(gone)
    assert (await api.get("tombstone/a", revision=gone)).count == 0
    assert (await api.get("tombstone/a")).count == 0
    again = (await api.put("tombstone/a", "2")).revision
    (found,) = (await api.get("tombstone/a")).kvs
    assert (found.create_revision, found.version) == (again, 1)


async def test_what_was_before_is_told_until_it_is_compacted(api: Api) -> None:
    first = (await api.put("before/a", "1")).revision
    second = (await api.put("before/a", "2")).revision
    stream = await api.watching()
    await stream.create("before/a", start_revision=first, prev_kv=True)
    assert [one.prev_kv.value for one in await stream.events(2)] == [b"", b"1"]
    await api.compact(second)
    late = await api.watching()
    await late.create("before/a", start_revision=second, prev_kv=True)
    (event,) = await late.events(1)
    assert not event.HasField("prev_kv")


async def test_filters_leave_out(api: Api) -> None:
    start = (await api.put("filter/a", "1")).revision
    await api.delete("filter/a")
    stream = await api.watching()
    puts = await stream.create("filter/a", start_revision=start, filters=[1])
    assert [(one.type, one.kv.value) for one in await stream.events(1)] == [(PUT, b"1")]
    await stream.cancel(puts.watch_id)
    assert (await stream.read()).canceled
    await stream.create("filter/a", start_revision=start, filters=[0])
    assert [one.type for one in await stream.events(1)] == [DELETE]


async def test_a_stream_carries_many_watches(api: Api) -> None:
    stream = await api.watching()
    first = await stream.create("many/a", watch_id=7)
    second = await stream.create("many/", range_end=after("many/"))
    assert first.watch_id == 7
    assert second.watch_id != 7
    await api.put("many/a", "1")
    saw = {}
    while len(saw) < 2:
        answer = await stream.read()
        saw[answer.watch_id] = [one.kv.key for one in answer.events]
    assert saw == {7: [b"many/a"], second.watch_id: [b"many/a"]}
    taken = await stream.create("many/b", watch_id=7)
    assert taken.canceled
    assert "duplicate watch ID" in taken.cancel_reason
    await stream.cancel(7)
    assert (await stream.read()).watch_id == 7
    await api.put("many/a", "2")
    assert (await stream.read()).watch_id == second.watch_id


async def test_large_answers_come_in_fragments(api: Api) -> None:
    """Each below what a client takes at once, and only the last of an answer without the mark."""
    start = (await api.put("large/0", b"x" * 200_000)).revision
    for n in range(1, 40):
        await api.put(f"large/{n}", b"x" * 200_000)
    stream = await api.watching()
    await stream.create("large/", range_end=after("large/"), start_revision=start, fragment=True)
    keys, sizes, marks = [], [], []
    while len(keys) < 40:
        answer = await stream.read()
        keys += [one.kv.key for one in answer.events]
        sizes.append(answer.ByteSize())
        marks.append(answer.fragment)
    assert keys == [f"large/{n}".encode() for n in range(40)]
    assert max(sizes) < 4 * 2**20
    assert not marks[-1]


async def test_events_of_a_transaction_stay_together(api: Api) -> None:
    stream = await api.watching()
    await stream.create("atomic/", range_end=after("atomic/"))

    def puts(n: int) -> rpc.TxnRequest:
        one = rpc.TxnRequest()
        for key in range(5):
            one.success.add(request_put=rpc.PutRequest(key=f"atomic/{key}".encode(), value=str(n).encode()))
        return one

    await asyncio.gather(*(api("KV/Txn", puts(n)) for n in range(50)))
    found = 0
    while found < 50 * 5:
        answer = await stream.read()
        by_revision: dict[int, int] = {}
        for event in answer.events:
            by_revision[event.kv.mod_revision] = by_revision.get(event.kv.mod_revision, 0) + 1
        assert set(by_revision.values()) == {5}
        found += len(answer.events)


# Keys.


async def test_a_revision_is_a_moment_of_all_keys(api: Api) -> None:
    one = (await api.put("moment/a", "1")).revision
    await api.put("moment/b", "1")
    await api.delete("moment/a")
    await api.put("moment/a", "again")
    at = [(await api.get("moment/", range_end=after("moment/"), revision=one + n)) for n in range(4)]
    assert [[(kv.key[-1:], kv.version) for kv in each.kvs] for each in at] == [
        [(b"a", 1)],
        [(b"a", 1), (b"b", 1)],
        [(b"b", 1)],
        [(b"a", 1), (b"b", 1)],
    ]


async def test_limits_tell_the_count_of_all(api: Api) -> None:
    for n in range(10):
        await api.put(f"limit/{n}")
    page = await api.get("limit/", range_end=after("limit/"), limit=3)
    assert (len(page.kvs), page.count, page.more) == (3, 10, True)
    page = await api.get("limit/", range_end=after("limit/"), limit=10)
    assert (len(page.kvs), page.count, page.more) == (10, 10, False)
    page = await api.get("limit/", range_end=after("limit/"), count_only=True)
    assert (len(page.kvs), page.count, page.more) == (0, 10, False)


async def test_a_transaction_sees_its_own_writes(api: Api) -> None:
    nested = rpc.TxnRequest()
    nested.compare.add(key=b"own/a", target=1, result=0, create_revision=0)
    nested.failure.add(request_delete_range=rpc.DeleteRangeRequest(key=b"own/a", prev_kv=True))
    nested.failure.add(request_range=rpc.RangeRequest(key=b"own/", range_end=after("own/")))
    whole = rpc.TxnRequest()
    whole.compare.add(key=b"own/", range_end=after("own/"), target=1, result=0, create_revision=0)
    whole.success.add(request_put=rpc.PutRequest(key=b"own/b", value=b"2"))
    whole.success.add(request_range=rpc.RangeRequest(key=b"own/b"))
    await api.put("own/a", "1")
    assert not (await api("KV/Txn", whole)).succeeded, "a comparison of a range holds for all of its keys"
    del whole.compare[:]
    whole.success.add(request_txn=nested)
    answer = await api("KV/Txn", whole)
    put, read, inner = answer.responses
    assert read.response_range.kvs[0].mod_revision == put.response_put.header.revision
    removed, left = inner.response_txn.responses
    assert not inner.response_txn.succeeded
    assert removed.response_delete_range.prev_kvs[0].value == b"1"
    assert [kv.key for kv in left.response_range.kvs] == [b"own/b"]


async def test_a_refused_transaction_leaves_nothing(api: Api) -> None:
    before = (await api.put("nothing/a", "1")).revision
    bad = rpc.TxnRequest()
    bad.success.add(request_put=rpc.PutRequest(key=b"nothing/a", value=b"2"))
    bad.success.add(request_put=rpc.PutRequest(key=b"nothing/b", lease=12345))
    with pytest.raises(grpc.aio.AioRpcError) as problem:
        await api("KV/Txn", bad)
    assert refused(problem) == ("NOT_FOUND", "etcdserver: requested lease not found")
    found = await api.get("nothing/", range_end=after("nothing/"))
    assert [kv.value for kv in found.kvs] == [b"1"]
    assert found.header.revision == before


async def test_revisions_only_rise(api: Api) -> None:
    answers = await asyncio.gather(*(api.put(f"rise/{n}") for n in range(100)))
    assert len({one.revision for one in answers}) == 100
    last = max(one.revision for one in answers)
    assert (await api.get("rise/")).header.revision == last


async def test_compare_and_set_lets_one_through(api: Api) -> None:
    at = (await api.put("cas/a", "0")).revision

    def swap(n: int) -> rpc.TxnRequest:
        one = rpc.TxnRequest()
        one.compare.add(key=b"cas/a", target=2, result=0, mod_revision=at)
        one.success.add(request_put=rpc.PutRequest(key=b"cas/a", value=str(n).encode()))
        return one

    answers = await asyncio.gather(*(api("KV/Txn", swap(n)) for n in range(20)))
    assert [one.succeeded for one in answers].count(True) == 1


# Leases.


async def test_keys_of_a_lease_go_in_one_revision(api: Api) -> None:
    lease = (await api("Lease/LeaseGrant", rpc.LeaseGrantRequest(TTL=60))).ID
    for n in range(5):
        await api.put(f"leased/{n}", lease=lease)
    moved = (await api.put("leased/4")).revision
    stream = await api.watching()
    await stream.create("leased/", range_end=after("leased/"), start_revision=moved + 1, prev_kv=True)
    await api("Lease/LeaseRevoke", rpc.LeaseRevokeRequest(ID=lease))
    events = await stream.events(4)
    assert {(one.type, one.kv.mod_revision, one.prev_kv.lease) for one in events} == {(DELETE, moved + 1, lease)}
    assert (await api.get("leased/", range_end=after("leased/"))).count == 1


async def test_one_stream_renews_many_leases(api: Api) -> None:
    leases = [(await api("Lease/LeaseGrant", rpc.LeaseGrantRequest(TTL=60 + n))).ID for n in range(3)]
    stream = api.stream("Lease/LeaseKeepAlive")
    for lease in (*leases, 999):
        await stream.write(rpc.LeaseKeepAliveRequest(ID=lease))
    answers = [await stream.read() for _ in range(4)]
    assert [(one.ID, one.TTL) for one in answers] == [*zip(leases, (60, 61, 62), strict=True), (999, 0)]


async def test_a_chosen_lease_id_is_taken_once(api: Api) -> None:
    assert (await api("Lease/LeaseGrant", rpc.LeaseGrantRequest(TTL=60, ID=777))).ID == 777
    with pytest.raises(grpc.aio.AioRpcError) as problem:
        await api("Lease/LeaseGrant", rpc.LeaseGrantRequest(TTL=60, ID=777))
    assert refused(problem) == ("FAILED_PRECONDITION", "etcdserver: lease already exists")
    assert 777 in [one.ID for one in (await api("Lease/LeaseLeases", rpc.LeaseLeasesRequest())).leases]


# Limits and copies.


async def test_a_value_of_a_megabyte_and_a_half_is_refused(api: Api) -> None:
    await api.put("size/below", b"x" * 1_500_000)
    with pytest.raises(grpc.aio.AioRpcError) as problem:
        await api.put("size/above", b"x" * (1_572_864 + 1))
    assert refused(problem) == ("INVALID_ARGUMENT", "etcdserver: request is too large")
    with pytest.raises(grpc.aio.AioRpcError) as problem:
        await api.put("size/absurd", b"x" * 5_000_000)
    assert problem.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert (await api.get("size/", range_end=after("size/"), keys_only=True)).count == 1


async def test_a_snapshot_counts_down_and_ends_with_its_checksum(api: Api) -> None:
    await api.put("snapshot/a", b"x" * 300_000)
    stream = api.stream("Maintenance/Snapshot", rpc.SnapshotRequest())
    whole, left = b"", []
    while (answer := await stream.read()) is not grpc.aio.EOF:
        whole += answer.blob
        left.append(answer.remaining_bytes)
    assert left == sorted(left, reverse=True)
    assert left[-1] == 0
    assert hashlib.sha256(whole[:-32]).digest() == whole[-32:]


async def test_every_answer_says_who_gave_it(api: Api, engine: Cluster) -> None:
    headers = []
    for seat in engine.seats:
        async with Api(seat.endpoint) as other:
            headers.append((await other.get("header")).header)
    assert len({one.cluster_id for one in headers}) == 1
    assert len({one.member_id for one in headers}) == len(engine.seats)
    assert all(one.raft_term for one in headers)
    members = (await api("Cluster/MemberList", rpc.MemberListRequest())).members
    assert {one.ID for one in members} == {one.member_id for one in headers}
