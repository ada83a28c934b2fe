"""Forms that keep what was typed: a refused one is shown again, with each problem beside its input.

The rules are those of the API, since a form is read into the same request model and handed to the same service; here
they are only said in words for people. The macros are in components/form.html.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from starlette.datastructures import FormData
from starlette.requests import Request

from serai.kernel.errors import FieldError, Invalid, SeraiError

M = TypeVar("M", bound=BaseModel)

FIELDS_MAX = 200
CHARS_MAX = 10_000
PLACE_CHARS_MAX = 4
"""Digits of a row's number in a table of inputs."""

_WORDS = {
    "missing": "Fill this in.",
    "string_too_short": "Fill this in.",
    "string_too_long": "At most {max_length} characters.",
    "string_pattern_mismatch": "This has characters that cannot stand here.",
    "string_type": "Fill this in.",
    "too_short": "There is nothing in it yet.",
    "too_long": "At most {max_length} lines.",
    "int_parsing": "Write a whole number.",
    "int_from_float": "Write a whole number.",
    "int_parsing_size": "This number is too large.",
    "greater_than_equal": "At least {ge}.",
    "less_than_equal": "At most {le}.",
    "bool_parsing": "Say yes or no.",
}
"""What is wrong, by pydantic's type of it; a word in braces is of the error's context."""


@dataclass(frozen=True, slots=True)
class Form:
    """What stands in a form, what is wrong with it by field, and what is wrong with none in particular."""

    values: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    said: str = ""

    def value(self, name: str) -> str:
        """What stands in the field."""
        return self.values.get(name, "")

    def checked(self, name: str) -> bool:
        """Whether the box is ticked."""
        return bool(self.values.get(name))

    def error(self, name: str) -> str:
        """The sentence beside the field: of its own path or of one beneath it ('prices.Standard.amount')."""
        return next((said for at, said in self.errors.items() if at == name or at.startswith(f"{name}.")), "")

    def refused(self, error: SeraiError, *, fields: Mapping[str, str] | None = None) -> "Form":
        """The form with the refusal in it. `fields` tells which field an error's code is about."""
        found = {each.field: each.message for each in error.errors}
        if not found and fields and error.code in fields:
            found = {fields[error.code]: error.message}
        return replace(self, errors=found, said="" if found else error.message)

    def read_as(self, model: type[M], names: Mapping[str, Any] | None = None) -> M:
        """The model of these values, or of `names` where the form's fields are not the model's. Raises Invalid."""
        with _saying():
            return model.model_validate_strings(dict(self.values if names is None else names))

    def rows(self, name: str) -> dict[int, dict[str, str]]:
        """The rows of a table of inputs: 'items.3.sku' is the field sku of row 3. A strange name is left out."""
        found: dict[int, dict[str, str]] = {}
        for field_name, value in self.values.items():
            head, _, rest = field_name.partition(".")
            place, _, key = rest.partition(".")
            if head == name and key and place.isascii() and place.isdecimal() and len(place) <= PLACE_CHARS_MAX:
                found.setdefault(int(place), {})[key] = value
        return dict(sorted(found.items()))


def read_document(model: type[M], document: Mapping[str, Any]) -> M:
    """The API's request as a page composed it, lists and all. Raises Invalid, in the words of a form."""
    with _saying():
        return model.model_validate(dict(document))


@contextmanager
def _saying() -> Iterator[None]:
    """What pydantic finds wrong as Invalid, in words for people."""
    try:
        yield
    except ValidationError as error:
        found = tuple(_said(each) for each in error.errors(include_url=False))
        raise Invalid(found[0].message, errors=found) from None


async def read_form(request: Request, token_field: str = "csrf_token") -> Form:  # noqa: S107 - the name of a field
    """What the request's form holds: texts without blanks around them, without the token. Raises Invalid."""
    sent: FormData = await request.form(max_files=0, max_fields=FIELDS_MAX)
    values = {}
    for name, value in sent.items():
        if not isinstance(value, str) or name == token_field:
            continue
        text = value.replace("\r\n", "\n").strip()
        if len(text) > CHARS_MAX:
            raise Invalid.of(name, "too_long", f"At most {CHARS_MAX} characters.")
        values[name] = text
    return Form(values)


def _said(error: ErrorDetails) -> FieldError:
    path = ".".join(str(part) for part in error["loc"])
    words = _WORDS.get(error["type"])
    sentence = words.format(**error.get("ctx", {})) if words else f"{error['msg']}."
    return FieldError(path, error["type"], sentence)
