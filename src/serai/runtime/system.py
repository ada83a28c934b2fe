"""What a system declares, and the world it is built in. `app/` wires; importing a system has no effect."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from fastapi import APIRouter

from serai.kernel.ports import Clock, Random
from serai.runtime.http.callers import CallerTable
from serai.runtime.jobs import Job, Loop, Queue
from serai.runtime.outbox import Outbox
from serai.runtime.postgres.database import Database
from serai.runtime.settings import Configuration, RuntimeSettings, Settings

P = TypeVar("P")

Progress = Callable[[str, int, int], None]
"""Told about long work: what, done, total."""


@dataclass(frozen=True)
class Secrets:
    """Keys made at the first start and kept beside the data; see docs/reference/secrets.md."""

    values: dict[str, bytes]

    def __getitem__(self, name: str) -> bytes:
        return self.values[name]


@dataclass
class World:
    """All that a system may use from outside. One is made in each process."""

    clock: Clock
    random: Random
    configuration: Configuration
    database: Database
    jobs_database: Database
    queue: Queue
    outbox: Outbox
    secrets: Secrets
    data: Path
    callers: CallerTable
    """How often each caller has asked; shared by the web processes of one supervisor."""
    sign_ins: CallerTable
    """How often somebody has tried to sign in, apart from all other requests; shared likewise."""
    provided: dict[type[Any], Any] = field(default_factory=dict)

    @property
    def settings(self) -> RuntimeSettings:
        """The runtime's own settings."""
        return self.configuration.get(RuntimeSettings)

    def provide(self, port: type[P], implementation: P) -> None:
        """Offers an object to the systems built after this one, under the type that they ask for."""
        self.provided[port] = implementation

    def need(self, port: type[P]) -> P:
        """What an earlier system provides. A missing one is a mistake in `needs` of the asking system."""
        assert port in self.provided, f"{port.__name__} is not provided by any system built so far"
        implementation: P = self.provided[port]
        return implementation


@dataclass(frozen=True, slots=True)
class Figure:
    """A system's live figure on the home page: 312 'seats sold today', and its recent past, oldest first."""

    value: float
    unit: str
    series: tuple[float, ...] = ()
    decimals: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a system's navigation; `icon` is a name of the console's sprite."""

    title: str
    href: str
    icon: str
    role: str = ""
    """Only those who may do this see it; empty: everybody."""


@dataclass(frozen=True)
class Parts:
    """What a built system consists of."""

    routers: Sequence[APIRouter] = ()
    jobs: Sequence[Job] = ()
    loops: Sequence[Loop] = ()
    """Run in the jobs process."""
    background: Sequence[Loop] = ()
    """Run in every web process."""
    figure: Callable[[], Awaitable[Figure]] | None = None
    demo: Callable[[Progress], Awaitable[None]] | None = None
    """Loads believable data; idempotent, called at the first start and daily."""
    end_streams: Callable[[], None] | None = None
    """Called when the process begins to stop, before it waits for open connections."""
    close: Callable[[], Awaitable[None]] | None = None


@dataclass(frozen=True)
class System:
    """The one declaration of a system, in its `system.py`."""

    name: str
    title: str
    summary: str
    build: Callable[[World], Parts]
    design: int | None = None
    icon: str = "layers"
    home: str = ""
    """Path of its first page; empty for a supporting system without one."""
    navigation: tuple[Entry, ...] = ()
    """The pages that its navigation leads to, where somebody looks at one of them."""
    folder: Path | None = None
    """Of its pages: `templates/` (with a folder of the system's name inside) and `static/` join the console's own."""
    needs: tuple[str, ...] = ()
    settings: tuple[type[Settings], ...] = ()
    migrations: str = ""
    """Package with the files NNNN_name.sql."""
    commands: str = ""
    """'package.module:group' of its click group, imported only when the command line needs it."""
