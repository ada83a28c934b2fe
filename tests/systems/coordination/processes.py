"""Members as processes of their own, as an operator starts them: `serai coordination serve`, killed and started again.

Each keeps its ports through all its lives.
"""

import asyncio
import os
import resource
import secrets
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import grpc.aio
from tests.systems.coordination.doors import Stub

from serai.protocols.etcd.messages import rpc

SERAI = Path(sys.executable).with_name("serai")
START_S = 20.0
"""Until a member serves; it takes 0.4 s on a machine that has nothing else to do."""
END_S = 15.0
QUICK: Mapping[str, str] = {"SERAI_COORDINATION_REQUEST_TIMEOUT_S": "5"}

_LIMITED = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
os.execv(sys.argv[2], sys.argv[2:])
"""
"""Python ignores SIGXFSZ, so a write beyond the limit fails as on a disk without room."""

_OPTIONS = [
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 200),
    ("grpc.max_receive_message_length", -1),
]


def free_ports(count: int) -> list[int]:
    """Below those that systems give to outgoing connections: a member must find its own free after each of its lives.
    Held together while they are looked for, so that none comes twice."""
    socks: list[socket.socket] = []
    while len(socks) < count:
        with suppress(OSError):
            socks.append(socket.create_server(("127.0.0.1", 22_000 + secrets.randbelow(10_000))))
    ports = [int(sock.getsockname()[1]) for sock in socks]
    for sock in socks:
        sock.close()
    return ports


@dataclass
class Ended:
    """How a process ended, and what it said."""

    code: int
    said: str


@dataclass
class Process:
    """One member. `options` go on its command line, `environment` around it."""

    name: str
    data: Path
    port: int
    peer_port: int
    options: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    file_bytes_max: int = 0
    """Of the largest file that it may write; 0: as large as it likes."""
    _running: asyncio.subprocess.Process | None = None
    _saying: asyncio.Task[str] = field(init=False)
    """What it writes to stderr, when it has ended."""
    _channel: grpc.aio.Channel | None = None
    _stub: Stub | None = None

    @property
    def pid(self) -> int:
        assert self._running is not None, f"{self.name} does not run"
        return self._running.pid

    @property
    def runs(self) -> bool:
        return self._running is not None

    @property
    def stub(self) -> Stub:
        """Of this member alone; it finds it again after each of its lives."""
        if self._stub is None:
            self._channel = grpc.aio.insecure_channel(f"127.0.0.1:{self.port}", options=_OPTIONS)
            self._stub = Stub(self._channel)
        return self._stub

    async def spawn(self) -> None:
        """Begins; nothing is waited for."""
        limited = (sys.executable, "-c", _LIMITED, str(self.file_bytes_max)) if self.file_bytes_max else ()
        self._running = await asyncio.create_subprocess_exec(
            *(*limited, str(SERAI), "coordination", "serve", "--name", self.name, "--data", str(self.data)),
            *("--port", str(self.port), "--peer-port", str(self.peer_port), *self.options),
            env={**os.environ, **QUICK, **self.environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        self._saying = asyncio.create_task(_read(self._running.stderr))

    async def start(self) -> None:
        """Until it says that it serves."""
        await self.spawn()
        assert self._running is not None and self._running.stdout is not None
        async with asyncio.timeout(START_S):
            while b"serves clients" not in (line := await self._running.stdout.readline()):
                assert line, f"{self.name} did not start: {await self.end()}"
        if self._channel is not None:
            await self._channel.channel_ready()

    async def end(self) -> Ended:
        """As it comes to its end by itself."""
        assert self._running is not None, f"{self.name} does not run"
        running = self._running
        async with asyncio.timeout(END_S):
            code = await running.wait()
            self._running = None
            return Ended(code, await self._saying)

    async def kill(self) -> None:
        """SIGKILL."""
        await self._signal(signal.SIGKILL)

    async def stop(self) -> int:
        """SIGTERM; its exit code."""
        return await self._signal(signal.SIGTERM)

    async def _signal(self, sign: signal.Signals) -> int:
        assert self._running is not None, f"{self.name} does not run"
        running, self._running = self._running, None
        with suppress(ProcessLookupError):
            running.send_signal(sign)
        async with asyncio.timeout(END_S):
            return await running.wait()

    async def close(self) -> None:
        if self._channel is not None:
            await self._channel.close()
        if self._running is not None:
            await self.kill()

    def resident_bytes(self) -> int:
        """What it takes of the machine's memory now."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * resource.getpagesize()


async def _read(stream: asyncio.StreamReader | None) -> str:
    assert stream is not None, "it was asked for"
    return (await stream.read()).decode()


class Site:
    """`async with Site(path, 3) as site`: members that form a cluster, not yet started."""

    def __init__(self, root: Path, size: int, environment: Mapping[str, str] | None = None) -> None:
        ports = free_ports(2 * size)
        names = [chr(ord("a") + number) for number in range(size)]
        peers = dict(zip(names, ports[size:], strict=True))
        initial = ",".join(f"{name}=127.0.0.1:{port}" for name, port in peers.items())
        self.members = {
            name: Process(name, root / name, port, peers[name], ("--initial", initial), environment or {})
            for name, port in zip(names, ports, strict=False)
        }

    def __getitem__(self, name: str) -> Process:
        return self.members[name]

    async def start(self) -> None:
        """All of them at once."""
        async with asyncio.TaskGroup() as group:
            for member in self.members.values():
                group.create_task(member.start())

    async def leader(self, *, other_than: str = "") -> str:
        """Who leads, as one that runs says; never the one that is said to be dead."""
        ids: dict[int, str] = {}
        async with asyncio.timeout(START_S):
            while True:
                for name, member in self.members.items():
                    if not member.runs:
                        continue
                    with suppress(grpc.aio.AioRpcError):
                        answer = await member.stub("Maintenance/Status", rpc.StatusRequest(), timeout=1.0)
                        ids[answer.header.member_id] = name
                        known = ids.get(answer.leader, "")
                        if known and known != other_than and self.members[known].runs:
                            return known
                await asyncio.sleep(0.02)  # it is what other processes come to

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        for member in self.members.values():
            await member.close()


async def until(condition: Callable[[], Any], seconds: float = 20.0) -> None:
    """Until an awaitable condition holds."""
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.02)  # it is what other processes come to
