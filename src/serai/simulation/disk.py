"""Disks that lose what was not synced, tear the last write, and rot; and an ordered map with the same vices.

Writes are lost from the end: what survives a crash is a prefix of the writes to each file in the order in which they
were asked for, perhaps with a part of the next one. Between files there is no order before `Stored`, as there is none
in a file system: that is all that a machine may rely on.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from serai.kernel.machines import Append, Remove, Replace, Store, Truncate, Write
from serai.simulation.chance import Seeded

RUBBISH_BYTES_MAX = 512
"""What a torn append may leave in the place of its data: one sector."""

UNSYNCED_BATCHES_MAX = 64
"""How many batches an ordered map may lose; older ones have been written back in the meantime."""


@dataclass(frozen=True, slots=True)
class Damage:
    """What a crash did to a disk."""

    lost: int
    """Writes that are not there."""
    torn: int
    """Files that end with a part of a lost append, or rubbish."""
    scattered: bool
    """Each file lost writes by itself, so a later write to one may be there and an earlier one to another not."""


class SimulatedDisk:
    """One node's directory; implements `serai.kernel.ports.Disk`."""

    def __init__(self) -> None:
        self._durable: dict[str, bytearray] = {}
        self._seen: dict[str, bytearray] = {}
        """Files as the running process sees them: what is durable and what is not yet."""
        self._unsynced: list[Store] = []
        self.full = False
        self.rotten = False
        """Bit rot has touched it."""

    def names(self) -> Sequence[str]:
        """Its files, sorted."""
        return sorted(self._seen)

    def read(self, file: str) -> bytes:
        """A file's content. FileNotFoundError."""
        if file not in self._seen:
            raise FileNotFoundError(file)
        return bytes(self._seen[file])

    @property
    def unsynced(self) -> int:
        """How many `Store` effects wait for a sync."""
        return len(self._unsynced)

    def write(self, store: Store) -> None:
        """Takes the writes; they survive a crash from the next `sync` that covers them."""
        for write in store.writes:
            _apply(self._seen, write)
        self._unsynced.append(store)

    def sync(self, count: int) -> list[int]:
        """Makes the oldest `count` durable; their tokens in order."""
        assert 0 < count <= len(self._unsynced), f"{count} of {len(self._unsynced)} stores cannot be synced"
        done, self._unsynced = self._unsynced[:count], self._unsynced[count:]
        for store in done:
            for write in store.writes:
                _apply(self._durable, write)
        return [store.token for store in done]

    def crash(self, chance: Seeded, torn: float, scattered: float) -> "Damage":
        """Keeps what is durable and a random prefix of the rest, of all files together or of each by itself."""
        writes = [write for store in self._unsynced for write in store.writes]
        apart = len({write.file for write in writes}) > 1 and chance.happens(scattered)
        kept = tears = 0
        for group in _by_file(writes) if apart else [writes]:
            prefix = chance.pick((0, len(group), chance.below(len(group) + 1)))
            for write in group[:prefix]:
                _apply(self._durable, write)
            kept += prefix
            if prefix < len(group) and isinstance(group[prefix], Append) and chance.happens(torn):
                self._tear(group[prefix], chance)
                tears += 1
        self._unsynced.clear()
        self._seen = {file: bytearray(data) for file, data in self._durable.items()}
        return Damage(len(writes) - kept, tears, apart)

    def _tear(self, write: Write, chance: Seeded) -> None:
        """Part of the data came to the disk; behind it the file may have grown over zeros or an old file's bytes."""
        assert isinstance(write, Append)
        part = write.data[: chance.below(len(write.data) + 1)]
        size = chance.below(min(len(write.data) - len(part), RUBBISH_BYTES_MAX) + 1)
        rubbish = chance.pick((b"", bytes(size), chance.token(size)))
        _apply(self._durable, Append(write.file, part + rubbish))

    def rot(self, chance: Seeded) -> str:
        """Flips one bit, and says in which file; an empty text if there is nothing to flip."""
        files = [file for file in sorted(self._durable) if self._durable[file]]
        if not files:
            return ""
        file = chance.pick(files)
        at, bit = chance.below(len(self._durable[file])), 1 << chance.below(8)
        self._durable[file][at] ^= bit
        if at < len(self._seen.get(file, b"")):
            self._seen[file][at] ^= bit
        self.rotten = True
        return file


def _by_file(writes: Sequence[Write]) -> list[list[Write]]:
    groups: dict[str, list[Write]] = {}
    for write in writes:
        groups.setdefault(write.file, []).append(write)
    return list(groups.values())


def _apply(files: dict[str, bytearray], write: Write) -> None:
    match write:
        case Append(file, data):
            files.setdefault(file, bytearray()).extend(data)
        case Replace(file, data):
            files[file] = bytearray(data)
        case Truncate(file, size):
            assert file in files, f"{file!r} is cut to {size} bytes and does not exist"
            assert size <= len(files[file]), f"{file!r} has {len(files[file])} bytes and is cut to {size}"
            del files[file][size:]
        case Remove(file):
            assert file in files, f"{file!r} is removed and does not exist"
            del files[file]


class SimulatedMap:
    """Keys in order; implements `serai.kernel.ports.OrderedMap`. A crash takes batches from the end."""

    def __init__(self) -> None:
        self._keys: list[bytes] = []
        self._values: dict[bytes, bytes] = {}
        self._undo: list[list[tuple[bytes, bytes | None]]] = []
        """What stood before each of the last batches, the oldest first."""

    def get(self, key: bytes) -> bytes | None:
        """The value, or None."""
        return self._values.get(key)

    def scan(self, first: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Pairs with first <= key < end, ascending, as they are now."""
        assert first <= end, f"the range begins at {first!r} and ends before it, at {end!r}"
        keys = self._keys[bisect_left(self._keys, first) : bisect_left(self._keys, end)]
        return iter([(key, self._values[key]) for key in keys])

    def write(self, batch: Sequence[tuple[bytes, bytes | None]]) -> None:
        """Puts and deletes (None)."""
        before = [(key, self._set(key, value)) for key, value in batch]
        assert len(self._keys) == len(self._values), "the keys and the values have parted"
        self._undo.append(before[::-1])
        del self._undo[:-UNSYNCED_BATCHES_MAX]

    def frozen(self) -> "FrozenCopy":
        """A copy."""
        return FrozenCopy(list(self._keys), dict(self._values))

    def crash(self, chance: Seeded) -> int:
        """Loses a random number of the last batches, and says how many."""
        lost = chance.pick((0, len(self._undo), chance.below(len(self._undo) + 1)))
        for before in self._undo[::-1][:lost]:
            for key, value in before:
                self._set(key, value)
        self._undo.clear()
        return lost

    def _set(self, key: bytes, value: bytes | None) -> bytes | None:
        before = self._values.get(key)
        if value is not None:
            if before is None:
                insort(self._keys, key)
            self._values[key] = value
        elif before is not None:
            del self._keys[bisect_left(self._keys, key)]
            del self._values[key]
        return before


@dataclass(frozen=True, slots=True)
class FrozenCopy:
    """A map as it was; implements `serai.kernel.ports.FrozenMap`."""

    keys: list[bytes]
    """In order."""
    values: dict[bytes, bytes]

    def get(self, key: bytes) -> bytes | None:
        """The value, or None."""
        return self.values.get(key)

    def scan(self, first: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Pairs with first <= key < end, ascending, one at a time: nothing changes meanwhile."""
        assert first <= end, f"the range begins at {first!r} and ends before it, at {end!r}"
        for at in range(bisect_left(self.keys, first), bisect_left(self.keys, end)):
            yield self.keys[at], self.values[self.keys[at]]

    def close(self) -> None:
        """Nothing holds on to a copy."""
