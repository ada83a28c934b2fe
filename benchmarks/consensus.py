"""Consensus without a network: what the core, three members in one process, and the log on a disk can do.

    serai bench consensus [--seconds 3] [--clients 1 64 512] [--size 100] [--data DIR] [--json]

Three members exchange messages by a queue in one process and one thread, so a proposal's figure is the whole work of
the group, all three members' (divide by three for one member's). `memory` disks answer at once: the cost of the code.
`fsync` disks append to real files and sync them with fdatasync, one after the other: a real group syncs side by side.
The log's figure is encoding, appending and syncing batches; `encode` leaves the disk out.
"""

import argparse
import os
import shutil
import tempfile
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random as Seeded

from rich.console import Console
from rich.table import Table

from benchmarks.machine import keep, machine, percentile
from serai.kernel.machines import Answer, Append, Asked, Event, Received, Replace, Send, Store, Stored, TimedOut, Write
from serai.mechanisms.consensus.frames import Decoder, encode
from serai.mechanisms.consensus.journal import Journal
from serai.mechanisms.consensus.messages import Configuration, Entry, Kind
from serai.mechanisms.consensus.node import TICK, Node
from serai.mechanisms.consensus.requests import Done, Propose, Read, Value
from serai.mechanisms.consensus.settings import Settings

NAMES = ("a", "b", "c")
SETTINGS = Settings(snapshot_every_bytes=1 << 40)


class Chance:
    def __init__(self) -> None:
        self._seeded = Seeded(1)

    def token(self, size: int) -> bytes:
        return self._seeded.randbytes(size)

    def below(self, bound: int) -> int:
        return self._seeded.randrange(bound)


class Count:
    """An applied state that costs nothing."""

    def __init__(self) -> None:
        self.applied = 0

    def kept(self) -> int:
        return 0

    def apply(self, entries: Sequence[Entry]) -> Sequence[object]:
        self.applied += len(entries)
        return [None] * len(entries)

    def query(self, query: object) -> object:
        return self.applied

    def snapshot(self) -> Sequence[bytes]:
        return (b"%d" % self.applied,)

    def restore(self, index: int, chunks: Sequence[bytes]) -> None:
        self.applied = int(chunks[0])


class Nowhere:
    """A disk that is always done."""

    def names(self) -> Sequence[str]:
        return ()

    def read(self, file: str) -> bytes:
        raise FileNotFoundError(file)

    def perform(self, writes: Sequence[Write]) -> None:
        """Nothing is kept."""


class Folder(Nowhere):
    """Real files; a write is done when it is synced."""

    def __init__(self, path: Path) -> None:
        path.mkdir()
        self._path = path
        self._open: dict[str, int] = {}

    def perform(self, writes: Sequence[Write]) -> None:
        touched = set()
        for write in writes:
            assert isinstance(write, Append | Replace)
            if write.file not in self._open:
                self._open[write.file] = os.open(self._path / write.file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.write(self._open[write.file], write.data)
            touched.add(self._open[write.file])
        for file in touched:
            os.fdatasync(file)


class Group:
    """Three members and the queue between them."""

    def __init__(self, disk: Callable[[str], Nowhere], *, framed: bool) -> None:
        self.queue: deque[tuple[str, Event]] = deque()
        self.disks = {name: disk(name) for name in NAMES}
        self.nodes = {name: self._node(name) for name in NAMES}
        self.framed = framed
        self.steps = 0
        self.now_s = 0.0
        self.answered: dict[int, object] = {}
        for name, node in self.nodes.items():
            self.perform(name, node.start(0.0))
        self.run()
        self.now_s = 2.5
        self.queue.append(("a", TimedOut(TICK)))
        self.run()
        assert self.nodes["a"].status().leader == "a"

    def _node(self, name: str) -> Node:
        return Node(
            name,
            disk=self.disks[name],
            random=Chance(),
            applied=Count(),
            settings=SETTINGS,
            initial=Configuration(NAMES),
        )

    def perform(self, name: str, effects: Sequence[object]) -> None:
        for effect in effects:
            match effect:
                case Send(to, message):
                    if self.framed:
                        (message,) = Decoder().feed(encode(message))  # type: ignore[arg-type]
                    self.queue.append((to, Received(name, message)))
                case Store(token, writes):
                    self.disks[name].perform(writes)
                    self.queue.append((name, Stored(token)))
                case Answer(token, reply):
                    self.answered[token] = reply

    def run(self) -> None:
        """Until nothing is on its way."""
        while self.queue:
            name, event = self.queue.popleft()
            self.steps += 1
            self.perform(name, self.nodes[name].step(event, self.now_s))


def rounds(group: Group, seconds: float, ask: Callable[[], object], clients: int, wanted: type) -> dict[str, float]:
    """Each round every client asks once and waits for its answer."""
    token, waits_ms, before = 0, [], group.steps
    started = time.perf_counter()
    while (now := time.perf_counter()) - started < seconds:
        for _ in range(clients):
            token += 1
            group.queue.append(("a", Asked(token, ask())))
        group.run()
        waits_ms.append((time.perf_counter() - now) * 1000)
        assert len(group.answered) == clients
        assert all(isinstance(reply, wanted) for reply in group.answered.values())
        group.answered.clear()
    elapsed = time.perf_counter() - started
    return {
        "per_s": round(token / elapsed),
        "steps_per_s": round((group.steps - before) / elapsed),
        "p50_ms": round(percentile(waits_ms, 0.5), 2),
        "p99_ms": round(percentile(waits_ms, 0.99), 2),
    }


def log_bytes(disk: Nowhere, seconds: float, size: int, entries: int) -> dict[str, float]:
    """Batches of so many entries, encoded, appended and synced."""
    journal = Journal(Chance(), segment_bytes_max=SETTINGS.segment_bytes_max)
    data, index, started = b"x" * size, 1, time.perf_counter()
    while (elapsed := time.perf_counter() - started) < seconds:
        journal.keep_entries(0, [Entry(index + at, 1, Kind.COMMAND, data) for at in range(entries)])
        disk.perform(journal.write())
        journal.stored()
        index += entries
    return {"mb_per_s": round(journal.bytes_written / elapsed / 1e6, 1), "entries_per_s": round((index - 1) / elapsed)}


def measure(seconds: float, clients: Sequence[int], size: int, folder: Path) -> dict[str, dict[str, float]]:
    figures: dict[str, dict[str, float]] = {}
    data = b"x" * size

    def group(kind: str) -> Group:
        if kind == "fsync":
            place = Path(tempfile.mkdtemp(dir=folder))
            return Group(lambda name: Folder(place / name), framed=True)
        return Group(lambda name: Nowhere(), framed=kind == "framed")

    for kind in ("memory", "framed", "fsync"):
        for count in clients:
            done = rounds(group(kind), seconds, lambda: Propose(data), count, Done)
            figures[f"proposals, {kind}, {count} clients"] = done
    for count in clients:
        figures[f"reads, memory, {count} clients"] = rounds(group("memory"), seconds, lambda: Read(None), count, Value)
    for entries, bytes_each in ((1, 100), (64, 100), (64, 1024), (64, 16 * 1024)):
        name = f"log, {entries} x {bytes_each} B"
        figures[f"{name}, encode"] = log_bytes(Nowhere(), seconds, bytes_each, entries)
        figures[f"{name}, fsync"] = log_bytes(
            Folder(Path(tempfile.mkdtemp(dir=folder)) / "log"), seconds, bytes_each, entries
        )
    return figures


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 64, 512])
    parser.add_argument("--size", type=int, default=100)
    parser.add_argument("--data", type=Path, default=None)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(dir=chosen.data))
    try:
        figures = measure(chosen.seconds, chosen.clients, chosen.size, folder)
    finally:
        shutil.rmtree(folder)
    console = Console()
    if chosen.json:
        console.print_json(data={"machine": machine(), "figures": figures})
        return
    table = Table("what", "a second", "steps a second", "p50 ms", "p99 ms", "MB/s")
    for name, row in figures.items():
        rate = row.get("per_s", row.get("entries_per_s", 0))
        rest = [str(row.get(key, "")) for key in ("steps_per_s", "p50_ms", "p99_ms", "mb_per_s")]
        table.add_row(name, f"{rate:,.0f}", *rest)
    console.print(table)
    console.print(f"kept in {keep('consensus', figures)}")


if __name__ == "__main__":
    main()
