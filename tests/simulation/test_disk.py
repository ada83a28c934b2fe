"""Disks lose a suffix and nothing else: compared with a naive model over many random lives."""

import pytest

from serai.kernel.machines import Append, Remove, Replace, Store, Truncate, Write
from serai.simulation.chance import Seeded
from serai.simulation.disk import Damage, SimulatedDisk, SimulatedMap

LIVES = 400


def files_after(writes: list[Write]) -> dict[str, bytes]:
    """The naive model: every write done in turn on a dict."""
    files: dict[str, bytes] = {}
    for write in writes:
        match write:
            case Append(file, data):
                files[file] = files.get(file, b"") + data
            case Replace(file, data):
                files[file] = data
            case Truncate(file, size):
                files[file] = files[file][:size]
            case Remove(file):
                del files[file]
    return files


def random_write(chance: Seeded, files: dict[str, bytes]) -> Write:
    file = chance.pick(("x", "y"))
    kind = chance.below(8)
    if kind < 5 or file not in files:
        return Append(file, chance.token(1 + chance.below(20)))
    if kind == 5:
        return Replace(file, chance.token(3))
    return Truncate(file, chance.below(len(files[file]) + 1)) if kind == 6 else Remove(file)


def content(disk: SimulatedDisk) -> dict[str, bytes]:
    return {name: disk.read(name) for name in disk.names()}


def filled(chance: Seeded) -> tuple[SimulatedDisk, list[Write], int]:
    """A disk after random stores, all writes, and how many of them are synced."""
    disk, writes, synced = SimulatedDisk(), [], 0
    waiting: list[int] = []
    for token in range(1 + chance.below(8)):
        batch: list[Write] = []
        for _ in range(1 + chance.below(3)):
            batch.append(random_write(chance, files_after([*writes, *batch])))
        disk.write(Store(token, tuple(batch)))
        writes += batch
        waiting.append(len(batch))
        if chance.happens(0.3):
            count = 1 + chance.below(len(waiting))
            disk.sync(count)
            synced += sum(waiting[:count])
            del waiting[:count]
    return disk, writes, synced


@pytest.mark.parametrize("torn", [0.0, 1.0])
def test_a_crash_keeps_what_is_synced_and_a_prefix_of_the_rest(torn: float) -> None:
    chance = Seeded(f"disk {torn}")
    kept_counts, tears = set(), 0
    for _ in range(LIVES):
        disk, writes, synced = filled(chance)
        assert content(disk) == files_after(writes)  # the running process sees everything
        damage = disk.crash(chance, torn, 0.0)
        kept = len(writes) - damage.lost
        assert not damage.scattered
        assert kept >= synced
        expected = files_after(writes[:kept])
        if damage.torn:
            tears += 1
            damaged = writes[kept]
            assert isinstance(damaged, Append)
            found = content(disk).pop(damaged.file)
            whole = expected.get(damaged.file, b"") + damaged.data
            assert len(found) <= len(whole)
            assert found.startswith(expected.pop(damaged.file, b""))
            assert {name: data for name, data in content(disk).items() if name != damaged.file} == expected
        else:
            assert content(disk) == expected
        kept_counts.add(kept - synced)
    assert len(kept_counts) > 5
    assert (tears > 50) == (torn == 1.0)


def test_a_scattered_crash_keeps_a_prefix_of_each_file() -> None:
    chance = Seeded("scattered")
    out_of_order = 0
    for _ in range(LIVES):
        disk, writes, synced = filled(chance)
        damage = disk.crash(chance, 0.0, 1.0)
        found = content(disk)
        for file in ("x", "y"):
            mine = [number for number, write in enumerate(writes) if write.file == file]
            firm = sum(number < synced for number in mine)
            states = [files_after([writes[number] for number in mine[:kept]]) for kept in range(firm, len(mine) + 1)]
            assert {name: data for name, data in found.items() if name == file} in states
        prefixes = [files_after(writes[:kept]) for kept in range(synced, len(writes) + 1)]
        out_of_order += found not in prefixes
        assert damage.scattered or found in prefixes
    assert out_of_order > 50


def test_a_torn_write_is_a_prefix_zeros_or_rubbish() -> None:
    kinds = set()
    for seed in range(300):
        disk = SimulatedDisk()
        disk.write(Store(1, (Append("log", b"abcdefgh"),)))
        if disk.crash(Seeded(seed), 1.0, 0.0) == Damage(1, 1, False):
            found = disk.read("log")
            rest = found.lstrip(b"abcdefgh")
            kinds.add("prefix" if b"abcdefgh".startswith(found) else "zeros" if set(rest) == {0} else "rubbish")
    assert kinds == {"prefix", "zeros", "rubbish"}


def test_tokens_come_in_the_order_of_the_stores() -> None:
    disk = SimulatedDisk()
    for token in (7, 3, 9):
        disk.write(Store(token, ()))
    assert disk.sync(2) == [7, 3]
    assert disk.unsynced == 1
    assert disk.sync(1) == [9]


def test_bit_rot_changes_one_bit() -> None:
    disk = SimulatedDisk()
    assert disk.rot(Seeded(1)) == ""
    assert not disk.rotten
    disk.write(Store(1, (Append("log", bytes(50)),)))
    disk.sync(1)
    assert disk.rot(Seeded(1)) == "log"
    assert disk.rotten
    assert sum(byte.bit_count() for byte in disk.read("log")) == 1


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (Truncate("log", 0), "does not exist"),
        (Remove("log"), "does not exist"),
        (Truncate("kept", 5), "has 4 bytes and is cut to 5"),
    ],
)
def test_senseless_writes_are_bugs_of_the_machine(write: Write, words: str) -> None:
    disk = SimulatedDisk()
    disk.write(Store(1, (Append("kept", b"1234"),)))
    with pytest.raises(AssertionError, match=words):
        disk.write(Store(2, (write,)))


def test_an_absent_file_is_said_to_be_absent() -> None:
    with pytest.raises(FileNotFoundError, match="log"):
        SimulatedDisk().read("log")


def test_a_map_is_a_sorted_dict_that_loses_whole_batches_from_the_end() -> None:
    chance = Seeded("map")
    losses = set()
    for _ in range(200):
        ordered, states = SimulatedMap(), [{}]
        for _ in range(chance.below(12)):
            batch = [
                (b"k%d" % chance.below(6), chance.pick((None, b"v%d" % chance.below(99))))
                for _ in range(1 + chance.below(4))
            ]
            ordered.write(batch)
            after = dict(states[-1])
            for key, value in batch:
                after.pop(key, None)
                if value is not None:
                    after[key] = value
            states.append(after)
        assert dict(ordered.scan(b"", b"z")) == states[-1]
        lost = ordered.crash(chance)
        losses.add(lost)
        kept = states[len(states) - 1 - lost]
        assert list(ordered.scan(b"", b"z")) == sorted(kept.items())
        assert list(ordered.scan(b"k1", b"k3")) == [pair for pair in sorted(kept.items()) if b"k1" <= pair[0] < b"k3"]
        assert all(ordered.get(key) == kept.get(key) for key in (b"k0", b"k5"))
        assert ordered.crash(chance) == 0  # what has survived one crash survives the next
    assert len(losses) > 5


def test_a_scan_does_not_see_later_writes() -> None:
    ordered = SimulatedMap()
    ordered.write([(b"a", b"1"), (b"b", b"2")])
    pairs = ordered.scan(b"a", b"z")
    ordered.write([(b"a", None), (b"b", b"3"), (b"c", b"4")])
    assert list(pairs) == [(b"a", b"1"), (b"b", b"2")]
