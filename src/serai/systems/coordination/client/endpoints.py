"""Where the members are, and how they are spoken to: addresses, TLS, who asks."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import grpc

from serai.kernel.errors import Misconfigured

PORT = 2379
SCHEMES = ("http", "https")
FILES = {"cacert": "authority", "cert": "certificate", "key": "key"}
"""Of TLS, as a URL names them: etcdctl's words."""


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
    """All members that were named, the user in whose name they are asked ("" without), and the files of TLS."""

    members: tuple[Endpoint, ...]
    user: str = ""
    password: str = ""
    tls: Tls = Tls()

    @classmethod
    def parse(cls, text: str) -> "Endpoints":
        """'http://a:2379,b:2379' or 'https://user:password@a:2379,https://b?cacert=ca.pem&cert=me.pem&key=me.key'; what
        follows '?' is for all. Misconfigured, without the password."""
        found, user, password = [], "", ""
        files: dict[str, Path] = {}
        for one in filter(None, (part.strip() for part in text.split(","))):
            parts = urlsplit(one if "://" in one else f"http://{one}")
            shown = one.rpartition("@")[2]
            found.append(_endpoint(parts, shown))
            files |= _files(parts.query, shown)
            user, password = unquote(parts.username or "") or user, unquote(parts.password or "") or password
        if not found:
            raise Misconfigured(f"No endpoint of a store is named; write http://host:{PORT}.")
        if files and not any(member.secure for member in found):
            raise Misconfigured(f"{found[0]} names files of TLS and speaks none; write https://.")
        return cls(tuple(found), user, password, Tls(**files))


def _endpoint(parts: SplitResult, shown: str) -> Endpoint:
    try:
        port = parts.port or PORT
    except ValueError:
        raise Misconfigured(f"{shown!r} has no usable port; write http://host:{PORT}.") from None
    if parts.scheme not in SCHEMES or not parts.hostname or parts.path.strip("/"):
        raise Misconfigured(f"{shown!r} is no endpoint of a store; write http://host:{PORT}.")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return Endpoint(f"{host}:{port}", parts.scheme == "https")


def _files(query: str, shown: str) -> dict[str, Path]:
    named = dict(parse_qsl(query, keep_blank_values=True))
    for word, file in named.items():
        if word not in FILES or not file:
            raise Misconfigured(f"{shown!r} has {word!r}; after '?' stand {', '.join(FILES)}, each with a PEM file.")
    if ("cert" in named) != ("key" in named):
        raise Misconfigured(f"{shown!r} names one of cert and key; they go together.")
    return {FILES[word]: Path(file) for word, file in named.items()}
