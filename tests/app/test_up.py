"""`serai up` with a real PostgreSQL and a site in miniature: it serves, stops in order, and survives kill -9."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random

import psycopg
import pytest
from tests.processes import gone

from serai.app.plan import PORTS
from serai.app.status import Status, read_status, running_status
from serai.runtime.postgres.engine import find_engine
from serai.runtime.postgres.leftovers import server_processes
from serai.runtime.postgres.server import ROLES, SUPERUSER, EmbeddedServer, Tuning
from serai.runtime.processes import service_account

MINIATURE = Path(__file__).with_name("site.py")

DRIVER = """
import sys
from rich.console import Console
from serai.app.cli import run_or_exit
from serai.app.display import Display
from serai.app.plan import open_configuration
from serai.app.up import up
from serai.runtime.settings import RuntimeSettings

def work() -> None:
    settings = open_configuration().get(RuntimeSettings)
    up(settings, ["payments"], Display(Console(width=200)), (sys.executable, sys.argv[1]))

run_or_exit(work)
"""


@pytest.fixture
def port() -> int:
    """A free port with free ones where the other children listen."""
    for _ in range(100):
        base = Random().randrange(20_000, 32_000)
        try:
            with ExitStack() as stack:
                for offset in PORTS.values():
                    stack.enter_context(socket.create_server(("127.0.0.1", base + offset)))
        except OSError:
            continue
        return base
    raise AssertionError("no free ports")


def environment(data: Path, port: int, **settings: str) -> dict[str, str]:
    told = {"SERAI_DATA": str(data), "SERAI_PORT": str(port), "SERAI_WORKERS": "2"}
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **told, **settings}


@contextmanager
def site(data: Path, port: int, **settings: str) -> Iterator["subprocess.Popen[str]"]:
    """The site, running; whatever is left of it at the end is killed."""
    with subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(MINIATURE)],
        env=environment(data, port, **settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as running:
        try:
            yield running
        finally:
            running.kill()
            running.wait()
            left = read_status(data)
            if left and left.pid == running.pid:
                assert all(gone(leftover.pid) for leftover in left.leftovers())


def output_until(running: "subprocess.Popen[str]", words: str) -> str:
    """All that it prints, up to the line with these words."""
    assert running.stdout
    said = ""
    for line in running.stdout:
        said += line
        if words in line:
            return said
    raise AssertionError(said)


def get(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=20) as answer:
        return str(answer.read().decode())


def refusal(data: Path, port: int, **settings: str) -> str:
    """The one sentence with which a start is refused."""
    with site(data, port, **settings) as running:
        assert running.stdout
        said = running.stdout.read()
        assert running.wait(60) == 2
    assert len(said.splitlines()) == 1
    return said


def status_of(data: Path) -> Status:
    found = running_status(data)
    assert found
    return found


def assert_no_secret_is_shown(data: Path) -> None:
    """Neither in a command line, nor in the status, nor in a log."""
    secrets = json.loads((data / "secrets.json").read_text())
    pids = [child.pid for child in status_of(data).children if child.pid]
    shown = "".join(Path(f"/proc/{pid}/cmdline").read_text() for pid in pids)
    shown += (data / "run" / "status.json").read_text()
    shown += "".join(log.read_text() for log in (data / "logs").iterdir())
    assert len(secrets) >= 4
    assert [name for name, secret in secrets.items() if secret in shown] == []


def test_it_serves_stops_and_starts_again_with_its_data(data: Path, port: int) -> None:
    with site(data, port) as running:
        said = output_until(running, "Ctrl-C to stop")
        assert f"http://127.0.0.1:{port}" in said
        assert get(port) == "starts 1 owner False"
        children = {child.name: child for child in status_of(data).children}
        assert {"postgres", "gateway", "mailbox", "prepare", "jobs", "web-1", "web-2"} == children.keys()
        assert_no_secret_is_shown(data)
        assert f"is in use by process {running.pid};" in refusal(data, port)
        running.send_signal(signal.SIGINT)
        assert running.wait(60) == 0
    assert server_processes(data / "postgres" / "cluster") == []
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    started_s = time.monotonic()
    with site(data, port) as running:
        output_until(running, "Ctrl-C to stop")
        assert time.monotonic() - started_s < 10.0
        assert get(port) == "starts 2 owner False"
        running.terminate()
        assert running.wait(60) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_kill_9_leaves_nothing_and_the_next_start_goes_on(data: Path, port: int) -> None:
    with site(data, port) as running:
        output_until(running, "Ctrl-C to stop")
        running.kill()
        running.wait()
    left = read_status(data)
    assert left and len(left.leftovers()) == 6
    assert all(gone(leftover.pid) for leftover in left.leftovers())
    with site(data, port) as running:
        output_until(running, "Ctrl-C to stop")
        assert get(port) == "starts 2 owner False"


def test_a_killed_web_process_and_a_killed_postgres_come_back(data: Path, port: int) -> None:
    with site(data, port) as running:
        output_until(running, "Ctrl-C to stop")
        for name in ("web-1", "postgres"):
            pid = next(child.pid for child in status_of(data).children if child.name == name)
            assert pid
            os.kill(pid, signal.SIGKILL)
            assert f"{name} was killed by SIGKILL" in output_until(running, f"{name} restarting")
            output_until(running, f"{name} ready")
        assert get(port) == "starts 1 owner False"


@pytest.mark.parametrize("child", ["web", "postgres", "gateway", "mailbox"])
def test_a_port_in_use_is_one_sentence(data: Path, port: int, child: str) -> None:
    with socket.create_server(("127.0.0.1", port + PORTS[child])) as taken:
        assert f"cannot listen on 127.0.0.1 port {taken.getsockname()[1]} " in refusal(data, port)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"SERAI_POSTGRES_URL": "postgresql://a@127.0.0.1:1/x"}, "SERAI_POSTGRES_JOBS_URL is missing"),
        ({"SERAI_POSTGRES_OWNER_URL": "postgresql://a@127.0.0.1:1/x"}, "SERAI_POSTGRES_URL is missing"),
        (
            {"SERAI_POSTGRES_URL": "postgresql://a:secret@127.0.0.1:1/x", "SERAI_POSTGRES_JOBS_URL": "x"},
            "PostgreSQL at postgresql://a@127.0.0.1:1/x cannot be used",
        ),
        (
            {"SERAI_POSTGRES_URL": "127.0.0.1 whatever", "SERAI_POSTGRES_JOBS_URL": "x"},
            "SERAI_POSTGRES_URL is not a PostgreSQL URL",
        ),
        ({"SERAI_POSTGRES_BIN": "/nowhere"}, "SERAI_POSTGRES_BIN names /nowhere, where no PostgreSQL can be run"),
        ({"SERAI_HOST": "0.0.0.0"}, "SERAI_HOST is 0.0.0.0, which others can reach"),
        (
            {"SERAI_HOST": "no.such.host.invalid", "SERAI_ALLOW_PLAIN_HTTP": "1"},
            "'no.such.host.invalid' is not an address",
        ),
        ({"SERAI_DATA": "/proc/serai"}, "The data directory /proc/serai cannot be written"),
        ({"SERAI_CONFIG": "/nowhere.toml"}, "SERAI_CONFIG names /nowhere.toml"),
    ],
)
def test_what_an_operator_must_mend_is_one_sentence(
    data: Path, port: int, settings: dict[str, str], words: str
) -> None:
    said = refusal(data, port, **settings)
    assert words in said
    assert "secret" not in said


def test_an_outside_server_is_used_as_it_is(data: Path, port: int) -> None:
    account = service_account()
    passwords = dict.fromkeys((*ROLES, SUPERUSER), "x")
    server = EmbeddedServer(
        find_engine(account=account), data / "outside", port + 5, passwords, account=account, tuning=Tuning(fsync=False)
    )
    server.prepare()
    server.start()
    try:
        server.wait_ready(60)
        urls = {
            "SERAI_POSTGRES_URL": server.url("serai_app"),
            "SERAI_POSTGRES_JOBS_URL": server.url("serai_jobs"),
            "SERAI_POSTGRES_OWNER_URL": server.url("serai_owner"),
        }
        (data / "data").mkdir()
        with site(data / "data", port, **urls) as running:
            output_until(running, "Ctrl-C to stop")
            assert get(port) == "starts 1 owner False"
            assert "postgres" not in {child.name for child in status_of(data / "data").children}
            assert not (data / "data" / "postgres").exists()
        with psycopg.connect(urls["SERAI_POSTGRES_OWNER_URL"]) as connection:
            assert connection.execute("select count(*) from starts").fetchone() == (1,)
    finally:
        server.stop()
