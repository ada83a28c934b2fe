"""A running store into a file by the command line, and the file into a new cluster of one or three."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from tests.systems.coordination.load import PREFIX, assert_nothing_lost
from tests.systems.coordination.processes import SERAI, Ended, Process, Site
from tests.systems.coordination.test_starting_again import MISCONFIGURED, flip, hashed, lone, written

from serai.protocols.etcd.messages import rpc

VERB_S = 20.0


async def serai(*words: str) -> Ended:
    """A verb of `serai coordination`: what it said, wherever."""
    running = await asyncio.create_subprocess_exec(
        str(SERAI), "coordination", *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(VERB_S):
        said, _ = await running.communicate()
    assert running.returncode is not None
    return Ended(running.returncode, said.decode())


async def saved(member: Process, file: Path) -> Path:
    ended = await serai("snapshot", str(file), "--endpoint", f"http://127.0.0.1:{member.port}")
    assert ended.code == 0 and str(file) in ended.said, ended.said
    return file


async def restored(member: Process, file: Path) -> Ended:
    words = ("restore", str(file), "--data", str(member.data), "--name", member.name)
    return await serai(*words, "--peer-port", str(member.peer_port), *member.options)


async def members(member: Process) -> Any:
    return await member.stub("Cluster/MemberList", rpc.MemberListRequest(linearizable=True))


@pytest.mark.parametrize("size", [1, 3])
async def test_a_restored_cluster_is_new_and_has_all_keys_with_their_history(tmp_path: Path, size: int) -> None:
    async with lone(tmp_path / "old") as old, Site(tmp_path / "new", size) as new:
        acknowledged = await written(old, 400)
        lease = await old.stub("Lease/LeaseGrant", rpc.LeaseGrantRequest(TTL=600))
        put = await old.stub("KV/Put", rpc.PutRequest(key=b"leased", lease=lease.ID))
        before, old_members = await hashed(old), await members(old)
        file = await saved(old, tmp_path / "store.snapshot")
        for member in new.members.values():
            ended = await restored(member, file)
            assert ended.code == 0 and f"revision {put.header.revision}" in ended.said, ended.said
        await new.start()
        await new.leader()
        for member in new.members.values():
            await assert_nothing_lost(member.stub, acknowledged)
            assert await hashed(member) == before
        known = await members(new["a"])
        assert known.header.cluster_id != old_members.header.cluster_id
        assert {one.name for one in known.members} == set(new.members)
        assert not {one.ID for one in known.members} & {one.ID for one in old_members.members}
        left = await new["a"].stub("Lease/LeaseTimeToLive", rpc.LeaseTimeToLiveRequest(ID=lease.ID, keys=True))
        assert list(left.keys) == [b"leased"] and 0 < left.TTL <= 600
        later = await new["a"].stub("KV/Put", rpc.PutRequest(key=PREFIX + b"0", value=b"1000000"))
        assert later.header.revision == put.header.revision + 1


async def test_what_was_restored_outlives_the_map_it_was_restored_into(tmp_path: Path) -> None:
    async with lone(tmp_path / "old") as old, Site(tmp_path / "new", 1) as site:
        new = site["a"]
        acknowledged = await written(old, 500)
        before = await hashed(old)
        assert (await restored(new, await saved(old, tmp_path / "file"))).code == 0
        await new.start()
        await new.kill()
        shutil.rmtree(new.data / "keys")
        await new.start()
        assert await hashed(new) == before
        await assert_nothing_lost(new.stub, acknowledged)


async def test_members_of_the_old_cluster_and_the_new_one_do_not_mix(tmp_path: Path) -> None:
    """At the same addresses and with the same names."""
    async with Site(tmp_path, 3) as site:
        await site.start()
        await site.leader()
        await site["a"].stub("KV/Put", rpc.PutRequest(key=b"k", value=b"before"))
        file = await saved(site["a"], tmp_path / "file")
        await site["a"].stub("KV/Put", rpc.PutRequest(key=b"k", value=b"after"))
        for name in "ab":
            await site[name].kill()
            shutil.rmtree(site[name].data)
            assert (await restored(site[name], file)).code == 0
        await asyncio.gather(site["a"].start(), site["b"].start())
        await site["b"].stub("KV/Put", rpc.PutRequest(key=b"other", value=b"x"))
        assert (await site["b"].stub("KV/Range", rpc.RangeRequest(key=b"k"))).kvs[0].value == b"before"
        with pytest.raises(grpc.aio.AioRpcError, match=r"no leader|timed out"):
            await site["c"].stub("KV/Range", rpc.RangeRequest(key=b"other"))


async def test_a_file_that_is_cut_off_or_altered_is_refused(tmp_path: Path) -> None:
    async with lone(tmp_path / "old") as old, Site(tmp_path / "new", 1) as site:
        await written(old, 100)
        file = await saved(old, tmp_path / "file")
        cut = tmp_path / "cut"
        cut.write_bytes(file.read_bytes()[:-1])
        altered = flip(Path(shutil.copy(file, tmp_path / "altered")), file.stat().st_size // 2)
        for bad in (cut, altered, tmp_path / "absent"):
            ended = await restored(site["a"], bad)
            assert ended.code == MISCONFIGURED and str(bad) in ended.said, ended.said
        assert not site["a"].data.exists()


async def test_a_directory_in_which_there_is_something_is_neither_restored_into_nor_served(tmp_path: Path) -> None:
    async with lone(tmp_path / "old") as old:
        file = await saved(old, tmp_path / "file")
        await old.kill()
        ended = await restored(old, file)
        assert ended.code == MISCONFIGURED and f"{old.data} is not empty" in ended.said, ended.said
        (old.data / "member.json").unlink()  # as a restore that was cut short leaves it
        await old.spawn()
        ended = await old.end()
        assert ended.code == MISCONFIGURED and "it has keys" in ended.said, ended.said


async def test_a_snapshot_is_not_left_in_part(tmp_path: Path) -> None:
    async with Site(tmp_path, 1) as site:
        ended = await serai("snapshot", str(tmp_path / "file"), "--endpoint", f"http://127.0.0.1:{site['a'].port}")
        assert ended.code == 1 and not list(tmp_path.iterdir()), ended.said
        assert "cannot be reached" in ended.said and len(ended.said.splitlines()) == 1, ended.said
