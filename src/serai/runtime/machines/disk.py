"""A machine's files: read at its start, and written as its `Store` effects say.

One thread writes and syncs, a round at a time: while one round is synced the next is gathered, so many stores cost one
sync. It prevents a promise on what is not on the disk: `stored` is said after the sync, in the order of asking, and
after a failed sync never again.
"""

import asyncio
import errno
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from serai.kernel.machines import Append, Remove, Replace, Store, Truncate, Write
from serai.runtime.files import sync_directory
from serai.runtime.machines.errors import DiskFailed, DiskFull

_TEMPORARY = ".new"


class Directory:
    """The files that a machine finds; implements `serai.kernel.ports.Disk`."""

    def __init__(self, path: Path) -> None:
        _make(path.absolute())
        self.path = path
        for left in path.glob(f"*{_TEMPORARY}"):
            left.unlink()

    def names(self) -> Sequence[str]:
        """Its files, sorted."""
        return sorted(file.name for file in self.path.iterdir() if file.is_file())

    def read(self, file: str) -> bytes:
        """A file's content. FileNotFoundError."""
        return (self.path / file).read_bytes()


def _make(path: Path) -> None:
    """Makes a directory whose name survives as well: a log is lost with any name on the way to it."""
    if not path.exists():
        _make(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)
    sync_directory(path.parent)


class Files:
    """What writes. All of it runs in one thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open: dict[str, int] = {}
        self._dirty: set[str] = set()
        self._names_changed = True
        """Also at the start: an earlier life may have ended between making a file and syncing its name."""
        self.at = path
        """What is being written or synced."""

    def perform(self, writes: Sequence[Write]) -> None:
        """In this order, and then durable. OSError."""
        for write in writes:
            self.at = self._path / write.file
            self._write(write)
        for file in self._dirty:
            self.at = self._path / file
            os.fdatasync(self._open[file])
        self._dirty.clear()
        if self._names_changed:
            self.at = self._path
            sync_directory(self._path)
            self._names_changed = False

    def _write(self, write: Write) -> None:
        match write:
            case Append(file, data):
                _write_all(self._handle(file), data)
                self._dirty.add(file)
            case Truncate(file, size):
                handle = self._handle(file)
                assert os.fstat(handle).st_size >= size, f"{file} is cut to {size} bytes and has fewer"
                os.ftruncate(handle, size)
                self._dirty.add(file)
            case Replace(file, data):
                self._replace(file, data)
            case Remove(file):
                self._close(file)
                (self._path / file).unlink()
                self._names_changed = True

    def _handle(self, file: str) -> int:
        handle = self._open.get(file)
        if handle is None:
            path = self._path / file
            self._names_changed = self._names_changed or not path.exists()
            handle = self._open[file] = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return handle

    def _replace(self, file: str, data: bytes) -> None:
        """The new content is durable before it takes the old one's place."""
        self._close(file)
        path = self._path / file
        temporary = path.with_name(f"{file}{_TEMPORARY}")
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            _write_all(handle, data)
            os.fdatasync(handle)
        finally:
            os.close(handle)
        temporary.replace(path)
        self._names_changed = True

    def _close(self, file: str) -> None:
        self._dirty.discard(file)
        handle = self._open.pop(file, None)
        if handle is not None:
            os.close(handle)

    def close(self) -> None:
        """Lets go of the files."""
        for file in list(self._open):
            self._close(file)


def _write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


class Storing:
    """Performs `Store` effects. `stored` hears of each in the event loop, `failed` of the first failure; then no more
    is done."""

    def __init__(self, path: Path, stored: Callable[[int], None], failed: Callable[[DiskFailed], None]) -> None:
        self._stored = stored
        self._failed = failed
        self._files = Files(path)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="disk")
        self._loop = asyncio.get_running_loop()
        self._waiting: list[Store] = []
        self._syncing = False
        self._over = self._closed = False
        self.rounds = 0
        """Rounds that were written: syncs, as a rule."""

    def store(self, store: Store) -> None:
        """One more, behind those before."""
        if self._over:
            return
        self._waiting.append(store)
        if not self._syncing:
            self._syncing = True
            self._loop.call_soon(self._begin)

    def _begin(self) -> None:
        if self._over:
            return
        stores, self._waiting = self._waiting, []
        writes = [write for store in stores for write in store.writes]
        self.rounds += 1
        future = self._loop.run_in_executor(self._thread, self._files.perform, writes)
        future.add_done_callback(lambda done: self._end(stores, done))

    def _end(self, stores: Sequence[Store], done: "asyncio.Future[None]") -> None:
        error = None if done.cancelled() else done.exception()
        if self._over or done.cancelled():
            return
        if error is not None:
            self._over = True
            self._failed(_failure(self._files.at, error))
            return
        self._syncing = bool(self._waiting)
        if self._waiting:
            self._begin()
        for store in stores:
            self._stored(store.token)

    async def close(self) -> None:
        """Ends after the round that is under way; what waits is not written, as in a crash."""
        self._over = True
        if not self._closed:
            self._closed = True
            with suppress(OSError):
                await self._loop.run_in_executor(self._thread, self._files.close)
            self._thread.shutdown()


def _failure(path: Path, error: BaseException) -> DiskFailed:
    reason = getattr(error, "strerror", None) or str(error)
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return DiskFull(f"there is no room for {path} ({reason.lower()}); make room there and start again.")
    return DiskFailed(f"{path} cannot be written ({reason.lower()}); look at the disk before you start again.")
