"""What every test may stand on: a real PostgreSQL with all migrations, a database of its own, time and chance.

One server a test process (each xdist worker starts its own in half a second) with a template database; `database` and
`jobs_database` are pools on a clone of it that only this test sees, as the roles serai_app and serai_jobs. The servers
run without fsync; a test that kills its server asks `make_server` for one of its own.
"""

import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from psycopg import sql
from tests.doubles import ManualClock, SeededRandom
from tests.event_schemas import undocumented_events

import serai.systems
from serai.runtime import sockets
from serai.runtime.postgres.database import Database, open_database
from serai.runtime.postgres.engine import Engine, find_engine
from serai.runtime.postgres.migrations import Migration, migrate, read_migrations, runtime_migrations
from serai.runtime.postgres.server import DATABASE, ROLES, SUPERUSER, EmbeddedServer, Role, Tuning
from serai.runtime.processes import Account, service_account

TENANT = UUID("018f0000-0000-7000-8000-00000000000a")
OTHER_TENANT = UUID("018f0000-0000-7000-8000-00000000000b")

# How busy the machine is says nothing about a property.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

POOL_MAX = 16
"""Connections that a test's database may open; a race that wants more opens its own."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite-stories", action="store_true", help="write the transcripts of consensus anew")


UrlOf = Callable[[Role], str]
MakeServer = Callable[..., EmbeddedServer]


def all_migrations() -> list[Migration]:
    """The runtime's, then every system's; no system's schema refers to another's, so their order is free."""
    wanted = runtime_migrations()
    for found in iter_modules(serai.systems.__path__):
        package = f"serai.systems.{found.name}"
        folder = Path(next(iter(import_module(package).__path__))) / "migrations"
        if folder.is_dir():
            wanted += read_migrations(found.name, f"{package}.migrations")
    return wanted


@pytest.fixture(scope="session")
def account() -> Account | None:
    return service_account()


@pytest.fixture(scope="session")
def engine(account: Account | None) -> Engine:
    return find_engine(account=account)


@pytest.fixture
def free_port() -> int:
    return sockets.free_port()


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that PostgreSQL's user may pass through, which pytest's own forbid for root."""
    with _open_place() as path:
        yield path


@contextmanager
def _open_place() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="serai-test-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def _server_factory(engine: Engine, account: Account | None) -> Callable[[ExitStack, Tuning], EmbeddedServer]:
    def make(stack: ExitStack, tuning: Tuning) -> EmbeddedServer:
        place = stack.enter_context(_open_place())
        passwords = {role: secrets.token_urlsafe(9) for role in (*ROLES, SUPERUSER)}
        server = EmbeddedServer(
            engine, place / "postgres", sockets.free_port(), passwords, account=account, tuning=tuning
        )
        stack.callback(server.stop)
        server.prepare()
        server.start()
        server.wait_ready(60)
        return server

    return make


@pytest.fixture(scope="session")
def server(_server_factory: Callable[[ExitStack, Tuning], EmbeddedServer]) -> Iterator[EmbeddedServer]:
    """This process's server; its database `serai` is the template with all migrations. Nobody connects to that one."""
    with ExitStack() as stack:
        made = _server_factory(stack, Tuning(fsync=False, stop_grace_s=5))
        migrate(made.url("serai_owner"), all_migrations())
        yield made


@pytest.fixture
def make_server(_server_factory: Callable[[ExitStack, Tuning], EmbeddedServer]) -> Iterator[MakeServer]:
    """Servers that a test may kill: fsync is on unless it says otherwise, all migrations are applied."""
    with ExitStack() as stack:

        def make(tuning: Tuning | None = None) -> EmbeddedServer:
            made = _server_factory(stack, tuning or Tuning(stop_grace_s=5))
            migrate(made.url("serai_owner"), all_migrations())
            return made

        yield make


@pytest.fixture
def database_url(server: EmbeddedServer) -> Iterator[UrlOf]:
    """The URL of this test's own database, by role."""
    name = f"test_{secrets.token_hex(6)}"
    identifier = sql.Identifier(name)
    with psycopg.connect(server.url(SUPERUSER, "postgres"), autocommit=True) as connection:
        connection.execute(
            sql.SQL("create database {} template {} owner serai_owner").format(identifier, sql.Identifier(DATABASE))
        )
    yield lambda role: server.url(role, name)
    # What a system emits in any test is what its documentation says.
    assert undocumented_events(server.url(SUPERUSER, name)) == []
    with psycopg.connect(server.url(SUPERUSER, "postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(identifier))


@pytest.fixture
async def database(database_url: UrlOf, random: SeededRandom) -> AsyncIterator[Database]:
    """As serai_app: row-level security applies."""
    async with open_database(database_url("serai_app"), random, pool_min=1, pool_max=POOL_MAX) as opened:
        yield opened


@pytest.fixture
async def jobs_database(database_url: UrlOf, random: SeededRandom) -> AsyncIterator[Database]:
    """As serai_jobs: the workers that cross tenants."""
    async with open_database(database_url("serai_jobs"), random, pool_min=1, pool_max=4) as opened:
        yield opened


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def random() -> SeededRandom:
    return SeededRandom()


@pytest.fixture
def tenant() -> UUID:
    return TENANT


@pytest.fixture
def other_tenant() -> UUID:
    return OTHER_TENANT
