"""What a loss of power would leave of real files: only what was synced, and only under names that were synced."""

import os
from pathlib import Path
from typing import Any

import pytest

from serai.runtime.machines import disk


class Power:
    """Stands between `Files` and the system. `cut` is what a directory would hold after a loss of power now."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, data: bool = True, names: bool = True) -> None:
        """A control leaves out the syncs of `data` or of `names`: they are asked for, and do nothing."""
        self._data, self._keeps_names = data, names
        self._content: dict[int, bytes] = {}
        """What is durable, by inode."""
        self._names: dict[Path, dict[str, int]] = {}
        self._held: set[int] = set()
        """Handles that keep a removed file's inode from being given to another."""
        self.syncs: list[str] = []
        self.writes = 0
        self.fails_at: int | None = None
        """The sync that fails, counted from 1."""
        monkeypatch.setattr(disk, "os", self)
        monkeypatch.setattr(disk, "sync_directory", self.sync_directory)

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def write(self, handle: int, data: memoryview) -> int:
        self.writes += 1
        return os.write(handle, data[: max(1, len(data) // 2)])  # a system may always take less

    def fdatasync(self, handle: int) -> None:
        self.syncs.append("data")
        if len(self.syncs) == self.fails_at:
            raise OSError(5, "Input/output error")
        if self._data:
            reader = os.open(f"/proc/self/fd/{handle}", os.O_RDONLY)
            self._held.add(reader)
            status = os.fstat(reader)
            self._content[status.st_ino] = os.pread(reader, status.st_size, 0)

    def sync_directory(self, directory: Path) -> None:
        self.syncs.append("names")
        if self._keeps_names:
            self._names[directory] = {file.name: file.stat().st_ino for file in directory.iterdir()}

    def cut(self, directory: Path) -> dict[str, bytes]:
        names = dict(self._names.get(directory, {}))
        content = dict(self._content)
        return {name: content.get(inode, b"") for name, inode in names.items()}

    def close_held(self) -> None:
        for handle in self._held:
            os.close(handle)
