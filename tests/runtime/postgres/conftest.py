"""Clusters in directories that the server's user can reach: as root, pytest's own temporary directories are closed."""

import os
import select
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from serai.runtime.postgres.engine import Engine, find_engine
from serai.runtime.postgres.server import ROLES, SUPERUSER, EmbeddedServer, Tuning
from serai.runtime.processes import Account, service_account

PASSWORDS = {role: f"{role}: a/b%c'd" for role in (*ROLES, SUPERUSER)}

MakeServer = Callable[..., EmbeddedServer]


@pytest.fixture
def place() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="serai-test-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def account() -> Account | None:
    return service_account()


@pytest.fixture(scope="session")
def engine(account: Account | None, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return find_engine(account=account)


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        return int(bound.getsockname()[1])


@pytest.fixture
def make_server(engine: Engine, account: Account | None, place: Path, free_port: int) -> Iterator[MakeServer]:
    """Servers over one cluster in `place`, stopped at the end."""
    with ExitStack() as stack:

        def make(port: int = free_port) -> EmbeddedServer:
            server = EmbeddedServer(
                engine, place / "postgres", port, PASSWORDS, account=account, tuning=Tuning(fsync=False)
            )
            stack.callback(server.stop)
            return server

        yield make


def wait_gone(pid: int, deadline_s: float) -> bool:
    """Whether a process that may not be our child ends in time."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], deadline_s)[0])
    finally:
        os.close(handle)
