"""Migrations: SQL files applied once, in order, each in its own transaction, with their checksums remembered.

An edited file would make two databases with the same history differ, so a changed checksum refuses to start.
Concurrent starts queue behind one advisory lock.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

import psycopg
from procrastinate.schema import SchemaManager

from serai.kernel.errors import Misconfigured

_LOCK = 0x5E2A1  # any constant: the advisory lock of every migrating process
_NAME = re.compile(r"(\d{4})_(\w+)\.sql")

_BOOK = """
create schema if not exists runtime;
create table if not exists runtime.migrations (
  system text not null, number int not null, name text not null, checksum text not null,
  applied_at timestamptz not null default clock_timestamp(), primary key (system, number));
grant usage on schema runtime to serai_app, serai_jobs;
grant select on runtime.migrations to serai_app, serai_jobs;
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One forward step of one system's schema."""

    system: str
    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, in hex."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def read_migrations(system: str, package: str) -> list[Migration]:
    """The files NNNN_name.sql of a package, in order; a gap or a repeated number is a mistake of ours."""
    found = []
    for entry in files(package).iterdir():
        if match := _NAME.fullmatch(entry.name):
            found.append(Migration(system, int(match[1]), match[2], entry.read_text()))
    found.sort(key=lambda migration: migration.number)
    assert [migration.number for migration in found] == list(range(1, len(found) + 1)), f"gap in {package}"
    return found


def job_queue_migration() -> Migration:
    """The schema of the job queue, which brings its own tables and functions; they live in the schema `jobs`.

    Its insert trigger goes: NOTIFY takes a lock on the whole server at commit, and our workers poll.
    """
    roles = "serai_app, serai_jobs"
    return Migration(
        "jobs",
        1,
        "procrastinate",
        "create schema jobs; set local search_path = jobs, pg_catalog;\n"
        + SchemaManager.get_schema()
        + "\ndrop trigger procrastinate_jobs_notify_queue_job_inserted_v1 on procrastinate_jobs;"
        + f"\ngrant usage on schema jobs to {roles};"
        + f"\ngrant select, insert, update, delete on all tables in schema jobs to {roles};"
        + f"\ngrant usage, select on all sequences in schema jobs to {roles};"
        + f"\ngrant execute on all functions in schema jobs to {roles};",
    )


def runtime_migrations() -> list[Migration]:
    """What every system's schema stands on."""
    return [*read_migrations("runtime", "serai.runtime.migrations"), job_queue_migration()]


def pending(owner_url: str, wanted: Sequence[Migration]) -> list[Migration]:
    """Those of `wanted` that the database has not seen; Misconfigured if one that it has seen was edited since."""
    with psycopg.connect(owner_url, autocommit=True) as connection:
        exists = connection.execute("select to_regclass('runtime.migrations') is not null").fetchone()
        return _missing(connection, wanted) if exists and exists[0] else list(wanted)


def migrate(owner_url: str, wanted: Sequence[Migration]) -> list[Migration]:
    """Applies what is missing, as the owner, and returns it."""
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(%s)", (_LOCK,))
        connection.execute("set client_min_messages = warning")
        connection.execute(_BOOK)
        missing = _missing(connection, wanted)
        for migration in missing:
            with connection.transaction():
                # Our own files are trusted text, not a query built from input.
                connection.execute(migration.sql)
                connection.execute(
                    "insert into runtime.migrations (system, number, name, checksum) values (%s, %s, %s, %s)",
                    (migration.system, migration.number, migration.name, migration.checksum),
                )
        return missing


def _missing(connection: psycopg.Connection[tuple[object, ...]], wanted: Sequence[Migration]) -> list[Migration]:
    rows = connection.execute("select system, number, checksum from runtime.migrations").fetchall()
    seen = {(system, number): checksum for system, number, checksum in rows}
    for migration in wanted:
        checksum = seen.get((migration.system, migration.number))
        if checksum not in (None, migration.checksum):
            raise Misconfigured(
                f"Migration {migration.system}/{migration.number:04d}_{migration.name} was edited after it was applied;"
                " restore the file and put the change into a new migration."
            )
    return [migration for migration in wanted if (migration.system, migration.number) not in seen]
