"""OpenAPI's document as a page for people: operations by system, then the shapes that they speak of.

Drawn by us instead of a viewer from elsewhere: no foreign script, it is read without any script, and it prints.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

METHODS = ("get", "post", "put", "patch", "delete")

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TypeName:
    """A type in words: `words` ("list of"), then the shape `ref` that it names, if any."""

    words: str
    ref: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter, or a member of a shape. `place` is path, query or header for a parameter."""

    name: str
    type: TypeName
    required: bool
    meaning: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of an operation."""

    status: str
    meaning: str
    type: TypeName | None


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path."""

    id: str
    method: str
    path: str
    summary: str
    parameters: tuple[Field, ...]
    body: TypeName | None
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """A named object."""

    name: str
    meaning: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Api:
    """All of it; operations by tag, in the document's order."""

    title: str
    version: str
    groups: tuple[tuple[str, tuple[Operation, ...]], ...]
    shapes: tuple[Shape, ...]


def read_api(document: Json) -> Api:
    """OpenAPI 3.1, as FastAPI writes it."""
    groups: dict[str, list[Operation]] = {}
    for path, methods in document.get("paths", {}).items():
        for method in METHODS:
            if method in methods:
                tag = methods[method].get("tags", ["other"])[0]
                groups.setdefault(tag, []).append(_operation(method, path, methods[method]))
    shapes = document.get("components", {}).get("schemas", {})
    return Api(
        title=document["info"]["title"],
        version=document["info"]["version"],
        groups=tuple((tag, tuple(operations)) for tag, operations in groups.items()),
        shapes=tuple(_shape(name, shapes[name]) for name in sorted(shapes)),
    )


def _operation(method: str, path: str, found: Json) -> Operation:
    return Operation(
        id=found.get("operationId", f"{method}{path}"),
        method=method.upper(),
        path=path,
        summary=found.get("summary", ""),
        parameters=tuple(_parameter(one) for one in found.get("parameters", ())),
        body=_content(found.get("requestBody", {})),
        answers=tuple(
            Answer(status, one.get("description", ""), _content(one)) for status, one in found["responses"].items()
        ),
    )


def _parameter(found: Json) -> Field:
    schema = found.get("schema", {})
    meaning = found.get("description") or schema.get("description", "")
    return Field(found["name"], _type(schema), found.get("required", False), meaning, found["in"])


def _content(found: Json) -> TypeName | None:
    """The type of the first media type that has a schema."""
    schemas = [media["schema"] for media in found.get("content", {}).values() if media.get("schema")]
    return _type(schemas[0]) if schemas else None


def _shape(name: str, schema: Json) -> Shape:
    required = schema.get("required", ())
    fields = tuple(
        Field(field, _type(one), field in required, one.get("description", ""))
        for field, one in schema.get("properties", {}).items()
    )
    return Shape(name, schema.get("description", ""), fields)


def _type(schema: Json) -> TypeName:
    if "$ref" in schema:
        return TypeName("", schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return _either([_type(one) for one in schema["anyOf"]])
    if schema.get("type") == "array":
        item = _type(schema.get("items", {}))
        return TypeName(f"list of {item.words}".strip(), item.ref)
    if "const" in schema:
        return TypeName(repr(schema["const"]))
    word = schema.get("format") or schema.get("type") or "any"
    return TypeName(f"{word}{_bounds(schema)}")


def _either(types: Sequence[TypeName]) -> TypeName:
    named = next((one.ref for one in types if one.ref), "")
    return TypeName(" or ".join(one.words for one in types if one.words), named)


def _bounds(schema: Json) -> str:
    """'1 to 100', 'up to 80 characters'."""
    if "maxLength" in schema:
        return f", up to {schema['maxLength']} characters"
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f", {low} to {high}"
    return ""
