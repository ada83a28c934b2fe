"""What every request passes before any route: an id, a size limit, a rate limit, an access line, a metric.

One ASGI layer instead of five: each costs every request. Secrets in paths (holds, bookings) are cut to 8 characters
before they reach a log.

A stream lives for hours, and all that the framework keeps for a request would live as long: 10 KiB for each of ten
thousand watchers. So a response may ask to be carried on here (`carry_on`), after the layers inside have returned.
"""

import hashlib
import logging
import math
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_address

from prometheus_client import Counter, Histogram
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serai.kernel.errors import Invalid, TooMany
from serai.kernel.ports import Clock, Random
from serai.mechanisms.metering.bucket import Rate
from serai.runtime.http.callers import CallerTable
from serai.runtime.http.problems import AnswerUnexpected, problem_response

access = logging.getLogger("serai.access")

REQUESTS = Counter("serai_http_requests_total", "Requests answered", ["method", "route", "status"])
SECONDS = Histogram(
    "serai_http_request_seconds",
    "Time to answer",
    ["route"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 3, 10),
)

_SECRET = re.compile(r"([A-Za-z0-9_-]{8})[A-Za-z0-9_-]{35}(?=/|\.|$)")


_CARRIED = "serai.carried"

Carried = Callable[[Receive, Send], Awaitable[None]]
"""The rest of an answer, which needs nothing of its request any more."""


async def carry_on(scope: Scope, receive: Receive, send: Send, rest: Carried) -> None:
    """Leaves `rest` to the edge and returns; where there is no edge, carries it on here."""
    carried = scope.get("state", {}).get(_CARRIED)
    if carried is None:
        await rest(receive, send)
    else:
        carried.append(rest)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one caller may do, over all web processes of a machine."""

    credential: Rate = Rate(burst=200, per_s=50)
    address: Rate = Rate(burst=400, per_s=100)
    loopback_exempt: bool = True
    body_bytes_max: int = 2 * 1024 * 1024


class Edge:
    """The ASGI layer."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        clock: Clock,
        random: Random,
        limits: Limits,
        callers: CallerTable,
        unexpected: AnswerUnexpected,
    ) -> None:
        self._app = app
        self._clock = clock
        self._random = random
        self._limits = limits
        self._unexpected = unexpected
        self._callers = callers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers, or refuses before any route has run."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = self._random.token(8).hex()
        carried: list[Carried] = []
        scope.setdefault("state", {}).update({"request_id": request_id, _CARRIED: carried})
        headers = dict(scope["headers"])
        started_s = self._clock.monotonic()
        extra: list[tuple[bytes, bytes]] = [(b"x-request-id", request_id.encode())]
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), *extra]
            await send(message)

        try:
            refusal = self._refusal(scope, headers, extra)
            if refusal is not None:
                await problem_response(refusal, request_id)(scope, receive, answer)
            else:
                await self._app(scope, _limited(receive, self._limits.body_bytes_max), answer)
                for rest in carried:
                    await rest(receive, answer)
        except Exception as error:
            if status:  # half an answer is out: the server closes the connection, which says that it is not whole
                raise
            response = await self._unexpected(Request(scope), error)
            await response(scope, receive, answer)
        finally:
            self._observe(scope, status or 500, self._clock.monotonic() - started_s, request_id)

    def _refusal(
        self, scope: Scope, headers: dict[bytes, bytes], extra: list[tuple[bytes, bytes]]
    ) -> Invalid | TooMany | None:
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > self._limits.body_bytes_max:
            return BodyTooLarge(f"The body may have at most {self._limits.body_bytes_max} bytes.")
        if not scope["path"].startswith("/api/"):
            return None
        admitted = self._callers.admit(self._keys(scope, headers))
        if admitted is None:
            return None
        decision, rate = admitted
        window_s = math.ceil(rate.burst / rate.per_s)
        extra.append((b"ratelimit-policy", f'"caller";q={rate.burst};w={window_s}'.encode()))
        reset_s = math.ceil(decision.retry_after_s)
        extra.append((b"ratelimit", f'"caller";r={decision.remaining};t={reset_s}'.encode()))
        if decision.allowed:
            return None
        return TooMany("Too many requests from you; slow down.", retry_after_s=max(1, reset_s))

    def _keys(self, scope: Scope, headers: dict[bytes, bytes]) -> Iterable[tuple[bytes, Rate]]:
        credential = headers.get(b"authorization") or headers.get(b"cookie")
        if credential:
            yield hashlib.blake2s(credential, digest_size=16).digest(), self._limits.credential
        address = client_address(scope)
        if not (self._limits.loopback_exempt and is_loopback(address)):
            yield address.encode(), self._limits.address

    def _observe(self, scope: Scope, status: int, took_s: float, request_id: str) -> None:
        route = getattr(scope.get("route"), "path", "other")
        REQUESTS.labels(scope["method"], route, str(status)).inc()
        SECONDS.labels(route).observe(took_s)
        if access.isEnabledFor(logging.INFO):
            path = _SECRET.sub(r"\1…", scope["path"])
            fields = {"request_id": request_id, "status": status, "took_ms": round(took_s * 1000, 1)}
            access.info("%s %s", scope["method"], path, extra=fields)


class BodyTooLarge(Invalid):
    """The body is larger than any request needs."""

    status = 413
    code = "body_too_large"
    title = "The body is too large"


def _limited(receive: Receive, bytes_max: int) -> Receive:
    """`receive` that stops a chunked body at the limit, whatever its headers claimed."""
    seen = 0

    async def receive_limited() -> Message:
        nonlocal seen
        message = await receive()
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            if seen > bytes_max:
                raise BodyTooLarge(f"The body may have at most {bytes_max} bytes.")
        return message

    return receive_limited


def client_address(scope: Scope) -> str:
    """The peer's address, '' for a socket without one. Behind a proxy uvicorn has put the forwarded one here."""
    return scope["client"][0] if scope.get("client") else ""


def is_loopback(address: str) -> bool:
    """Whether the address is this machine's own; a Unix socket ('') is."""
    try:
        return not address or ip_address(address).is_loopback
    except ValueError:
        return False
