"""The port through which committed entries reach what they are for: a key-value store, a broker's metadata."""

from collections.abc import Sequence
from typing import Protocol

from serai.mechanisms.consensus.messages import Entry


class Applied(Protocol):
    """A state that follows from the entries alone: same entries, same state, same answers, on every member.

    No clock and no chance: what an entry needs of either must be in its data.
    """

    def kept(self) -> int:
        """The entry up to which the state has survived by itself; 0 if it lives in memory only."""

    def apply(self, entries: Sequence[Entry]) -> Sequence[object]:
        """Commands in their order, none twice; one result for each. A command that cannot be obeyed is a result."""

    def query(self, query: object) -> object:
        """An answer that changes nothing."""

    def snapshot(self) -> Sequence[bytes]:
        """The state as of the last entry applied, in at least one chunk. It does not change while it is read.

        A chunk travels in one message: keep each well below frames.FRAME_BYTES_MAX. They are read one at a time, so a
        large state may make them when they are asked for.
        """

    def restore(self, index: int, chunks: Sequence[bytes]) -> None:
        """Becomes the state of a snapshot that was taken at this entry."""
