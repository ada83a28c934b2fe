"""KV through gRPC: every option goes in, every part of an answer comes out, and each refusal in etcd's words."""

from collections.abc import AsyncIterator

import grpc.aio
import pytest
from tests.systems.coordination.doors import BY_NAME, Opened, opened, refused, said

from serai.protocols.etcd.messages import rpc
from serai.systems.coordination import errors
from serai.systems.coordination.handlers.kv import NESTING_MAX, PAGE_KEYS, txn_word
from serai.systems.coordination.state.words import Put

R = rpc.RangeRequest
END = b"\x00"


@pytest.fixture
async def door() -> AsyncIterator[Opened]:
    async with opened() as it:
        yield it


async def put(door: Opened, key: bytes, value: bytes = b"v", **more: object) -> object:
    return await door.stub("KV/Put", rpc.PutRequest(key=key, value=value, **more))


async def test_every_answer_says_whose_it_is(door: Opened) -> None:
    answer = await door.stub("KV/Put", rpc.PutRequest(key=b"k", value=b"v"))
    header = answer.header
    member = door.member
    assert (header.cluster_id, header.member_id, header.raft_term) == (member.cluster_id, member.id, member.raft_term)
    assert header.revision == 2
    assert not answer.HasField("prev_kv")


async def test_a_put_tells_what_was_there_and_keeps_what_it_is_told_to(door: Opened) -> None:
    lease = (await door.stub("Lease/LeaseGrant", rpc.LeaseGrantRequest(TTL=60))).ID
    await put(door, b"k", b"1", lease=lease)
    answer = await door.stub("KV/Put", rpc.PutRequest(key=b"k", ignore_value=True, ignore_lease=True, prev_kv=True))
    assert (answer.prev_kv.value, answer.prev_kv.version, answer.prev_kv.lease) == (b"1", 1, lease)
    kv = (await door.stub("KV/Range", R(key=b"k"))).kvs[0]
    assert (kv.value, kv.version, kv.lease, kv.create_revision, kv.mod_revision) == (b"1", 2, lease, 2, 3)


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (rpc.PutRequest(), errors.EmptyKey),
        (rpc.PutRequest(key=b"k", value=b"v", ignore_value=True), errors.ValueProvided),
        (rpc.PutRequest(key=b"k", lease=1, ignore_lease=True), errors.LeaseProvided),
        (rpc.PutRequest(key=b"k", ignore_value=True), errors.KeyNotFound),
        (rpc.PutRequest(key=b"k", lease=7), errors.LeaseNotFound),
    ],
)
async def test_puts_that_cannot_be(door: Opened, request_: object, error: type[errors.CoordinationError]) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await door.stub("KV/Put", request_)
    assert refused(raised) == said(error)


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (R(), errors.EmptyKey),
        (R(key=b"k", sort_order=9), errors.InvalidSortOption),
        (R(key=b"k", sort_target=9), errors.InvalidSortOption),
        (R(key=b"k", revision=99), errors.FutureRevision),
        (R(key=b"k", revision=2), errors.Compacted),
    ],
)
async def test_ranges_that_cannot_be(door: Opened, request_: object, error: type[errors.CoordinationError]) -> None:
    for _ in range(3):
        await put(door, b"k")
    await door.stub("KV/Compact", rpc.CompactionRequest(revision=3))
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await door.stub("KV/Range", request_)
    assert refused(raised) == said(error)


async def test_a_range_has_all_options(door: Opened) -> None:
    for key, value in ((b"a", b"3"), (b"b", b"2"), (b"c", b"1")):
        await put(door, key, value)
    await put(door, b"a", b"4")

    async def keys(**options: object) -> list[bytes]:
        answer = await door.stub("KV/Range", R(key=b"a", range_end=b"d", **options))
        return [kv.key for kv in answer.kvs]

    assert await keys(sort_order=R.DESCEND, sort_target=R.VALUE) == [b"a", b"b", b"c"]
    assert await keys(sort_order=R.ASCEND, sort_target=R.MOD) == [b"b", b"c", b"a"]
    assert await keys(sort_order=R.DESCEND, sort_target=R.CREATE, limit=1) == [b"c"]
    assert await keys(min_mod_revision=4, max_mod_revision=4) == [b"c"]
    assert await keys(min_create_revision=3, max_create_revision=3) == [b"b"]
    assert await keys(serializable=True, limit=-1, revision=-1) == [b"a", b"b", b"c"]
    past = await door.stub("KV/Range", R(key=b"a", revision=2))
    assert past.kvs[0].value == b"3"
    page = await door.stub("KV/Range", R(key=b"a", range_end=END, limit=2, keys_only=True))
    assert (page.more, page.count, [kv.value for kv in page.kvs]) == (True, 3, [b"", b""])
    count = await door.stub("KV/Range", R(key=b"a", range_end=END, count_only=True))
    assert (count.count, len(count.kvs)) == (3, 0)


async def test_a_delete_tells_how_many_and_which(door: Opened) -> None:
    await put(door, b"a", b"1")
    await put(door, b"b", b"2")
    answer = await door.stub("KV/DeleteRange", rpc.DeleteRangeRequest(key=b"a", range_end=END, prev_kv=True))
    assert (answer.deleted, [kv.value for kv in answer.prev_kvs], answer.header.revision) == (2, [b"1", b"2"], 4)


def operation(**one: object) -> object:
    return rpc.RequestOp(**one)


async def test_a_transaction_has_every_part(door: Opened) -> None:
    await put(door, b"k", b"1")
    C = rpc.Compare
    inner = rpc.TxnRequest(
        compare=[C(target=C.LEASE, result=C.GREATER, key=b"k", lease=0)],
        failure=[operation(request_put=rpc.PutRequest(key=b"else"))],
    )
    answer = await door.stub(
        "KV/Txn",
        rpc.TxnRequest(
            compare=[
                C(target=C.VALUE, result=C.EQUAL, key=b"k", value=b"1"),
                C(target=C.VERSION, result=C.LESS, key=b"k", version=2),
                C(target=C.CREATE, result=C.NOT_EQUAL, key=b"k", create_revision=9),
                C(target=C.MOD, result=C.GREATER, key=b"a", range_end=b"z", mod_revision=1),
            ],
            success=[
                operation(request_put=rpc.PutRequest(key=b"n", value=b"2", prev_kv=True)),
                operation(request_range=R(key=b"a", range_end=END)),
                operation(request_delete_range=rpc.DeleteRangeRequest(key=b"k", prev_kv=True)),
                operation(request_txn=inner),
            ],
        ),
    )
    first, second, third, fourth = answer.responses
    assert answer.succeeded and answer.header.revision == 3
    assert first.response_put.header.revision == 3
    assert [kv.key for kv in second.response_range.kvs] == [b"k", b"n"]
    assert third.response_delete_range.prev_kvs[0].value == b"1"
    assert not fourth.response_txn.succeeded and fourth.response_txn.responses[0].HasField("response_put")


async def test_a_transaction_that_only_reads_leaves_no_trace_in_the_log(door: Opened) -> None:
    index = door.member.index
    reads = rpc.TxnRequest(success=[operation(request_range=R(key=b"k", serializable=True))])
    answer = await door.stub("KV/Txn", reads)
    assert answer.succeeded and door.member.index == index


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (rpc.TxnRequest(success=[operation()]), errors.KeyNotFound),
        (rpc.TxnRequest(success=[operation(request_put=rpc.PutRequest(key=b"k"))] * 2), errors.DuplicateKey),
        (rpc.TxnRequest(success=[operation(request_range=R(key=b"k"))] * 129), errors.TooManyOperations),
        (rpc.TxnRequest(compare=[rpc.Compare()]), errors.EmptyKey),
    ],
)
async def test_transactions_that_cannot_be(
    door: Opened, request_: object, error: type[errors.CoordinationError]
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await door.stub("KV/Txn", request_)
    assert refused(raised) == said(error)


def test_nesting_has_an_end() -> None:
    nested = rpc.TxnRequest()
    for _ in range(NESTING_MAX + 1):
        nested = rpc.TxnRequest(success=[operation(request_txn=nested)])
    with pytest.raises(errors.TooManyOperations):
        txn_word(nested)


async def test_a_range_comes_in_pages_as_of_one_revision(door: Opened) -> None:
    for number in range(PAGE_KEYS + 5):
        await door.member.propose(put_word(b"k%05d" % number))
    pages = [page.range_response async for page in door.stub.stream("KV/RangeStream", R(key=b"k", range_end=b"l"))]
    assert [len(page.kvs) for page in pages] == [PAGE_KEYS, 5]
    assert not pages[0].HasField("header") and (pages[1].count, pages[1].more) == (PAGE_KEYS + 5, False)
    merged = rpc.RangeResponse()
    for page in pages:
        merged.MergeFrom(page)
    assert merged == await door.stub("KV/Range", R(key=b"k", range_end=b"l"))
    limited = [
        page.range_response async for page in door.stub.stream("KV/RangeStream", R(key=b"k", range_end=b"l", limit=2))
    ]
    assert [(len(page.kvs), page.more) for page in limited] == [(2, True)]


def put_word(key: bytes) -> object:
    return Put(key, b"v")


async def test_pages_come_in_the_order_of_keys_alone(door: Opened) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        _ = [page async for page in door.stub.stream("KV/RangeStream", R(key=b"k", sort_order=R.DESCEND))]
    assert refused(raised)[0] == "UNIMPLEMENTED"


async def test_what_is_no_message_is_refused(door: Opened) -> None:
    channel = door.stub._channel
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await channel.unary_unary(BY_NAME["KV/Put"].path)(b"\xff\xff", timeout=5)
    assert refused(raised)[0] == "INTERNAL"
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await channel.unary_unary("/etcdserverpb.Maintenance/Downgrade")(b"", timeout=5)
    assert refused(raised)[0] == "UNIMPLEMENTED"


async def test_a_message_beyond_all_limits_is_refused_unread(door: Opened) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await door.stub("KV/Put", rpc.PutRequest(key=b"k", value=b"v" * (2 * 1024 * 1024 + 1)))
    status, words = refused(raised)
    assert status == "RESOURCE_EXHAUSTED" and "larger than max" in words


async def test_who_wants_a_leader_is_told_that_there_is_none(door: Opened) -> None:
    door.member.leader = 0
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await door.stub("KV/Range", R(key=b"k"), metadata=(("hasleader", "true"),))
    assert refused(raised) == said(errors.NoLeader)
