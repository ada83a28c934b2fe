"""Ordered maps larger than memory, in RocksDB.

Nothing is synced: the log is the truth, and a map that a crash has set back is brought up from it. What one `write`
brought is there whole or not at all. A map that cannot be read says so: rocksdict's own iteration ends without a word
where a block is damaged, and a scan that ends early would be taken for keys that are not there.
"""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from rocksdict import BlockBasedOptions, Cache, Options, Rdict, WriteBatch

from serai.kernel.errors import Misconfigured, SeraiError
from serai.runtime.machines.errors import DiskFailed, DiskFull

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
        self.on_failure: Callable[[SeraiError], None] = _nobody
        """Hears of the first failure of a read or a write, wherever it was asked for, before that raises it."""
        try:
            self._db: Any = Rdict(str(path), options)  # its stubs know no raw mode, where all is bytes
        except Exception as error:
            raise _failure(path, error) from error

    def get(self, key: bytes) -> bytes | None:
        """The value, or None. MapDamaged."""
        try:
            value: bytes | None = self._db.get(key)
        except Exception as error:
            raise self._failed(error) from error
        return value

    def _failed(self, error: Exception) -> SeraiError:
        """rocksdict raises a bare Exception for whatever RocksDB says."""
        failure = _failure(self.path, error)
        self.on_failure(failure)
        return failure

    def scan(self, first: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Pairs with first <= key < end, ascending, as they are now. MapDamaged."""
        return self._until(end, first, self._db.items(from_key=first))

    def _until(self, end: bytes, last: bytes, records: Iterator[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
        """Stops here and not by the iterator's own bound: rocksdict frees the bytes of that while they are in use."""
        for key, value in records:
            if key >= end:
                return
            last = key
            yield key, value
        self._assert_end(last)

    def _assert_end(self, last: bytes) -> None:
        """What ended a scan before its end was no damage."""
        try:
            cursor = self._db.iter()
            cursor.seek(last)
            if cursor.valid() and cursor.key() == last:
                cursor.next()
            cursor.status()
        except Exception as error:
            raise self._failed(error) from error

    def write(self, batch: Sequence[tuple[bytes, bytes | None]]) -> None:
        """All of it or, after a crash, none of it. DiskFull, DiskFailed, MapDamaged."""
        writes = WriteBatch(raw_mode=True)
        for key, value in batch:
            if value is None:
                writes.delete(key)
            else:
                writes.put(key, value)
        try:
            self._db.write(writes)
        except Exception as error:
            raise self._failed(error) from error

    def frozen(self) -> "FrozenRocks":
        """What is there now."""
        return FrozenRocks(self._db, self._failed)

    @property
    def size_bytes(self) -> int:
        """On the disk and in the buffers, about."""
        names = ("rocksdb.total-sst-files-size", "rocksdb.cur-size-all-mem-tables")
        return sum(int(self._db.property_int_value(name) or 0) for name in names)

    @property
    def size_in_use_bytes(self) -> int:
        """The same without what was deleted and is still there, about."""
        names = ("rocksdb.estimate-live-data-size", "rocksdb.cur-size-all-mem-tables")
        return sum(int(self._db.property_int_value(name) or 0) for name in names)

    def compact(self) -> None:
        """Gives the room of what was deleted back. It takes long and is for a thread: reads and writes go on. DiskFull,
        DiskFailed, MapDamaged, of which only the caller hears."""
        try:
            self._db.flush()
            self._db.compact_range(None, None)
        except Exception as error:
            raise _failure(self.path, error) from error

    def stop_compacting(self) -> None:
        """Ends what `compact` does in another thread; the map is of no use afterwards, but to be closed."""
        self._db.cancel_all_background(False)

    def flush(self) -> None:
        """Puts what is buffered into files, so that the next start reads less of the log."""
        self._db.flush()

    def close(self) -> None:
        """Lets the files go; every iterator must be gone."""
        gc.collect()  # an iterator that is still referenced keeps the lock
        with suppress(Exception):  # what could not be written was said then, and is in the log
            self._db.close()


class FrozenRocks:
    """A map at one moment; implements `serai.kernel.ports.FrozenMap`.

    RocksDB's iterators see what was there when they were made. (rocksdict's own snapshots do not: what is iterated over
    them is the present.) So there is one, and all scans share it, each seeking anew where another has been meanwhile.
    """

    def __init__(self, db: Any, failed: Callable[[Exception], SeraiError]) -> None:
        self._cursor: Any = db.iter()
        self._failed = failed
        self._scan = 0
        """The scan that moved the cursor last."""
        self._scans = 0

    def get(self, key: bytes) -> bytes | None:
        """The value, or None. MapDamaged."""
        self._scan = 0
        self._cursor.seek(key)
        if not self._valid():
            return None
        value: bytes | None = self._cursor.value() if self._cursor.key() == key else None
        return value

    def _valid(self) -> bool:
        """Whether there is a pair at the cursor; where there is none for a reason, the reason is raised."""
        if self._cursor.valid():
            return True
        try:
            self._cursor.status()
        except Exception as error:
            raise self._failed(error) from error
        return False

    def scan(self, first: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Pairs with first <= key < end, ascending. MapDamaged."""
        self._scans += 1
        mine = self._scans
        at = first
        while True:
            cursor = self._cursor
            if self._scan != mine:
                self._scan = mine
                cursor.seek(at)
            if not self._valid() or (key := cursor.key()) >= end:
                return
            value = cursor.value()
            cursor.next()
            at = key + b"\x00"
            yield key, value

    def close(self) -> None:
        """Lets it go."""
        del self._cursor


def _nobody(_: SeraiError) -> None:
    """Who asked is told."""


def _failure(path: Path, error: Exception) -> SeraiError:
    words = " ".join(str(error).split())
    if "No space left" in words or "File too large" in words or "quota exceeded" in words:
        return DiskFull(f"there is no room for {path} ({words}); make room there and start again.")
    if words.startswith("IO error"):
        return DiskFailed(f"{path} cannot be read or written ({words}); look at the disk before you start again.")
    return MapDamaged(
        f"{path} is damaged ({words}). It only repeats what the log says: move it away and start again; it is made anew"
        " from the log if that reaches back to the beginning or to a snapshot."
    )
