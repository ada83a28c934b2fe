"""Members, alarms, status, hashes and snapshots through gRPC."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import grpc.aio
import pytest
from tests.systems.coordination.doors import Opened, opened, refused, said
from tests.systems.coordination.lone import LoneMember

from serai.protocols.etcd.messages import rpc
from serai.simulation.disk import SimulatedMap
from serai.systems.coordination import errors, saved
from serai.systems.coordination.handlers.maintenance import API_VERSION
from serai.systems.coordination.member import Snapshot
from serai.systems.coordination.saved import SnapshotDamaged, written
from serai.systems.coordination.state.machine import State
from serai.systems.coordination.state.words import Put


@pytest.fixture
async def door() -> AsyncIterator[Opened]:
    async with opened() as it:
        yield it


# Members ------------------------------------------------------------------------------------------------------------


async def test_members_come_move_vote_and_go(door: Opened) -> None:
    added = await door.stub("Cluster/MemberAdd", rpc.MemberAddRequest(peerURLs=["http://h:1"], isLearner=True))
    number = added.member.ID
    assert added.member.isLearner and len(added.members) == 2
    moved = await door.stub("Cluster/MemberUpdate", rpc.MemberUpdateRequest(ID=number, peerURLs=["http://h:2"]))
    assert [list(one.peerURLs) for one in moved.members if number == one.ID] == [["http://h:2"]]
    promoted = await door.stub("Cluster/MemberPromote", rpc.MemberPromoteRequest(ID=number))
    assert not any(one.isLearner for one in promoted.members)
    left = await door.stub("Cluster/MemberRemove", rpc.MemberRemoveRequest(ID=number))
    (only,) = left.members
    assert (only.ID, only.name, list(only.clientURLs)) == (door.member.id, "lone", ["http://127.0.0.1:2379"])


@pytest.mark.parametrize(
    ("name", "request_", "error"),
    [
        ("MemberAdd", rpc.MemberAddRequest(), errors.MemberBadUrls),
        ("MemberAdd", rpc.MemberAddRequest(peerURLs=["h:1"]), errors.MemberBadUrls),
        ("MemberAdd", rpc.MemberAddRequest(peerURLs=["http://h:port"]), errors.MemberBadUrls),
        ("MemberAdd", rpc.MemberAddRequest(peerURLs=["http://h:1/path"]), errors.MemberBadUrls),
        ("MemberAdd", rpc.MemberAddRequest(peerURLs=["http://127.0.0.1:2380"]), errors.PeerUrlExists),
        ("MemberRemove", rpc.MemberRemoveRequest(ID=9), errors.MemberNotFound),
        ("MemberUpdate", rpc.MemberUpdateRequest(ID=9, peerURLs=["http://h:1"]), errors.MemberNotFound),
        ("MemberPromote", rpc.MemberPromoteRequest(ID=9), errors.MemberNotFound),
    ],
)
async def test_members_that_cannot_be(
    door: Opened, name: str, request_: object, error: type[errors.CoordinationError]
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await door.stub(f"Cluster/{name}", request_)
    assert refused(raised) == said(error)


async def test_the_lead_moves_to_who_is_there(door: Opened) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await door.stub("Maintenance/MoveLeader", rpc.MoveLeaderRequest(targetID=9))
    assert refused(raised) == said(errors.BadLeaderTransferee)
    await door.stub("Maintenance/MoveLeader", rpc.MoveLeaderRequest(targetID=door.member.id))
    door.member.leader = 1
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await door.stub("Maintenance/MoveLeader", rpc.MoveLeaderRequest(targetID=door.member.id))
    assert refused(raised) == said(errors.NotLeader)


# Alarms and figures -------------------------------------------------------------------------------------------------


async def test_an_alarm_keeps_writes_out_until_it_is_cleared(door: Opened) -> None:
    A = rpc.AlarmRequest
    raised_ = await door.stub("Maintenance/Alarm", A(action=A.ACTIVATE, memberID=7, alarm=1))
    assert [(one.memberID, one.alarm) for one in raised_.alarms] == [(7, 1)]
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await door.stub("KV/Put", rpc.PutRequest(key=b"k"))
    assert refused(raised) == said(errors.NoSpace)
    assert len((await door.stub("Maintenance/Alarm", A())).alarms) == 1
    assert len((await door.stub("Maintenance/Alarm", A(memberID=8))).alarms) == 0
    assert len((await door.stub("Maintenance/Alarm", A(alarm=2))).alarms) == 0
    await door.stub("Maintenance/Alarm", A(action=A.DEACTIVATE, memberID=7, alarm=1))
    await door.stub("KV/Put", rpc.PutRequest(key=b"k"))
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await door.stub("Maintenance/Alarm", A(action=A.ACTIVATE, alarm=9))
    assert refused(raised)[0] == "UNIMPLEMENTED"


async def test_the_status_is_whole(door: Opened) -> None:
    told = await door.stub("Maintenance/Status", rpc.StatusRequest())
    is_ = door.member.status()
    assert (told.version, told.storageVersion) == (API_VERSION, API_VERSION)
    assert (told.dbSize, told.dbSizeInUse, told.dbSizeQuota) == (is_.db_size, is_.db_size_in_use, is_.db_size_quota)
    assert (told.raftIndex, told.raftTerm, told.raftAppliedIndex) == (is_.raft_index, is_.raft_term, is_.applied_index)
    assert told.leader == door.member.id and not told.errors and told.HasField("downgradeInfo")
    door.member.leader = 0
    assert list((await door.stub("Maintenance/Status", rpc.StatusRequest())).errors) == [errors.NoLeader.etcd]


async def test_hashes_are_of_what_can_be_asked_for(door: Opened) -> None:
    await door.member.propose(Put(b"k", b"1"))
    before = await door.stub("Maintenance/HashKV", rpc.HashKVRequest())
    await door.member.propose(Put(b"k", b"2"))
    assert (await door.stub("Maintenance/HashKV", rpc.HashKVRequest(revision=2))).hash == before.hash
    now = await door.stub("Maintenance/HashKV", rpc.HashKVRequest())
    assert now.hash != before.hash and (before.hash_revision, now.hash_revision) == (2, 3)
    assert (await door.stub("Maintenance/Hash", rpc.HashRequest())).hash == now.hash
    await door.stub("Maintenance/Defragment", rpc.DefragmentRequest())
    assert door.member.defragmented


# Snapshots ----------------------------------------------------------------------------------------------------------


async def downloaded(door: Opened, path: Path) -> list[int]:
    parts = [part async for part in door.stub.stream("Maintenance/Snapshot", rpc.SnapshotRequest())]
    path.write_bytes(b"".join(part.blob for part in parts))
    return [part.remaining_bytes for part in parts]


async def test_a_snapshot_is_a_file_that_brings_everything_back(door: Opened, tmp_path: Path) -> None:
    for number in range(30):
        await door.member.propose(Put(b"k%d" % number, b"v" * 50_000))
    remaining = await downloaded(door, tmp_path / "s")
    assert remaining[-1] == 0 and all(remaining[:-1])
    head, chunks = saved.read(tmp_path / "s")
    assert (head.index, head.term, head.revision) == (door.member.index, 2, 31)
    again = State(SimulatedMap())
    again.restore(head.index, chunks)
    assert again.space.revision == 31 and again.space.get(b"k29").value == b"v" * 50_000  # type: ignore[union-attr]  # it is there


async def test_etcds_clients_find_the_checksum_that_they_look_for(door: Opened, tmp_path: Path) -> None:
    await downloaded(door, tmp_path / "s")
    data = (tmp_path / "s").read_bytes()
    assert len(data) % 512 == 32
    assert hashlib.sha256(data[:-32]).digest() == data[-32:]


@pytest.mark.parametrize("size", range(1, 1100, 57))
def test_every_size_ends_at_a_block(size: int) -> None:
    data = b"".join(blob for _, blob in written(Snapshot(1, 1, 1, [b"x" * size])))
    assert len(data) % 512 == 32


def test_a_file_that_is_not_what_was_written_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "s"
    data = b"".join(blob for _, blob in written(Snapshot(1, 1, 1, [b"chunk" * 100])))
    for harmed, complaint in (
        (data[:-1], "cut off or altered"),
        (data[:100] + b"!" + data[101:], "cut off or altered"),
        (b"SQLite" + data, "no snapshot of coordination"),
        (b"", "no snapshot of coordination"),
    ):
        file.write_bytes(harmed)
        with pytest.raises(SnapshotDamaged, match=complaint):
            saved.read(file)


def test_chunks_are_read_when_they_are_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "s"
    data = b"".join(blob for _, blob in written(Snapshot(1, 1, 7, [b"one", b"two" * 1_000])))
    file.write_bytes(data)
    head, chunks = saved.read(file)
    assert (head.revision, list(chunks)) == (7, [b"one", b"two" * 1_000])
    file.write_bytes(data.replace(b"one", b"eno"))
    with pytest.raises(SnapshotDamaged, match="altered at byte"):
        _ = chunks[0]


async def test_others_are_served_while_a_snapshot_is_sent() -> None:
    member = LoneMember()
    for number in range(30):
        await member.propose(Put(b"k%d" % number, b"v" * 400_000))
    async with opened(member) as door:
        stream = door.stub.stream("Maintenance/Snapshot", rpc.SnapshotRequest())
        await stream.read()
        await asyncio.wait_for(door.stub("KV/Range", rpc.RangeRequest(key=b"k1", keys_only=True)), 5)
        stream.cancel()
