"""Messages as the JSON of etcd's gateway: 64-bit numbers and bytes as text, zero values left out, names as in the
table. Requests may say names in camel case too, and what the table does not know is passed over.

It prevents a key that is not base64 (the newcomer's first mistake) from being taken for another key: protobuf's own
reader passes over letters that it does not know.
"""

import base64
import binascii
import re
from collections.abc import Callable
from functools import cache, partial
from typing import Any, cast

import orjson
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

DEPTH_MAX = 32
"""Of objects in objects: a transaction in a transaction counts two."""

_URL_SAFE = str.maketrans("-_", "+/")


class BadJson(Exception):
    """A body that is no such message."""


def from_json(body: bytes, kind: type[Message]) -> Message:
    """A request; an empty body is an empty one. BadJson, with what is wrong."""
    try:
        value = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        raise BadJson(f"the body is not JSON: {error}") from error
    message = kind()
    _fill(message, value, kind.DESCRIPTOR.name, 0)
    return message


def to_object(message: Message) -> dict[str, object]:
    """An answer, before it is written."""
    return cast(dict[str, object], json_format.MessageToDict(message, preserving_proto_field_name=True))


_MARKS = re.compile(rb'\\.|["{}\[\]]', re.DOTALL)
"""What says where an object ends: quotes (and what is escaped), and brackets."""


class Objects:
    """Objects one behind the other, from pieces that are cut anywhere; each byte is looked at once."""

    def __init__(self, bytes_max: int) -> None:
        """`bytes_max` is of one object."""
        self._bytes_max = bytes_max
        self._rest = bytearray()
        self._looked = 0
        self._depth = 0
        self._quoted = False

    @property
    def rest(self) -> bytes:
        """What is of no whole object."""
        return bytes(self._rest).strip()

    def feed(self, data: bytes) -> list[bytes]:
        """Objects that are whole now. BadJson for one that is too long or ends before it begins."""
        rest = self._rest
        rest += data
        found: list[bytes] = []
        start = end = 0
        for mark in _MARKS.finditer(rest, self._looked):
            end = mark.end()
            if self._ends(mark[0]):
                found.append(bytes(rest[start:end]))
                start = end
        half_escaped = rest.endswith(b"\\") and end < len(rest)
        del rest[:start]
        self._looked = len(rest) - half_escaped
        if len(rest) > self._bytes_max:
            raise BadJson(f"an object has more than {self._bytes_max} bytes")
        return found

    def _ends(self, mark: bytes) -> bool:
        """Whether the object ends here."""
        if mark == b'"':
            self._quoted = not self._quoted
        elif self._quoted or mark[0] == 0x5C:
            return False
        else:
            self._depth += 1 if mark in b"{[" else -1
            if self._depth < 0:
                raise BadJson("an object ends before it begins")
            return self._depth == 0
        return False


@cache
def _fields(descriptor: Descriptor) -> dict[str, FieldDescriptor]:
    by_name = {field.json_name: field for field in descriptor.fields}
    return by_name | {field.name: field for field in descriptor.fields}


def _fill(message: Message, value: object, where: str, depth: int) -> None:
    if not isinstance(value, dict):
        raise BadJson(f"{where} is no object")
    if depth > DEPTH_MAX:
        raise BadJson(f"{where} is nested more than {DEPTH_MAX} deep")
    known = _fields(message.DESCRIPTOR)
    for name, one in value.items():
        field = known.get(name)
        if field is None or one is None:
            continue
        if field.is_repeated:
            _extend(getattr(message, field.name), field, one, f"{where}.{name}", depth)
        elif field.message_type is not None:
            inner = getattr(message, field.name)
            inner.SetInParent()
            _fill(inner, one, f"{where}.{name}", depth + 1)
        else:
            _put(partial(setattr, message, field.name), field, one, f"{where}.{name}")


def _extend(many: Any, field: FieldDescriptor, value: object, where: str, depth: int) -> None:
    if not isinstance(value, list):
        raise BadJson(f"{where} is no list")
    for one in value:
        if field.message_type is not None:
            _fill(many.add(), one, where, depth + 1)
        else:
            _put(many.append, field, one, where)


def _put(put: Callable[[Any], None], field: FieldDescriptor, value: object, where: str) -> None:
    try:
        put(_scalar(field, value, where))
    except (ValueError, TypeError) as error:
        raise BadJson(f"{where} cannot be {value!r}: {error}") from error


def _scalar(field: FieldDescriptor, value: object, where: str) -> object:
    if field.type == FieldDescriptor.TYPE_BYTES:
        return _bytes(value, where)
    if field.enum_type is not None:
        known = field.enum_type.values_by_name.get(value) if isinstance(value, str) else None
        return value if known is None else known.number
    if field.type in (FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_UINT64, FieldDescriptor.TYPE_UINT32):
        return _number(value, where)
    wanted = bool if field.type == FieldDescriptor.TYPE_BOOL else str
    if not isinstance(value, wanted):
        raise BadJson(f"{where} is no {'boolean' if wanted is bool else 'text'}")
    return value


def _bytes(value: object, where: str) -> bytes:
    if not isinstance(value, str):
        raise BadJson(f"{where} is no base64 text")
    try:
        text = value.rstrip("=").translate(_URL_SAFE)
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadJson(f"{where} is no base64: {value[:40]!r}") from error


def _number(value: object, where: str) -> int:
    whole = isinstance(value, int | str) or (isinstance(value, float) and value.is_integer())
    if not whole or isinstance(value, bool):
        raise BadJson(f"{where} is no whole number")
    try:
        return int(cast(int | str, value))
    except ValueError as error:
        raise BadJson(f"{where} is no whole number: {value!r:.40}") from error
