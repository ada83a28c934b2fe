"""A server of calls on a socket: it takes connections, tells them to leave, and waits for what is under way."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from serai.kernel.errors import Misconfigured
from serai.runtime.grpc.calls import Service
from serai.runtime.grpc.server import Connections, GrpcProtocol, ServerLimits
from serai.runtime.grpc.web import Handle

HANDSHAKE_S = 10.0


def tls(certificate: Path, key: Path, client_authority: Path | None = None) -> ssl.SSLContext:
    """TLS 1.2 or newer for this certificate; with an authority, clients must have a certificate of its. Misconfigured.

    The client is offered HTTP/2 and HTTP/1.1.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["h2", "http/1.1"])
    try:
        context.load_cert_chain(certificate, key)
        if client_authority is not None:
            context.load_verify_locations(client_authority)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ssl.SSLError) as error:
        files = ", ".join(str(file) for file in (certificate, key, client_authority) if file)
        raise Misconfigured(
            f"TLS cannot be set up from {files}: {error}; give files in PEM that fit together."
        ) from error
    return context


class GrpcServer:
    """`await start()` takes connections, `await stop(grace_s)` lets calls end for so long."""

    def __init__(
        self,
        service: Service,
        sock: socket.socket,
        *,
        limits: ServerLimits | None = None,
        security: ssl.SSLContext | None = None,
        other: Callable[[], asyncio.Protocol] | None = None,
        pages: Handle | None = None,
    ) -> None:
        """`other` makes the HTTP/1.1 protocol of a connection that does not begin as HTTP/2; without, it is closed.
        `pages` answers requests over HTTP/2 that are no calls; without, they are refused."""
        self._service = service
        self._sock = sock
        self._limits = limits or ServerLimits()
        self._security = security
        self._other = other
        self._pages = pages
        self._connections = Connections()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listens."""
        self._server = await asyncio.get_running_loop().create_server(
            lambda: GrpcProtocol(self._service, self._limits, self._connections, self._other, self._pages),
            sock=self._sock,
            ssl=self._security,
            ssl_handshake_timeout=HANDSHAKE_S if self._security else None,
        )

    async def stop(self, grace_s: float) -> None:
        """Takes no more connections and calls; what is under way after so long is cut off."""
        assert self._server is not None, "it was started"
        self._server.close()
        for connection in list(self._connections.open):
            connection.leave()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._connections.none.wait(), grace_s)
        for connection in list(self._connections.open):
            connection.cut()
