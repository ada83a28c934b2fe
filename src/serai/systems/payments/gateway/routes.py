"""The API's paths: which table reads the parameters and which operation carries them out."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from serai.systems.payments.gateway import endpoints, expanding, forms, ids, intents, model, params, refunds
from serai.systems.payments.gateway.edge import Gateway, error_response
from serai.systems.payments.gateway.errors import (
    GatewayBroken,
    GatewayError,
    InvalidRequest,
    NotPermitted,
    RateLimited,
    no_such,
)
from serai.systems.payments.gateway.faults import OF_REQUESTS, SCRIPT, Fault
from serai.systems.payments.gateway.model import API_VERSION, Doc, Kind
from serai.systems.payments.gateway.settings import TEST_KEY
from serai.systems.payments.gateway.states import Status

Handler = Callable[[Request], Awaitable[Response]]
Operation = Callable[..., intents.Answer]

STATE_ROWS_MAX = 10_000

_CHANGES: tuple[tuple[str, str, Mapping[str, params.Reader], Operation], ...] = (
    ("/v1/payment_intents", "create", params.INTENT_CREATE, intents.create),
    ("/v1/payment_intents/{id}/capture", "capture", params.INTENT_CAPTURE, intents.capture),
    ("/v1/payment_intents/{id}/confirm", "confirm", params.INTENT_CONFIRM, intents.confirm),
    ("/v1/payment_intents/{id}/cancel", "cancel", params.INTENT_CANCEL, intents.cancel),
    ("/v1/payment_intents/{id}", "update", params.INTENT_UPDATE, intents.update),
    ("/v1/refunds", "refund", params.REFUND_CREATE, refunds.create),
    ("/v1/refunds/{id}", "update", params.METADATA_ONLY, refunds.update),
)
_LISTS: tuple[tuple[Kind, Mapping[str, params.Reader], tuple[str, ...]], ...] = (
    ("payment_intent", params.PAGE, ()),
    ("charge", params.CHARGE_PAGE, ("payment_intent",)),
    ("refund", params.REFUND_PAGE, ("payment_intent", "charge")),
    ("event", params.EVENT_PAGE, ("type",)),
    ("webhook_endpoint", params.PAGE, ()),
)


class Api:
    """The handlers over one gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._store = gateway.store

    def routes(self) -> list[Route]:
        """Every path of the API, those that are called most first."""
        found = [
            Route(path, guarded(self._changing(name, table, operation)), methods=["POST"])
            for path, name, table, operation in _CHANGES
        ]
        for kind, table, filters in _LISTS:
            found.append(Route(model.PATHS[kind], guarded(self._listing(kind, table, filters)), methods=["GET"]))
            found.append(Route(f"{model.PATHS[kind]}/{{id}}", guarded(self._retrieving(kind)), methods=["GET"]))
        return [
            *found,
            Route("/v1/payment_methods/{id}", guarded(self._payment_method), methods=["GET"]),
            Route("/v1/webhook_endpoints", guarded(self._create_endpoint), methods=["POST"]),
            Route("/v1/webhook_endpoints/{id}", guarded(self._delete_endpoint), methods=["DELETE"]),
            Route("/_test/faults", guarded(self._faults), methods=["GET", "POST", "DELETE"]),
            Route("/_test/state", guarded(self._state), methods=["GET"]),
            Route("/healthz", self._health, methods=["GET"]),
        ]

    def _changing(self, name: str, table: Mapping[str, params.Reader], operation: Operation) -> Handler:
        gateway = self._gateway

        async def handle(request: Request) -> Response:
            target = request.path_params
            arguments = {"id_": target["id"]} if target else {}
            return await gateway.change(
                request, name, table, lambda desk, values: operation(desk, gateway.terms, values, **arguments)
            )

        return handle

    def _retrieving(self, kind: Kind) -> Handler:
        table = params.INTENT_RETRIEVE if kind == "payment_intent" else params.RETRIEVE

        async def handle(request: Request) -> Response:
            values = await self._query(request, "retrieve", table)
            found = await self._current(kind, request.path_params["id"])
            return _json(expanding.expand(self._store.committed.get, self._shown(found), values.get("expand", [])))

        return handle

    def _listing(self, kind: Kind, table: Mapping[str, params.Reader], filters: tuple[str, ...]) -> Handler:
        async def handle(request: Request) -> Response:
            values = await self._query(request, "list", table)
            equal = {name: values[name] for name in filters if name in values}
            if "types" in values:
                equal["type"] = values["types"]
            docs, more = self._store.committed.page(kind, values, **equal)
            data = [self._shown(doc) for doc in docs]
            data = expanding.expand_list(self._store.committed.get, data, values.get("expand", []))
            return _json({"object": "list", "data": data, "has_more": more, "url": model.PATHS[kind]})

        return handle

    async def _query(self, request: Request, name: str, table: Mapping[str, params.Reader]) -> dict[str, Any]:
        gateway = self._gateway
        gateway.authenticate(request)
        values = params.read_all(table, forms.nest(forms.pairs(request.scope["query_string"])))
        fault = gateway.faults.take(name, OF_REQUESTS)
        if fault is Fault.STATUS_429:
            raise RateLimited("Request rate limit exceeded.", code="rate_limit")
        if fault is Fault.STATUS_500:
            raise GatewayBroken("An unknown error occurred (a fault script asked for it).")
        if fault is not None:
            await gateway.hang(request)
        return values

    async def _current(self, kind: Kind, id_: str) -> Doc:
        """The object as it stands now: an authorisation that has lapsed is released before it is shown."""
        found = self._store.committed.get(kind, id_)
        if found is None:
            raise no_such(kind, id_)
        if kind != "payment_intent" or found["status"] != Status.REQUIRES_CAPTURE:
            return found
        charge = self._store.committed.get("charge", found["latest_charge"])
        assert charge is not None, found["latest_charge"]
        due = model.due_of(charge)
        return await expire(self._gateway, id_) if due and due <= self._gateway.now_ms() // 1000 else found

    def _shown(self, doc: Doc) -> Doc:
        if doc["object"] == "webhook_endpoint":
            return model.without_secret(doc)
        if doc["object"] == "event":
            place = ids.place_of(doc["id"])
            assert place is not None
            return doc | {"pending_webhooks": self._store.committed.pending_webhooks(place)}
        return doc

    async def _payment_method(self, request: Request) -> Response:
        await self._query(request, "retrieve", params.RETRIEVE)
        given = request.path_params["id"]
        if model.card_of(given) is None:
            raise no_such("PaymentMethod", given)
        return _json(model.payment_method(self._gateway.desk({}).method(given)))

    async def _create_endpoint(self, request: Request) -> Response:
        limit = self._gateway.settings.endpoints_max
        return await self._gateway.change(
            request,
            "create_endpoint",
            params.ENDPOINT_CREATE,
            lambda desk, values: endpoints.create(desk, values, limit),
        )

    async def _delete_endpoint(self, request: Request) -> Response:
        id_ = request.path_params["id"]
        return await self._gateway.change(
            request, "delete_endpoint", params.RETRIEVE, lambda desk, _: endpoints.delete(desk, id_)
        )

    async def _faults(self, request: Request) -> Response:
        self._require_test_key(request)
        faults = self._gateway.faults
        if request.method == "DELETE":
            faults.clear()
        if request.method == "POST":
            return _json(faults.add(params.read_all(SCRIPT, await self._script(request))).json())
        return _json({"object": "list", "data": [script.json() for script in faults.waiting()]})

    async def _script(self, request: Request) -> dict[str, Any]:
        """A fault script from a form or from JSON."""
        body = await self._gateway.body(request)
        if not request.headers.get("content-type", "").startswith("application/json"):
            return forms.nest(forms.pairs(body))
        try:
            given = orjson.loads(body)
        except ValueError as error:
            raise InvalidRequest("Invalid request body: it is not JSON.") from error
        if not isinstance(given, dict):
            raise InvalidRequest("Invalid request body: it is not a JSON object.")
        return {name: str(value) for name, value in given.items()}

    async def _state(self, request: Request) -> Response:
        """For auditors: totals of the file, and every payment in short, newest first."""
        self._require_test_key(request)
        values = params.read_all(params.PAGE, forms.nest(forms.pairs(request.scope["query_string"])))
        shelf = self._store.committed
        payments: list[Doc] = []
        more = True
        while more and len(payments) < STATE_ROWS_MAX:
            docs, more = shelf.page("payment_intent", values | {"limit": params.LIST_MAX})
            payments += [self._brief(doc) for doc in docs]
            values["starting_after"] = payments[-1]["id"] if payments else ""
            await asyncio.sleep(0)  # a large file must not stop payments while it is read
        faults = [script.json() for script in self._gateway.faults.waiting()]
        return _json({**shelf.totals(), "payments": payments, "has_more": more, "faults": faults})

    def _brief(self, intent: Doc) -> Doc:
        charge = self._store.committed.get("charge", intent["latest_charge"]) if intent["latest_charge"] else None
        names = ("id", "created", "status", "amount", "amount_capturable", "amount_received", "currency", "metadata")
        back = charge["amount_refunded"] if charge and charge["captured"] else 0
        return {name: intent[name] for name in names} | {"amount_refunded": back}

    def _require_test_key(self, request: Request) -> None:
        if not self._gateway.authenticate(request).startswith(TEST_KEY):
            raise NotPermitted("Only a test-mode key (sk_test_…) may script faults or read the gateway's state.")

    async def _health(self, _: Request) -> Response:
        return _json({"status": "ok"})


async def expire(gateway: Gateway, id_: str) -> Doc:
    """Releases a lapsed authorisation and tells what the intent is now."""

    def change() -> Doc:
        desk = gateway.desk({"id": None, "idempotency_key": None})
        intent = intents.expire(desk, id_)
        gateway.store.record(desk)
        return intent

    return await gateway.commits.apply(change)


def guarded(handler: Handler) -> Handler:
    """The handler, its refusals answered in Stripe's shape."""

    async def handle(request: Request) -> Response:
        try:
            return await handler(request)
        except GatewayError as error:
            return error_response(error)

    return handle


def _json(doc: Any) -> Response:
    return Response(orjson.dumps(doc), headers={"Stripe-Version": API_VERSION}, media_type="application/json")
