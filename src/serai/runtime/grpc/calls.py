"""What a server of calls is made of: methods by their path, and what a handler knows of a call."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any


class Framed(bytes):
    """Whole messages as they stand in a body (`wire.framed`), of a handler that sends many at once."""


Send = Callable[[Any], Awaitable[None]]
"""Sends one message of a stream, one at a time; waits while the client is slow."""


@dataclass(slots=True)
class Call:
    """One call. `metadata` are its headers; binary ones (`-bin`) as they came."""

    metadata: Mapping[bytes, bytes]
    peer: str
    common_name: str | None
    """Of the client's certificate, where TLS has checked one."""
    deadline_s: float | None
    """By the event loop's clock; None if the caller waits for ever."""


@dataclass(frozen=True, slots=True)
class Unary:
    """One message in, one out."""

    read: Callable[[bytes], Any]
    write: Callable[[Any], bytes]
    handle: Callable[[Any, Call], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Streaming:
    """Messages in, messages out; a method that takes or gives only one is told as a stream of one."""

    read: Callable[[bytes], Any]
    write: Callable[[Any], bytes]
    handle: Callable[[AsyncIterator[Any], Call, Send], Awaitable[None]]


Method = Unary | Streaming


@dataclass(frozen=True, slots=True)
class Service:
    """All methods by path ("/package.Service/Method"), and how an error becomes a status."""

    methods: Mapping[bytes, Method]
    fail: Callable[[Exception], tuple[int, str]]
    """The status and message of whatever a handler raises."""
