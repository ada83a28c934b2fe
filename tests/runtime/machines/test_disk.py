"""Stores on real files: what was told as stored survives power cuts and kills; after a failure nothing is told."""

import asyncio
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.runtime.machines.ends import until
from tests.runtime.machines.power import Power
from tests.simulation.test_disk import files_after, random_write

from serai.kernel.machines import Append, Remove, Replace, Store, Truncate, Write
from serai.runtime.machines.disk import Directory, Files, Storing
from serai.runtime.machines.errors import DiskFailed, DiskFull
from serai.simulation.chance import Seeded

MakePower = Callable[..., Power]


@pytest.fixture
def make_power(monkeypatch: pytest.MonkeyPatch) -> Iterator[MakePower]:
    made: list[Power] = []

    def make(**kept: bool) -> Power:
        made.append(Power(monkeypatch, **kept))
        return made[-1]

    yield make
    for power in made:
        power.close_held()


def content(path: Path) -> dict[str, bytes]:
    directory = Directory(path)
    return {name: directory.read(name) for name in directory.names()}


def random_stores(chance: Seeded) -> list[Store]:
    stores, writes = list[Store](), list[Write]()
    for token in range(1 + chance.below(8)):
        batch: list[Write] = []
        for _ in range(1 + chance.below(3)):
            batch.append(random_write(chance, files_after([*writes, *batch])))
        writes += batch
        stores.append(Store(token, tuple(batch)))
    return stores


def lost(found: dict[str, bytes], stores: list[Store], stored: int) -> list[str]:
    """Files that are not as they were after some write from the last of the first `stored` stores on."""
    writes = [write for store in stores for write in store.writes]
    firm = sum(len(store.writes) for store in stores[:stored])
    states = [files_after(writes[:count]) for count in range(firm, len(writes) + 1)]
    return [file for file in ("x", "y") if found.get(file) not in [state.get(file) for state in states]]


async def losses(path: Path, power: Power, chance: Seeded) -> int:
    """One life of a disk that loses its power after each store that was told as stored: how often that was untrue."""
    stores, told, untrue = random_stores(chance), list[int](), 0

    def stored(token: int) -> None:
        nonlocal untrue
        told.append(token)
        untrue += bool(lost(power.cut(path), stores, len(told)))

    directory = Directory(path)
    storing = Storing(directory.path, stored, pytest.fail)
    for store in stores:
        storing.store(store)
        if chance.happens(0.5):
            wanted = chance.below(store.token + 1)
            await until(lambda wanted=wanted: len(told) > wanted)
    await until(lambda: len(told) == len(stores))
    await storing.close()
    assert told == [store.token for store in stores]
    assert content(path) == files_after([write for store in stores for write in store.writes])
    return untrue


async def test_what_is_told_as_stored_survives_a_loss_of_power(tmp_path: Path, make_power: MakePower) -> None:
    chance, power = Seeded("power"), make_power()
    for number in range(150):
        assert await losses(tmp_path / str(number), power, chance) == 0


@pytest.mark.parametrize("left_out", ["data", "names"])
async def test_without_a_sync_it_would_not(tmp_path: Path, make_power: MakePower, left_out: str) -> None:
    """Control: what the test above would say of a disk that reports before it has synced."""
    chance, power = Seeded("power"), make_power(**{left_out: False})
    assert sum([await losses(tmp_path / str(number), power, chance) for number in range(10)]) > 5


def test_names_of_an_earlier_life_are_synced_too(tmp_path: Path, make_power: MakePower) -> None:
    (tmp_path / "log").write_bytes(b"made before a kill, ")
    power = make_power()
    files = Files(tmp_path)
    files.perform([Append("log", b"and after")])
    assert power.cut(tmp_path) == {"log": b"made before a kill, and after"}
    files.close()


def test_the_directories_on_the_way_are_synced_too(tmp_path: Path, make_power: MakePower) -> None:
    power = make_power()
    Directory(tmp_path / "data" / "log")
    assert "data" in power.cut(tmp_path) and "log" in power.cut(tmp_path / "data")


def test_a_replacement_that_a_crash_left_half_made_is_gone(tmp_path: Path) -> None:
    (tmp_path / "vote.new").write_bytes(b"ha")
    (tmp_path / "vote").write_bytes(b"old")
    assert content(tmp_path) == {"vote": b"old"}


async def test_many_stores_share_a_sync(tmp_path: Path, make_power: MakePower) -> None:
    power, told = make_power(), list[int]()
    storing = Storing(tmp_path, told.append, pytest.fail)
    for token in range(1000):
        storing.store(Store(token, (Append("log", b"%d\n" % token),)))
        if token % 100 == 99:
            await asyncio.sleep(0)  # ten turns of the loop
    await until(lambda: len(told) == 1000)
    assert told == list(range(1000))
    assert storing.rounds <= 11
    assert power.syncs.count("data") == storing.rounds and power.syncs.count("names") == 1
    assert content(tmp_path)["log"] == b"".join(b"%d\n" % token for token in range(1000))
    await storing.close()


# Failures ---------------------------------------------------------------------------------------------------------


async def test_after_a_failed_sync_nothing_is_told_and_nothing_is_written(
    tmp_path: Path, make_power: MakePower
) -> None:
    power, told, failures = make_power(), list[int](), list[DiskFailed]()
    storing = Storing(tmp_path, told.append, failures.append)
    storing.store(Store(1, (Append("log", b"a"),)))
    await until(lambda: told == [1])
    power.fails_at = len(power.syncs) + 1
    storing.store(Store(2, (Append("log", b"b"),)))
    await asyncio.sleep(0)
    storing.store(Store(3, (Append("log", b"c"),)))
    await until(lambda: failures)
    writes = power.writes
    storing.store(Store(4, (Append("log", b"d"),)))
    await storing.close()
    await storing.close()  # whoever closes twice closes once
    assert told == [1] and power.writes == writes
    (failure,) = failures
    assert type(failure) is DiskFailed
    assert failure.message == (
        f"{tmp_path / 'log'} cannot be written (input/output error); look at the disk before you start again."
    )


async def test_a_close_during_a_round_tells_nothing(tmp_path: Path) -> None:
    told: list[int] = []
    storing = Storing(tmp_path, told.append, pytest.fail)
    storing.store(Store(1, (Append("log", b"a"),)))
    await asyncio.sleep(0)
    await storing.close()
    assert told == [] and content(tmp_path) == {"log": b"a"}


@pytest.mark.parametrize("write", [Truncate("log", 9), Remove("absent")])
async def test_senseless_writes_end_the_process(tmp_path: Path, write: Write) -> None:
    failures: list[DiskFailed] = []
    storing = Storing(tmp_path, pytest.fail, failures.append)
    storing.store(Store(1, (Replace("log", b"short"), write)))
    await until(lambda: failures)
    await storing.close()


FILLER = """
import asyncio, resource, sys
from pathlib import Path
from serai.kernel.machines import Append, Store
from serai.runtime.machines.disk import Storing

async def main(path, limit):
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    over = asyncio.get_running_loop().create_future()
    token = 0
    def stored(_):
        nonlocal token
        token += 1
        storing.store(Store(token, (Append("log", bytes(10_000)),)))
    storing = Storing(path, stored, over.set_result)
    stored(0)
    failure = await asyncio.wait_for(over, 20)
    await storing.close()
    print(type(failure).__name__, token, failure.message)

asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
"""


def told_by_filler(path: Path, limit: int, *within: str) -> str:
    ran = subprocess.run(
        [*within, sys.executable, "-c", FILLER, str(path), str(limit)], capture_output=True, text=True, timeout=40
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def test_a_file_that_may_not_grow_is_a_full_disk(tmp_path: Path) -> None:
    said = told_by_filler(tmp_path, 65_000)
    reason = "file too large"
    assert said == f"{DiskFull.__name__} 7 there is no room for {tmp_path / 'log'} ({reason}); {ROOM}"
    assert (tmp_path / "log").stat().st_size == 65_000  # the torn append that the next start cuts off


ROOM = "make room there and start again."


@pytest.mark.skipif(shutil.which("unshare") is None, reason="mounts of one's own are Linux's")
def test_a_disk_without_room_is_a_full_disk(tmp_path: Path) -> None:
    small = f'mount -t tmpfs -o size=64k none "{tmp_path}" && exec "$@"'
    within = ("unshare", "--mount", "--map-root-user", "sh", "-c", small, "sh")
    if subprocess.run([*within, "true"], capture_output=True, timeout=20).returncode != 0:
        pytest.skip("this system lets nobody mount a small disk")
    said = told_by_filler(tmp_path, 0, *within)
    assert said == f"DiskFull 7 there is no room for {tmp_path / 'log'} (no space left on device); {ROOM}"


WRITER = """
import asyncio, sys
from pathlib import Path
from serai.kernel.machines import Append, Replace, Store
from serai.runtime.machines.disk import Storing

async def main(path):
    asked = 0
    def ask():
        nonlocal asked
        record = b"%08d;" % asked
        storing.store(Store(asked, (Append("x", record), Append("y", record), Replace("z", record))))
        asked += 1
    def stored(token):
        print(token, flush=True)
        ask()
    storing = Storing(path, stored, sys.exit)
    for _ in range(20):
        ask()
    await asyncio.get_running_loop().create_future()

asyncio.run(main(Path(sys.argv[1])))
"""


@pytest.mark.parametrize("told_before", [1, 60, 600])
def test_a_kill_leaves_what_was_told_and_a_prefix_of_the_rest(tmp_path: Path, told_before: int) -> None:
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE)
    assert writer.stdout is not None
    told = -1
    for line in writer.stdout:
        told = int(line)
        if told >= told_before:
            writer.send_signal(signal.SIGKILL)
            break
    for line in writer.stdout:  # said before the kill came
        told = int(line)
    writer.wait(20)
    writer.stdout.close()
    found = content(tmp_path)
    for file in "xy":
        count, torn = divmod(len(found[file]), 9)
        assert count > told and torn == 0
        assert found[file] == b"".join(b"%08d;" % number for number in range(count))
    assert told <= int(found["z"].rstrip(b";")) < len(found["x"]) // 9
