"""A member without room: it says so, goes on reading and deleting, and takes writes again when there is room."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from tests.systems.coordination.load import Load, assert_nothing_lost
from tests.systems.coordination.processes import Process, Site, until

from serai.protocols.etcd.messages import rpc
from serai.runtime.machines.reserve import free_bytes

NO_SPACE = "etcdserver: mvcc: database space exceeded"
MIB = 1024 * 1024
MARGIN_BYTES = 300 * MIB
"""More than what other tests do to the same disk meanwhile."""
FAILED, MISCONFIGURED = 1, 2


async def puts(member: Process, key: bytes = b"k", value: bytes = b"v") -> bool:
    """Whether a put is taken; any other refusal than that of a full store is none."""
    try:
        await member.stub("KV/Put", rpc.PutRequest(key=key, value=value))
    except grpc.aio.AioRpcError as error:
        assert error.details() == NO_SPACE and error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        return False
    return True


async def alarms(member: Process) -> list[Any]:
    return list((await member.stub("Maintenance/Alarm", rpc.AlarmRequest())).alarms)


async def disarm(member: Process) -> None:
    for alarm in await alarms(member):
        request = rpc.AlarmRequest(action=rpc.AlarmRequest.DEACTIVATE, memberID=alarm.memberID, alarm=alarm.alarm)
        await member.stub("Maintenance/Alarm", request)


@contextmanager
def filled(file: Path, size: int) -> Iterator[None]:
    """Somebody else's file takes so many bytes of the disk."""
    handle = os.open(file, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        os.posix_fallocate(handle, 0, size)
        yield
    finally:
        os.close(handle)
        file.unlink()


async def test_a_disk_that_fills_up_stops_writes_alone_and_only_while_it_is_full(tmp_path: Path) -> None:
    least = free_bytes(tmp_path) - MARGIN_BYTES
    async with Site(tmp_path, 3, {"SERAI_COORDINATION_DISK_FREE_MIN_BYTES": str(least)}) as site:
        await site.start()
        member = site["b"]
        load = Load([one.stub for one in site.members.values()])
        load.start()
        await load.more(200)
        lease = await member.stub("Lease/LeaseGrant", rpc.LeaseGrantRequest(TTL=1))
        await member.stub("KV/Put", rpc.PutRequest(key=b"leased", lease=lease.ID))
        with filled(tmp_path / "others", 2 * MARGIN_BYTES):
            await until(lambda: alarms(member))
            assert not await puts(member)
            await load.stop()
            await assert_nothing_lost(member.stub, load.acknowledged)
            await member.stub("KV/DeleteRange", rpc.DeleteRangeRequest(key=b"k"))
            await until(lambda: gone(member, b"leased"))
            await disarm(member)
            await until(lambda: alarms(member))
            assert not await puts(member), "the disk is still full"
        assert not await puts(member), "an operator has to clear the alarm"
        for one in site.members.values():
            await until(lambda one=one: cleared(one))
            await assert_nothing_lost(one.stub, load.acknowledged)


async def gone(member: Process, key: bytes) -> bool:
    return not (await member.stub("KV/Range", rpc.RangeRequest(key=key))).kvs


async def cleared(member: Process) -> bool:
    """One that has not looked at its disk yet may raise its alarm once more."""
    await disarm(member)
    return await puts(member)


async def test_a_quota_that_is_reached_is_mended_by_compacting_and_defragmenting(tmp_path: Path) -> None:
    async with Site(tmp_path, 1, {"SERAI_COORDINATION_QUOTA_BYTES": str(4 * MIB)}) as site:
        await site.start()
        member = site["a"]
        value = os.urandom(100_000)
        count = 0
        while await puts(member, b"big", value):
            count += 1
            assert count < 100, "a quota of 4 MiB takes no 10 MB"
        revision = (await member.stub("KV/Range", rpc.RangeRequest(key=b"big"))).header.revision
        await disarm(member)
        await until(lambda: alarms(member))
        await member.stub("KV/Compact", rpc.CompactionRequest(revision=revision, physical=True))
        await until(lambda: small_after_defragmenting(member))
        await until(lambda: cleared(member))
        kv = (await member.stub("KV/Range", rpc.RangeRequest(key=b"big"))).kvs[0]
        assert kv.value == value and kv.version == count


async def small_after_defragmenting(member: Process) -> bool:
    """History goes in the background, a part at a time."""
    await member.stub("Maintenance/Defragment", rpc.DefragmentRequest())
    status = await member.stub("Maintenance/Status", rpc.StatusRequest())
    return bool(status.dbSize < MIB)


async def test_a_write_that_finds_no_room_ends_the_member_and_loses_nothing(tmp_path: Path) -> None:
    async with Site(tmp_path, 1) as site:
        member = site["a"]
        member.file_bytes_max = 200_000
        await member.start()
        load = Load([member.stub])
        load.start()
        ended = await member.end()
        await load.stop()
        assert ended.code == FAILED and "there is no room for" in ended.said and len(ended.said.splitlines()) == 1
        assert load.acknowledged
        member.file_bytes_max = 0
        await member.start()
        await assert_nothing_lost(member.stub, load.acknowledged)


@pytest.mark.parametrize(("limit", "file"), [(100, "member.json"), (1_000, "keys")])
async def test_a_start_without_room_says_where(tmp_path: Path, limit: int, file: str) -> None:
    async with Site(tmp_path, 1) as site:
        member = site["a"]
        member.file_bytes_max = limit
        await member.spawn()
        ended = await member.end()
        assert ended.code in (FAILED, MISCONFIGURED) and len(ended.said.splitlines()) == 1, ended.said
        assert str(member.data / file) in ended.said and "room" in ended.said, ended.said
