"""From an HTTP request to a change of the books and back: keys, bodies, idempotency, scripted faults.

Every POST takes one road here, so that no operation can forget a rule: authenticate, read, look for a fault, refuse a
key that is in flight, run inside the group commit, keep the answer under the key in the same transaction.
"""

import asyncio
import hmac
from base64 import b64decode
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from serai.kernel.ports import Clock, Random
from serai.systems.payments.gateway import forms, idempotency, params
from serai.systems.payments.gateway.commits import GroupCommit
from serai.systems.payments.gateway.desk import Desk
from serai.systems.payments.gateway.errors import (
    GatewayBroken,
    GatewayError,
    InvalidRequest,
    KeyInUse,
    RateLimited,
    WrongKey,
)
from serai.systems.payments.gateway.expanding import expand
from serai.systems.payments.gateway.faults import OF_REQUESTS, Fault, Faults
from serai.systems.payments.gateway.idempotency import Kept
from serai.systems.payments.gateway.intents import Answer, Terms
from serai.systems.payments.gateway.model import API_VERSION, Doc
from serai.systems.payments.gateway.settings import GatewaySettings
from serai.systems.payments.gateway.store import Store
from serai.systems.payments.gateway.webhooks import Deliverer

Operation = Callable[[Desk, dict[str, Any]], Answer]

_REQUEST_ID_BYTES = 7


@dataclass(frozen=True, slots=True)
class Call:
    """A POST that was read and found well formed. `key` is its Idempotency-Key, or empty."""

    path: str
    key: str
    fingerprint: bytes
    values: dict[str, Any]
    request_id: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What to send. `replays` is the id of the first request under the key; `lost`: send nothing."""

    status: int
    body: bytes
    replays: str = ""
    lost: bool = False


class Gateway:
    """The running gateway: its file, its commits, its deliverer and its faults."""

    def __init__(self, settings: GatewaySettings, store: Store, clock: Clock, random: Random) -> None:
        self.settings = settings
        self.store = store
        self.clock = clock
        self.random = random
        self.faults = Faults(settings.faults_max)
        self.deliverer = Deliverer(store, settings, clock, self.faults)
        self.commits = GroupCommit(
            store, queue_max=settings.queue_max, batch_max=settings.batch_max, on_deliveries=self.deliverer.wake
        )
        self.terms = Terms(settings.authorisation_s, settings.public_url)
        self._in_flight: set[str] = set()

    def now_ms(self) -> int:
        """Unix milliseconds by the gateway's clock."""
        return int(self.clock.now().timestamp() * 1000)

    def desk(self, request: Doc) -> Desk:
        """A desk over the books as the transaction at hand sees them."""
        return Desk(self.store, self.store.places, self.random, self.now_ms(), request)

    async def change(
        self, request: Request, name: str, table: Mapping[str, params.Reader], operation: Operation
    ) -> Response:
        """Carries out a POST. `name` is what fault scripts call it."""
        self.authenticate(request)
        call = await self._read(request, table)
        fault = self.faults.take(name, OF_REQUESTS)
        if fault is Fault.STATUS_429:
            raise RateLimited("Request rate limit exceeded.", code="rate_limit")
        if fault is Fault.TIMEOUT_BEFORE_EFFECT:
            return await self.hang(request)
        reply = await self._run(call, _broken if fault is Fault.STATUS_500 else operation)
        if reply.lost or fault is Fault.TIMEOUT_AFTER_EFFECT:
            return await self.hang(request)
        return self._response(call, reply)

    def authenticate(self, request: Request) -> str:
        """The API key of the request, from Bearer or Basic; raises WrongKey."""
        given = _key(request.headers.get("authorization", ""))
        if not given:
            raise WrongKey(
                "You did not provide an API key. You need to provide your API key in the Authorization header, using "
                "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
            )
        if not any(hmac.compare_digest(given.encode(), known.encode()) for known in self.settings.secret_keys):
            raise WrongKey(f"Invalid API Key provided: {given[:8]}{'*' * 8}{given[-4:] if len(given) > 16 else ''}")
        return given

    async def hang(self, request: Request) -> Response:
        """Answers nothing until the client gives up, `hang_max_s` at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self.settings.hang_max_s):
                while (await request.receive())["type"] != "http.disconnect":
                    pass
        return error_response(GatewayBroken("The answer was withheld by a fault script."))

    async def body(self, request: Request) -> bytes:
        """The body, `body_bytes_max` at most."""
        chunks, size = [], 0
        async for chunk in request.stream():
            size += len(chunk)
            if size > self.settings.body_bytes_max:
                raise InvalidRequest(f"The request body is larger than {self.settings.body_bytes_max} bytes.")
            chunks.append(chunk)
        return b"".join(chunks)

    def new_request_id(self) -> str:
        """`req_` and 14 digits."""
        return f"req_{self.random.token(_REQUEST_ID_BYTES).hex()}"

    async def _read(self, request: Request, table: Mapping[str, params.Reader]) -> Call:
        key = request.headers.get("idempotency-key", "")
        if len(key) > idempotency.KEY_CHARS_MAX:
            raise InvalidRequest(f"Idempotency keys may have at most {idempotency.KEY_CHARS_MAX} characters.")
        pairs = forms.pairs(await self.body(request))
        values = params.read_all(table, forms.nest(pairs))
        print_ = idempotency.fingerprint(pairs) if key else b""
        return Call(request.url.path, key, print_, values, self.new_request_id())

    async def _run(self, call: Call, operation: Operation) -> Reply:
        if not call.key:
            return await self.commits.apply(lambda: self._execute(call, operation))
        if call.key in self._in_flight:
            raise KeyInUse(
                "There is currently another in-progress request using this Idempotent Key (that probably means you "
                f"submitted twice, and the other request is still going through): {call.key}. Please try again later.",
                code="idempotency_key_in_use",
            )
        self._in_flight.add(call.key)
        try:
            return await self.commits.apply(lambda: self._execute(call, operation))
        finally:
            self._in_flight.discard(call.key)

    def _execute(self, call: Call, operation: Operation) -> Reply:
        """Inside the transaction. A refusal of the operation is an answer too and is kept under the key."""
        kept = self.store.kept(call.key) if call.key else None
        if kept is not None:
            return _replay(kept, call)
        desk = self.desk({"id": call.request_id, "idempotency_key": call.key or None})
        try:
            answer = operation(desk, call.values)
            doc = expand(desk.get, answer.doc, call.values.get("expand", []))
        except GatewayError as refused:
            answer, doc = Answer(refused.status, {}), refused.json()
        else:
            self.store.record(desk)
        reply = Reply(answer.status, orjson.dumps(doc), lost=answer.lost)
        if call.key:
            print_ = call.fingerprint
            self.store.keep(call.key, Kept(call.path, print_, reply.status, reply.body, call.request_id), desk.now_ms)
        return reply

    def _response(self, call: Call, reply: Reply) -> Response:
        headers = {"Request-Id": call.request_id, "Stripe-Version": API_VERSION}
        if call.key:
            headers["Idempotency-Key"] = call.key
        if reply.replays:
            headers |= {"Idempotent-Replayed": "true", "Original-Request": reply.replays}
        return Response(reply.body, reply.status, headers, "application/json")


def error_response(error: GatewayError) -> Response:
    """The error in Stripe's shape."""
    headers = {"WWW-Authenticate": 'Basic realm="Serai gateway"'} if isinstance(error, WrongKey) else None
    return Response(orjson.dumps(error.json()), error.status, headers, "application/json")


def _replay(kept: Kept, call: Call) -> Reply:
    refused = idempotency.objection(kept, call.key, call.path, call.fingerprint)
    if refused is not None:
        raise refused
    return Reply(kept.status, kept.body, replays=kept.request_id)


def _broken(_: Desk, __: dict[str, Any]) -> Answer:
    raise GatewayBroken("An unknown error occurred (a fault script asked for it).")


def _key(header: str) -> str:
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return b64decode(value, validate=True).decode().partition(":")[0]
    except ValueError:
        return ""
