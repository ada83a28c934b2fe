"""The log on the disk, for all groups of a process: what is written next, and what may be removed.

It prevents two losses: a promise that is told before it is durable (what is handed in gets the sequence of the write
that will hold it, and `stored` says when), and a term or a snapshot that goes with an old segment (every segment begins
with the newest of each group). One write is out at a time, and whatever comes meanwhile goes into the next: that is the
group commit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from serai.kernel.machines import Append, Remove, Replace, Write
from serai.kernel.ports import Random
from serai.mechanisms.consensus.messages import Entry
from serai.mechanisms.consensus.records import (
    SALT_BYTES,
    Batch,
    EntriesRecord,
    Record,
    SnapshotRecord,
    VoteRecord,
    encode_batch,
    segment_head,
    segment_name,
)


@dataclass(slots=True)
class Segment:
    """A file of the log, and the highest entry of each group that was ever written to it."""

    number: int
    size: int
    highest: dict[int, int] = field(default_factory=dict)

    def note(self, records: Sequence[Record]) -> None:
        """Keeps `highest` true."""
        for record in records:
            if isinstance(record, EntriesRecord):
                last = record.entries[-1].index
                self.highest[record.group] = max(last, self.highest.get(record.group, 0))


@dataclass(slots=True)
class Heads:
    """What every segment begins with: the newest vote and snapshot of each group."""

    votes: dict[int, VoteRecord] = field(default_factory=dict)
    snapshots: dict[int, SnapshotRecord] = field(default_factory=dict)

    def note(self, records: Sequence[Record]) -> None:
        """Keeps them the newest."""
        for record in records:
            if isinstance(record, VoteRecord):
                self.votes[record.group] = record
            elif isinstance(record, SnapshotRecord):
                self.snapshots[record.group] = record

    def records(self) -> list[Record]:
        """As they stand at the beginning of a segment."""
        return [*self.votes.values(), *self.snapshots.values()]


class Journal:
    """What is durable, what is on its way, what waits. `segments` are the files, oldest first."""

    def __init__(
        self,
        random: Random,
        *,
        segment_bytes_max: int,
        segments: Sequence[Segment] = (),
        heads: Heads | None = None,
        last: int = 0,
        repairs: Sequence[Write] = (),
    ) -> None:
        self._random = random
        self._segment_bytes_max = segment_bytes_max
        self.segments = list(segments)
        self.heads = heads or Heads()
        self._repairs = tuple(repairs)
        """What recovery wants done; it goes with the first write."""
        self.durable = last
        """The sequence up to which all is on the disk."""
        self._written = last
        """The sequence of the newest write, durable or on its way."""
        self._marked = last == 0
        """The last write is a mark, or there is none."""
        self._salt = b""
        """Of the segment that is written to; none before the first write of this life, which begins a new segment."""
        self._waiting: list[Record] = []
        self._covered = {group: record.index for group, record in self.heads.snapshots.items()}
        """Up to which entry a durable snapshot stands for each group's."""
        self.bytes_written = 0
        """In this life."""

    @property
    def idle(self) -> bool:
        """No write is on its way."""
        return self._written == self.durable

    @property
    def waiting(self) -> bool:
        """Something wants to be written."""
        return bool(self._waiting)

    @property
    def promised(self) -> int:
        """The sequence with which all that was handed in will be durable."""
        return self._written + 1 if self._waiting else self._written

    def keep_vote(self, group: int, term: int, vote: str | None) -> None:
        """A term and a vote."""
        self._waiting.append(VoteRecord(group, term, vote))

    def keep_entries(self, group: int, entries: Sequence[Entry]) -> None:
        """Entries, the first of which may replace what was there."""
        assert entries, "an empty record says nothing"
        self._waiting.append(EntriesRecord(group, tuple(entries)))

    def keep_snapshot(self, record: SnapshotRecord) -> None:
        """A snapshot whose file is durable."""
        self._waiting.append(record)

    def write(self) -> tuple[Write, ...]:
        """What waited, as one write, which is now on its way. Without anything that waited, a mark."""
        assert self.idle, "one write at a time"
        fresh = not self._salt or self.segments[-1].size >= self._segment_bytes_max
        writes = [self._begin_segment()] if fresh else []
        records = (*(self.heads.records() if fresh else ()), *self._waiting)
        self._marked = not self._waiting
        self._waiting.clear()
        self._written += 1
        data = encode_batch(Batch(self._written, self.durable, records), self._salt)
        segment = self.segments[-1]
        segment.note(records)
        segment.size += len(data)
        self.heads.note(records)
        self.bytes_written += len(data)
        repairs, self._repairs = self._repairs, ()
        return (*repairs, *writes, Append(segment_name(segment.number), data))

    def _begin_segment(self) -> Write:
        number = self.segments[-1].number + 1 if self.segments else 1
        self._salt = self._random.token(SALT_BYTES)
        head = segment_head(number, self._salt)
        self.segments.append(Segment(number, len(head)))
        return Replace(segment_name(number), head)

    def stored(self) -> None:
        """The write that was on its way is durable."""
        assert not self.idle, "no write is on its way"
        self.durable = self._written

    @property
    def unvouched(self) -> bool:
        """The last write is durable and no batch says so: after a mark, recovery misses it if the disk loses it."""
        return self.idle and not self._waiting and not self._marked

    def cover(self, group: int, index: int) -> None:
        """A durable record says that a snapshot stands for a group's entries up to `index`."""
        self._covered[group] = index

    def prune(self) -> Remove | None:
        """Removes the oldest segment, if snapshots stand for all that it holds.

        The next may be removed when this is durable: a crash must not leave a later one missing and an earlier there.
        """
        if len(self.segments) == 1:
            return None
        oldest = self.segments[0]
        if any(last > self._covered.get(group, 0) for group, last in oldest.highest.items()):
            return None
        return Remove(segment_name(self.segments.pop(0).number))
