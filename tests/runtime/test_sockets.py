"""A port is taken before anything starts, opens when somebody serves there, and a taken one is one sentence."""

import errno
import socket

import pytest

from serai.runtime.sockets import AddressUnusable, PortInUse, bound, free_port, require_free_port


def test_a_bound_port_refuses_until_somebody_listens_and_nobody_else_gets_it() -> None:
    with bound(0, "the web server") as sock:
        address = sock.getsockname()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)
        sock.listen()
        socket.create_connection(address).close()
        with pytest.raises(PortInUse, match=f"^The gateway cannot listen on 127.0.0.1 port {address[1]} .*--port"):
            bound(address[1], "the gateway")
        with pytest.raises(PortInUse):
            require_free_port(address[1], "the mailbox")
    require_free_port(address[1], "the mailbox")


def test_a_port_whose_connections_linger_is_taken_again_at_once() -> None:
    with bound(0, "the web server") as sock:
        sock.listen()
        address = sock.getsockname()
        with socket.create_connection(address):
            peer, _ = sock.accept()
            peer.close()
    bound(address[1], "the web server").close()


@pytest.mark.parametrize("host", ["no.such.host.invalid", "not an address"])
def test_a_host_that_is_none_is_named(host: str) -> None:
    with pytest.raises(AddressUnusable, match=f"'{host}' is not an address to listen on"):
        bound(0, "the web server", host)


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(PortInUse, match="cannot assign requested address") as refused:
        bound(0, "the web server", "203.0.113.7")
    assert isinstance(refused.value.__cause__, OSError) and refused.value.__cause__.errno == errno.EADDRNOTAVAIL


def test_a_free_port_is_free() -> None:
    require_free_port(free_port(), "the web server")
