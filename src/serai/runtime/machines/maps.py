"""Ordered maps larger than memory, in RocksDB.

Nothing is synced: the log is the truth, and a map that a crash has set back is brought up from it. What one `write`
brought is there whole or not at all.
"""

import gc
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rocksdict import BlockBasedOptions, Cache, Options, Rdict, WriteBatch

from serai.kernel.errors import Misconfigured

CACHE_BYTES = 16 * 1024 * 1024
"""Blocks that are kept in memory for reads."""
WRITE_BUFFER_BYTES = 16 * 1024 * 1024
"""Writes that are gathered in memory before they become a file."""


class MapDamaged(Misconfigured):
    """The files of a map are not what was written."""

    code = "map_damaged"


class DurableMap:
    """Implements `serai.kernel.ports.OrderedMap`. MapDamaged."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        options = Options(raw_mode=True)
        options.create_if_missing(True)
        options.set_write_buffer_size(WRITE_BUFFER_BYTES)
        options.set_max_open_files(256)
        options.set_keep_log_file_num(2)
        blocks = BlockBasedOptions()
        blocks.set_block_cache(Cache(CACHE_BYTES))
        blocks.set_bloom_filter(10, False)
        options.set_block_based_table_factory(blocks)
        self.path = path
        try:
            self._db: Any = Rdict(str(path), options)  # its stubs know no raw mode, where all is bytes
        except Exception as error:
            raise MapDamaged(
                f"{path} cannot be opened ({error}). It only repeats what the log says: move it away and start again;"
                " it is made anew from the log if that reaches back to the beginning or to a snapshot."
            ) from error

    def get(self, key: bytes) -> bytes | None:
        """The value, or None."""
        value: bytes | None = self._db.get(key)
        return value

    def scan(self, first: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Pairs with first <= key < end, ascending, as they are now."""
        return _until(end, self._db.items(from_key=first))

    def write(self, batch: Sequence[tuple[bytes, bytes | None]]) -> None:
        """All of it or, after a crash, nothing."""
        writes = WriteBatch(raw_mode=True)
        for key, value in batch:
            if value is None:
                writes.delete(key)
            else:
                writes.put(key, value)
        self._db.write(writes)

    def frozen(self) -> "FrozenRocks":
        """What is there now."""
        return FrozenRocks(self._db)

    @property
    def size_bytes(self) -> int:
        """On the disk and in the buffers, about."""
        names = ("rocksdb.total-sst-files-size", "rocksdb.cur-size-all-mem-tables")
        return sum(int(self._db.property_int_value(name) or 0) for name in names)

    def flush(self) -> None:
        """Puts what is buffered into files, so that the next start reads less of the log."""
        self._db.flush()

    def close(self) -> None:
        """Lets the files go; every iterator must be gone."""
        gc.collect()  # an iterator that is still referenced keeps the lock
        self._db.close()


class FrozenRocks:
    """A map at one moment; implements `serai.kernel.ports.FrozenMap`.

    RocksDB's iterators see what was there when they were made. (rocksdict's own snapshots do not: what is iterated over
    them is the present.) So there is one, and all scans share it, each seeking anew where another has been meanwhile.
    """

    def __init__(self, db: Any) -> None:
        self._cursor: Any = db.iter()
        self._scan = 0
        """The scan that moved the cursor last."""
        self._scans = 0

    def get(self, key: bytes) -> bytes | None:
        """The value, or None."""
        self._scan = 0
        self._cursor.seek(key)
        if self._cursor.valid() and self._cursor.key() == key:
            value: bytes = self._cursor.value()
            return value
        return None

    def scan(self, first: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Pairs with first <= key < end, ascending."""
        self._scans += 1
        mine = self._scans
        at = first
        while True:
            cursor = self._cursor
            if self._scan != mine:
                self._scan = mine
                cursor.seek(at)
            if not cursor.valid() or (key := cursor.key()) >= end:
                return
            value = cursor.value()
            cursor.next()
            at = key + b"\x00"
            yield key, value

    def close(self) -> None:
        """Lets it go."""
        del self._cursor


def _until(end: bytes, records: Iterator[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    """Stops here and not by the iterator's own bound: rocksdict frees the bytes of that while they are still in use."""
    for key, value in records:
        if key >= end:
            return
        yield key, value
