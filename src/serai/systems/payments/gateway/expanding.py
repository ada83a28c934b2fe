"""`expand[]`: ids in an answer replaced by the objects they name, as deep as the request asks and no deeper."""

from collections.abc import Callable
from typing import Any

from serai.systems.payments.gateway import model
from serai.systems.payments.gateway.errors import InvalidRequest
from serai.systems.payments.gateway.model import Doc, Kind

Get = Callable[[Kind, str], Doc | None]

DEPTH_MAX = 4

_EXPANDABLE: dict[str, dict[str, Kind | None]] = {
    "payment_intent": {"latest_charge": "charge", "payment_method": None, "customer": None},
    "charge": {"payment_intent": "payment_intent", "balance_transaction": None, "customer": None},
    "refund": {"charge": "charge", "payment_intent": "payment_intent", "balance_transaction": None},
}
"""By object and field: the kind that the id names; None for payment methods and for what is always null here."""


def expand(get: Get, doc: Doc, paths: list[str]) -> Doc:
    """`doc` with every path expanded; raises InvalidRequest for a path that cannot be."""
    for path in paths:
        if path.count(".") >= DEPTH_MAX:
            raise InvalidRequest(f"You cannot expand more than {DEPTH_MAX} levels of a property", param="expand")
        doc = _expanded(get, doc, path)
    return doc


def expand_list(get: Get, docs: list[Doc], paths: list[str]) -> list[Doc]:
    """Each of `docs` with every path expanded; in a list every path starts with `data.`."""
    for path in paths:
        if not path.startswith("data."):
            raise _impossible(path)
    inner = [path.removeprefix("data.") for path in paths]
    return [expand(get, doc, inner) for doc in docs]


def _expanded(get: Get, doc: Doc, path: str) -> Doc:
    name, _, rest = path.partition(".")
    fields = _EXPANDABLE.get(doc.get("object", ""), {})
    if name not in fields:
        raise _impossible(path)
    value = _object(get, name, fields[name], doc[name])
    return doc | {name: _expanded(get, value, rest) if rest and value is not None else value}


def _object(get: Get, name: str, kind: Kind | None, value: Any) -> Doc | None:
    if value is None or isinstance(value, dict):
        return value
    if name == "payment_method":
        return model.payment_method(value)
    assert kind is not None
    return get(kind, value)


def _impossible(path: str) -> InvalidRequest:
    return InvalidRequest(f"This property cannot be expanded ({path}).", param="expand")
