"""The log file of one child: one JSON object a line, whatever the child writes, in bounded space.

A child that logs JSON is kept as it is; any other line is wrapped. The oldest file goes when the newest is full, so a
child that repeats itself for a month cannot fill the disk.
"""

from collections.abc import Iterable
from pathlib import Path

import orjson

from serai.kernel.ports import Clock

FILE_BYTES_MAX = 8 * 1024 * 1024
"""Size at which a file is put aside."""

FILES_MAX = 4
"""Files kept for one child, the one being written included."""

LINE_BYTES_MAX = 64 * 1024
"""A longer line is cut here; its end is lost."""


class LogFile:
    """NAME.jsonl in a directory; older ones are NAME.jsonl.1 (the youngest) to .3."""

    def __init__(self, directory: Path, name: str, clock: Clock, *, file_bytes_max: int = FILE_BYTES_MAX) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = directory / f"{name}.jsonl"
        self._name = name
        self._clock = clock
        self._file_bytes_max = file_bytes_max
        self._file = self.path.open("ab")

    def write(self, line: bytes) -> None:
        """Adds one line, without its line end."""
        entry = self._entry(line[:LINE_BYTES_MAX].strip())
        if self._file.tell() + len(entry) > self._file_bytes_max:
            self._turn()
        self._file.write(entry)
        self._file.flush()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _entry(self, line: bytes) -> bytes:
        if line.startswith(b"{") and said(line) is not None:
            return line + b"\n"
        text = line.decode(errors="replace")
        document = {"at": self._clock.now(), "child": self._name, "message": text}
        return orjson.dumps(document, option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE)

    def _turn(self) -> None:
        self._file.close()
        for number in range(FILES_MAX - 1, 0, -1):
            older = self.path if number == 1 else self.path.with_name(f"{self.path.name}.{number - 1}")
            if older.exists():
                older.replace(self.path.with_name(f"{self.path.name}.{number}"))
        self._file = self.path.open("wb")


def said(line: bytes) -> str | None:
    """The message of a JSON line, '' if it has none; None if the line is not a JSON object."""
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return str(document.get("message", "")) if isinstance(document, dict) else None


def telling(lines: Iterable[str]) -> str:
    """Of the last words of a program, those that say why it ended: the last that names a failure, else the last."""
    spoken = [line.strip() for line in lines if line.strip()] or ["it said nothing"]
    failures = [line for line in spoken if "FATAL:" in line or "rror:" in line]
    return (failures or spoken)[-1]
