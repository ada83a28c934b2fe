"""One member's directory: killed under load, set back, damaged file by file. It comes back equal or names the file."""

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import grpc.aio
import pytest
from tests.systems.coordination.load import Acknowledged, Load, assert_nothing_lost
from tests.systems.coordination.processes import Process, Site, free_ports

from serai.protocols.etcd.messages import rpc

OFTEN = {"SERAI_COORDINATION_SNAPSHOT_EVERY_BYTES": "12000"}
MISCONFIGURED = 2


@asynccontextmanager
async def lone(root: Path, environment: dict[str, str] | None = None) -> AsyncIterator[Process]:
    async with Site(root, 1, environment) as site:
        await site["a"].start()
        yield site["a"]


async def written(member: Process, count: int) -> list[Acknowledged]:
    """So many puts by 8 clients."""
    load = Load([member.stub])
    load.start()
    await load.more(count)
    await load.stop()
    return load.acknowledged


async def hashed(member: Process) -> tuple[int, int]:
    answer = await member.stub("Maintenance/HashKV", rpc.HashKVRequest())
    return answer.hash, answer.header.revision


async def test_a_member_that_is_killed_under_load_comes_back_equal(tmp_path: Path) -> None:
    async with lone(tmp_path, OFTEN) as member:
        load = Load([member.stub])
        load.start()
        for _ in range(5):
            await load.more(150)
            await member.kill()
            await member.start()
        await load.more(150)
        await load.stop()
        before = await hashed(member)
        await member.kill()
        await member.start()
        assert await hashed(member) == before
        await assert_nothing_lost(member.stub, load.acknowledged)


async def test_a_map_that_is_behind_is_brought_up_from_the_log(tmp_path: Path) -> None:
    async with lone(tmp_path) as member:
        acknowledged = await written(member, 200)
        await member.kill()
        shutil.copytree(member.data / "keys", tmp_path / "older")
        await member.start()
        put = await member.stub("KV/Put", rpc.PutRequest(key=b"later", value=b"1"))
        before = await hashed(member)
        await member.kill()
        shutil.rmtree(member.data / "keys")
        (tmp_path / "older").rename(member.data / "keys")
        await member.start()
        assert await hashed(member) == before and before[1] == put.header.revision
        await assert_nothing_lost(member.stub, acknowledged)


@pytest.mark.parametrize("environment", [{}, OFTEN], ids=["from the log", "from a snapshot and the log"])
async def test_a_map_that_is_gone_is_made_anew(tmp_path: Path, environment: dict[str, str]) -> None:
    async with lone(tmp_path, environment) as member:
        acknowledged = await written(member, 600)
        before = await hashed(member)
        await member.kill()
        assert bool(list((member.data / "log").glob("snapshot-*"))) is bool(environment)
        shutil.rmtree(member.data / "keys")
        await member.start()
        assert await hashed(member) == before
        await assert_nothing_lost(member.stub, acknowledged)


Damage = Callable[[Path], Path]
"""Damages a data directory and returns the file that must be named."""


def flip(file: Path, at: int) -> Path:
    content = bytearray(file.read_bytes())
    content[at] ^= 0xFF
    file.write_bytes(content)
    return file


def of_the_log(data: Path) -> Path:
    file = sorted((data / "log").glob("log-*"))[-1]
    return flip(file, file.stat().st_size // 2)


def log_gone(data: Path) -> Path:
    for file in (data / "log").glob("*"):
        file.unlink()
    return data / "log" / "log-"


def of_the_snapshot(data: Path) -> Path:
    shutil.rmtree(data / "keys")
    file = sorted((data / "log").glob("snapshot-*"))[-1]
    return flip(file, file.stat().st_size // 2)


def of_the_maps_list(data: Path) -> Path:
    for file in (data / "keys").glob("MANIFEST-*"):
        flip(file, file.stat().st_size // 2)
    return data / "keys"


def of_the_identity(data: Path) -> Path:
    (data / "member.json").write_text("{")
    return data / "member.json"


@pytest.mark.parametrize("damage", [of_the_log, log_gone, of_the_snapshot, of_the_maps_list, of_the_identity])
async def test_a_damaged_file_is_named_and_the_member_does_not_start(tmp_path: Path, damage: Damage) -> None:
    async with lone(tmp_path, OFTEN) as member:
        await written(member, 600)
        await member.kill()
        file = damage(member.data)
        await member.spawn()
        ended = await member.end()
        assert ended.code == MISCONFIGURED, ended.said
        assert file.name in ended.said and len(ended.said.strip().splitlines()) == 1, ended.said


async def test_damage_that_is_found_while_it_serves_ends_the_member_and_the_log_mends_it(tmp_path: Path) -> None:
    async with lone(tmp_path) as member:
        acknowledged = await written(member, 600)
        before = await hashed(member)
        await member.kill()
        await member.start()
        await member.kill()
        for file in (member.data / "keys").glob("*.sst"):
            flip(file, file.stat().st_size * 6 // 10)
        await member.start()
        with pytest.raises(grpc.aio.AioRpcError):
            await hashed(member)
        ended = await member.end()
        assert ended.code == MISCONFIGURED and f"{member.data / 'keys'} is damaged" in ended.said, ended.said
        shutil.rmtree(member.data / "keys")
        await member.start()
        assert await hashed(member) == before
        await assert_nothing_lost(member.stub, acknowledged)


async def test_a_directory_of_another_member_or_cluster_is_refused(tmp_path: Path) -> None:
    async with lone(tmp_path) as member:
        await member.kill()
        for name, options, words in (
            ("b", member.options, "is that of member 'a' and not 'b'"),
            (
                "a",
                ("--initial", f"a=127.0.0.1:{member.peer_port},b=127.0.0.1:1"),
                "is of another cluster than --initial",
            ),
            ("a", ("--initial", "a=127.0.0.1:1"), f"its first members: a=http://127.0.0.1:{member.peer_port}"),
        ):
            other = Process(name, member.data, member.port, member.peer_port, options)
            await other.spawn()
            ended = await other.end()
            assert ended.code == MISCONFIGURED and words in ended.said, ended.said
        await member.start()


async def test_a_directory_is_one_process_s(tmp_path: Path) -> None:
    async with lone(tmp_path) as member:
        other = Process("a", member.data, *free_ports(2), member.options)
        await other.spawn()
        ended = await other.end()
        assert ended.code == MISCONFIGURED and f"is in use by process {member.pid}" in ended.said, ended.said
