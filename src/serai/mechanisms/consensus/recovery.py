"""What a member finds on its disk when it starts: all that it promised, or a refusal that names the file.

It prevents silent loss. A batch that is not whole is cut off only at the end of what was written and only if nothing
behind it says that it was durable; everywhere else it is damage, and the member does not start: one that has forgotten
an acknowledged entry could be elected and undo it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import msgspec

from serai.kernel.machines import Remove, Truncate, Write
from serai.kernel.ports import Disk, Random
from serai.mechanisms.consensus.errors import DamagedLog
from serai.mechanisms.consensus.journal import Heads, Journal, Segment
from serai.mechanisms.consensus.messages import Entry
from serai.mechanisms.consensus.records import (
    SEGMENT_HEAD_BYTES,
    Batch,
    EntriesRecord,
    Record,
    SnapshotRecord,
    VoteRecord,
    next_batch,
    read_batch,
    read_head,
    segment_name,
    segment_number,
)
from serai.mechanisms.consensus.snapshots import is_snapshot


@dataclass(slots=True)
class Kept:
    """What the disk holds of one group."""

    term: int = 0
    vote: str | None = None
    snapshot: SnapshotRecord | None = None
    entries: list[Entry] = field(default_factory=list)
    """Behind the snapshot, without a gap."""

    def replay(self, record: Record) -> None:
        """One record, in the order of writing."""
        if isinstance(record, VoteRecord):
            assert record.term >= self.term, "terms never go back"
            self.term, self.vote = record.term, record.vote
        elif isinstance(record, EntriesRecord):
            self._replay_entries(record.entries)
        elif self.snapshot is None or record.index > self.snapshot.index:
            self._replay_snapshot(record)

    def _replay_entries(self, entries: Sequence[Entry]) -> None:
        while self.entries and self.entries[-1].index >= entries[0].index:
            self.entries.pop()
        self.entries += entries

    def _replay_snapshot(self, record: SnapshotRecord) -> None:
        self.entries = [entry for entry in self.entries if entry.index > record.index] if record.continues else []
        self.snapshot = record

    def gap(self) -> str | None:
        """Where entries are missing, or None."""
        wanted = self.snapshot.index + 1 if self.snapshot else 1
        for entry in self.entries:
            if entry.index != wanted:
                return f"entry {wanted} is missing before entry {entry.index}"
            wanted += 1
        return None


@dataclass(frozen=True, slots=True)
class Recovered:
    """A disk's content. `cut` says what was cut off at the end, in words, or is None."""

    groups: dict[int, Kept]
    journal: Journal
    cut: str | None

    @property
    def fresh(self) -> bool:
        """Nothing was ever durable: a first write that a crash cut short promised nothing."""
        return self.journal.durable == 0


def recover(disk: Disk, random: Random, segment_bytes_max: int) -> Recovered:
    """Reads all segments and says which snapshots they count on. DamagedLog."""
    segments = _segments(disk)
    groups: dict[int, Kept] = {}
    heads = Heads()
    repairs, cut = _cut(segments)
    if segments and not segments[-1].torn:
        repairs.append(Truncate(segment_name(segments[-1].number), segments[-1].end))
    for segment in segments:
        for batch in segment.found:
            segment.keeps.note(batch.records)
            heads.note(batch.records)
            for record in batch.records:
                groups.setdefault(record.group, Kept()).replay(record)
    _refuse_gaps(groups, segments)
    counted_on = {record.file for record in heads.snapshots.values()}
    repairs += [Remove(file) for file in disk.names() if is_snapshot(file) and file not in counted_on]
    journal = Journal(
        random,
        segment_bytes_max=segment_bytes_max,
        segments=[segment.keeps for segment in segments],
        heads=heads,
        last=max([batch.sequence for segment in segments for batch in segment.found], default=0),
        repairs=repairs,
    )
    return Recovered(groups, journal, "; ".join(cut) or None)


def _segments(disk: Disk) -> list["_Reading"]:
    names = disk.names()
    numbers = sorted(number for file in names if (number := segment_number(file)) is not None)
    for before, number in pairwise(numbers):
        if number != before + 1:
            raise DamagedLog.at(segment_name(before + 1), 0, f"it is missing, though {segment_name(number)} is there")
    snapshots = [file for file in names if is_snapshot(file)]
    if snapshots and not numbers:
        raise DamagedLog.at(segment_name(1), 0, f"the log is missing, though {snapshots[0]} is there")
    return [_Reading(number, disk.read(segment_name(number))) for number in numbers]


def _cut(segments: Sequence["_Reading"]) -> tuple[list[Write], list[str]]:
    """Reads the batches; what is to be cut off at the end of segments, as writes and in words."""
    writes: list[Write] = []
    words: list[str] = []
    expected: int | None = None
    for position, segment in enumerate(segments):
        expected = segment.read(expected)
        if segment.torn:
            _refuse_loss(segment, segments[position:], expected or 1)
            name = segment_name(segment.number)
            writes.append(Truncate(name, segment.end))
            words.append(f"{len(segment.data) - segment.end} bytes of {name} were never durable")
    return writes, words


class _Reading:
    """A segment while it is read."""

    def __init__(self, number: int, data: bytes) -> None:
        self.number, self.data = number, data
        self.end = SEGMENT_HEAD_BYTES
        self.keeps = Segment(number, len(data))
        self.found: list[Batch] = []
        salt = read_head(data, number)
        if salt is None:
            raise DamagedLog.at(segment_name(number), 0, "it does not begin as a segment does")
        self.salt = salt

    @property
    def torn(self) -> bool:
        """Bytes follow that are no whole batch."""
        return self.end < len(self.data)

    def read(self, expected: int | None) -> int | None:
        """Finds whole batches in their order, up to the first that is not; the sequence that must come next.

        Without `expected`, whatever is first is first: what was before it has been removed with its segment.
        """
        while (read := self._batch()) is not None:
            batch, end = read
            if expected is not None and batch.sequence != expected:
                break
            self.found.append(batch)
            expected, self.end = batch.sequence + 1, end
        return expected

    def _batch(self) -> tuple[Batch, int] | None:
        try:
            return read_batch(self.data, self.end, self.salt)
        except msgspec.DecodeError as error:
            name = segment_name(self.number)
            raise DamagedLog.at(name, self.end, f"it was written by another version ({error})") from error

    def vouches(self, sequence: int) -> bool:
        """Whether a batch behind the end says that the one of this sequence was durable."""
        offset = self.end
        while (batch := next_batch(self.data, offset, self.salt)) is not None:
            if batch[0].durable >= sequence:
                return True
            offset = batch[1]
        return False


def _refuse_loss(torn: _Reading, onward: Sequence[_Reading], sequence: int) -> None:
    """Damage to what a later batch knows to be durable. The segment's own rest is searched, and all that follow."""
    if any(segment.vouches(sequence) for segment in onward):
        raise DamagedLog.at(
            segment_name(torn.number), torn.end, f"write {sequence} was durable there and can no longer be read"
        )


def _refuse_gaps(groups: dict[int, Kept], segments: Sequence[_Reading]) -> None:
    for group, kept in groups.items():
        gap = kept.gap()
        if gap is not None:
            raise DamagedLog.at(segment_name(segments[0].number), 0, f"of group {group}, {gap}")
