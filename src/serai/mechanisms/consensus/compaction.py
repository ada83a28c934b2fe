"""When a snapshot is made, which one is being written, and which one the log counts on.

It prevents a log that grows for ever, and two snapshots in short order that get into each other's way: one is written
at a time, and of those that arrive meanwhile the newest waits.
"""

from serai.mechanisms.consensus.messages import Image
from serai.mechanisms.consensus.records import SnapshotRecord
from serai.mechanisms.consensus.snapshots import Writing, snapshot_name


class Compaction:
    """The snapshots of one group. `token` is that of the write that is out for one."""

    def __init__(self, group: int, record: SnapshotRecord | None) -> None:
        self._group = group
        self.record = record
        """The newest that the log counts on."""
        self.token = 0
        self.writing: Writing | None = None
        self._waiting: Image | None = None
        self._written_before = 0
        """Bytes of the log that this life had written when the last snapshot was begun."""
        self._obsolete: list[str] = []

    @property
    def index(self) -> int:
        """The entry of the newest; 0 if there is none."""
        return self.record.index if self.record else 0

    def due(self, log_bytes: int, every_bytes: int, applied: int) -> bool:
        """Whether enough was written since the last one."""
        return self.writing is None and log_bytes - self._written_before >= every_bytes and applied > self.index

    def begin(self, image: Image, *, foreign: bool, sequence: int, log_bytes: int) -> None:
        """Starts to write one."""
        assert self.writing is None, "one snapshot at a time"
        self._written_before = log_bytes
        self.writing = Writing(image, snapshot_name(self._group, image.index, sequence), foreign)

    def wait(self, image: Image) -> None:
        """One has arrived while another is being written."""
        self._waiting = image

    def finish(self) -> tuple[Writing, Image | None]:
        """The file is whole and durable; and what has arrived meanwhile."""
        assert self.writing is not None, "something was written"
        finished, self.writing = self.writing, None
        waiting, self._waiting = self._waiting, None
        return finished, waiting

    def count_on(self, finished: Writing, *, continues: bool) -> SnapshotRecord:
        """The record by which the log counts on it."""
        image = finished.image
        if self.record is not None:
            self._obsolete.append(self.record.file)
        self.record = SnapshotRecord(
            self._group, image.index, image.term, image.configuration, finished.file, continues
        )
        return self.record

    def obsolete(self) -> list[str]:
        """Files that nobody counts on any more, now that the record is durable."""
        files, self._obsolete = self._obsolete, []
        return files
