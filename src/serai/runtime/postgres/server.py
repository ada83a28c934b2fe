"""The embedded PostgreSQL: a real server that we start, on loopback, and that never outlives us.

It decides where the cluster lives, who runs it, and what to do with one that a killed owner left behind. It prevents an
orphaned server holding the port, a half-made cluster, and a data directory opened by another major version.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import psycopg
from psycopg import sql

from serai.kernel.errors import Misconfigured, Unavailable
from serai.runtime.files import sync_directory, write_atomic
from serai.runtime.logfiles import telling
from serai.runtime.postgres.engine import Engine, EngineMajorDiffers, program_environment
from serai.runtime.postgres.leftovers import POLL_S, stop_leftovers
from serai.runtime.processes import Account, Launch, run, start
from serai.runtime.sockets import require_free_port

Role = Literal["postgres", "serai_owner", "serai_app", "serai_jobs"]
ROLES: tuple[Role, ...] = ("serai_owner", "serai_app", "serai_jobs")
SUPERUSER: Role = "postgres"
DATABASE = "serai"

INITDB_S = 120.0
"""A cluster takes 0.4 s to make; a slow disk may take this long."""

_CONNECT_S = 5
_LOG_BYTES_MAX = 16 * 1024


class ServerFailed(Unavailable):
    """The embedded PostgreSQL did not start, or not in time."""

    code = "postgres_failed"


@dataclass(frozen=True, slots=True)
class Tuning:
    """How the server is set up."""

    connections_max: int = 200
    """Pools of all web and job processes together, and a few for people."""
    shared_buffers_mb: int = 128
    """PostgreSQL's own cache; the file system's comes on top."""
    fsync: bool = True
    """Off only in tests: without it a power cut may lose the cluster, though kill -9 of the server does not."""
    autovacuum_every_s: int = 5
    """How soon the planner learns of a table that was just filled. Until then it takes it for tiny, and a prepared plan
    reads all of a tenant's rows where it should read two."""
    stop_grace_s: float = 10.0
    """How long a fast stop may take before an immediate one (crash-safe, recovers at the next start)."""


class EmbeddedServer:
    """One cluster in `directory` and the server over it.

    `passwords` holds one for each of ROLES and for SUPERUSER. The caller holds the data directory's lock, so a server
    that is found running on this cluster has lost its owner. Synchronous; `start` from the main thread.
    """

    def __init__(
        self,
        engine: Engine,
        directory: Path,
        port: int,
        passwords: Mapping[Role, str],
        *,
        account: Account | None = None,
        tuning: Tuning | None = None,
    ) -> None:
        assert {*ROLES, SUPERUSER} <= passwords.keys(), "a password for every role"
        self.engine = engine
        self.directory = directory
        self.port = port
        self.cluster = directory / "cluster"
        self.log = directory / "postgres.log"
        self._passwords = passwords
        self._account = account
        self._tuning = tuning or Tuning()
        self._process: subprocess.Popen[bytes] | None = None

    def prepare(self) -> None:
        """Everything before the start: permissions, the cluster, leftovers of a killed owner, a free port."""
        _require_passage(self.directory, self._account)
        self.directory.mkdir(exist_ok=True, mode=0o700)
        if self._account:
            os.chown(self.directory, self._account.uid, self._account.gid)
        made_by = cluster_major(self.directory)
        if made_by is None:
            self._make_cluster()
        elif made_by != self.engine.major:
            raise EngineMajorDiffers(
                f"{self.cluster} was made by PostgreSQL {made_by} and cannot be opened by {self.engine.version};"
                f" point SERAI_POSTGRES_BIN at the programs of PostgreSQL {made_by}, or choose another --data."
            )
        self.make_way()

    def make_way(self) -> None:
        """Stops what a killed owner left on this cluster, and sees that the port is free. Raises PortInUse."""
        stop_leftovers(self.cluster, self._tuning.stop_grace_s)
        require_free_port(self.port, "PostgreSQL")

    def launch(self) -> Launch:
        """The server's command, for whoever supervises it. Stops fast on SIGINT."""
        options = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": self._tuning.connections_max,
            "shared_buffers": f"{self._tuning.shared_buffers_mb}MB",
            "fsync": "on" if self._tuning.fsync else "off",
            "autovacuum_naptime": f"{self._tuning.autovacuum_every_s}s",
            "password_encryption": "scram-sha-256",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_line_prefix": "%m [%p] %q%u@%d ",
            "cluster_name": "serai",
        }
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return self._launch("postgres", "-D", str(self.cluster), *settings, stop_signal=signal.SIGINT)

    def start(self) -> None:
        """Starts the server; its words go to `log`, which holds those of the latest start."""
        assert self._process is None, "already started"
        with self.log.open("wb") as log:
            self._process = start(self.launch(), log)

    def wait_ready(self, deadline_s: float = 30.0) -> None:
        """Returns when it answers and roles and database exist; ServerFailed with its own last words otherwise."""
        assert self._process is not None, "start it first"
        until_s = time.monotonic() + deadline_s
        while not self.answers():
            if self._process.poll() is not None:
                raise ServerFailed(f"PostgreSQL stopped while starting: {self._last_words()}")
            if time.monotonic() > until_s:
                raise ServerFailed(f"PostgreSQL did not answer within {deadline_s:g} s: {self._last_words()}")
            time.sleep(POLL_S)

    def answers(self) -> bool:
        """Whether it serves; makes roles and database where they are missing. Misconfigured if it refuses us."""
        try:
            connection = psycopg.connect(self.url(SUPERUSER, "postgres"), connect_timeout=_CONNECT_S, autocommit=True)
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise Misconfigured(
                    f"The PostgreSQL on port {self.port} does not know the password kept for it;"
                    f" restore the secrets file that belongs to {self.directory}."
                ) from error
            return False
        with connection:
            _make_roles(connection, self._passwords)
        return True

    def stop(self) -> None:
        """A fast stop: sessions are cut off, everything committed is kept. Does nothing if it is not running."""
        if self._process is None:
            return
        for sign in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            self._process.send_signal(sign)
            try:
                self._process.wait(self._tuning.stop_grace_s)
                break
            except subprocess.TimeoutExpired:
                continue
        self._process = None

    @property
    def pid(self) -> int | None:
        """Of the running server."""
        return self._process.pid if self._process else None

    def url(self, role: Role, database: str = DATABASE) -> str:
        """Where `role` connects, password included."""
        return f"postgresql://{role}:{quote(self._passwords[role], safe='')}@127.0.0.1:{self.port}/{database}"

    def _launch(self, program: str, *arguments: str, stop_signal: signal.Signals = signal.SIGTERM) -> Launch:
        argv = (self.engine.program(program), *arguments)
        # The leash changes to the directory as root, and PostgreSQL looks up its own path from there.
        return Launch(argv, program_environment(), self.directory, self._account, stop_signal)

    def _make_cluster(self) -> None:
        """Under another name first: a start killed in the middle leaves nothing that looks like a cluster."""
        fresh, password = self.directory / "cluster.new", self.directory / "password.new"
        shutil.rmtree(fresh, ignore_errors=True)
        write_atomic(password, self._passwords[SUPERUSER].encode(), mode=0o600)
        if self._account:
            os.chown(password, self._account.uid, self._account.gid)
        try:
            done = run(self._launch("initdb", *self._initdb_options(fresh, password)), INITDB_S)
        finally:
            password.unlink()
        if done.returncode:
            raise ServerFailed(f"PostgreSQL could not make its cluster in {fresh}: {telling(done.stderr.splitlines())}")
        fresh.rename(self.cluster)
        sync_directory(self.directory)

    def _initdb_options(self, fresh: Path, password: Path) -> list[str]:
        # The builtin collation is the same on every machine and in every minor release; before 17 only C is.
        builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if self.engine.major >= 17 else []
        return [
            *("-D", str(fresh), "-U", SUPERUSER, "--encoding=UTF8", "--locale=C", *builtin),
            *("--auth=scram-sha-256", f"--pwfile={password}", "--data-checksums"),
            *([] if self._tuning.fsync else ["--no-sync"]),
        ]

    def _last_words(self) -> str:
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - _LOG_BYTES_MAX))
            return telling(log.read().decode(errors="replace").splitlines())


def cluster_major(directory: Path) -> int | None:
    """The major version that made the cluster in `directory`, or None if there is none yet."""
    try:
        return int((directory / "cluster" / "PG_VERSION").read_text())
    except FileNotFoundError:
        return None


def _require_passage(directory: Path, account: Account | None) -> None:
    """PostgreSQL refuses to run as root, and its user must be able to walk to its data."""
    if account is None:
        return
    for parent in directory.parents:
        found = parent.stat()
        if not found.st_mode & 0o001 and found.st_uid != account.uid:
            raise Misconfigured(
                f"PostgreSQL runs as the user {account.name}, who cannot pass through {parent};"
                " choose a directory that others may pass through with --data (as root: /var/lib/serai)."
            )


def _make_roles(connection: psycopg.Connection[tuple[object, ...]], passwords: Mapping[Role, str]) -> None:
    """The three roles and the database, where missing. One query when nothing is."""
    found = connection.execute(
        "select rolname from pg_roles where rolname = any(%s) union all select datname from pg_database"
        " where datname = %s",
        (list(ROLES), DATABASE),
    ).fetchall()
    missing = {*ROLES, DATABASE} - {str(name) for (name,) in found}
    for role in (role for role in ROLES if role in missing):
        connection.execute(
            sql.SQL("create role {} login nosuperuser nobypassrls nocreatedb nocreaterole password {}").format(
                sql.Identifier(role), sql.Literal(passwords[role])
            )
        )
    if DATABASE in missing:
        connection.execute(sql.SQL("create database {} owner serai_owner").format(sql.Identifier(DATABASE)))
