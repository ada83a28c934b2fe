"""Which parameters each operation takes, as tables, and what a bad one is answered: Stripe's own codes.

A parameter that is not in the table is refused (`parameter_unknown`), so a misspelt name never changes money silently.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from serai.kernel.money import known_currency
from serai.systems.payments.gateway.errors import InvalidRequest

Reader = Callable[[str, Any], Any]
"""Takes a parameter's name and its raw value; gives the typed value or raises InvalidRequest."""

AMOUNT_MIN_MINOR = 50
AMOUNT_MAX_MINOR = 99_999_999
METADATA_KEYS_MAX = 50
METADATA_KEY_CHARS_MAX = 40
METADATA_VALUE_CHARS_MAX = 500
LIST_DEFAULT = 10
LIST_MAX = 100
EXPANSIONS_MAX = 20

_INTEGER = re.compile(r"-?[0-9]{1,15}")
_RANGE = frozenset({"gt", "gte", "lt", "lte"})


def text(chars_max: int = 1000) -> Reader:
    """A non-empty string of at most `chars_max` characters."""

    def read(name: str, raw: Any) -> str:
        if not isinstance(raw, str):
            raise InvalidRequest("Invalid string: it was given as an object or array", param=name)
        if not raw:
            raise InvalidRequest(
                f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset a field; "
                f"however '{name}' cannot be unset. You should remove '{name}' from your request or supply a "
                "non-empty value.",
                code="parameter_invalid_empty",
                param=name,
            )
        if len(raw) > chars_max:
            raise InvalidRequest(f"Invalid string: {name} must be at most {chars_max} characters", param=name)
        return raw

    return read


def integer(name: str, raw: Any) -> int:
    """A whole number."""
    if not isinstance(raw, str) or not _INTEGER.fullmatch(raw):
        raise InvalidRequest(f"Invalid integer: {raw}", code="parameter_invalid_integer", param=name)
    return int(raw)


def positive(name: str, raw: Any) -> int:
    """A whole number of at least 1."""
    value = integer(name, raw)
    if value < 1:
        raise InvalidRequest(
            "This value must be greater than or equal to 1.", code="parameter_invalid_integer", param=name
        )
    return value


def amount(name: str, raw: Any) -> int:
    """Minor units within the limits of a payment."""
    value = positive(name, raw)
    if value < AMOUNT_MIN_MINOR:
        least = f"Amount must be at least {AMOUNT_MIN_MINOR} minor units"
        raise InvalidRequest(least, code="amount_too_small", param=name)
    if value > AMOUNT_MAX_MINOR:
        most = f"Amount must be no more than {AMOUNT_MAX_MINOR} minor units"
        raise InvalidRequest(most, code="amount_too_large", param=name)
    return value


def boolean(name: str, raw: Any) -> bool:
    """`true` or `false`."""
    if raw not in ("true", "false"):
        raise InvalidRequest(f"Invalid boolean: {raw}", param=name)
    return bool(raw == "true")


def choice(*allowed: str) -> Reader:
    """One of `allowed`."""

    def read(name: str, raw: Any) -> str:
        if raw not in allowed:
            raise InvalidRequest(f"Invalid {name}: must be one of {', '.join(allowed)}", param=name)
        return str(raw)

    return read


def currency(name: str, raw: Any) -> str:
    """A three-letter ISO 4217 code in lower case."""
    code: str = text(3)(name, raw)
    if not known_currency(code.upper()):
        raise InvalidRequest(f"Invalid currency: {code}. Give a three-letter ISO 4217 code.", param=name)
    return code.lower()


def url(name: str, raw: Any) -> str:
    """An absolute http or https URL."""
    value: str = text(2048)(name, raw)
    try:
        parts = urlsplit(value)
    except ValueError as error:
        raise InvalidRequest("Not a valid URL", code="url_invalid", param=name) from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InvalidRequest("Not a valid URL", code="url_invalid", param=name)
    return value


def texts(name: str, raw: Any) -> list[str]:
    """A list of strings."""
    if not isinstance(raw, list):
        raise InvalidRequest("Invalid array", param=name)
    if len(raw) > EXPANSIONS_MAX:
        raise InvalidRequest(f"{name} may have at most {EXPANSIONS_MAX} elements", param=name)
    return [text()(f"{name}[{index}]", value) for index, value in enumerate(raw)]


def metadata(name: str, raw: Any) -> dict[str, str] | None:
    """Strings by name; an empty value unsets its name, an empty string instead of the object unsets all (None)."""
    if raw == "":
        return None
    given = {str(index): value for index, value in enumerate(raw)} if isinstance(raw, list) else raw
    if not isinstance(given, dict):
        raise InvalidRequest(f"Invalid object: {name} must be a set of key-value pairs", param=name)
    for key, value in given.items():
        if len(key) > METADATA_KEY_CHARS_MAX:
            limit = f"Metadata keys must be at most {METADATA_KEY_CHARS_MAX} characters"
            raise InvalidRequest(limit, param=f"{name}[{key[:METADATA_KEY_CHARS_MAX]}]")
        if not isinstance(value, str) or len(value) > METADATA_VALUE_CHARS_MAX:
            limit = f"Metadata values must be strings of at most {METADATA_VALUE_CHARS_MAX} characters"
            raise InvalidRequest(limit, param=f"{name}[{key}]")
    return given


def merged(before: dict[str, str], change: dict[str, str] | None) -> dict[str, str]:
    """Metadata after a change, within its limit."""
    after = {} if change is None else {key: value for key, value in (before | change).items() if value}
    if len(after) > METADATA_KEYS_MAX:
        raise InvalidRequest(f"Metadata can have at most {METADATA_KEYS_MAX} keys", param="metadata")
    return after


def moment_range(name: str, raw: Any) -> dict[str, int]:
    """`created`: Unix seconds, or bounds gt, gte, lt, lte."""
    if isinstance(raw, str):
        second = integer(name, raw)
        return {"gte": second, "lte": second}
    if not isinstance(raw, dict) or not raw.keys() <= _RANGE:
        raise InvalidRequest("Invalid time range: use gt, gte, lt, lte", param=name)
    return {bound: integer(f"{name}[{bound}]", value) for bound, value in raw.items()}


def group(table: Mapping[str, Reader]) -> Reader:
    """A nested object with a table of its own."""

    def read(name: str, raw: Any) -> dict[str, Any]:
        if not isinstance(raw, dict):
            raise InvalidRequest("Invalid object", param=name)
        return read_all(table, raw, inside=name)

    return read


def read_all(table: Mapping[str, Reader], form: Mapping[str, Any], *, inside: str = "") -> dict[str, Any]:
    """The typed parameters; raises InvalidRequest for the first that is unknown or malformed."""
    values = {}
    for key, raw in form.items():
        name = f"{inside}[{key}]" if inside else key
        reader = table.get(key)
        if reader is None:
            raise InvalidRequest(f"Received unknown parameter: {name}", code="parameter_unknown", param=name)
        values[key] = reader(name, raw)
    return values


def require(values: Mapping[str, Any], *names: str) -> None:
    """Raises InvalidRequest for the first of `names` that is absent."""
    for name in names:
        if name not in values:
            raise InvalidRequest(f"Missing required param: {name}.", code="parameter_missing", param=name)


_EXPAND: dict[str, Reader] = {"expand": texts}
_PAGE: dict[str, Reader] = _EXPAND | {
    "limit": positive,
    "starting_after": text(64),
    "ending_before": text(64),
    "created": moment_range,
}
_CAPTURE_METHOD = choice("automatic", "automatic_async", "manual")
_DETAILS: dict[str, Reader] = {
    "description": text(),
    "receipt_email": text(320),
    "statement_descriptor": text(22),
    "statement_descriptor_suffix": text(22),
    "transfer_group": text(100),
    "metadata": metadata,
}
_CONFIRMING: dict[str, Reader] = {
    "payment_method": text(64),
    "return_url": url,
    "off_session": boolean,
    "error_on_requires_action": boolean,
}
_AUTOMATIC = group({"enabled": boolean, "allow_redirects": choice("always", "never")})

INTENT_CREATE: Mapping[str, Reader] = (
    _EXPAND
    | _DETAILS
    | _CONFIRMING
    | {
        "amount": amount,
        "currency": currency,
        "capture_method": _CAPTURE_METHOD,
        "confirm": boolean,
        "confirmation_method": choice("automatic"),
        "payment_method_types": texts,
        "automatic_payment_methods": _AUTOMATIC,
    }
)
INTENT_UPDATE: Mapping[str, Reader] = (
    _EXPAND
    | _DETAILS
    | {
        "amount": amount,
        "currency": currency,
        "payment_method": text(64),
        "capture_method": _CAPTURE_METHOD,
    }
)
INTENT_CONFIRM: Mapping[str, Reader] = _EXPAND | _CONFIRMING | {"capture_method": _CAPTURE_METHOD}
INTENT_CAPTURE: Mapping[str, Reader] = _EXPAND | {
    "amount_to_capture": positive,
    "final_capture": boolean,
    "metadata": metadata,
    "statement_descriptor": text(22),
    "statement_descriptor_suffix": text(22),
}
CANCEL_REASONS = ("duplicate", "fraudulent", "requested_by_customer", "abandoned")
INTENT_CANCEL: Mapping[str, Reader] = _EXPAND | {"cancellation_reason": choice(*CANCEL_REASONS)}
REFUND_CREATE: Mapping[str, Reader] = _EXPAND | {
    "payment_intent": text(64),
    "charge": text(64),
    "amount": positive,
    "reason": choice("duplicate", "fraudulent", "requested_by_customer"),
    "metadata": metadata,
}
METADATA_ONLY: Mapping[str, Reader] = _EXPAND | {"metadata": metadata}
RETRIEVE: Mapping[str, Reader] = _EXPAND
INTENT_RETRIEVE: Mapping[str, Reader] = _EXPAND | {"client_secret": text(128)}
PAGE: Mapping[str, Reader] = _PAGE
CHARGE_PAGE: Mapping[str, Reader] = _PAGE | {"payment_intent": text(64)}
REFUND_PAGE: Mapping[str, Reader] = _PAGE | {"payment_intent": text(64), "charge": text(64)}
EVENT_PAGE: Mapping[str, Reader] = _PAGE | {"type": text(64), "types": texts}
ENDPOINT_CREATE: Mapping[str, Reader] = _EXPAND | {
    "url": url,
    "enabled_events": texts,
    "description": text(),
    "metadata": metadata,
    "api_version": text(40),
}
