"""A dump is one snapshot of ours alone, its loading is counted, and a failure tells PostgreSQL's own words."""

from dataclasses import replace
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from tests.conftest import UrlOf
from tests.doubles import ManualClock, SeededRandom

from serai.kernel.errors import Misconfigured
from serai.runtime.outbox import Event, Outbox
from serai.runtime.postgres.database import Database
from serai.runtime.postgres.dumps import DumpFailed, DumpIncomplete, dump, is_ours, load
from serai.runtime.postgres.engine import Engine
from serai.runtime.postgres.server import SUPERUSER, EmbeddedServer


@pytest.fixture
def empty_url(server: EmbeddedServer) -> str:
    """Of the owner of a new database."""
    with psycopg.connect(server.url(SUPERUSER, "postgres"), autocommit=True) as connection:
        connection.execute("drop database if exists loaded")
        connection.execute("create database loaded template template0 owner serai_owner")
    return server.url("serai_owner", "loaded")


async def test_all_tenants_rows_go_along_and_nothing_that_is_not_ours(
    engine: Engine, database: Database, database_url: UrlOf, empty_url: str, tmp_path: Path, tenant: UUID,
    other_tenant: UUID,
) -> None:  # fmt: skip
    box = Outbox(ManualClock(), SeededRandom())
    for owner in (tenant, other_tenant):
        async with database.transaction(owner) as tx:
            await box.append(tx, Event("serai.test.thing", "k", "serai.test.thing.changed.v1", {}))
    with psycopg.connect(database_url(SUPERUSER)) as connection:
        connection.execute("create schema strangers; create table strangers.things (n int)")
    dumped = dump(engine, database_url("serai_owner"), tmp_path / "dump")
    assert dumped.rows["runtime.outbox"] == 2
    assert not any(name.startswith("strangers") for name in dumped.rows)
    assert not is_ours(empty_url)
    load(engine, empty_url, tmp_path / "dump", dumped.rows)
    assert is_ours(empty_url)
    with psycopg.connect(empty_url) as connection:
        counted = connection.execute(
            "select (select count(*) from runtime.outbox), to_regnamespace('strangers')"
        ).fetchone()
    assert counted == (2, None)


def test_rows_that_are_missing_after_loading_are_told(
    engine: Engine, database_url: UrlOf, empty_url: str, tmp_path: Path
) -> None:
    dumped = dump(engine, database_url("serai_owner"), tmp_path / "dump")
    with pytest.raises(DumpIncomplete, match=r"1 tables differ from the dump: runtime\.outbox has 0 rows, not 7"):
        load(engine, empty_url, tmp_path / "dump", {**dumped.rows, "runtime.outbox": 7})


def test_a_file_that_is_no_dump_leaves_the_database_as_it_was(engine: Engine, empty_url: str, tmp_path: Path) -> None:
    (tmp_path / "dump").write_bytes(b"nonsense")
    with pytest.raises(DumpFailed, match=r"pg_restore failed: .*valid archive"):
        load(engine, empty_url, tmp_path / "dump", {})
    assert not is_ours(empty_url)


def test_what_cannot_be_dumped_is_one_sentence(
    engine: Engine, database_url: UrlOf, empty_url: str, tmp_path: Path
) -> None:
    with pytest.raises(Misconfigured, match="holds nothing of Serai yet"):
        dump(engine, empty_url, tmp_path / "dump")
    with pytest.raises(Misconfigured, match="and pg_dump here is"):
        dump(replace(engine, version="9.6"), database_url("serai_owner"), tmp_path / "dump")
    with pytest.raises(DumpFailed, match="pg_dump failed"):
        dump(engine, database_url("serai_owner"), tmp_path / "nowhere" / "dump")
    with pytest.raises(Misconfigured, match="does not let us in") as refused:
        is_ours(empty_url.replace("@", "hunter2@"))
    assert "hunter2" not in refused.value.message
