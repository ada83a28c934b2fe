"""OpenTelemetry traces of requests, when OTEL_EXPORTER_OTLP_ENDPOINT says where to send them; otherwise nothing.

The packages are the extra `otel`: whoever names an endpoint without them is told so at the start, instead of finding
no traces later. The other OTEL_* variables mean what the OpenTelemetry specification says.
"""

import os
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from serai.kernel.errors import Misconfigured

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


class TracesMissing(Misconfigured):
    """An endpoint for traces is named, and the packages that send them are not installed."""

    code = "traces_missing"


def require_packages() -> None:
    """Raises TracesMissing where traces are wanted and cannot be sent."""
    if os.environ.get(ENDPOINT):
        _imported("opentelemetry.sdk.trace")
        _imported("opentelemetry.exporter.otlp.proto.http.trace_exporter")


def _imported(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise TracesMissing(
            f"{ENDPOINT} is set, and {name} is not installed; pip install 'serai[otel]', or unset it."
        ) from error


def traced(app: "ASGIApp", service: str) -> "ASGIApp":
    """`app` with a span for each request, or `app` itself where no endpoint is named."""
    return _Traced(app, _Provider(service)) if os.environ.get(ENDPOINT) else app


class _Provider:
    """The SDK, set up to send in batches from a thread of its own."""

    def __init__(self, service: str) -> None:
        sdk = _imported("opentelemetry.sdk.trace")
        resources = _imported("opentelemetry.sdk.resources")
        exporter = _imported("opentelemetry.exporter.otlp.proto.http.trace_exporter").OTLPSpanExporter()
        self.trace = _imported("opentelemetry.trace")
        self.propagate = _imported("opentelemetry.propagate")
        provider = sdk.TracerProvider(resource=resources.Resource.create({"service.name": service}))
        provider.add_span_processor(_imported("opentelemetry.sdk.trace.export").BatchSpanProcessor(exporter))
        self.tracer = provider.get_tracer("serai")


class _Traced:
    """The outermost layer: the span covers all that a request costs."""

    def __init__(self, app: "ASGIApp", provider: _Provider) -> None:
        self._app = app
        self._otel = provider

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answers inside a span that continues the caller's trace (W3C traceparent)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        with self._otel.tracer.start_as_current_span(
            scope["method"], context=self._otel.propagate.extract(headers), kind=self._otel.trace.SpanKind.SERVER
        ) as span:

            async def answer(message: "Message") -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                    if message["status"] >= 500:
                        span.set_status(self._otel.trace.StatusCode.ERROR)
                await send(message)

            await self._app(scope, receive, answer)
            for name, value in _told(scope).items():
                span.set_attribute(name, value)
            span.update_name(f"{scope['method']} {_route(scope)}")


def _told(scope: "Scope") -> Mapping[str, str]:
    """The route, never the path: paths of holds and bookings open them."""
    request_id = scope.get("state", {}).get("request_id", "")
    return {"http.request.method": scope["method"], "http.route": _route(scope), "serai.request_id": request_id}


def _route(scope: "Scope") -> str:
    return str(getattr(scope.get("route"), "path", "other"))
