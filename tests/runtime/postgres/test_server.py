"""The embedded PostgreSQL serves, survives, and never outlives its owner."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from contextlib import suppress
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
from tests.processes import gone

from serai.kernel.errors import Misconfigured
from serai.runtime.postgres.engine import Engine, EngineMajorDiffers
from serai.runtime.postgres.leftovers import server_processes
from serai.runtime.postgres.server import ROLES, SUPERUSER, EmbeddedServer, Role, ServerFailed
from serai.runtime.sockets import PortInUse

from .conftest import PASSWORDS, MakeServer

KILLED_S = 10.0


def up(server: EmbeddedServer) -> EmbeddedServer:
    server.prepare()
    server.start()
    server.wait_ready(60)
    return server


def one(server: EmbeddedServer, query: LiteralString, role: Role = SUPERUSER) -> object:
    with psycopg.connect(server.url(role), autocommit=True) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def execute(server: EmbeddedServer, statement: LiteralString) -> None:
    with psycopg.connect(server.url(SUPERUSER), autocommit=True) as connection:
        connection.execute(statement)


@pytest.mark.parametrize("role", ROLES)
def test_each_role_signs_in_by_password_and_has_no_power(make_server: MakeServer, role: Role) -> None:
    server = up(make_server())
    powers = (
        "select rolsuper or rolbypassrls or rolcreaterole or rolcreatedb from pg_roles where rolname = current_user"
    )
    assert one(server, "select current_user::text", role) == role
    assert one(server, powers, role) is False
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(host="127.0.0.1", port=server.port, user=role, password="wrong", dbname="serai")


def test_the_database_is_utf8_with_a_collation_that_no_machine_changes(make_server: MakeServer) -> None:
    server = up(make_server())
    described = "select concat_ws(' ', pg_encoding_to_char(encoding), datlocprovider, r.rolname)"
    assert one(server, f"{described} from pg_database d join pg_roles r on r.oid = datdba where datname = 'serai'") == (
        "UTF8 b serai_owner" if server.engine.major >= 17 else "UTF8 c serai_owner"
    )
    assert one(server, "show unix_socket_directories") == ""
    assert one(server, "show listen_addresses") == "127.0.0.1"
    assert one(server, "show data_checksums") == "on"


def test_a_second_start_is_quick_and_finds_the_data(make_server: MakeServer) -> None:
    first = up(make_server())
    execute(first, "create table kept as select 7 as n")
    first.stop()
    started_s = time.monotonic()
    second = up(make_server())
    assert time.monotonic() - started_s < 5.0
    assert one(second, "select n from kept") == 7


def test_kill_9_of_every_process_loses_nothing(make_server: MakeServer) -> None:
    first = up(make_server())
    execute(first, "create table kept as select generate_series(1, 1000) as n")
    for pid in server_processes(first.cluster):
        with suppress(ProcessLookupError):  # the first is the postmaster, whose children go by themselves
            os.kill(pid, signal.SIGKILL)
    second = up(make_server())
    assert one(second, "select count(*) from kept") == 1000


def test_a_backend_that_outlives_its_postmaster_does_not_block_the_next_start(make_server: MakeServer) -> None:
    first = up(make_server())
    busy = psycopg.connect(first.url(SUPERUSER))
    pid = busy.info.backend_pid
    busy.pgconn.send_query(b"select count(*) from generate_series(1, 100000000000)")
    assert first.pid
    os.kill(first.pid, signal.SIGKILL)
    up(make_server())
    assert gone(pid, KILLED_S)
    busy.close()


def test_a_server_left_by_a_killed_owner_is_stopped(make_server: MakeServer) -> None:
    orphan = up(make_server())
    next_one = up(make_server())
    assert orphan.pid
    assert next_one.pid != orphan.pid
    assert gone(orphan.pid, KILLED_S)


def test_a_pid_file_that_names_a_stranger_is_cleared_and_the_stranger_left_alone(make_server: MakeServer) -> None:
    first = up(make_server())
    first.stop()
    with subprocess.Popen(["/bin/sh", "-c", "read line"], stdin=subprocess.PIPE) as stranger:
        (first.cluster / "postmaster.pid").write_text(f"{stranger.pid}\n{first.cluster}\n1\n{first.port}\n\n\n0 0\n")
        up(make_server())
        assert stranger.poll() is None
        stranger.communicate(b"\n")


OWNER = """
    import sys
    from pathlib import Path
    from serai.runtime.postgres.engine import find_engine
    from serai.runtime.postgres.server import EmbeddedServer, Tuning
    from serai.runtime.processes import service_account

    account = service_account()
    server = EmbeddedServer(
        find_engine(account=account), Path(sys.argv[1]) / "postgres", int(sys.argv[2]), eval(sys.argv[3]),
        account=account, tuning=Tuning(fsync=False),
    )
    server.prepare()
    server.start()
    server.wait_ready(60)
    print(server.pid, flush=True)
    sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_kill_9_of_the_owner_takes_the_server_along(place: Path, free_port: int) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(OWNER), str(place), str(free_port), repr(PASSWORDS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with owner:
        assert owner.stdout
        pid = int(owner.stdout.readline())
        assert pid in server_processes(place / "postgres" / "cluster")
        owner.kill()
        owner.wait()
        assert gone(pid, KILLED_S)
    assert server_processes(place / "postgres" / "cluster") == []


def test_another_major_is_refused_before_it_touches_the_data(make_server: MakeServer) -> None:
    server = make_server()
    server.prepare()
    (server.cluster / "PG_VERSION").write_text("9\n")
    with pytest.raises(EngineMajorDiffers, match=r"was made by PostgreSQL 9 .* SERAI_POSTGRES_BIN"):
        make_server().prepare()


def test_a_busy_port_is_told_before_the_start(make_server: MakeServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortInUse, match=f"PostgreSQL cannot listen on .* port {port} .*--port"):
            make_server(port).prepare()


def test_a_server_that_cannot_start_says_why_in_its_own_words(make_server: MakeServer) -> None:
    server = make_server()
    server.prepare()
    with (server.cluster / "postgresql.conf").open("a") as file:
        file.write("nonsense = on\n")
    server.start()
    with pytest.raises(ServerFailed, match=r"configuration file .* contains errors"):
        server.wait_ready(60)


def test_lost_secrets_are_told_apart_from_a_server_that_is_starting(
    make_server: MakeServer, engine: Engine, place: Path
) -> None:
    running = up(make_server())
    stranger = EmbeddedServer(engine, place / "postgres", running.port, {**PASSWORDS, SUPERUSER: "lost"})
    with pytest.raises(Misconfigured, match="restore the secrets file"):
        stranger.answers()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")
def test_a_directory_that_the_servers_user_cannot_reach_is_named(make_server: MakeServer, place: Path) -> None:
    place.chmod(0o700)
    with pytest.raises(Misconfigured, match=rf"nobody, who cannot pass through {place};"):
        make_server().prepare()


def test_a_start_killed_while_making_the_cluster_leaves_none(make_server: MakeServer) -> None:
    server = make_server()
    half_made = server.directory / "cluster.new"
    half_made.mkdir(parents=True)
    (half_made / "PG_VERSION").write_text("3\n")
    assert one(up(server), "select 1") == 1
    assert not half_made.exists()
