"""What a run did, as a digest that tells two runs apart and, if wanted, as lines that a person can read.

The digest is cheap enough to be taken always: the time and the node of every event, the bytes that went to disks, and
what clients saw. The lines hold every event with its effects; they cost more than the simulation.
"""

import sys
import zlib
from array import array
from collections.abc import Callable
from hashlib import blake2b

Tell = Callable[[str], None]
"""Takes one line of a trace."""

_CHUNK_EVENTS = 4096

EVENTS_MAX = 20_000_000
"""No run has so many: a machine that arms a timer of no length again and again would never let time pass."""


class Trace:
    """One run's."""

    def __init__(self, tell: Tell | None = None) -> None:
        self.tell = tell
        self.events = 0
        self._hash = blake2b(digest_size=8)
        self._numbers = array("d")

    def event(self, now_s: float, node: int) -> None:
        """An event came to a node."""
        self.events += 1
        self._numbers.append(now_s)
        self._numbers.append(node)
        if len(self._numbers) >= 2 * _CHUNK_EVENTS:
            assert self.events <= EVENTS_MAX, f"a run of more than {EVENTS_MAX} events has no end"
            self._fold()

    def data(self, data: bytes) -> None:
        """Bytes went to a disk."""
        self._numbers.append(zlib.crc32(data))

    def text(self, text: str) -> None:
        """Something that happens rarely, such as a crash, or what a client saw."""
        self._fold()
        self._hash.update(text.encode())

    def digest(self) -> str:
        """16 hexadecimal digits: the same for the same run, wherever it runs."""
        self._fold()
        return self._hash.hexdigest()

    def _fold(self) -> None:
        if sys.byteorder == "big":
            self._numbers.byteswap()
        self._hash.update(self._numbers.tobytes())
        self._numbers = array("d")
