"""Room on the disk that is held for bad times: a full disk must not keep a machine from writing what it still must.

It prevents the store that is full and can therefore not be told so: without room for a few more entries it could
neither keep the alarm, nor end a lease, nor delete anything, nor even start.
"""

import os
from contextlib import suppress
from pathlib import Path


def free_bytes(path: Path) -> int:
    """What this process may still write to the disk of `path`."""
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize


class Reserve:
    """A file that takes so many bytes, as long as there are enough."""

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self.bytes = size

    @property
    def held(self) -> bool:
        """Whether the room is held now."""
        return self._path.exists()

    def look(self, free: int, enough: int) -> None:
        """Holds the room while `enough` stays free beside it; lets it go where less than its own size is free."""
        if free < self.bytes:
            self._let_go()
        elif free >= enough + self.bytes and not self.held:
            self._hold()

    def _hold(self) -> None:
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(handle, 0, self.bytes)
        except OSError:
            self._let_go()  # others were faster; the next look tries again
        finally:
            os.close(handle)

    def _let_go(self) -> None:
        with suppress(FileNotFoundError):
            self._path.unlink()
