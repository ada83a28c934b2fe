"""The entries that a member holds in memory: what it has, what is on its disk, what is committed.

It prevents the confusions that lose data: counting an entry as stored that was replaced meanwhile, changing one that
was committed, and forgetting that a configuration counts from its entry on, also when that entry is cut off again.
"""

from collections import deque
from collections.abc import Sequence

from serai.mechanisms.consensus.errors import SafetyBroken
from serai.mechanisms.consensus.messages import Configuration, Entry, Image, Kind
from serai.mechanisms.consensus.records import SnapshotRecord


class Log:
    """`base` is the last entry that is no longer held (0 if all are), `last` the newest that is.

    base_index <= commit, durable <= last_index. What is committed never changes.
    """

    def __init__(self, base_index: int, base_term: int, configuration: Configuration) -> None:
        self.base_index = base_index
        self.base_term = base_term
        self.commit = base_index
        self.durable = base_index
        """Entries up to here are on this member's disk."""
        self.uncommitted_bytes = 0
        self._entries: list[Entry] = []
        self._unsaved = base_index + 1
        """The first entry that was not yet handed to the disk."""
        self._handed: deque[tuple[int, int]] = deque()
        """What was handed to the disk and is not durable yet: (sequence of the write, last entry in it)."""
        self._configurations: list[tuple[int, Configuration]] = [(base_index, configuration)]

    @property
    def last_index(self) -> int:
        """The newest entry."""
        return self.base_index + len(self._entries)

    @property
    def last_term(self) -> int:
        """The newest entry's term."""
        return self._entries[-1].term if self._entries else self.base_term

    @property
    def configuration(self) -> Configuration:
        """The newest, committed or not."""
        return self._configurations[-1][1]

    @property
    def configuration_index(self) -> int:
        """The entry that brought it."""
        return self._configurations[-1][0]

    def outvoted(self, name: str) -> bool:
        """Whether only changes that are not known to be committed take this member's vote away."""
        uncommitted = [known for at, known in self._configurations if at > self.commit]
        before = [known for at, known in self._configurations if at <= self.commit][-1:]
        return bool(uncommitted) and any(known.votes(name) for known in (*before, *uncommitted))

    def configuration_at(self, index: int) -> Configuration:
        """The one in force at an entry that is still held, or at the base."""
        assert self.base_index <= index <= self.last_index, f"entry {index} is not held"
        return next(known for at, known in reversed(self._configurations) if at <= index)

    def term_at(self, index: int) -> int | None:
        """An entry's term; None if it is not known here."""
        if index == self.base_index:
            return self.base_term
        if self.base_index < index <= self.last_index:
            return self._entries[index - self.base_index - 1].term
        return None

    def entry(self, index: int) -> Entry:
        """One that is held."""
        assert self.base_index < index <= self.last_index, f"entry {index} is not held"
        return self._entries[index - self.base_index - 1]

    def slice(self, first: int, last: int, bytes_max: int) -> tuple[Entry, ...]:
        """Entries first..last, as many as fit, but at least one if there is one."""
        assert first > self.base_index, f"entry {first} is no longer held"
        start, end = first - self.base_index - 1, min(last, self.last_index) - self.base_index
        size = 0
        for position in range(start, end):
            size += self._entries[position].cost_bytes
            if size > bytes_max and position > start:
                end = position
                break
        return tuple(self._entries[start:end])

    def reaches(self, index: int, term: int) -> bool:
        """Whether a log that ends so holds all that this one may have committed (section 5.4.1)."""
        return (term, index) >= (self.last_term, self.last_index)

    def conflict_before(self, index: int, term: int) -> tuple[int, int]:
        """The newest entry at or before `index` whose term is not above `term`: where two logs may still agree."""
        at = min(index, self.last_index)
        while (known := self.term_at(at)) is not None and known > term:
            at -= 1
        return at, self.term_at(at) or 0

    def add(self, entries: Sequence[Entry]) -> None:
        """At the end."""
        assert not entries or entries[0].index == self.last_index + 1, "entries come without a gap"
        for entry in entries:
            assert entry.term >= self.last_term, f"entry {entry.index} of term {entry.term} follows a newer term"
            self._entries.append(entry)
            self.uncommitted_bytes += entry.cost_bytes
            if entry.kind is Kind.CONFIGURATION:
                self._configurations.append((entry.index, Configuration.of(entry.data)))

    def merge(self, entries: Sequence[Entry]) -> None:
        """A leader's entries: what is there already stays, what contradicts them is cut off (section 5.3)."""
        for position, entry in enumerate(entries):
            if entry.index <= self.base_index or self.term_at(entry.index) == entry.term:
                continue
            if entry.index <= self.last_index:
                self._cut_from(entry.index)
            self.add(entries[position:])
            return

    def _cut_from(self, index: int) -> None:
        if index <= self.commit:
            raise SafetyBroken(f"entry {index} is committed, and a leader sent another one in its place")
        self.uncommitted_bytes -= sum([entry.cost_bytes for entry in self._entries[index - self.base_index - 1 :]])
        del self._entries[index - self.base_index - 1 :]
        self.durable = min(self.durable, index - 1)
        self._unsaved = min(self._unsaved, index)
        self._handed = deque((sequence, min(last, index - 1)) for sequence, last in self._handed)
        while self._configurations[-1][0] >= index:
            self._configurations.pop()

    def commit_to(self, index: int) -> bool:
        """Moves the commit forward; whether it moved."""
        assert index <= self.last_index, f"entry {index} cannot be committed: the log ends at {self.last_index}"
        if index <= self.commit:
            return False
        now = self._entries[self.commit - self.base_index : index - self.base_index]
        self.uncommitted_bytes -= sum([entry.cost_bytes for entry in now])
        self.commit = index
        return True

    def unsaved(self) -> Sequence[Entry]:
        """What the disk was not yet asked to keep."""
        return self._entries[self._unsaved - self.base_index - 1 :]

    def handed(self, sequence: int) -> None:
        """All entries were handed to the disk, with the write of this sequence."""
        self._unsaved = self.last_index + 1
        self._handed.append((sequence, self.last_index))

    def stored(self, sequence: int) -> None:
        """The write of this sequence is durable, and all before it."""
        while self._handed and self._handed[0][0] <= sequence:
            self.durable = max(self.base_index, self._handed.popleft()[1])

    def compact(self, index: int) -> None:
        """Forgets entries up to `index`, which a durable snapshot covers."""
        assert index <= min(self.commit, self.durable), f"entry {index} is still needed"
        if index <= self.base_index:
            return
        term, configuration = self.entry(index).term, self.configuration_at(index)
        del self._entries[: index - self.base_index]
        self.base_index, self.base_term = index, term
        newer = [known for known in self._configurations if known[0] > index]
        self._configurations = [(index, configuration), *newer]

    def covered(self, image: Image) -> None:
        """A durable snapshot stands for the entries up to its own, which the log holds too."""
        assert self.term_at(image.index) == image.term, "the snapshot is of another history"
        self.commit_to(image.index)
        self.durable = max(self.durable, image.index)
        self._handed = deque((sequence, max(last, image.index)) for sequence, last in self._handed)

    @classmethod
    def kept(cls, base: SnapshotRecord | None, entries: Sequence[Entry], sequence: int) -> "Log":
        """As a disk has kept it. What was read may stand in a cache alone; the write of this sequence settles it."""
        log = cls(base.index, base.term, base.configuration) if base else cls(0, 0, Configuration())
        log.add(entries)
        log.handed(sequence)
        return log
