"""Clusters in directories that the server's user can reach: as root, pytest's own temporary directories are closed."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from serai.runtime.postgres.engine import Engine
from serai.runtime.postgres.server import ROLES, SUPERUSER, EmbeddedServer, Tuning
from serai.runtime.processes import Account

PASSWORDS = {role: f"{role}: a/b%c'd" for role in (*ROLES, SUPERUSER)}

MakeServer = Callable[..., EmbeddedServer]


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
