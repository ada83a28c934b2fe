"""Marks a data directory while a restore or an upgrade is under way, so that nothing starts on half of one.

A process can be killed at any moment. The mark is written before the first change and removed after the last.
"""

from pathlib import Path

from serai.kernel.errors import Misconfigured
from serai.runtime.files import sync_directory, write_atomic

MARK = "unfinished"
"""Name of the file; its words say what was under way and how to go on."""


class DataUnfinished(Misconfigured):
    """A restore or an upgrade of this data directory was interrupted."""

    code = "data_unfinished"


def mark(data: Path, words: str) -> None:
    """From now on nothing starts on `data`."""
    write_atomic(data / MARK, words.encode())


def unmark(data: Path) -> None:
    """`data` is whole again."""
    (data / MARK).unlink(missing_ok=True)
    sync_directory(data)


def require_finished(data: Path) -> None:
    """Raises DataUnfinished with the words of the mark."""
    try:
        words = (data / MARK).read_text()
    except FileNotFoundError:
        return
    raise DataUnfinished(f"{data}: {words}")
