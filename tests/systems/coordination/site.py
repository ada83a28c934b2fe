"""Members of a cluster in this process: real files, real sockets, killed and started again."""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from serai.runtime.world import SystemClock, SystemRandom
from serai.systems.coordination.cluster.identity import Identity, founded, keep_identity, read_identity
from serai.systems.coordination.node import CoordinationNode, World
from serai.systems.coordination.settings import CoordinationSettings

NAMES = ("a", "b", "c", "d", "e")
QUICK = CoordinationSettings(heartbeat_s=0.05, election_s=0.5, request_timeout_s=3.0)
WAIT_S = 20.0


@dataclass
class Place:
    """Where a member lives, also while it does not."""

    name: str
    data: Path
    port: int
    identity: Identity
    node: CoordinationNode | None = None


@dataclass
class Cluster:
    """`start` brings all up. Ports stay theirs through every restart."""

    root: Path
    settings: CoordinationSettings = QUICK
    places: dict[str, Place] = field(default_factory=dict)

    def found(self, size: int) -> None:
        ports = [_free_port() for _ in range(size)]
        initial = [(name, f"http://127.0.0.1:{port}") for name, port in zip(NAMES, ports, strict=False)]
        for (name, _), port in zip(initial, ports, strict=True):
            data = self.root / name
            data.mkdir()
            self.places[name] = Place(name, data, port, founded(name, initial, "test"))
            keep_identity(data, self.places[name].identity)

    async def start(self, *names: str) -> None:
        for name in names or tuple(self.places):
            place = self.places[name]
            identity = read_identity(place.data)
            assert identity is not None
            settings = replace(self.settings, name=name, port=place.port + 10_000)
            sock = socket.create_server(("127.0.0.1", place.port))
            place.node = CoordinationNode(identity, settings, place.data, World(SystemClock(), SystemRandom(), sock))
            await place.node.start()

    async def kill(self, *names: str) -> None:
        for name in names:
            node, self.places[name].node = self.places[name].node, None
            if node is not None:
                await node.kill()

    async def close(self) -> None:
        await self.kill(*self.places)

    def node(self, name: str) -> CoordinationNode:
        node = self.places[name].node
        assert node is not None, f"{name} does not run"
        return node

    @property
    def nodes(self) -> list[CoordinationNode]:
        return [place.node for place in self.places.values() if place.node is not None]

    async def leader(self) -> str:
        """Whoever leads and knows all that came before."""
        await self.until(lambda: any(node._leading.clock is not None for node in self.nodes))
        return next(name for name, place in self.places.items() if place.node and place.node._leading.clock is not None)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not condition():  # it is what other machines come to
                await asyncio.sleep(0.01)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])
