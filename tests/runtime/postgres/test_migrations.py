"""Each step is applied once, whole, in order, by one process at a time, and never changed afterwards."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from serai.kernel.errors import Misconfigured
from serai.runtime.postgres.migrations import Migration, migrate, pending, read_migrations, runtime_migrations
from serai.runtime.postgres.server import EmbeddedServer

from .conftest import MakeServer

FIRST = Migration("toys", 1, "first", "create schema toys; create table toys.cars (n int)")
SECOND = Migration("toys", 2, "second", "insert into toys.cars values (1)")


@pytest.fixture
def url(make_server: MakeServer) -> Iterator[str]:
    """Of the owner of a database with nothing in it."""
    server: EmbeddedServer = make_server()
    server.prepare()
    server.start()
    server.wait_ready(60)
    yield server.url("serai_owner")


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


def test_what_is_missing_is_applied_in_order_and_once(url: str) -> None:
    assert pending(url, [FIRST, SECOND]) == [FIRST, SECOND]
    assert migrate(url, [FIRST]) == [FIRST]
    assert pending(url, [FIRST, SECOND]) == [SECOND]
    assert migrate(url, [FIRST, SECOND]) == [SECOND]
    assert migrate(url, [FIRST, SECOND]) == []
    assert rows(url, "select count(*) from toys.cars") == [(1,)]
    assert rows(url, "select system, number, name from runtime.migrations order by number") == [
        ("toys", 1, "first"),
        ("toys", 2, "second"),
    ]


def test_one_that_fails_leaves_nothing_of_itself_and_all_before_it(url: str) -> None:
    broken = Migration("toys", 2, "broken", "create table toys.boats (n int); insert into toys.cars values ('one')")
    with pytest.raises(psycopg.errors.InvalidTextRepresentation):
        migrate(url, [FIRST, broken])
    assert rows(url, "select to_regclass('toys.cars') is not null, to_regclass('toys.boats') is not null") == [
        (True, False)
    ]
    assert migrate(url, [FIRST, SECOND]) == [SECOND]


def test_an_edited_one_refuses_before_anything_is_applied(url: str) -> None:
    migrate(url, [FIRST])
    edited = Migration("toys", 1, "first", FIRST.sql + " ")
    for refused in (pending, migrate):
        with pytest.raises(Misconfigured, match="toys/0001_first was edited after it was applied"):
            refused(url, [edited, SECOND])
    assert rows(url, "select count(*) from toys.cars") == [(0,)]


def test_starts_at_the_same_moment_apply_it_once(url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        applied = list(pool.map(lambda _: migrate(url, [FIRST, SECOND]), range(4)))
    assert sorted(len(each) for each in applied) == [0, 0, 0, 2]
    assert rows(url, "select count(*) from toys.cars") == [(1,)]


def test_the_queue_tells_nobody_of_each_job(url: str) -> None:
    migrate(url, runtime_migrations())
    assert rows(url, "select tgname from pg_trigger where tgname like '%notify_queue_job_inserted%'") == []


def test_a_gap_is_a_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "toy_migrations"
    package.mkdir()
    for name in ("__init__.py", "0001_first.sql", "0003_third.sql", "notes.txt"):
        (package / name).write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(AssertionError, match="gap in toy_migrations"):
        read_migrations("toys", "toy_migrations")
    (package / "0003_third.sql").rename(package / "0002_second.sql")
    assert [(each.number, each.name) for each in read_migrations("toys", "toy_migrations")] == [
        (1, "first"),
        (2, "second"),
    ]
