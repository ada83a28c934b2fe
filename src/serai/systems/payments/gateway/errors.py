"""What the gateway answers when it does not do as asked, in Stripe's shape.

    GatewayError
    ├── InvalidRequest        400  a parameter is unknown, missing or out of range, or the state forbids it
    ├── NoSuchThing           404  the object or path does not exist
    ├── WrongKey              401  no API key, or one that is not ours
    ├── NotPermitted          403  the key may not do this
    ├── IdempotencyMismatch   400  a key was reused for another request
    ├── KeyInUse              409  the same key is being worked on at this moment; retry
    ├── CardRefused           402  the issuer said no; the buyer may try another card
    ├── RateLimited           429  too much at once; retry later
    └── GatewayBroken         500  ours; the outcome must be asked, not guessed

`code` and `type` are Stripe's (docs.stripe.com/api/errors), not Serai's problem codes: the client library reads them.
"""

from typing import Any, ClassVar

from serai.kernel.errors import SeraiError


class GatewayError(SeraiError):
    """The root: `type` is Stripe's error family; `code` and `param` say which rule and which parameter."""

    type: ClassVar[str] = "invalid_request_error"

    def __init__(self, message: str, *, code: str = "", param: str = "", more: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.wire_code = code
        self.param = param
        self.more = more or {}

    def json(self) -> dict[str, Any]:
        """`{"error": {...}}` as Stripe writes it; absent members are left out."""
        error: dict[str, Any] = {"message": self.message, "type": self.type}
        if self.wire_code:
            error["code"] = self.wire_code
            error["doc_url"] = f"https://stripe.com/docs/error-codes/{self.wire_code.replace('_', '-')}"
        if self.param:
            error["param"] = self.param
        return {"error": {**error, **self.more}}


class InvalidRequest(GatewayError):
    """A parameter is unknown, missing or out of range, or the object's state forbids the request."""

    status = 400
    code = "invalid_request"
    title = "The request cannot be carried out as written"


class NoSuchThing(GatewayError):
    """The object or path does not exist."""

    status = 404
    code = "resource_missing"
    title = "No such thing"


class WrongKey(GatewayError):
    """No API key was given, or one that the gateway does not know."""

    status = 401
    code = "unauthenticated"
    title = "Give an API key"


class NotPermitted(GatewayError):
    """The key is known and may not do this."""

    status = 403
    code = "forbidden"
    title = "This key may not do that"


class IdempotencyMismatch(GatewayError):
    """A key was reused for another request."""

    status = 400
    code = "idempotency_error"
    title = "The key belongs to another request"
    type = "idempotency_error"


class KeyInUse(GatewayError):
    """The same key is being worked on at this moment."""

    status = 409
    code = "idempotency_key_in_use"
    title = "The first request with this key is still running"
    retryable = True
    type = "idempotency_error"


class CardRefused(GatewayError):
    """The issuer said no."""

    status = 402
    code = "card_declined"
    title = "The card was refused"
    type = "card_error"


class RateLimited(GatewayError):
    """Too much at once."""

    status = 429
    code = "rate_limit"
    title = "Too many requests"
    retryable = True


class GatewayBroken(GatewayError):
    """The gateway failed; whether the request took effect must be asked."""

    status = 500
    code = "api_error"
    title = "The gateway failed"
    type = "api_error"


def no_such(kind: str, id_: str, param: str = "") -> GatewayError:
    """Stripe's sentence for an unknown id: 404 in a path, 400 in a parameter."""
    message = f"No such {kind}: '{id_}'"
    if param:
        return InvalidRequest(message, code="resource_missing", param=param)
    return NoSuchThing(message, code="resource_missing", param="id")
