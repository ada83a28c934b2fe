"""What the operator's verbs print is what is so: events in order, roles that work."""

import asyncio
import os
import sys
from pathlib import Path

import orjson
import psycopg
import pytest
from click.testing import CliRunner
from tests.conftest import TENANT, MakeServer
from tests.doubles import ManualClock, SeededRandom

from serai.app.cli import cli
from serai.app.upkeep.roles import roles_sql
from serai.runtime.outbox import Event, Outbox, position_before, read_events, relay_batch
from serai.runtime.postgres.database import Database, open_database
from serai.runtime.postgres.migrations import pending, runtime_migrations
from serai.runtime.postgres.server import DATABASE, ROLES, SUPERUSER, Tuning

from .conftest import Running


async def emit(database: Database, jobs: Database, *names: str) -> None:
    outbox = Outbox(ManualClock(), SeededRandom())
    for name in names:
        async with database.transaction(TENANT) as tx:
            await outbox.append(tx, Event(name, "key", f"{name}.made.v1", {"name": name}))
    await relay_batch(jobs)


async def test_a_topic_is_itself_and_what_stands_below_it(database: Database, jobs_database: Database) -> None:
    await emit(database, jobs_database, "serai.a.x", "serai.ab.x", "serai.a.y")
    topics = [event.topic for event in await read_events(jobs_database, 0, topic="serai.a")]
    assert topics == ["serai.a.x", "serai.a.y"]
    assert [event.topic for event in await read_events(jobs_database, 0, topic="serai.ab.x")] == ["serai.ab.x"]
    assert [await position_before(jobs_database, count) for count in (0, 1, 2, 99)] == [3, 2, 1, 0]
    assert await position_before(jobs_database, 1, "serai.ab") == 1


async def test_tail_shows_the_newest_and_then_what_comes(
    running: Running, database: Database, jobs_database: Database, tmp_path: Path
) -> None:
    await emit(database, jobs_database, "serai.a.x", "serai.b.x", "serai.c.x")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "serai.app.cli", "events", "tail", "-f", "--json", "--last", "2"),
        *("--data", str(tmp_path)),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout
    seen = [orjson.loads(await process.stdout.readline()) for _ in range(2)]
    await emit(database, jobs_database, "serai.d.x")
    seen.append(orjson.loads(await process.stdout.readline()))
    process.terminate()
    await process.wait()
    assert [event["type"] for event in seen] == ["serai.b.x.made.v1", "serai.c.x.made.v1", "serai.d.x.made.v1"]
    assert seen[0] | {"id": "", "time": ""} == {
        "specversion": "1.0",
        "id": "",
        "source": "/serai/b/x",
        "type": "serai.b.x.made.v1",
        "subject": "key",
        "time": "",
        "datacontenttype": "application/json",
        "data": {"name": "serai.b.x"},
    }


def test_the_doctor_tells_what_does_not_get_on(running: Running, tmp_path: Path) -> None:
    def findings() -> dict[str, bool]:
        done = CliRunner().invoke(cli, ["doctor", "--json", "--data", str(tmp_path)], catch_exceptions=False)
        return {
            found["name"]: found["well"] for found in orjson.loads(done.output) if found["name"] in ("events", "jobs")
        }

    assert findings() == {"events": True, "jobs": True}
    with psycopg.connect(running.server.url(SUPERUSER)) as connection:
        connection.execute(
            "insert into runtime.outbox (tenant_id, id, topic, key, type, at, data) values"
            " (gen_random_uuid(), gen_random_uuid(), 't', 'k', 'x', now() - interval '61 s', '{}')"
        )
        connection.execute(
            "insert into jobs.procrastinate_jobs (queue_name, task_name, status) values ('q', 't', 'failed')"
        )
    assert findings() == {"events": False, "jobs": False}


async def test_the_printed_roles_are_those_that_a_start_accepts(
    make_server: MakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = make_server(Tuning(fsync=False))
    with psycopg.connect(server.url(SUPERUSER, "postgres"), autocommit=True) as connection:
        connection.execute(f"drop database {DATABASE} with (force)".encode())
        for role in ROLES:
            connection.execute(f"drop role {role}".encode())
        printed = roles_sql(SeededRandom())
        for statement in printed.split(";\n"):
            connection.execute(statement.encode())
    urls = dict(line[3:].split("=", 1) for line in printed.splitlines() if line.startswith("-- SERAI_"))
    here = {name: url.replace("HOST:5432", f"127.0.0.1:{server.port}") for name, url in urls.items()}
    assert here.keys() == {"SERAI_POSTGRES_OWNER_URL", "SERAI_POSTGRES_URL", "SERAI_POSTGRES_JOBS_URL"}
    for name, url in here.items():
        monkeypatch.setenv(name, url)
    done = CliRunner().invoke(cli, ["migrate"], catch_exceptions=False)
    assert "applied cinema/0001_cinema" in done.output
    assert done.output.endswith("the database is current.\n")
    assert "\n0 migrations applied" in "\n" + CliRunner().invoke(cli, ["migrate"]).output
    assert pending(here["SERAI_POSTGRES_URL"], runtime_migrations()) == []
    for name in ("SERAI_POSTGRES_URL", "SERAI_POSTGRES_JOBS_URL"):
        async with open_database(here[name], SeededRandom(), pool_min=1, pool_max=1):
            pass


def test_print_roles_prints_new_passwords_each_time() -> None:
    first, second = (CliRunner().invoke(cli, ["migrate", "--print-roles"]).output for _ in range(2))
    assert first.count("nosuperuser nobypassrls") == len(ROLES)
    assert "owner serai_owner" in first
    assert first != second
