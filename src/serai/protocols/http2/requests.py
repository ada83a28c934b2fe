"""What a request's headers say, and whether they may be said (RFC 9113, section 8)."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from serai.protocols.http2.hpack import Headers

_PSEUDO = frozenset((b":method", b":scheme", b":path", b":authority"))
_NEEDED = frozenset((b":method", b":scheme", b":path"))
_OF_CONNECTIONS = frozenset((b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"))


@dataclass(frozen=True, slots=True)
class Head:
    """A request's head. Of fields that were said twice, `fields` has the last; `all` has every one, in order."""

    method: bytes
    path: bytes
    fields: Mapping[bytes, bytes]
    all: Headers
    content_length: int | None


@lru_cache(maxsize=1024)
def read_head(headers: Headers) -> Head | str:
    """The head, or why it is malformed."""
    problem = _pseudo_fault(headers) or _field_fault(headers)
    if problem:
        return problem
    fields = dict(headers)
    if missing := sorted(_NEEDED - fields.keys()):
        return f"{missing[0].decode()} is missing"
    if not fields[b":path"]:
        return ":path is empty"
    length = fields.get(b"content-length")
    if length is not None and not length.isdigit():
        return "content-length is no number"
    return Head(fields[b":method"], fields[b":path"], fields, headers, None if length is None else int(length))


def trailers_fault(headers: Headers) -> str | None:
    """Why these cannot stand behind a request's body, or None."""
    if any(name.startswith(b":") for name, _ in headers):
        return "trailers hold a pseudo-header"
    return _field_fault(headers)


def _pseudo_fault(headers: Headers) -> str | None:
    seen: set[bytes] = set()
    fields = False
    for name, _ in headers:
        if not name.startswith(b":"):
            fields = True
        elif name not in _PSEUDO:
            return f"{name!r} is no pseudo-header of a request"
        elif fields or name in seen:
            return f"{name.decode()} stands twice or behind a field"
        else:
            seen.add(name)
    return None


def _field_fault(headers: Headers) -> str | None:
    for name, value in headers:
        if name != name.lower() or not name:
            return f"the name {name!r} is not in lower case"
        if name in _OF_CONNECTIONS or (name == b"te" and value != b"trailers"):
            return f"{name.decode()} does not belong into HTTP/2"
    return None
