"""Members of consensus on real files and sockets in this process, killed and started again."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.doubles import SeededRandom
from tests.runtime.machines.ends import address_of, listening, until

from serai.mechanisms.consensus import frames
from serai.mechanisms.consensus.messages import Configuration, Entry
from serai.mechanisms.consensus.node import Node
from serai.mechanisms.consensus.requests import Done, NotLeader, Propose, Unknown
from serai.mechanisms.consensus.roles import Role
from serai.mechanisms.consensus.settings import Settings
from serai.runtime.machines.disk import Directory, Storing
from serai.runtime.machines.driver import Driver
from serai.runtime.machines.errors import MachineHalted
from serai.runtime.machines.peers import Address, Ears, Peers, Self

SETTINGS = Settings(heartbeat_s=0.03, election_s=0.2, snapshot_every_bytes=20_000, keep_entries=50)


class Words:
    """An applied state in memory: every command in order."""

    def __init__(self) -> None:
        self.said: list[bytes] = []

    def kept(self) -> int:
        return 0

    def apply(self, entries: Sequence[Entry]) -> Sequence[object]:
        self.said += [entry.data for entry in entries]
        return range(len(self.said) - len(entries), len(self.said))

    def query(self, query: object) -> object:
        return len(self.said)

    def snapshot(self) -> Sequence[bytes]:
        said = list(self.said)
        return [b"\n".join(said[at : at + 500]) for at in range(0, len(said), 500)] or [b""]

    def restore(self, index: int, chunks: Sequence[bytes]) -> None:
        self.said = [word for chunk in chunks for word in chunk.split(b"\n")]


class Member:
    """One member's life."""

    def __init__(self, name: str, names: tuple[str, ...], path: Path, port: int = 0) -> None:
        self.name = name
        self.words = Words()
        directory = Directory(path)
        random = SeededRandom(ord(name))
        initial = Configuration(names)
        self.node = Node(name, disk=directory, random=random, applied=self.words, settings=SETTINGS, initial=initial)
        sock = listening(port)
        self.address = address_of(sock)
        self.storing = Storing(path, self._stored, self._disk_failed)
        self.peers = Peers(Self("words", name), sock, Ears(self._hear, self._answer), random)
        self.driver = Driver(self.node, send=self._send, store=self.storing.store, after_step=lambda: None)

    def _stored(self, token: int) -> None:
        self.driver.stored(token)

    def _disk_failed(self, failure: Exception) -> None:
        self.driver.end(failure)

    def _send(self, to: str, message: object) -> None:
        self.peers.send(to, frames.encode(message))  # type: ignore[arg-type]

    def _hear(self, sender: str, body: bytes) -> None:
        for message in frames.Decoder().feed(body):
            self.driver.received(sender, message)

    async def _answer(self, sender: str, body: bytes) -> bytes:
        """A proposal that a follower has passed on."""
        reply = await self.driver.ask(Propose(body))
        return type(reply).__name__.encode()

    async def start(self, addresses: dict[str, Address]) -> None:
        await self.peers.start()
        for name, address in addresses.items():
            self.peers.set_peer(name, address)
        self.driver.start()

    async def kill(self) -> None:
        self.driver.end()
        await self.peers.close()
        await self.storing.close()


@dataclass
class Group:
    """Three of them."""

    root: Path
    names: tuple[str, ...] = ("a", "b", "c")
    members: dict[str, Member] = field(default_factory=dict)
    addresses: dict[str, Address] = field(default_factory=dict)

    async def start(self, *names: str) -> None:
        born = []
        for name in names or self.names:
            port = self.addresses[name].port if name in self.addresses else 0
            born.append(Member(name, self.names, self.root / name, port))
            self.members[name] = born[-1]
            self.addresses[name] = born[-1].address
        for member in born:
            await member.start(self.addresses)

    async def kill(self, *names: str) -> None:
        for name in names or tuple(self.members):
            await self.members.pop(name).kill()

    async def leader(self) -> Member:
        await until(lambda: any(member.node.member.role is Role.LEADER for member in self.members.values()))
        return next(member for member in self.members.values() if member.node.member.role is Role.LEADER)

    async def propose(self, word: bytes) -> None:
        """Until somebody has said that it is done; what is unknown is proposed again and may be there twice."""
        async with asyncio.timeout(20):
            while True:
                leader = await self.leader()
                try:
                    reply = await leader.driver.ask(Propose(word))
                except MachineHalted:
                    continue
                if isinstance(reply, Done):
                    return
                assert isinstance(reply, NotLeader | Unknown), reply
                await asyncio.sleep(0.01)
