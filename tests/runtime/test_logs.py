"""A log line is one JSON object for a machine, readable for a person, and never two lines."""

import json
import logging
import sys
from collections.abc import Iterator

import pytest

from serai.runtime.logs import JsonLines, configure_logs


@pytest.fixture
def loggers() -> Iterator[None]:
    """The root logger as it was, after the test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def record(message: str, *arguments: object, **extra: object) -> logging.LogRecord:
    made = logging.getLogger("serai.test").makeRecord(
        "serai.test", logging.WARNING, "f", 1, message, arguments, None, extra=extra
    )
    made.created, made.msecs = 1795492920.042, 42.0
    return made


def test_a_record_is_one_object_with_its_fields() -> None:
    line = JsonLines("web-1").format(record("seat %d\nis taken", 5, request_id="ab", seat=object))
    assert "\n" not in line
    assert json.loads(line) == {
        "at": "2026-11-24T04:02:00.042Z",
        "level": "warning",
        "child": "web-1",
        "logger": "serai.test",
        "message": "seat 5\nis taken",
        "request_id": "ab",
        "seat": "<class 'object'>",
    }


def test_a_trace_stays_in_its_line() -> None:
    try:
        raise ValueError("the moon")
    except ValueError:
        made = record("failed")
        made.exc_info = sys.exc_info()
    line = JsonLines("web-1").format(made)
    assert "\n" not in line
    assert json.loads(line)["trace"].endswith("ValueError: the moon")


@pytest.mark.parametrize("extra", [{"number": 1 << 70}, {"text": "\ud800"}, {"bytes": b"\xff"}, {"map": {1: 2}}])
def test_no_value_stops_a_line(extra: dict[str, object]) -> None:
    assert json.loads(JsonLines("web-1").format(record("said", **extra)))["message"] == "said"


@pytest.mark.usefixtures("loggers")
def test_what_is_logged_goes_to_standard_output_once_and_the_noisy_are_quiet(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for _ in range(2):
        configure_logs("jobs", "info", machine=True)
    logging.getLogger("serai.test").info("said")
    logging.getLogger("procrastinate.worker").info("chatter")
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["message"] == "said"
    configure_logs("jobs", "error", machine=False)
    logging.getLogger("serai.test").warning("quiet")
    logging.getLogger("serai.test").error("loud")
    assert capsys.readouterr().out.strip().endswith("ERROR loud")
