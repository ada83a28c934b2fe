"""The configuration store of a site, in its backup and out of it, whether the site runs or not."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.app.test_up import port
from tests.app.upkeep.conftest import Running
from tests.app.upkeep.test_backup import serai

from serai.app.lives import State
from serai.app.plan import PORTS
from serai.app.status import ChildStatus, Status, running_status, write_status
from serai.kernel.errors import SeraiError
from serai.systems.coordination.client import Client

__all__ = ["port"]

WAIT_S = 20.0


@asynccontextmanager
async def store(data: Path, base: int) -> AsyncIterator[Client]:
    """The child that `serai up` keeps, by itself."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "serai.app.child", "coordination"),
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "SERAI_DATA": str(data),
            "SERAI_PORT": str(base),
            "SERAI_COORDINATION_DISK_FREE_MIN_BYTES": "1",
        },
    )
    try:
        async with Client(url(base)) as client, asyncio.timeout(WAIT_S):
            while not await answers(client):
                await asyncio.sleep(0.05)  # it is what another process comes to
            yield client
    finally:
        child.terminate()
        assert await child.wait() == 0


def url(base: int) -> str:
    return f"http://127.0.0.1:{base + PORTS['coordination']}"


async def answers(client: Client) -> bool:
    try:
        await client.status()
    except SeraiError:
        return False
    return True


def tell_of(data: Path, base: int) -> None:
    """The supervisor's status has the child, too."""
    known = running_status(data)
    assert known is not None
    child = ChildStatus("coordination", State.READY, url=url(base))
    write_status(data, Status("ready", os.getpid(), "", "", "", "", (*known.children, child)))


async def values(data: Path, base: int) -> tuple[Any, ...]:
    async with store(data, base) as client:
        items = [await client.get(key) for key in ("before", "after")]
        return tuple([(item.value, item.mod_revision) if item else None for item in items])


@pytest.mark.parametrize("runs", [True, False])
async def test_a_backup_has_the_store(running: Running, tmp_path: Path, place: Path, port: int, runs: bool) -> None:
    file, other = place / "site.tar.gz", place / "other"
    async with store(tmp_path, port) as client:
        await client.set("before", "x")
        await client.set("before", "1")
        if runs:
            tell_of(tmp_path, port)
            assert (await serai("backup", str(file), "--data", str(tmp_path)))[0] == 0
            await client.set("after", "2")
    if not runs:
        running.stop()
        assert (await serai("backup", str(file), "--data", str(tmp_path)))[0] == 0
    code, _, complaint = await serai("restore", str(file), "--data", str(other))
    assert (code, complaint) == (0, "")
    (_, revision), absent = await values(other, port)
    assert revision == 3 and absent is None


async def test_the_doctor_asks_the_store(running: Running, tmp_path: Path, port: int) -> None:
    async with store(tmp_path, port) as client:
        await client.set("k", "v")
        tell_of(tmp_path, port)
        well, words = await said(tmp_path)
        assert well and f"{url(port)}: revision 2" in words
    well, words = await said(tmp_path)
    assert not well and f"{url(port)} cannot be reached" in words


async def said(data: Path) -> tuple[bool, str]:
    _, found, complaint = await serai("doctor", "--json", "--data", str(data))
    assert complaint == ""
    (finding,) = [finding for finding in orjson.loads(found) if finding["name"] == "coordination"]
    return finding["well"], finding["words"]
