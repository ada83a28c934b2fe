"""A child's log stays JSON, a line an object, in bounded space."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serai.runtime.logfiles import FILES_MAX, LINE_BYTES_MAX, LogFile, telling


class FixedClock:
    def now(self) -> datetime:
        return datetime(2026, 11, 24, 12, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0


def lines_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (b'{"level":"info","message":"own"}', {"level": "info", "message": "own"}),
        (b"plain", {"at": "2026-11-24T12:00:00Z", "child": "web", "message": "plain"}),
        (b"[1]", {"at": "2026-11-24T12:00:00Z", "child": "web", "message": "[1]"}),
        (b'{"cut', {"at": "2026-11-24T12:00:00Z", "child": "web", "message": '{"cut'}),
        (b"\xff", {"at": "2026-11-24T12:00:00Z", "child": "web", "message": "\ufffd"}),
    ],
)
def test_json_is_kept_and_the_rest_wrapped(tmp_path: Path, written: bytes, kept: dict[str, object]) -> None:
    log = LogFile(tmp_path / "logs", "web", FixedClock())
    log.write(written)
    log.close()
    assert lines_of(log.path) == [kept]


@settings(deadline=None)
@given(st.lists(st.binary().map(lambda line: line.replace(b"\n", b"")), max_size=20))
def test_every_line_is_an_object_whatever_is_written(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]
) -> None:
    log = LogFile(tmp_path_factory.mktemp("logs"), "web", FixedClock())
    for line in lines:
        log.write(line)
    log.close()
    assert len(lines_of(log.path)) == len(lines)


def test_the_oldest_lines_go_when_the_space_is_full(tmp_path: Path) -> None:
    log = LogFile(tmp_path, "web", FixedClock(), file_bytes_max=1_000)
    for number in range(1_000):
        log.write(b'{"n":%d}' % number)
    log.close()
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["web.jsonl", *(f"web.jsonl.{n}" for n in range(1, FILES_MAX))]
    assert all(file.stat().st_size <= 1_000 for file in files)
    kept = [line["n"] for file in [*reversed(files[1:]), files[0]] for line in lines_of(file)]
    assert kept == list(range(1_000 - len(kept), 1_000))


def test_a_next_start_adds_to_the_file(tmp_path: Path) -> None:
    for _ in range(2):
        log = LogFile(tmp_path, "web", FixedClock())
        log.write(b"started")
        log.close()
    assert len(lines_of(log.path)) == 2


def test_an_endless_line_is_cut(tmp_path: Path) -> None:
    log = LogFile(tmp_path, "web", FixedClock())
    log.write(b"x" * (LINE_BYTES_MAX * 2))
    log.close()
    assert lines_of(log.path)[0]["message"] == "x" * LINE_BYTES_MAX


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([], "it said nothing"),
        (["one", "two", ""], "two"),
        (["FATAL:  no space left", "LOG:  shut down"], "FATAL:  no space left"),
        (["Traceback", "ValueError: x", "bye"], "ValueError: x"),
    ],
)
def test_the_words_that_tell_are_found(lines: list[str], words: str) -> None:
    assert telling(lines) == words
