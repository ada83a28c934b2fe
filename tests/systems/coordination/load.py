"""Clients that write as fast as they are answered, and afterwards hold the store to all that it has acknowledged."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

import grpc.aio
from tests.systems.coordination.doors import Stub

from serai.protocols.etcd.messages import rpc

PREFIX, END = b"load/", b"load0"
CALL_S = 6.0
REFUSED_PAUSE_S = 0.01


@dataclass(frozen=True)
class Acknowledged:
    """A put that a member has said is done, at this revision."""

    key: bytes
    value: bytes
    revision: int


@dataclass
class Load:
    """`clients` writers over `stubs`, each with a key of its own and a number that grows."""

    stubs: list[Stub]
    clients: int = 8
    acknowledged: list[Acknowledged] = field(default_factory=list)
    refused: int = 0
    _going: bool = True
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _first_since: float = 0.0
    _heard: asyncio.Event = field(default_factory=asyncio.Event)

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._client(number)) for number in range(self.clients)]

    async def stop(self) -> None:
        self._going = False
        async with asyncio.timeout(2 * CALL_S):
            await asyncio.gather(*self._tasks)

    async def _client(self, number: int) -> None:
        """It stays with a member as long as that one answers."""
        at, count = number, 0
        while self._going:
            count += 1
            began = time.monotonic()
            request = rpc.PutRequest(key=PREFIX + b"%d" % number, value=b"%d" % count)
            try:
                answer = await self.stubs[at % len(self.stubs)]("KV/Put", request, timeout=CALL_S)
            except grpc.aio.AioRpcError:
                self.refused += 1
                at += 1
                await asyncio.sleep(REFUSED_PAUSE_S)  # a member that is away refuses at once
                continue
            self.acknowledged.append(Acknowledged(request.key, request.value, answer.header.revision))
            if began >= self._first_since:
                self._heard.set()

    async def writes_again_s(self) -> float:
        """How long it takes from now on until a put is acknowledged that begins from now on."""
        began = self._first_since = time.monotonic()
        self._heard.clear()
        async with asyncio.timeout(30):
            await self._heard.wait()
        return time.monotonic() - began

    async def more(self, count: int) -> None:
        """Until so many more are acknowledged."""
        wanted = len(self.acknowledged) + count
        async with asyncio.timeout(30):
            while len(self.acknowledged) < wanted:
                await self.writes_again_s()


async def history(stub: Stub) -> dict[int, tuple[bytes, bytes]]:
    """Every put of the load that the store knows, by its revision, as a watch from the beginning tells it."""
    kvs = (await stub("KV/Range", rpc.RangeRequest(key=PREFIX, range_end=END))).kvs
    newest = max(kv.mod_revision for kv in kvs)
    call = stub.stream("Watch/Watch")
    create = rpc.WatchCreateRequest(key=PREFIX, range_end=END, start_revision=1)
    await call.write(rpc.WatchRequest(create_request=create))
    told: dict[int, tuple[bytes, bytes]] = {}
    async for answer in call:
        told |= {event.kv.mod_revision: (event.kv.key, event.kv.value) for event in answer.events}
        if newest in told:
            break
    call.cancel()
    return told


async def assert_nothing_lost(stub: Stub, acknowledged: list[Acknowledged]) -> None:
    """Each acknowledged put stands in the history where it was said to be, and the newest of a key is its value."""
    told = await history(stub)
    for one in acknowledged:
        found = told.get(one.revision)
        assert found == (one.key, one.value), f"{one} was acknowledged; the history says {found}"
    newest: dict[bytes, int] = {}
    for revision in sorted(told):
        key, value = told[revision]
        assert newest.get(key, 0) < int(value), f"{key!r} became {value!r} at revision {revision}, out of order"
        newest[key] = int(value)
    answer: Any = await stub("KV/Range", rpc.RangeRequest(key=PREFIX, range_end=END))
    assert {kv.key: int(kv.value) for kv in answer.kvs} == newest
