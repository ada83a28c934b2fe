"""Coordination beside etcd: one member and three, by etcd's own Go client, both with fsync, on the same disk.

    serai bench coordination [--seconds 3] [--clients 1 8 64 256] [--engines serai etcd-current etcd-3.4] [--data DIR]
                             [--members 1 3] [--check m] [--json]

The engines take turns at each figure, so that a busy moment of the machine meets all of them; each begins empty. The
load comes from tools/etcd/load (built here), which asks again as soon as it was answered; it shares the machine's cores
with the servers. `half load` asks at half of the rate that the engine reached with 64 clients, and counts from when a
request was due. Latencies are of requests, or of events from the put to the watch. Memory is of all members after the
start, and at the end. The last column is ours in proportion to the current etcd's; of times and memory, less is better.
"""

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from tools.engines import Cluster, started
from tools.install_etcd import Installed, install

from benchmarks.machine import keep, machine, many_files

PEER = "etcd-current"
ENGINES = ("serai", PEER, "etcd-3.4")
RUN_MAX_S = 180
BATCHES = (16, 64)
FANS = ((100, 8), (1000, 8))
"""Watches on one prefix, and the clients that write there."""
HALF_CLIENTS = 64

Figure = dict[str, Any]


CHECK = "also run etcdctl check perf at these loads, on one member: a minute each"


@dataclass(frozen=True)
class Work:
    """One line of the table: what the load generator does."""

    name: str
    options: tuple[str, ...]
    keys: int = 1
    """How many keys, or events, each operation counts for."""
    unit: str = "requests/s"


def works(clients: Sequence[int], members: int) -> Iterator[Work]:
    """What is measured on a cluster of so many members."""
    for count in clients:
        yield Work(f"put, {count} clients", ("-work", "put", "-clients", str(count)))
    for kind, name in (("get", "linearizable get"), ("get-serializable", "serializable get")):
        for count in clients:
            if count in (1, 64):
                yield Work(f"{name}, {count} clients", ("-work", kind, "-clients", str(count)))
    for batch in BATCHES:
        options = ("-work", "txn", "-batch", str(batch), "-clients", "8")
        yield Work(f"transactions of {batch} puts, 8 clients", options, batch, "keys/s")
    for watches, writers in FANS if members == 1 else FANS[:1]:
        options = ("-work", "watch", "-watches", str(watches), "-connections", "20", "-clients", str(writers))
        yield Work(f"events to {watches} watches, {writers} writers", options, 1, "events/s")


def load(installed: Installed, cluster: Cluster, seconds: float, options: Sequence[str]) -> Figure:
    """One run of the load generator. RuntimeError, with what it said."""
    line = [str(installed.load), "-endpoints", cluster.endpoints, "-seconds", str(seconds), *options]
    done = subprocess.run(line, capture_output=True, text=True, timeout=RUN_MAX_S, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(line)}: {done.stderr.strip()}")
    found: Figure = json.loads(done.stdout)
    return found


@dataclass
class Running:
    """An engine's cluster, and what starting it cost."""

    cluster: Cluster
    start_s: float
    idle_bytes: int


@contextmanager
def running(engine: str, members: int, folder: Path, installed: Installed) -> Iterator[Running]:
    """From the first process's start until each member has answered a read."""
    began = time.perf_counter()
    with started(engine, members, folder, installed) as cluster:
        yield Running(cluster, time.perf_counter() - began, cluster.rss_bytes())


def measure(chosen: argparse.Namespace, folder: Path, console: Console) -> dict[str, dict[str, Figure]]:
    """By figure, then engine."""
    installed = install()
    figures: dict[str, dict[str, Figure]] = {}
    for members in chosen.members:
        many = f"{members} member{'s' if members > 1 else ''}"
        with ExitStack() as stack:
            up = {
                engine: stack.enter_context(running(engine, members, folder / f"{engine}-{members}", installed))
                for engine in chosen.engines
            }
            for work in works(chosen.clients, members):
                row = figures.setdefault(f"{many}: {work.name}", {})
                for engine, one in up.items():
                    row[engine] = _told(load(installed, one.cluster, chosen.seconds, work.options), work)
                    console.log(f"{many}: {work.name}: {engine}: {row[engine]}")
            figures[f"{many}: put at half load"] = _half_load(chosen, installed, up, figures, many)
            figures[f"{many}: start"] = {engine: {"s": round(one.start_s, 2)} for engine, one in up.items()}
            figures[f"{many}: memory"] = {
                engine: {"idle_mb": round(one.idle_bytes / 1e6), "end_mb": round(one.cluster.rss_bytes() / 1e6)}
                for engine, one in up.items()
            }
    return figures


def _told(found: Figure, work: Work) -> Figure:
    return {
        "per_s": round(found["per_s"] * work.keys),
        "unit": work.unit,
        "p50_ms": round(found["p50_ms"], 2),
        "p99_ms": round(found["p99_ms"], 2),
        "errors": found["errors"],
    }


def _half_load(
    chosen: argparse.Namespace,
    installed: Installed,
    up: dict[str, Running],
    figures: dict[str, dict[str, Figure]],
    many: str,
) -> dict[str, Figure]:
    full = figures.get(f"{many}: put, {HALF_CLIENTS} clients", {})
    work = Work("put", ())
    return {
        engine: _told(
            load(
                installed,
                up[engine].cluster,
                chosen.seconds,
                ("-work", "put", "-clients", str(HALF_CLIENTS), "-rate", str(max(1, found["per_s"] // 2))),
            ),
            work,
        )
        for engine, found in full.items()
    }


def check(chosen: argparse.Namespace, folder: Path) -> dict[str, dict[str, Figure]]:
    """What etcdctl itself thinks of each engine."""
    installed = install()
    figures: dict[str, dict[str, Figure]] = {}
    for size in chosen.check:
        row = figures.setdefault(f"1 member: check perf {size}", {})
        for engine in chosen.engines:
            with started(engine, 1, folder / f"{engine}-check-{size}", installed) as cluster:
                line = [installed.clients["current"], f"--endpoints={cluster.endpoints}", "check", "perf"]
                done = subprocess.run(
                    [*line, f"--load={size}"], capture_output=True, text=True, timeout=RUN_MAX_S, check=False
                )
            row[engine] = {"verdict": done.stdout.split()[-1], "said": done.stdout[done.stdout.find("PASS:") :].strip()}
    return figures


def table(figures: dict[str, dict[str, Figure]], engines: Sequence[str]) -> Table:
    """A line for each figure: every engine's, and ours in proportion to the peer's."""
    made = Table("what", *engines, f"serai / {PEER}")
    for name, row in figures.items():
        made.add_row(name, *(_cell(row.get(engine)) for engine in engines), _ratio(row))
    return made


def _cell(found: Figure | None) -> str:
    if found is None:
        return ""
    if "verdict" in found:
        return str(found["verdict"])
    if "per_s" not in found:
        return ", ".join(f"{value} {key}" for key, value in found.items())
    wrong = f" ({found['errors']} errors)" if found["errors"] else ""
    return f"{found['per_s']:,} {found['unit']}, p50 {found['p50_ms']}, p99 {found['p99_ms']} ms{wrong}"


def _ratio(row: dict[str, Figure]) -> str:
    ours, peers = row.get("serai"), row.get(PEER)
    if not ours or not peers:
        return ""
    key = next((key for key in ("per_s", "s", "idle_mb") if key in ours), "")
    if not key:
        return ""
    return f"{ours[key] / peers[key]:.2f}" if peers[key] else ""


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 64, 256])
    parser.add_argument("--members", type=int, nargs="+", default=[1, 3])
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--check", nargs="+", choices=("s", "m", "l", "xl"), default=[], help=CHECK)
    parser.add_argument("--data", type=Path, default=None)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    many_files()
    console = Console(stderr=chosen.json, width=None if Console().is_terminal else 160)
    with tempfile.TemporaryDirectory(prefix="serai-bench-", dir=chosen.data) as folder:
        figures = measure(chosen, Path(folder), console) | check(chosen, Path(folder))
    if chosen.json:
        Console().print_json(data={"machine": machine(), "figures": figures})
        return
    console.print(table(figures, chosen.engines))
    console.print(f"kept in {keep('coordination', figures)}")


if __name__ == "__main__":
    main()
