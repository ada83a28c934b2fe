"""Ordered maps larger than memory, in RocksDB.

Nothing is synced: the log is the truth, and a map that a crash has set back is brought up from it. What one `write`
brought is there whole or not at all.
"""

import gc
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rocksdict import BlockBasedOptions, Cache, Options, Rdict, ReadOptions, WriteBatch

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
        options = ReadOptions()
        options.set_iterate_upper_bound(end)
        return iter(self._db.items(from_key=first, read_opt=options))

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
    """A snapshot of a map; implements `serai.kernel.ports.FrozenMap`."""

    def __init__(self, db: Any) -> None:
        self._view: Any = db.snapshot()

    def get(self, key: bytes) -> bytes | None:
        """The value, or None."""
        for found, value in self.scan(key, key + b"\x00"):
            assert found == key, "nothing else lies between a key and the next possible one"
            return value
        return None

    def scan(self, first: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Pairs with first <= key < end, ascending."""
        for key, value in self._view.items(from_key=first):
            if key >= end:
                return
            yield key, value

    def close(self) -> None:
        """Lets it go."""
        del self._view
