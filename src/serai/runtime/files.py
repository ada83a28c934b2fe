"""Files that survive a crash: atomic writes, a directory that one process holds, secrets made at the first start.

A torn status or secrets file would stop the next start, and two supervisors on one directory would corrupt it; every
failure here is one sentence that names the path and the way out.
"""

import fcntl
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import orjson

from serai.kernel.errors import Misconfigured
from serai.kernel.ports import Random

LOCK = "lock"
"""Name of the file in a data directory that its holder locks; it contains the holder's process id."""


class DataDirectoryUnusable(Misconfigured):
    """The data directory cannot be made, or not be written."""

    code = "data_directory_unusable"


class DataDirectoryInUse(Misconfigured):
    """Another running process holds the data directory."""

    code = "data_directory_in_use"


class SecretsDamaged(Misconfigured):
    """The secrets file is not what was written."""

    code = "secrets_damaged"


def write_atomic(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Replaces `path` so that a reader, or the next start after a power cut, sees the old content or the new."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, mode)  # whatever the umask says
            file.write(content)
            file.flush()
            os.fsync(handle)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Makes renames and new names in `directory` durable."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_data_directory(directory: Path) -> Path:
    """The directory, absolute, made if absent and proved writable; else DataDirectoryUnusable.

    Nobody else lists it. Run by root it may be passed through, because PostgreSQL lives in it as another user.
    """
    directory = directory.expanduser().absolute()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if directory.stat().st_uid == os.geteuid():
            directory.chmod(0o711 if os.geteuid() == 0 else 0o700)
        with (directory / LOCK).open("ab"):
            pass
    except OSError as error:
        raise DataDirectoryUnusable(
            f"The data directory {directory} cannot be written ({_why(error)});"
            " choose another with --data or SERAI_DATA."
        ) from error
    return directory


def _why(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


class DirectoryLock:
    """Holds a data directory for this process, until it is closed or the process ends, however it ends."""

    def __init__(self, directory: Path) -> None:
        """Raises DataDirectoryInUse with the holder's process id, DataDirectoryUnusable."""
        path = directory / LOCK
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._handle)
            raise DataDirectoryInUse(
                f"{directory} is in use by process {path.read_text().strip() or 'unknown'};"
                " stop that one, or choose another directory with --data."
            ) from error
        try:
            os.ftruncate(self._handle, 0)
            os.pwrite(self._handle, f"{os.getpid()}\n".encode(), 0)
        except OSError as error:
            os.close(self._handle)
            raise DataDirectoryUnusable(f"{path} cannot be written ({_why(error)}); make room there.") from error

    def close(self) -> None:
        """Lets the directory go; the file stays, since deleting it would let two processes hold two files."""
        os.close(self._handle)

    def __enter__(self) -> "DirectoryLock":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def holder_of(directory: Path) -> int | None:
    """The process id that holds `directory`, or None when nobody does. Takes no lock that a holder would notice."""
    path = directory / LOCK
    with suppress(FileNotFoundError, PermissionError, ValueError), path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(file.read())
    return None


class SecretFile:
    """Random keys by name, kept in one JSON file of mode 0600; a name asked for the first time gets a key."""

    def __init__(self, path: Path, random: Random) -> None:
        self._path = path
        self._random = random
        self._known: dict[str, bytes] = {}

    def get(self, name: str, size: int = 32) -> bytes:
        """`size` random bytes, the same at every call and start."""
        if name not in self._known:
            self._known = self._read()
        if name not in self._known:
            with self._only_writer():
                # Another process may have made it since.
                self._known = self._read()
                if name not in self._known:
                    self._known[name] = self._random.token(size)
                    self._write()
        key = self._known[name]
        if len(key) != size:
            raise SecretsDamaged(f"{self._path} holds {len(key)} bytes for {name}, not {size}; restore the file.")
        return key

    def __getitem__(self, name: str) -> bytes:
        """32 bytes: a key for a signature, a MAC or a cipher."""
        return self.get(name)

    def text(self, name: str, size: int = 24) -> str:
        """The same as URL-safe text: for passwords and for secrets that travel in headers."""
        return _text(self.get(name, size))

    def _read(self) -> dict[str, bytes]:
        try:
            found = orjson.loads(self._path.read_bytes())
            return {name: urlsafe_b64decode(text + "=" * (-len(text) % 4)) for name, text in found.items()}
        except FileNotFoundError:
            return {}
        except PermissionError as error:
            raise SecretsDamaged(f"{self._path} cannot be read; run as the user who started Serai first.") from error
        except (ValueError, AttributeError, TypeError) as error:
            raise SecretsDamaged(f"{self._path} is not the JSON that Serai wrote; restore it from a backup.") from error

    def _write(self) -> None:
        document = {name: _text(key) for name, key in sorted(self._known.items())}
        write_atomic(self._path, orjson.dumps(document, option=orjson.OPT_INDENT_2), mode=0o600)

    @contextmanager
    def _only_writer(self) -> Iterator[None]:
        with self._path.with_name(f".{self._path.name}.lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _text(key: bytes) -> str:
    return urlsafe_b64encode(key).rstrip(b"=").decode()
