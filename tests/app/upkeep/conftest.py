"""A data directory with a real site in it: its own PostgreSQL, gateway and mailbox, run in this process."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from email.message import EmailMessage
from mailbox import Maildir
from pathlib import Path

import pytest
from tests.systems.cinema.conftest import open_site

from serai.app.assembly import all_migrations
from serai.app.lives import State
from serai.app.plan import open_configuration
from serai.app.registry import all_systems
from serai.app.status import ChildStatus, Status, write_status
from serai.app.upkeep.reach import any_engine, server_for_task
from serai.runtime.files import DirectoryLock
from serai.runtime.postgres.migrations import migrate
from serai.runtime.postgres.server import EmbeddedServer, Role
from serai.runtime.settings import RuntimeSettings

__all__ = ["open_site"]


def settings_of(data: Path) -> RuntimeSettings:
    return open_configuration({"data": data}).get(RuntimeSettings)


@pytest.fixture
def tmp_path(place: Path) -> Path:
    """The site's data directory: `open_site` keeps the gateway's books in it."""
    data = place / "data"
    data.mkdir(mode=0o711)
    return data


class Running:
    """A server on the data directory, which this process holds as a supervisor would."""

    def __init__(self, data: Path) -> None:
        self._stack = ExitStack()
        self._stack.enter_context(DirectoryLock(data))
        settings = settings_of(data)
        self.server: EmbeddedServer = self._stack.enter_context(
            server_for_task(settings, data / "postgres", any_engine(settings))
        )
        migrate(self.server.url("serai_owner"), all_migrations(all_systems()))
        child = ChildStatus("postgres", State.READY, url=f"postgresql://127.0.0.1:{self.server.port}/serai")
        write_status(data, Status("ready", os.getpid(), "", "", "", "", (child,)))

    def stop(self) -> None:
        self._stack.close()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    made = Running(tmp_path)
    letter = EmailMessage()
    letter["Subject"] = "Your tickets"
    Maildir(tmp_path / "mail").add(letter)
    yield made
    made.stop()


@pytest.fixture
def database_url(running: Running) -> Callable[[Role], str]:
    """In place of the database of the test run: the site stands on the data directory's own server."""
    return running.server.url
