"""Brings the etcd servers and clients that coordination is compared with: python tools/install_etcd.py [DIR].

`3.4` is Debian's, by apt-get; `current` is built from etcd's Go modules, as tools/etcd/go.mod pins them, and so are our
own programs on its Go client: `load` for the benchmark, `concurrency` for the conformance suite. It takes a minute in
a clean home and about two seconds after that, for Go keeps what it has built. Without DIR: SERAI_TEST_ETCD, else
~/.cache/serai-etcd.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

SOURCES = Path(__file__).parent / "etcd"
BUILD_MAX_S = 900
VERSIONS = ("3.4", "current")


@dataclass(frozen=True, slots=True)
class Installed:
    """Where everything is. `servers` and `clients` by version."""

    servers: dict[str, Path]
    clients: dict[str, Path]
    load: Path
    concurrency: Path


class NotInstalled(Exception):
    """What is missing on this machine, and how to get it."""


def install(folder: Path | None = None) -> Installed:
    """Builds and fetches what is not there yet. NotInstalled."""
    folder = folder or Path(os.environ.get("SERAI_TEST_ETCD", Path.home() / ".cache" / "serai-etcd"))
    folder.mkdir(parents=True, exist_ok=True)
    _build(folder)
    server, client = _debian()
    return Installed(
        servers={"3.4": server, "current": folder / "etcd"},
        clients={"3.4": client, "current": folder / "etcdctl"},
        load=folder / "load",
        concurrency=folder / "concurrency",
    )


def _build(folder: Path) -> None:
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    if go is None:
        raise NotInstalled("etcd is built by Go, which is not on PATH; install Go 1.26 or newer.")
    _run([go, "build", "-ldflags=-s -w", "-o", f"{folder}/", "./..."], SOURCES)


def _debian() -> tuple[Path, Path]:
    found = [shutil.which(name, path="/usr/bin") for name in ("etcd", "etcdctl")]
    if None in found:
        _run(["apt-get", "update", "-qq"])
        _run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "etcd-server", "etcd-client"])
    return Path("/usr/bin/etcd"), Path("/usr/bin/etcdctl")


def _run(command: list[str], folder: Path | None = None) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(  # noqa: S603  # lines of this file
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=BUILD_MAX_S, check=False
    )
    if done.returncode != 0:
        raise NotInstalled(f"{' '.join(command)} failed: {done.stderr.strip()[-2000:]}")


if __name__ == "__main__":
    try:
        print(install(Path(sys.argv[1]) if len(sys.argv) > 1 else None))  # noqa: T201  # what a person waits for
    except NotInstalled as problem:
        sys.exit(str(problem))
