"""Moves a data directory to another major version of PostgreSQL: dumped from the old server, loaded into a new cluster.

No major ever opens another's files. The old cluster is put aside untouched, so the way back is a rename; a process
killed in the middle leaves a mark, and the next call begins anew.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from serai.app.plan import outside_urls
from serai.app.supervisor import take_over
from serai.app.upkeep.reach import any_engine, server_for_task
from serai.app.upkeep.unfinished import mark, unmark
from serai.kernel.errors import Misconfigured
from serai.runtime.files import sync_directory
from serai.runtime.postgres.dumps import dump, load
from serai.runtime.postgres.engine import Engine, find_engine, keep
from serai.runtime.postgres.server import SUPERUSER, cluster_major
from serai.runtime.processes import service_account
from serai.runtime.settings import RuntimeSettings

_DUMP = "upgrade.dump"
_FRESH = "postgres.new"


@dataclass(frozen=True, slots=True)
class Upgraded:
    """From where to where, and how many rows went along."""

    before: int
    after: str
    rows: int
    aside: Path
    """The old cluster; it can be deleted once the site has proved itself."""


def upgrade_data(settings: RuntimeSettings, old_programs: str = "") -> Upgraded:
    """Moves the data of a stopped site to the preferred engine. Raises Misconfigured where that cannot be done."""
    if outside_urls(settings):
        raise Misconfigured("The site uses an outside PostgreSQL, which is upgraded by its own means.")
    if not settings.data.is_dir():
        raise Misconfigured(f"There is no site in {settings.data}; name its directory with --data.")
    with take_over(settings.data):
        before = _take_back(settings.data)
        new = any_engine(settings)
        if new.major == before:
            raise Misconfigured(f"The data belongs to PostgreSQL {before} already, which is the newest here.")
        if new.major < before:
            raise Misconfigured(f"The data was made by PostgreSQL {before}, and the newest here is {new.version}.")
        old = find_engine(
            bin_setting=old_programs, major=before, account=service_account(), copies=settings.data / "engine"
        )
        aside = settings.data / f"postgres.{before}"
        if aside.exists():
            raise Misconfigured(f"{aside} is left of an earlier upgrade; remove it first.")
        mark(settings.data, "an upgrade was interrupted; run `serai upgrade-data` again.")
        try:
            rows = _move(settings, old, new, aside)
        except BaseException:
            _take_back(settings.data)
            raise
        unmark(settings.data)
    return Upgraded(before, new.version, rows, aside)


def _move(settings: RuntimeSettings, old: Engine, new: Engine, aside: Path) -> int:
    data = settings.data
    with server_for_task(settings, data / "postgres", old) as server:
        dumped = dump(new, server.url(SUPERUSER), data / _DUMP)  # the newer pg_dump knows the older server
    with server_for_task(settings, data / _FRESH, new) as server:
        load(new, server.url("serai_owner"), data / _DUMP, dumped.rows)
    (data / "postgres").rename(aside)
    (data / _FRESH).rename(data / "postgres")
    sync_directory(data)
    (data / _DUMP).unlink()
    keep(new, data / "engine")
    return sum(dumped.rows.values())


def _take_back(data: Path) -> int:
    """The state before an upgrade that did not end, and the major of its cluster. Does nothing to one that did."""
    if not (data / "postgres").exists():
        asides = sorted(data.glob("postgres.[0-9]*"), key=lambda path: int(path.name.partition(".")[2]))
        for latest in asides[-1:]:
            latest.rename(data / "postgres")
    shutil.rmtree(data / _FRESH, ignore_errors=True)
    (data / _DUMP).unlink(missing_ok=True)
    major = cluster_major(data / "postgres")
    if major is None:
        raise Misconfigured(f"There is no site in {data}; name its directory with --data.")
    unmark(data)
    return major
