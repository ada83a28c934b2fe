"""A whole site into one file, and one file into a whole site.

The database is dumped before the gateway's file is copied, so the gateway knows every payment that the database speaks
of; what it knows beyond that is given back by the nightly reconciliation. The configuration store gives a snapshot.
Nothing stops while a backup is taken.
"""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import serai
from serai.app.plan import outside_urls
from serai.app.upkeep.parcel import (
    BackupUnusable,
    Manifest,
    members_of,
    read_manifest,
    require_understood,
    unpack,
    write_parcel,
)
from serai.app.upkeep.reach import any_engine, owner_of_outside, reached, server_for_task
from serai.app.upkeep.store import restore_store, save_store
from serai.app.upkeep.unfinished import MARK, mark, unmark
from serai.kernel.errors import Misconfigured
from serai.kernel.ports import Clock
from serai.runtime.files import LOCK, DirectoryLock, make_data_directory
from serai.runtime.postgres.dumps import dump, is_ours, load
from serai.runtime.postgres.migrations import Migration
from serai.runtime.settings import RuntimeSettings
from serai.systems.payments.gateway.store import FILE as GATEWAY_FILE

DUMP = "postgres.dump"
SECRETS = "secrets.json"
MAIL = "mail"
GATEWAY = f"gateway/{GATEWAY_FILE}"
STORE = "coordination/store.snapshot"

_STAGING = "restoring"


class RestoreRefused(Misconfigured):
    """There is something already where the backup would go."""

    code = "restore_refused"


def back_up(settings: RuntimeSettings, target: Path, clock: Clock) -> Manifest:
    """Writes the whole site into `target`, mode 0600, since it holds the site's secrets. Raises Misconfigured."""
    target = target.expanduser().absolute()
    if target.exists():
        raise Misconfigured(f"{target} exists already; choose another name, or remove it first.")
    with _staging(target.parent) as tree:
        with reached(settings) as reach:
            dumped = dump(reach.engine, reach.url, tree / DUMP)
        _copy_gateway(settings.data / GATEWAY, tree / GATEWAY)
        save_store(settings, tree / STORE)
        _copy_mail(settings.data / MAIL, tree / MAIL)
        shutil.copyfile(settings.data / SECRETS, tree / SECRETS)
        manifest = Manifest(
            serai=serai.__version__,
            made_at=clock.now().isoformat(timespec="seconds").replace("+00:00", "Z"),
            postgres_major=dumped.major,
            migrations=dumped.migrations,
            rows=dumped.rows,
            members=members_of(tree),
        )
        write_parcel(target, tree, manifest)
    return manifest


@contextmanager
def _staging(place: Path) -> Iterator[Path]:
    """On the disk that the backup goes to, since it is as large."""
    try:
        tree = Path(tempfile.mkdtemp(prefix=".serai-backup-", dir=place))
    except OSError as error:
        raise Misconfigured(f"{place} cannot be written ({(error.strerror or str(error)).lower()}).") from error
    try:
        yield tree
    finally:
        shutil.rmtree(tree, ignore_errors=True)


def _copy_gateway(source: Path, target: Path) -> None:
    """By SQLite's own backup, which is consistent while the gateway writes. Absent with an outside gateway."""
    if source.exists():
        target.parent.mkdir()
        with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(target)) as copy:
            live.backup(copy)


def _copy_mail(source: Path, target: Path) -> None:
    """A mail is complete once it has its name; one that is thrown away meanwhile is left out."""
    for folder in ("new", "cur"):
        (target / folder).mkdir(parents=True)
        for entry in sorted((source / folder).glob("*")):
            try:
                shutil.copyfile(entry, target / folder / entry.name)
            except FileNotFoundError:
                continue


def restore(settings: RuntimeSettings, source: Path, known: Sequence[Migration]) -> Manifest:
    """Makes a site of `source` in an empty data directory, or changes nothing. Raises Misconfigured."""
    source = source.expanduser().absolute()
    latest = {migration.system: migration.number for migration in known}
    require_understood(source, read_manifest(source), latest, serai.__version__)
    outside = outside_urls(settings)
    owner = owner_of_outside(outside.owner) if outside else ""
    if owner and is_ours(owner):
        raise RestoreRefused("The database of SERAI_POSTGRES_OWNER_URL holds a site already; name an empty one.")
    data = make_data_directory(settings.data)
    with DirectoryLock(data):
        _require_empty(data)
        mark(data, "a restore was interrupted; empty the directory and restore again.")
        try:
            manifest = _restore_into(settings, data, source, owner)
        except BaseException:
            _clear(data)
            raise
        unmark(data)
    return manifest


def _require_empty(data: Path) -> None:
    found = sorted(entry.name for entry in data.iterdir() if entry.name != LOCK)
    if found:
        raise RestoreRefused(f"{data} is not empty (it has {found[0]}); restore into another directory with --data.")


def _restore_into(settings: RuntimeSettings, data: Path, source: Path, owner: str) -> Manifest:
    tree = data / _STAGING
    tree.mkdir(mode=0o700)
    manifest = unpack(source, tree)
    if not {DUMP, SECRETS} <= manifest.members.keys():
        raise BackupUnusable(f"{source} lacks the database or the secrets; take another backup.")
    (tree / SECRETS).rename(data / SECRETS)
    for folder in (MAIL, "gateway"):
        if (tree / folder).is_dir():
            (tree / folder).rename(data / folder)
    for folder in ("new", "cur", "tmp"):  # a mailbox without mail left no folders in the file
        (data / MAIL / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
    if STORE in manifest.members:
        restore_store(settings, tree / STORE)
    engine = any_engine(settings)
    if owner:
        load(engine, owner, tree / DUMP, manifest.rows)
    else:
        with server_for_task(settings, data / "postgres", engine) as server:
            load(engine, server.url("serai_owner"), tree / DUMP, manifest.rows)
    shutil.rmtree(tree)
    return manifest


def _clear(data: Path) -> None:
    """Back to empty; the mark goes last."""
    for entry in data.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        elif entry.name not in (LOCK, MARK):
            entry.unlink()
    unmark(data)
