"""Dumps of our part of a database and their loading, by PostgreSQL's own programs, with the rows counted on both sides.

A dump that silently left rows out would be found when it is needed, so every table is counted in the snapshot that is
dumped, and counted again after loading.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from serai.kernel.errors import Misconfigured, SeraiError
from serai.runtime.logfiles import telling
from serai.runtime.postgres.database import shown
from serai.runtime.postgres.engine import Engine, program_environment
from serai.runtime.postgres.outside import reason_of
from serai.runtime.processes import Launch, run

DUMP_S_MAX = 12 * 3600.0
"""A dump or its loading that takes longer is stopped."""

_CONNECT_S = 10

Counts = Mapping[str, int]
"""Rows by 'schema.table'."""


class DumpFailed(SeraiError):
    """PostgreSQL's program could not dump or load; its own words say why."""

    code = "dump_failed"
    title = "The database could not be dumped or loaded"


class DumpIncomplete(SeraiError):
    """After loading, a table has other rows than the dump told."""

    code = "dump_incomplete"
    title = "The database was not loaded completely"


@dataclass(frozen=True, slots=True)
class Dumped:
    """What a dump contains."""

    major: int
    """Of the server that it was taken from."""
    migrations: Mapping[str, int]
    """The latest by system."""
    rows: Counts


def dump(engine: Engine, url: str, target: Path) -> Dumped:
    """Dumps every schema of ours into `target`, as one snapshot, while others go on writing.

    `url` names the superuser, or the owner, to whom a policy of each table shows all rows.
    """
    with _connected(url) as connection:
        connection.execute("begin isolation level repeatable read, read only")
        major = connection.info.server_version // 10_000
        if major > engine.major:
            raise Misconfigured(
                f"The server at {shown(url)} is PostgreSQL {major}, and pg_dump here is {engine.version};"
                f" point SERAI_POSTGRES_BIN at the programs of PostgreSQL {major}."
            )
        migrations = _migrations(connection)
        rows = _rows(connection, [*migrations])
        snapshot = connection.execute("select pg_export_snapshot()").fetchone()
        assert snapshot
        extensions = connection.execute("select extname from pg_extension where extname <> 'plpgsql'").fetchall()
        _run(
            engine,
            "pg_dump",
            url,
            *("--format=custom", "--compress=0", "--no-owner", f"--file={target}", f"--snapshot={snapshot[0]}"),
            "--enable-row-security",
            *(f"--schema={system}" for system in migrations),
            *(f"--extension={name}" for (name,) in extensions),
        )
    return Dumped(major, migrations, rows)


def load(engine: Engine, owner_url: str, source: Path, expected: Counts) -> None:
    """Loads a dump into a database that has nothing of ours yet, all of it or nothing; `expected` is verified."""
    _run(engine, "pg_restore", owner_url, "--no-owner", "--exit-on-error", "--single-transaction", str(source))
    with _connected(owner_url) as connection:
        found = _rows(connection, sorted({name.partition(".")[0] for name in expected}))
        connection.execute("analyze")
    wrong = [name for name in {**expected, **found} if expected.get(name) != found.get(name)]
    if wrong:
        name = wrong[0]
        raise DumpIncomplete(
            f"{len(wrong)} tables differ from the dump: {name} has {found.get(name)} rows, not {expected.get(name)}."
        )


def is_ours(owner_url: str) -> bool:
    """Whether the database holds anything of ours."""
    with _connected(owner_url) as connection:
        row = connection.execute("select to_regnamespace('runtime') is not null").fetchone()
        assert row
        return bool(row[0])


def _connected(url: str) -> psycopg.Connection[tuple[object, ...]]:
    try:
        return psycopg.connect(url, autocommit=True, connect_timeout=_CONNECT_S)
    except psycopg.OperationalError as error:
        raise Misconfigured(f"PostgreSQL at {shown(url)} does not let us in ({reason_of(error)}).") from error


def _migrations(connection: psycopg.Connection[tuple[object, ...]]) -> dict[str, int]:
    exists = connection.execute("select to_regclass('runtime.migrations') is not null").fetchone()
    if not exists or not exists[0]:
        raise Misconfigured("The database holds nothing of Serai yet; start the site once with `serai up`.")
    rows = connection.execute("select system, max(number) from runtime.migrations group by 1 order by 1").fetchall()
    return {str(system): int(str(number)) for system, number in rows}


def _rows(connection: psycopg.Connection[tuple[object, ...]], schemas: list[str]) -> dict[str, int]:
    tables = connection.execute(
        "select schemaname, tablename from pg_tables where schemaname = any(%s) order by 1, 2", (schemas,)
    ).fetchall()
    counted = {}
    for schema, table in tables:
        query = sql.SQL("select count(*) from {}").format(sql.Identifier(str(schema), str(table)))
        row = connection.execute(query).fetchone()
        assert row
        counted[f"{schema}.{table}"] = int(str(row[0]))
    return counted


def _run(engine: Engine, program: str, url: str, *arguments: str) -> None:
    """The password travels in the environment: everybody may read a command line."""
    parts = conninfo_to_dict(url)
    password = str(parts.pop("password", ""))
    # The name is the last word of a URI of ours; make_conninfo writes it as key=value pairs.
    target = f"--dbname={make_conninfo('', **parts)}"
    environment = {**program_environment(), **({"PGPASSWORD": password} if password else {})}
    done = run(Launch((engine.program(program), target, *arguments), env=environment), DUMP_S_MAX)
    if done.returncode:
        raise DumpFailed(f"{program} failed: {telling(done.stderr.splitlines())}")
