"""A frozen map in chunks that are made when they are asked for: a snapshot holds up nobody, however large the map is.

How many there are must be said before any is read, so it follows from the size that the map's marks know: each chunk
but the last has at least `chunk_bytes`, so there are at most so many. The last of them takes all that is left; it may
be empty.
"""

from collections.abc import Sequence
from weakref import finalize

import msgspec

from serai.kernel.ports import FrozenMap
from serai.systems.coordination.state import layout

_encode = msgspec.msgpack.Encoder().encode


class Chunks(Sequence[bytes]):
    """Each is a list of records. Best read in order: where one begins is known when the one before was read."""

    def __init__(self, view: FrozenMap, size_bytes: int, chunk_bytes: int) -> None:
        self._view = view
        self._count = size_bytes // chunk_bytes + 2
        self._chunk_bytes = chunk_bytes
        self._starts = [layout.EVERYTHING[0]]
        finalize(self, view.close)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int) -> bytes:  # type: ignore[override]  # nobody slices a snapshot
        if not 0 <= number < self._count:
            raise IndexError(number)
        while len(self._starts) <= number:
            self._records(len(self._starts) - 1)
        return _encode(self._records(number))

    def _records(self, number: int) -> list[tuple[bytes, bytes]]:
        limit = self._chunk_bytes if number + 1 < self._count else None
        found: list[tuple[bytes, bytes]] = []
        size = 0
        for key, value in self._view.scan(self._starts[number], layout.EVERYTHING[1]):
            if limit is not None and size >= limit:
                break
            found.append((key, value))
            size += len(key) + len(value)
        if len(self._starts) == number + 1:
            self._starts.append(found[-1][0] + b"\x00" if found else self._starts[number])
        return found
