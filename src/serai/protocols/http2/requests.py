"""What a request's headers say, and whether they may be said (RFC 9113, section 8)."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from serai.protocols.http2.hpack import Headers

_PSEUDO = frozenset((b":method", b":scheme", b":path", b":authority"))
_NEEDED = frozenset((b":method", b":scheme", b":path"))
_TE = "te does not belong into HTTP/2 but as trailers"
_OF_CONNECTIONS = frozenset((b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"))


@dataclass(frozen=True, slots=True)
class Head:
    """A request's head. Of fields that were said twice, `fields` has the last; `all` has every one, in order."""

    method: bytes
    path: bytes
    fields: Mapping[bytes, bytes]
    all: Headers
    content_length: int | None


def read_head(headers: Headers) -> Head | str:
    """The head, or why it is malformed."""
    problem = _fault_of_names(tuple([name for name, _ in headers]))
    if problem:
        return problem
    fields = dict(headers)
    if fields.get(b"te", b"trailers") != b"trailers":
        return _TE
    if not fields[b":path"]:
        return ":path is empty"
    length = fields.get(b"content-length")
    if length is not None and not length.isdigit():
        return "content-length is no number"
    return Head(fields[b":method"], fields[b":path"], fields, headers, None if length is None else int(length))


def trailers_fault(headers: Headers) -> str | None:
    """Why these cannot stand behind a request's body, or None."""
    names = tuple([name for name, _ in headers])
    if any(name.startswith(b":") for name in names):
        return "trailers hold a pseudo-header"
    return _TE if any(field[0] == b"te" and field[1] != b"trailers" for field in headers) else _field_fault(names)


@lru_cache(maxsize=1024)
def _fault_of_names(names: tuple[bytes, ...]) -> str | None:
    """What is wrong whatever the values are: a client sends the same names again and again."""
    problem = _pseudo_fault(names) or _field_fault(names)
    if problem:
        return problem
    if missing := sorted(_NEEDED - set(names)):
        return f"{missing[0].decode()} is missing"
    return "te stands twice" if names.count(b"te") > 1 else None


def _pseudo_fault(names: tuple[bytes, ...]) -> str | None:
    seen: set[bytes] = set()
    fields = False
    for name in names:
        if not name.startswith(b":"):
            fields = True
        elif name not in _PSEUDO:
            return f"{name!r} is no pseudo-header of a request"
        elif fields or name in seen:
            return f"{name.decode()} stands twice or behind a field"
        else:
            seen.add(name)
    return None


def _field_fault(names: tuple[bytes, ...]) -> str | None:
    for name in names:
        if name != name.lower() or not name:
            return f"the name {name!r} is not in lower case"
        if name in _OF_CONNECTIONS:
            return f"{name.decode()} does not belong into HTTP/2"
    return None
