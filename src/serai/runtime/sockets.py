"""Listening sockets: a taken port is found before anything starts, and ours opens only when someone answers there."""

import os
import socket

from serai.kernel.errors import Misconfigured


class PortInUse(Misconfigured):
    """Another program listens on a port that a child needs, or we may not use it."""

    code = "port_in_use"


class AddressUnusable(Misconfigured):
    """The host to listen on is not an address of this machine."""

    code = "address_unusable"


def bound(port: int, what: str, host: str = "127.0.0.1") -> socket.socket:
    """Bound and not yet listening, so that connections are refused until `what`, which may inherit it, serves."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror as error:
        raise AddressUnusable(f"{host!r} is not an address to listen on; try 127.0.0.1 with --host.") from error
    sock = socket.socket(family, kind, protocol)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(address)
    except OSError as error:
        sock.close()
        raise _port_in_use(host, port, what, error) from error
    return sock


def require_free_port(port: int, what: str, host: str = "127.0.0.1") -> None:
    """Raises PortInUse unless `what` could listen there now."""
    try:
        socket.create_server((host, port)).close()
    except OSError as error:
        raise _port_in_use(host, port, what, error) from error


def _port_in_use(host: str, port: int, what: str, error: OSError) -> PortInUse:
    reason = os.strerror(error.errno).lower() if error.errno else str(error)
    return PortInUse(
        f"{what[0].upper()}{what[1:]} cannot listen on {host} port {port} ({reason});"
        " stop the program that does, or choose another port with --port (the other children use the ports above it)."
    )


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on now, as the system chooses it."""
    with socket.create_server((host, 0)) as sock:
        return int(sock.getsockname()[1])
