"""Room that is held for bad times."""

import errno
import os
from pathlib import Path

import pytest

from serai.runtime.machines.reserve import Reserve, free_bytes

SIZE = 1024 * 1024
ENOUGH = 10 * SIZE


def test_room_is_held_while_there_is_enough_and_let_go_when_there_is_little(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "reserve", SIZE)
    reserve.look(ENOUGH + SIZE - 1, ENOUGH)
    assert not reserve.held
    reserve.look(ENOUGH + SIZE, ENOUGH)
    assert reserve.held and (tmp_path / "reserve").stat().st_blocks * 512 >= SIZE
    reserve.look(SIZE, ENOUGH)
    assert reserve.held, "the alarm is to come first"
    reserve.look(SIZE - 1, ENOUGH)
    assert not reserve.held
    reserve.look(ENOUGH, ENOUGH)
    assert not reserve.held, "it would be the one that takes the room"


def test_room_that_others_took_first_is_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    reserve = Reserve(tmp_path / "reserve", SIZE)
    reserve.look(ENOUGH + SIZE, ENOUGH)
    assert not reserve.held


def test_no_room_at_all_is_wanted(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "reserve", 0)
    reserve.look(ENOUGH, ENOUGH)
    reserve.look(0, ENOUGH)
    assert not list(tmp_path.iterdir())


def test_free_room_is_what_may_be_written(tmp_path: Path) -> None:
    free = free_bytes(tmp_path)
    assert 0 < free <= os.statvfs(tmp_path).f_blocks * os.statvfs(tmp_path).f_frsize
