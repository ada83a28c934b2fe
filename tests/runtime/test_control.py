"""A child and its supervisor understand each other, and a child by hand keeps quiet."""

import pytest

from serai.runtime.control import SUPERVISED, IsReady, Progressed, say_progress, say_ready, understood


def test_what_is_said_is_understood(capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SUPERVISED, "1")
    say_progress("shows", 3, 9)
    say_ready()
    assert [understood(line) for line in capfdbinary.readouterr().out.splitlines()] == [
        Progressed("shows", 3, 9),
        IsReady(),
    ]


def test_nobody_listens_to_a_child_by_hand(
    capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(SUPERVISED, raising=False)
    say_ready()
    assert capfdbinary.readouterr().out == b""


@pytest.mark.parametrize("line", [b"", b"ready", b'{"message":"serai_control"}', b"{}"])
def test_all_else_is_for_the_log(line: bytes) -> None:
    assert understood(line) is None
