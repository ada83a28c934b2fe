"""The disk of a first member of a group that begins with a state instead of nothing, such as one from a backup.

It prevents a group whose log does not lead to its state: the state is a snapshot that the log counts on, so a member
that loses what it has applied comes back to it, and one that is added later gets it.
"""

from collections.abc import Iterator, Sequence

from serai.kernel.machines import Write
from serai.kernel.ports import Random
from serai.mechanisms.consensus.journal import Journal
from serai.mechanisms.consensus.messages import Configuration, Image
from serai.mechanisms.consensus.records import SnapshotRecord
from serai.mechanisms.consensus.settings import Settings
from serai.mechanisms.consensus.snapshots import Writing, snapshot_name

SEED_INDEX = SEED_TERM = 1
"""Of the entry that the state stands for, the same on each of the first members."""


def seeded(
    chunks: Sequence[bytes], members: Configuration, random: Random, *, group: int = 0
) -> Iterator[tuple[Write, ...]]:
    """What is to be written to an empty disk, each part durable before the next. The first members all begin with the
    same chunks and the same configuration; none of them is told `initial`."""
    image = Image(SEED_INDEX, SEED_TERM, members, chunks)
    writing = Writing(image, snapshot_name(group, image.index, 0), foreign=False)
    while (write := writing.next()) is not None:
        yield (write,)
    journal = Journal(random, segment_bytes_max=Settings().segment_bytes_max)
    journal.keep_vote(group, image.term, None)
    journal.keep_snapshot(SnapshotRecord(group, image.index, image.term, members, writing.file, continues=False))
    yield journal.write()
    journal.stored()
    yield journal.write()  # the mark that vouches for it
