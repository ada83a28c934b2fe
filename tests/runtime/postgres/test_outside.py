"""A server that somebody else runs is asked once, and what is wrong with it is one sentence without a password."""

import socket

import pytest

from serai.runtime.postgres import outside
from serai.runtime.postgres.outside import OutsideServerUnusable, require_server
from serai.runtime.postgres.server import EmbeddedServer


def refusal(url: str) -> str:
    with pytest.raises(OutsideServerUnusable) as refused:
        require_server(url, "SERAI_POSTGRES_URL")
    assert "\n" not in refused.value.message and "SERAI_POSTGRES_URL" in refused.value.message
    return refused.value.message


def test_one_that_answers_tells_its_version(server: EmbeddedServer) -> None:
    major, minor = require_server(server.url("serai_app"), "SERAI_POSTGRES_URL").split(".")
    assert (int(major), int(minor)) >= (outside.MAJOR_MIN, 0)


def test_one_that_does_not_answer_let_us_in_or_exist(server: EmbeddedServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert "refused" in refusal(f"postgresql://a:hunter2@127.0.0.1:{port}/serai")
    wrong = server.url("serai_app").replace("serai_app:", "serai_app:hunter2")
    assert "password authentication failed" in refusal(wrong)
    assert "does not exist" in refusal(f"{server.url('serai_app')}_gone")
    for url in (f"postgresql://a:hunter2@127.0.0.1:{port}/serai", wrong):
        assert "hunter2" not in refusal(url)


@pytest.mark.parametrize("url", ["127.0.0.1 whatever", "postgresql://a@[::1/x", "postgresql://a@b/c?moon=full"])
def test_what_is_no_url_is_not_tried(url: str) -> None:
    assert "is not a PostgreSQL URL" in refusal(url)


def test_one_that_accepts_and_says_nothing_is_waited_for_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outside, "CONNECT_S", 2)  # the least that PostgreSQL's library heeds
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert "timeout" in refusal(f"postgresql://a@127.0.0.1:{silent.getsockname()[1]}/serai")


def test_one_that_is_too_old_is_refused(server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outside, "MAJOR_MIN", 99)
    assert "and 99 or newer is needed; upgrade it" in refusal(server.url("serai_app"))
