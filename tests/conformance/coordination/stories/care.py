"""What an operator asks of a cluster: its members, its health, its size, copies of it."""

import tempfile
from pathlib import Path

from tests.conformance.coordination.etcdctl import Etcdctl


def members(ctl: Etcdctl) -> None:
    ctl("member", "list")
    ctl("member", "list", "-w", "json")
    ctl("member", "list", "-w", "fields")
    me = ctl.quietly("member", "list").split(",")[0]
    ctl("member", "remove", "4d2")
    ctl("member", "promote", "4d2")
    ctl("member", "update", "4d2", "--peer-urls=http://127.0.0.1:1")
    ctl("member", "promote", me)
    ctl("member", "add", "z")
    ctl("member", "add", "z", "--peer-urls=nonsense")
    ctl("move-leader", "4d2")


def health(ctl: Etcdctl) -> None:
    ctl("put", "a", "1")
    ctl("endpoint", "health")
    ctl("endpoint", "health", "--cluster")
    ctl("endpoint", "status", "-w", "json")
    ctl("endpoint", "hashkv", "-w", "json")
    ctl("endpoint", "hashkv", "--rev=1", "-w", "json")
    ctl("endpoint", "hashkv", "--rev=99", "-w", "json")
    ctl("alarm", "list")
    ctl("alarm", "disarm")
    ctl("defrag")
    ctl("get", "a")


def copies(ctl: Etcdctl) -> None:
    ctl("put", "a", "1")
    with tempfile.TemporaryDirectory(prefix="serai-snapshot-") as folder:
        ctl("snapshot", "save", f"{folder}/copy")
        size = Path(f"{folder}/copy").stat().st_size if Path(f"{folder}/copy").exists() else 0
        ctl.transcript.add("the copy holds more than its checksum", str(size > 32))
        ctl("snapshot", "save", f"{folder}/no/such/folder/copy")
    if ctl.client == ctl.cluster.installed.clients["3.4"]:
        _status(ctl)


def _status(ctl: Etcdctl) -> None:
    """Only the older etcdctl reads a snapshot itself; of the current one this is etcdutl's part."""
    with tempfile.TemporaryDirectory(prefix="serai-snapshot-") as folder:
        ctl.quietly("snapshot", "save", f"{folder}/copy")
        ctl("snapshot", "status", f"{folder}/copy")
        ctl("snapshot", "restore", f"{folder}/copy", f"--data-dir={folder}/restored")


def mirror(ctl: Etcdctl) -> None:
    """make-mirror reads all keys at one revision, then follows: here into the same cluster, under another prefix."""
    ctl("put", "src/a", "1")
    ctl("put", "src/b", "1")
    with (
        ctl.running("watch", "--prefix", "dst/", "--rev=2") as watch,
        ctl.running("make-mirror", "--prefix=src/", "--dest-prefix=dst/", ctl.endpoints.partition(",")[0]),
    ):
        watch.wait_lines(6)
        ctl("put", "src/c", "2")
        ctl("del", "src/a")
        watch.wait_lines(11)
    ctl("get", "--prefix", "dst/")
