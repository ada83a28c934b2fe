"""The door: one port for gRPC, the JSON gateway and the pages of an operator, with TLS if the settings say so."""

import socket
from pathlib import Path

from serai.kernel.ports import Clock, Random
from serai.runtime.grpc.listening import GrpcServer, tls
from serai.runtime.grpc.plain import PlainConnections
from serai.runtime.grpc.server import ServerLimits
from serai.runtime.passwords import Cost, Hashing
from serai.systems.coordination.errors import TooManyRequests
from serai.systems.coordination.gateway import Gateway
from serai.systems.coordination.handlers.callers import Callers
from serai.systems.coordination.handlers.errands import Errands
from serai.systems.coordination.handlers.family import Context
from serai.systems.coordination.handlers.service import service_of
from serai.systems.coordination.handlers.streams import Streams
from serai.systems.coordination.member import Member
from serai.systems.coordination.settings import CoordinationSettings

HASHING = Cost(time_cost=2, memory_kib=19 * 1024, lanes=1, threads_max=2, queue_max=64)
"""Of passwords: OWASP's least for argon2id, since a member is to stay small."""
ERRANDS_S = 2.0
"""How long a stop waits for what calls have left behind."""


class Door:
    """`await start()`, `await stop(grace_s)`."""

    def __init__(
        self, member: Member, settings: CoordinationSettings, sock: socket.socket, clock: Clock, random: Random
    ) -> None:
        """`sock` listens where clients come. Misconfigured, if the certificates do not fit together."""
        certificates = bool(settings.client_authority)
        self._errands = Errands()
        self._streams = Streams(member, settings.election_s)
        context = Context(
            member=member,
            callers=Callers(member, clock, certificates=certificates),
            streams=self._streams,
            passwords=Hashing(HASHING, random, TooManyRequests),
            errands=self._errands,
            clock=clock,
            random=random,
            settings=settings,
        )
        service = service_of(context)
        gateway = Gateway(service, member, 2 * settings.message_bytes_max)
        self._plain = PlainConnections(gateway.handle)
        authority = Path(settings.client_authority) if certificates else None
        self._server = GrpcServer(
            service,
            sock,
            limits=ServerLimits(message_bytes_max=settings.message_bytes_max),
            security=tls(Path(settings.certificate), Path(settings.key), authority) if settings.certificate else None,
            other=self._plain,
            pages=gateway.handle,
        )

    async def start(self) -> None:
        """Listens."""
        await self._server.start()

    async def stop(self, grace_s: float) -> None:
        """Takes no more calls and ends streams; what is under way after so long is cut off."""
        self._streams.stop()
        await self._server.stop(grace_s)
        self._plain.close()
        await self._errands.done(ERRANDS_S)


async def serve_door(
    member: Member, settings: CoordinationSettings, sock: socket.socket, clock: Clock, random: Random
) -> Door:
    """A door that is open."""
    door = Door(member, settings, sock, clock, random)
    await door.start()
    return door
