"""Three members of consensus in three processes: real files with fsync, real sockets, clients at the leader.

    serai bench members [--seconds 3] [--clients 1 64 512] [--size 100] [--data DIR] [--json]

The clients are coroutines in the leader's process, each asking again when it is answered. Processor time is that of
all three processes, their disk threads among it, from the first proposal that is measured to the last.
"""

import argparse
import asyncio
import json
import select
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks.machine import keep, machine, percentile
from serai.mechanisms.consensus import frames
from serai.mechanisms.consensus.messages import Configuration, Entry
from serai.mechanisms.consensus.node import Node
from serai.mechanisms.consensus.requests import Done, Propose
from serai.mechanisms.consensus.roles import Role
from serai.mechanisms.consensus.settings import Settings
from serai.runtime.machines.disk import Directory, Storing
from serai.runtime.machines.driver import Driver
from serai.runtime.machines.peers import Address, Ears, Peers, Self
from serai.runtime.sockets import free_port
from serai.runtime.world import SystemRandom

NAMES = ("a", "b", "c")
WARM_UP_S = 0.5
START_S = 20.0
"""For three processes to start and to elect."""


class Watched:
    """An applied state that costs nothing, and the processor time that its process had used at each batch."""

    def __init__(self) -> None:
        self.applied = 0
        self.spent_s = [0.0]

    def kept(self) -> int:
        return 0

    def apply(self, entries: Sequence[Entry]) -> Sequence[object]:
        self.applied += len(entries)
        if entries[0].data[:5] == b"begin":
            self.spent_s, self.applied = [time.process_time()], 0
        self.spent_s[1:] = [time.process_time()]
        return [None] * len(entries)

    def query(self, query: object) -> object:
        return self.applied

    def snapshot(self) -> Sequence[bytes]:
        return (b"%d" % self.applied,)

    def restore(self, index: int, chunks: Sequence[bytes]) -> None:
        self.applied = int(chunks[0])


class Member:
    def __init__(self, name: str, ports: dict[str, int], folder: Path) -> None:
        self.name, self.ports = name, ports
        self.state = Watched()
        random = SystemRandom()
        directory = Directory(folder / name)
        settings = Settings(snapshot_every_bytes=1 << 40)
        self.node = Node(
            name,
            disk=directory,
            random=random,
            applied=self.state,
            settings=settings,
            initial=Configuration(NAMES),
        )
        self.storing = Storing(directory.path, self._stored, self._failed)
        sock = socket.create_server(("127.0.0.1", ports[name]))
        self.peers = Peers(Self("bench", name), sock, Ears(self._hear, self._answer), random)
        self.driver = Driver(self.node, send=self._send, store=self.storing.store, after_step=lambda: None)

    def _stored(self, token: int) -> None:
        self.driver.stored(token)

    def _failed(self, failure: Exception) -> None:
        self.driver.end(failure)

    def _send(self, to: str, message: object) -> None:
        self.peers.send(to, frames.encode(message))  # type: ignore[arg-type]  # what consensus sends is its message

    def _hear(self, sender: str, body: bytes) -> None:
        for message in frames.Decoder().feed(body):
            self.driver.received(sender, message)

    async def _answer(self, sender: str, body: bytes) -> bytes:
        raise NotImplementedError("nothing is passed on here")

    async def start(self) -> None:
        await self.peers.start()
        for name, port in self.ports.items():
            self.peers.set_peer(name, Address("127.0.0.1", port))
        self.driver.start()

    async def load(self, seconds: float, clients: int, size: int) -> dict[str, Any]:
        """Clients that ask and wait, for so long."""
        data, waits_ms = b"x" * size, list[float]()
        until = time.perf_counter() + seconds

        async def client() -> None:
            while (asked := time.perf_counter()) < until:
                assert isinstance(await self.driver.ask(Propose(data)), Done)
                waits_ms.append((time.perf_counter() - asked) * 1000)

        rounds, started = self.storing.rounds, time.perf_counter()
        await asyncio.gather(*(client() for _ in range(clients)))
        return {
            "per_s": round(len(waits_ms) / (time.perf_counter() - started)),
            "p50_ms": round(percentile(waits_ms, 0.5), 2),
            "p99_ms": round(percentile(waits_ms, 0.99), 2),
            "per_sync": round(len(waits_ms) / (self.storing.rounds - rounds), 1),
        }


async def live(member: Member, seconds: float, clients: int, size: int) -> None:
    """Until the standard input ends; who leads measures, and all say what they have spent."""
    ended = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await member.start()
    while not ended.done():
        if member.node.member.role is Role.LEADER and len(list(member.peers.connected)) == len(NAMES) - 1:
            await member.load(WARM_UP_S, clients, size)
            await member.driver.ask(Propose(b"begin"))
            print(json.dumps(await member.load(seconds, clients, size)), flush=True)
            break
        await asyncio.wait([ended], timeout=0.05)
    await ended
    print(json.dumps({"cpu_s": member.state.spent_s[-1] - member.state.spent_s[0], "applied": member.state.applied}))
    member.driver.end()
    await member.peers.close()
    await member.storing.close()


def proposals(seconds: float, clients: int, size: int, folder: Path, ports: Sequence[int]) -> dict[str, float]:
    """What three processes do together."""
    numbers = (*ports, folder, seconds, clients, size)
    members = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.members", "serve", name, *map(str, numbers)],
            cwd=Path(__file__).parents[1],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for name in NAMES
    ]
    try:
        return _figures(members, START_S + seconds)
    finally:
        for member in members:
            member.kill()
            member.wait()


def _figures(members: Sequence["subprocess.Popen[bytes]"], deadline_s: float) -> dict[str, float]:
    streams = [member.stdout for member in members if member.stdout is not None]
    ready = select.select(streams, [], [], deadline_s)[0]
    assert ready, f"nobody has led within {deadline_s:g} s"
    figures: dict[str, float] = json.loads(ready[0].readline())
    said = [json.loads(member.communicate(timeout=START_S)[0]) for member in members]
    figures["cpu_us"] = round(sum(one["cpu_s"] for one in said) / max(one["applied"] for one in said) * 1e6, 1)
    return figures


def serve(name: str, arguments: Sequence[str]) -> None:
    """One of the three processes."""
    *ports, folder, seconds, clients, size = arguments
    places = dict(zip(NAMES, map(int, ports), strict=True))

    async def run() -> None:
        await live(Member(name, places, Path(folder)), float(seconds), int(clients), int(size))

    uvloop.run(run())


def main(arguments: list[str] | None = None) -> None:
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["serve"]:
        serve(arguments[1], arguments[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 64, 512])
    parser.add_argument("--size", type=int, default=100)
    parser.add_argument("--data", type=Path, default=None)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    figures = {}
    for clients in chosen.clients:
        with tempfile.TemporaryDirectory(dir=chosen.data) as folder:
            ports = [free_port() for _ in NAMES]
            figures[f"{clients} clients"] = proposals(chosen.seconds, clients, chosen.size, Path(folder), ports)
    console = Console()
    if chosen.json:
        console.print_json(data={"machine": machine(), "figures": figures})
        return
    table = Table("proposals, fsync", "a second", "p50 ms", "p99 ms", "a sync", "CPU us each, all members")
    for name, row in figures.items():
        table.add_row(
            name, f"{row['per_s']:,.0f}", *(str(row[key]) for key in ("p50_ms", "p99_ms", "per_sync", "cpu_us"))
        )
    console.print(table)
    console.print(f"kept in {keep('members', figures)}")


if __name__ == "__main__":
    main()
