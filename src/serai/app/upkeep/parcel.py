"""One file that holds a whole site: a tar.gz whose first member tells what the others are and their SHA-256.

So a restore knows before it touches anything whether the file is whole, and whether this program understands it.
"""

import gzip
import hashlib
import os
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO

import orjson

from serai.kernel.errors import Misconfigured
from serai.runtime.files import sync_directory

FORMAT = 1
"""Raised when an older program could no longer read the file."""

MANIFEST = "manifest.json"
MANIFEST_BYTES_MAX = 16 * 1024 * 1024
_COMPRESSION = 6
_CHUNK_BYTES = 1024 * 1024


class BackupUnusable(Misconfigured):
    """The file is no backup, is damaged, or was written by a newer program."""

    code = "backup_unusable"


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a backup."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup is."""

    serai: str
    """Version of the program that wrote it."""
    made_at: str
    postgres_major: int
    migrations: Mapping[str, int]
    """The latest by system."""
    rows: Mapping[str, int]
    """By table: the restore counts again."""
    members: Mapping[str, Member]
    format: int = FORMAT


def members_of(tree: Path) -> dict[str, Member]:
    """Every file below `tree`, by its path."""
    files = sorted(path for path in tree.rglob("*") if path.is_file())
    return {path.relative_to(tree).as_posix(): Member(path.stat().st_size, _sha256(path)) for path in files}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_parcel(target: Path, tree: Path, manifest: Manifest) -> None:
    """Writes the file, readable by its owner alone, and gives it its name once it is durable."""
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            with tarfile.open(fileobj=file, mode="w:gz", compresslevel=_COMPRESSION) as tar:
                _add_bytes(tar, MANIFEST, orjson.dumps(asdict(manifest), option=orjson.OPT_INDENT_2))
                for name in manifest.members:
                    tar.add(tree / name, arcname=name, recursive=False)
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(target)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    sync_directory(target.parent)


def _add_bytes(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, BytesIO(content))


def read_manifest(source: Path) -> Manifest:
    """What the file says of itself; reads only its beginning. Raises BackupUnusable."""
    with _opened(source) as tar:
        return _manifest(source, tar)


def unpack(source: Path, into: Path) -> Manifest:
    """Puts every member into the empty directory `into`, mode 0600, each verified. Raises BackupUnusable."""
    with _opened(source) as tar:
        manifest = _manifest(source, tar)
        missing = dict(manifest.members)
        for entry in tar:
            if entry.name == MANIFEST:
                continue
            expected = missing.pop(entry.name, None)
            content = tar.extractfile(entry)
            if expected is None or content is None:
                raise _damaged(source, f"it holds {entry.name}, which its manifest does not")
            if _unpacked(content, into / entry.name) != expected:
                raise _damaged(source, f"{entry.name} is not what was written")
        if missing:
            raise _damaged(source, f"{min(missing)} is missing")
    return manifest


def _unpacked(content: IO[bytes], target: Path) -> Member:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        while chunk := content.read(_CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return Member(size, digest.hexdigest())


@contextmanager
def _opened(source: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(source, mode="r:gz") as tar:
            yield tar
    except FileNotFoundError as error:
        raise BackupUnusable(f"There is no file {source}; name the backup to restore.") from error
    except (PermissionError, IsADirectoryError) as error:
        raise BackupUnusable(f"{source} cannot be read ({(error.strerror or '').lower()}).") from error
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise _damaged(source, str(error)) from error


def _manifest(source: Path, tar: tarfile.TarFile) -> Manifest:
    entry = tar.next()
    content = tar.extractfile(entry) if entry and entry.name == MANIFEST else None
    if content is None:
        raise BackupUnusable(f"{source} is not a backup of Serai; name a file that `serai backup` wrote.")
    try:
        document = orjson.loads(content.read(MANIFEST_BYTES_MAX))
        if document["format"] > FORMAT:
            raise _too_new(source, document["serai"])
        members = {_safe(name): Member(**member) for name, member in document.pop("members").items()}
        return Manifest(members=members, **document)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _damaged(source, "its manifest cannot be read") from error


def _safe(name: str) -> str:
    """A name that stays inside the directory it is unpacked into."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or str(path) != name:
        raise ValueError(name)
    return name


def require_understood(source: Path, manifest: Manifest, known: Mapping[str, int], version: str) -> None:
    """Raises BackupUnusable if a newer program wrote it than `version` with the migrations `known`."""
    newer = [system for system, number in manifest.migrations.items() if number > known.get(system, 0)]
    if newer or _ordered(manifest.serai) > _ordered(version):
        raise _too_new(source, manifest.serai)


def _ordered(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())


def _too_new(source: Path, version: str) -> BackupUnusable:
    return BackupUnusable(f"{source} was written by Serai {version}, which is newer than this; upgrade Serai first.")


def _damaged(source: Path, why: str) -> BackupUnusable:
    return BackupUnusable(f"{source} is damaged ({why}); nothing was restored from it: take another backup.")
