"""Where the members are, and how they are spoken to: addresses, TLS, who asks."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import grpc

from serai.kernel.errors import Misconfigured

PORT = 2379
SCHEMES = ("http", "https")


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files. `authority`: whose certificates of servers are believed, the system's where there is none.
    `certificate` and `key`: the client's own, where the store wants one."""

    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def credentials(self) -> grpc.ChannelCredentials:
        """As gRPC takes them. Misconfigured, if a file cannot be read."""
        return grpc.ssl_channel_credentials(_read(self.authority), _read(self.key), _read(self.certificate))


def _read(file: Path | None) -> bytes | None:
    try:
        return file.read_bytes() if file else None
    except OSError as error:
        raise Misconfigured(f"{file} cannot be read ({error.strerror}); name the PEM file.") from error


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One member: host:port, and whether by TLS."""

    target: str
    secure: bool

    def __str__(self) -> str:
        """Without what is secret."""
        return f"{'https' if self.secure else 'http'}://{self.target}"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """All members that were named, and the user in whose name they are asked ("" without)."""

    members: tuple[Endpoint, ...]
    user: str = ""
    password: str = ""

    @classmethod
    def parse(cls, text: str) -> "Endpoints":
        """'http://a:2379,b:2379' or 'https://user:password@a:2379,https://b'. Misconfigured, without the password."""
        found, user, password = [], "", ""
        for one in filter(None, (part.strip() for part in text.split(","))):
            parts = urlsplit(one if "://" in one else f"http://{one}")
            shown = one.rpartition("@")[2]
            try:
                port = parts.port or PORT
            except ValueError:
                raise Misconfigured(f"{shown!r} has no usable port; write http://host:{PORT}.") from None
            if parts.scheme not in SCHEMES or not parts.hostname or parts.path.strip("/"):
                raise Misconfigured(f"{shown!r} is no endpoint of a store; write http://host:{PORT}.")
            host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
            found.append(Endpoint(f"{host}:{port}", parts.scheme == "https"))
            user, password = unquote(parts.username or "") or user, unquote(parts.password or "") or password
        if not found:
            raise Misconfigured(f"No endpoint of a store is named; write http://host:{PORT}.")
        return cls(tuple(found), user, password)
