"""The members that a member speaks with: one outgoing connection to each, kept up, and one incoming from each.

It prevents a slow or dead peer from filling the memory (what does not fit into its buffer is dropped, as a network
would), and a request from waiting for ever (it ends with its deadline or its connection).
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass

from serai.kernel.ports import Random
from serai.runtime.machines.connections import GREETING_S, Answerer, Connection, Ears, Incoming, Outgoing, Self
from serai.runtime.machines.errors import PeerAway

__all__ = ["Address", "Answerer", "Ears", "Peers", "Self"]

RETRY_MIN_S, RETRY_MAX_S = 0.05, 1.0
"""Between two tries to connect: doubled each time, and shortened by chance so that peers do not try in step."""
ALERT_EVERY_TRIES = 20
"""A peer that does not answer is said so at the first try, and then so seldom."""
REFUSALS_MAX = 1_000
"""Sentences that are remembered, so that a caller that tries every second is told of once."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a peer listens."""

    host: str
    port: int


class Peers:
    """All connections of a member. `start`, then `set_peer` for each; `close`."""

    def __init__(
        self,
        me: Self,
        sock: socket.socket,
        ears: Ears,
        random: Random,
        *,
        server_tls: ssl.SSLContext | None = None,
        client_tls: ssl.SSLContext | None = None,
    ) -> None:
        self.me = me
        self._sock = sock
        self._ears = ears
        self._random = random
        self._server_tls = server_tls
        self._client_tls = client_tls
        self._server: asyncio.Server | None = None
        self._calling: dict[str, asyncio.Task[None]] = {}
        self._addresses: dict[str, Address] = {}
        self._outgoing: dict[str, Outgoing] = {}
        """Peers that have said hello."""
        self._living: set[Connection] = set()
        self._refused: set[str] = set()
        self.dropped = 0
        """Messages for which there was no room or no connection."""

    async def start(self) -> None:
        """Listens."""
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Incoming(self.me, self._ears, self._living, self._refuse), sock=self._sock, ssl=self._server_tls
        )

    async def close(self) -> None:
        """Ends all."""
        for name in list(self._calling):
            self.forget(name)
        if self._server is not None:
            self._server.close()
        closed = [connection.closed for connection in self._living]
        for connection in list(self._living):
            connection.abort()
        if closed:
            await asyncio.wait(closed, timeout=GREETING_S)

    @property
    def connected(self) -> Iterable[str]:
        """Peers that can be reached now."""
        return self._outgoing.keys()

    @property
    def known(self) -> Iterable[str]:
        """All that are called."""
        return self._addresses.keys()

    def set_peer(self, name: str, address: Address) -> None:
        """Where a peer is; it is called from now on."""
        if self._addresses.get(name) == address or name == self.me.name:
            return
        self.forget(name)
        self._addresses[name] = address
        self._calling[name] = asyncio.get_running_loop().create_task(self._keep_calling(name, address))

    def forget(self, name: str) -> None:
        """It is no peer any more; who waits for its answer waits no longer."""
        self._addresses.pop(name, None)
        task = self._calling.pop(name, None)
        if task is not None:
            task.cancel()
        connection = self._outgoing.pop(name, None)
        if connection is not None:
            connection.abort()

    async def _keep_calling(self, name: str, address: Address) -> None:
        tries = 0
        while True:
            try:
                connection = await self._call(name, address)
                tries = 0
                await self._while_open(connection)
            except (OSError, ValueError, PeerAway) as error:  # ValueError: a host that no name can be
                tries += 1
                if tries % ALERT_EVERY_TRIES == 1:
                    reason = str(error) or f"nothing was heard for {GREETING_S:g} s"
                    log.warning("%s at %s:%d cannot be reached: %s", name, address.host, address.port, reason)
            await asyncio.sleep(self._pause_s(tries))

    async def _call(self, name: str, address: Address) -> Outgoing:
        """A connection on which both have said hello. OSError, PeerAway."""
        async with asyncio.timeout(GREETING_S):
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: Outgoing(self.me, self._ears, self._living, name),
                address.host,
                address.port,
                ssl=self._client_tls,
            )
            try:
                await connection.greeted
            except BaseException:
                connection.abort()
                raise
        return connection

    async def _while_open(self, connection: Outgoing) -> None:
        self._outgoing[connection.calls] = connection
        try:
            await asyncio.shield(connection.closed)
        finally:
            if self._outgoing.get(connection.calls) is connection:
                del self._outgoing[connection.calls]

    def _pause_s(self, tries: int) -> float:
        longest = min(RETRY_MAX_S, RETRY_MIN_S * 2.0 ** min(tries, 10))
        return longest * (0.5 + self._random.below(1000) / 2000)

    def _refuse(self, why: str) -> None:
        if why not in self._refused:
            if len(self._refused) >= REFUSALS_MAX:
                self._refused.clear()
            self._refused.add(why)
            log.warning("a caller is refused: %s", why)

    def send(self, name: str, body: bytes) -> None:
        """A message; it may be lost."""
        connection = self._outgoing.get(name)
        if connection is None or not connection.send_message(body):
            self.dropped += 1

    async def ask(self, name: str, body: bytes, deadline_s: float) -> bytes:
        """A peer's answer. PeerAway: nothing was asked. PeerGone: it may have done what was asked, or may yet."""
        connection = self._outgoing.get(name)
        if connection is None:
            raise PeerAway(f"{name} cannot be reached now")
        return await connection.ask(body, deadline_s)
