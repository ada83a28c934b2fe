"""Other people's clients and suites, installed once: aetcd with its tests from PyPI, etcd3 from npm."""

import fcntl
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

AETCD = "aetcd==1.0.0"
ETCD3 = "etcd3@1.1.2"
SUITE_NEEDS = ("pytest==9.2.0", "pytest-asyncio==1.5.0", "pytest-mock==3.17.0", "pytest-cov==7.1.0")
INSTALL_MAX_S = 300


@contextmanager
def _alone(name: str) -> Iterator[Path]:
    """A folder in which no other process installs meanwhile."""
    folder = Path(os.environ.get("SERAI_TEST_ETCD", Path.home() / ".cache" / "serai-etcd")) / name
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield folder


def _run(*command: object, folder: Path | None = None) -> None:
    line = [str(word) for word in command]
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, timeout=INSTALL_MAX_S)
    assert done.returncode == 0, f"{line}: {done.stderr[-2000:]}"


@cache
def aetcd() -> tuple[Path, Path]:
    """An environment of its own (a plugin of ours would be one of its suite) and the folder with its tests."""
    with _alone("aetcd") as folder:
        python, sources = folder / "venv" / "bin" / "python", folder / AETCD.replace("==", "-")
        if not (sources / "ready").exists():
            _run(sys.executable, "-m", "venv", "--clear", folder / "venv")
            _run(python, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:", "-d", folder, AETCD)
            with tarfile.open(folder / f"{AETCD.replace('==', '-')}.tar.gz") as archive:
                archive.extractall(folder, filter="data")
            _run(python, "-m", "pip", "install", "-q", sources, *SUITE_NEEDS)
            (sources / "ready").touch()
        return python, sources


@cache
def etcd3() -> Path:
    """The folder of modules in which node finds it."""
    with _alone("npm") as folder:
        if not (folder / "node_modules" / "etcd3").exists():
            (folder / "package.json").write_text('{"private": true}\n')
            _run("npm", "install", "--silent", "--no-audit", "--no-fund", ETCD3, folder=folder)
        return folder / "node_modules"
