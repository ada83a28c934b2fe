"""The state of coordination without consensus, disks or network: what a put, a get and a watch cost a member.

    serai bench coordination_state [--puts 60000] [--data DIR] [--json]

Rounds of 64 puts of 256 bytes to 20,000 keys, as a busy member applies them. Times are the processor's, of one thread;
those of single steps are the clock's, so they include whatever else the machine did.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.machine import keep, machine, percentile
from serai.kernel.ports import OrderedMap
from serai.mechanisms.consensus.messages import Entry, Kind
from serai.runtime.machines.maps import DurableMap
from serai.systems.coordination.state.machine import Command, Query, State, encode_command
from serai.systems.coordination.state.words import Compact, Put, Range, WatchSpec

ROUND = 64
KEYS = 20_000
VALUE = b"v" * 256
GETS = 20_000
WATCHES = 10_000


class Dictionary:
    """A map whose scans are never asked for here."""

    def __init__(self) -> None:
        self._values: dict[bytes, bytes] = {}

    def get(self, key: bytes) -> bytes | None:
        return self._values.get(key)

    def scan(self, first: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        return iter([(key, self._values[key]) for key in sorted(self._values) if first <= key < end])

    def write(self, batch: Sequence[tuple[bytes, bytes | None]]) -> None:
        for key, value in batch:
            if value is None:
                self._values.pop(key, None)
            else:
                self._values[key] = value

    def frozen(self) -> "Dictionary":
        return self

    def close(self) -> None:
        """Nothing holds on to it."""


def entry(index: int, word: object) -> Entry:
    return Entry(index, 1, Kind.COMMAND, encode_command(Command(word)))  # type: ignore[arg-type]  # words that change


def puts(count: int) -> list[Entry]:
    return [entry(number + 1, Put(b"app/%05d/x" % (number * 7919 % KEYS), VALUE)) for number in range(count)]


def cost_us(work: Callable[[], object], count: int) -> float:
    began_s = time.process_time()
    work()
    return (time.process_time() - began_s) / count * 1e6


def took_ms(work: Callable[[], object]) -> float:
    began_s = time.perf_counter()
    work()
    return (time.perf_counter() - began_s) * 1e3


def apply(state: State, entries: list[Entry]) -> None:
    for at in range(0, len(entries), ROUND):
        state.apply(entries[at : at + ROUND])


def hot_path(ordered: OrderedMap, entries: list[Entry], name: str) -> tuple[State, dict[str, float]]:
    state = State(ordered)
    query = [Query(Range(b"app/%05d/x" % (number % KEYS))) for number in range(GETS)]
    return state, {
        f"put, {name}, us": cost_us(lambda: apply(state, entries), len(entries)),
        f"get, {name}, us": cost_us(lambda: [state.query(one) for one in query], GETS),
    }


def watched(entries: list[Entry]) -> dict[str, float]:
    state = State(Dictionary())
    for number in range(WATCHES):
        state.hub.create(state.hub.open(), 1, WatchSpec(b"app/%05d/" % number, b"app/%05d0" % number))
    return {f"put, dictionary, {WATCHES:,} watches, us": cost_us(lambda: apply(state, entries), len(entries))}


def in_steps(state: State, count: int) -> dict[str, float]:
    state.apply([entry(count + 1, Compact(count))])
    steps = []
    while state.compaction.pending:
        steps.append(took_ms(state.tidy))
    begins_ms = took_ms(lambda: len(state.snapshot()))
    page = Query(Range(b"app/", b"app0", limit=100))
    return {
        "a step of compaction, median, ms": percentile(steps, 0.5),
        "a step of compaction, 99 of 100, ms": percentile(steps, 0.99),
        f"a snapshot of {state.size_bytes / 1e6:.0f} MB begins in, ms": begins_ms,
        f"100 of {KEYS:,} keys with the count, ms": took_ms(lambda: state.query(page)),
    }


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="serai bench coordination_state", description=__doc__)
    parser.add_argument("--puts", type=int, default=60_000)
    parser.add_argument("--data", default=None, help="where RocksDB's files go; a temporary folder if not said")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    entries = puts(chosen.puts)
    folder = Path(tempfile.mkdtemp(prefix="serai-bench-", dir=chosen.data))
    try:
        _, figures = hot_path(Dictionary(), entries, "dictionary")
        rocks = DurableMap(folder / "map")
        state, more = hot_path(rocks, entries, "RocksDB")
        figures |= more | watched(entries) | in_steps(state, len(entries))
        rocks.close()
    finally:
        shutil.rmtree(folder)
    console = Console()
    if chosen.json:
        console.print_json(data={"machine": machine(), "figures": figures})
        return
    table = Table("what", "", box=None)
    for what, figure in figures.items():
        table.add_row(what, f"{figure:,.2f}")
    console.print(table)
    console.print(f"kept in {keep('coordination_state', figures)}")
