"""The root of every error that a user may see, and the shape in which it leaves.

    SeraiError                      what went wrong, said so that the reader can act
    ├── Invalid              422    the request can never succeed as written
    ├── Unauthenticated      401    nobody proved who is asking
    ├── Forbidden            403    known, but not allowed
    ├── NotFound             404    no such thing, or another tenant's
    ├── Conflict             409    the state of things forbids it now
    ├── TooMany              429    a limit was reached; wait and retry
    ├── Unavailable          503    a part we depend on does not answer; retry later
    └── Misconfigured        exit 2 the operator must change a setting before it can start

Each system draws its own tree below these. `code` is stable and documented in docs/reference/errors.md;
`retryable` says whether the same request may succeed later without change.
"""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field of a request that was refused: its path, a stable code, and a sentence."""

    field: str
    code: str
    message: str


class SeraiError(Exception):
    """The root. `message` is one sentence with the value that was wrong and what to do about it."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"
    title: ClassVar[str] = "Something went wrong on our side"
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        errors: tuple[FieldError, ...] = (),
        retry_after_s: int | None = None,
        extra: dict[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.errors = errors
        self.retry_after_s = retry_after_s
        self.extra = extra or {}
        """Further members of the problem document, such as the seats that were taken (RFC 9457 section 3.2)."""


class Invalid(SeraiError):
    """The request can never succeed as written."""

    status = 422
    code = "invalid_request"
    title = "The request is not valid"

    @classmethod
    def of(cls, field: str, code: str, message: str) -> "Invalid":
        """The common case: one field is wrong."""
        return cls(message, errors=(FieldError(field, code, message),))


class Unauthenticated(SeraiError):
    """Nobody proved who is asking."""

    status = 401
    code = "unauthenticated"
    title = "Sign in first"


class Forbidden(SeraiError):
    """The principal is known and lacks the right."""

    status = 403
    code = "forbidden"
    title = "Not allowed"


class NotFound(SeraiError):
    """No such thing, or a thing of another tenant: the two look the same from outside."""

    status = 404
    code = "not_found"
    title = "Not found"


class Conflict(SeraiError):
    """The state of things forbids it now."""

    status = 409
    code = "conflict"
    title = "In conflict with the current state"


class TooMany(SeraiError):
    """A limit was reached."""

    status = 429
    code = "too_many_requests"
    title = "Too many requests"
    retryable = True


class Unavailable(SeraiError):
    """A part that we depend on does not answer."""

    status = 503
    code = "unavailable"
    title = "Temporarily unavailable"
    retryable = True


class Misconfigured(SeraiError):
    """The operator must change something before the program can start. The command line exits with 2."""

    code = "misconfigured"
    title = "A setting needs attention"
