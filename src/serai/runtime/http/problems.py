"""Every error leaves as one RFC 9457 problem document, from this one place.

An unexpected exception is logged with its traceback and leaves as a bare 500: its text may hold secrets.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import psycopg
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from serai.kernel.errors import FieldError, Invalid, NotFound, SeraiError, Unavailable

log = logging.getLogger("serai.http")

RenderProblem = Callable[[Request, int, dict[str, Any]], Awaitable[Response]]
"""Draws a problem as a page, for requests that come from a person's browser."""

PROBLEM_RESPONSE: dict[str, Any] = {
    "description": "A problem document (RFC 9457); `code` is stable.",
    "content": {
        "application/problem+json": {
            "schema": {
                "title": "Problem",
                "type": "object",
                "required": ["type", "title", "status", "detail", "code", "retryable", "request_id", "errors"],
                "properties": {
                    "type": {"type": "string"},
                    "title": {"type": "string"},
                    "status": {"type": "integer"},
                    "detail": {"type": "string"},
                    "code": {"type": "string"},
                    "retryable": {"type": "boolean"},
                    "request_id": {"type": "string"},
                    "errors": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["field", "code", "message"],
                            "properties": {name: {"type": "string"} for name in ("field", "code", "message")},
                        },
                    },
                },
            }
        }
    },
}
"""How the API's document describes every refusal."""

_PLACES = {"body", "query", "path", "header", "cookie"}


class MethodNotAllowed(SeraiError):
    """The path exists, the method does not."""

    status = 405
    code = "method_not_allowed"
    title = "Method not allowed"


class NotAcceptable(SeraiError):
    """Another refusal of the web framework itself, such as a body that is too large."""

    status = 400
    code = "bad_request"
    title = "Bad request"


def problem(error: SeraiError, request_id: str) -> dict[str, Any]:
    """The problem document's members."""
    document: dict[str, Any] = {
        "type": f"/docs/errors#{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.message,
        "code": error.code,
        "retryable": error.retryable,
        "request_id": request_id,
        "errors": [{"field": e.field, "code": e.code, "message": e.message} for e in error.errors],
    }
    return document | error.extra


def problem_response(error: SeraiError, request_id: str) -> Response:
    """The document as `application/problem+json`, with Retry-After where a retry helps."""
    headers = {"Cache-Control": "no-store"}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(error.retry_after_s)
    elif error.retryable:
        headers["Retry-After"] = "1"
    body = orjson.dumps(problem(error, request_id))
    return Response(body, error.status, headers, media_type="application/problem+json")


AnswerUnexpected = Callable[[Request, Exception], Awaitable[Response]]
"""Answers a request whose handler failed of a mistake of ours."""


def add_problem_handlers(app: FastAPI, render: RenderProblem | None) -> AnswerUnexpected:
    """Maps every exception to its document; browsers outside /api get the page that `render` draws.

    Returns the answer to those that nobody expects: the framework would give it outside of all layers, without an id.
    """

    async def answer(request: Request, error: SeraiError) -> Response:
        request_id: str = getattr(request.state, "request_id", "")
        if render and _is_page(request):
            return await render(request, error.status, problem(error, request_id))
        return problem_response(error, request_id)

    async def on_serai_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, SeraiError)
        return await answer(request, error)

    async def on_validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return await answer(request, _invalid(error))

    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        # What stopped a body while the framework read it comes wrapped.
        cause = error.__cause__
        response = await answer(request, cause if isinstance(cause, SeraiError) else _from_framework(error, request))
        response.headers.update(error.headers or {})
        return response

    async def on_database(request: Request, error: Exception) -> Response:
        log.error("database refused", exc_info=error)
        return await answer(request, Unavailable("The database did not answer as expected; try again in a moment."))

    async def on_unexpected(request: Request, error: Exception) -> Response:
        log.error("unexpected error", exc_info=error, extra={"path": request.url.path})
        return await answer(request, SeraiError("The request failed for a reason that is ours; it has been logged."))

    app.add_exception_handler(SeraiError, on_serai_error)
    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(psycopg.OperationalError, on_database)
    return on_unexpected


def _is_page(request: Request) -> bool:
    return not request.url.path.startswith("/api/") and "text/html" in request.headers.get("accept", "")


def _from_framework(error: HTTPException, request: Request) -> SeraiError:
    if error.status_code == 404:
        return NotFound(f"There is nothing at {request.url.path}.")
    if error.status_code == 405:
        return MethodNotAllowed(f"{request.method} is not possible at {request.url.path}.")
    return NotAcceptable(str(error.detail))


def _invalid(error: RequestValidationError) -> Invalid:
    found = tuple(FieldError(_field(item), str(item["type"]), str(item["msg"])) for item in error.errors()[:ERRORS_MAX])
    first = found[0] if found else FieldError("body", "invalid", "the body is not valid")
    return Invalid(f"{first.field}: {first.message}", errors=found)


ERRORS_MAX = 50
"""So many wrong fields are named in one answer; more would only be a way to make us work."""


def _field(item: dict[str, Any]) -> str:
    """'seat_ids[3]' from ('body', 'seat_ids', 3)."""
    location: tuple[Any, ...] = item["loc"]
    if item["type"] == "json_invalid":  # its location is a character's
        return "body"
    parts = location[1:] if location and location[0] in _PLACES and len(location) > 1 else location
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text
