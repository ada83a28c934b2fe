"""Reads a foreign JSON document without trusting it: every wrong value is recorded with its path, none is followed.

A reader that stopped at the first mistake would make its user fix a plan of a thousand seats one seat at a time;
one that went on with the wrong value would fail later with a stack trace. Here a wrong value is noted and replaced
by a harmless one, and the caller refuses the whole document at the end.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite

from serai.kernel.errors import FieldError
from serai.systems.cinema.plan.model import COORDINATE_PX_MAX, TEXT_CHARS_MAX, Point

PROBLEMS_MAX = 50
"""Further mistakes are counted, not listed: a document that is another format altogether has one in every line."""

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_COLOR = re.compile(r"#[0-9a-fA-F]{3,8}|[a-zA-Z]{1,30}|(rgb|rgba|hsl|hsla)\([0-9., %]{1,40}\)|")
"""Colours end in drawings, so only what cannot leave an attribute is let in. The empty text means: no colour."""


@dataclass(slots=True)
class Problems:
    """What was wrong so far, in the order it was read."""

    found: list[FieldError] = field(default_factory=list)
    count: int = 0

    def add(self, path: str, code: str, message: str) -> None:
        """One more wrong value."""
        self.count += 1
        if len(self.found) < PROBLEMS_MAX:
            self.found.append(FieldError(path or "$", code, f"{path or 'The document'} {message}"))


def shown(value: object) -> str:
    """A value as an error may quote it: short, whatever was sent."""
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


@dataclass(frozen=True, slots=True)
class Node:
    """A JSON object that is being read, its path, and where its mistakes go."""

    members: Mapping[str, object]
    path: str
    problems: Problems

    @classmethod
    def of(cls, value: object, path: str, problems: Problems, known: tuple[str, ...]) -> "Node":
        """`value` as an object that may have only the `known` members; the format allows no others."""
        if not isinstance(value, Mapping):
            problems.add(path, "not_an_object", f"must be an object, not {shown(value)}")
            return cls({}, path, problems)
        node = cls(value, path, problems)
        for name in value:
            if name not in known:
                problems.add(node.at(str(name)[:TEXT_CHARS_MAX]), "unknown_field", "is not part of the format")
        return node

    def at(self, name: str) -> str:
        """The path of a member."""
        return f"{self.path}.{name}" if self.path else name

    def wrong(self, name: str, code: str, message: str) -> None:
        """Notes that a member is wrong."""
        self.problems.add(self.at(name), code, message)

    def has(self, name: str) -> bool:
        """Whether the member is there and not null."""
        return self.members.get(name) is not None

    def child(self, name: str, known: tuple[str, ...]) -> "Node":
        """A member that must be an object."""
        if name not in self.members:
            self.wrong(name, "missing", "is missing")
            return Node({}, self.at(name), self.problems)
        return Node.of(self.members[name], self.at(name), self.problems, known)

    def items(self, name: str, most: int, *, required: bool = True) -> list[tuple[object, str]]:
        """The elements of a list member with their paths; at most `most` of them."""
        if name not in self.members and not required:
            return []
        value = self.members.get(name)
        if not isinstance(value, list):
            self.wrong(name, "not_a_list", "must be a list" if name in self.members else "is missing")
            return []
        if len(value) > most:
            self.wrong(name, "too_many", f"has {len(value)} elements; the limit is {most}")
        return [(element, f"{self.at(name)}[{place}]") for place, element in enumerate(value[:most])]

    def text(self, name: str, *, empty: bool = True) -> str:
        """A text member that must be there."""
        if name not in self.members:
            self.wrong(name, "missing", "is missing")
            return ""
        value = self.members[name]
        if not isinstance(value, str):
            self.wrong(name, "not_a_text", f"must be a text, not {shown(value)}")
            return ""
        if len(value) > TEXT_CHARS_MAX:
            self.wrong(name, "too_long", f"has {len(value)} characters; the limit is {TEXT_CHARS_MAX}")
        elif _UNPRINTABLE.search(value):
            self.wrong(name, "not_printable", "has control characters or line breaks; write it in one plain line")
        elif not (empty or value.strip()):
            self.wrong(name, "empty", "must not be empty")
        return value

    def label(self, name: str) -> str | None:
        """A text member that may be absent or null."""
        return self.text(name) if self.has(name) else None

    def one_of(self, name: str, options: tuple[str, ...]) -> str | None:
        """A member that, if there, is one of a few words."""
        value = self.members.get(name)
        if value is None or value in options:
            return value if isinstance(value, str) else None
        self.wrong(name, "unknown_value", f"must be one of {', '.join(options)}, not {shown(value)}")
        return None

    def color(self, name: str) -> str:
        """A CSS colour, or empty."""
        value = self.text(name) if name in self.members else ""
        if _COLOR.fullmatch(value):
            return value
        self.wrong(name, "not_a_color", f"must be a colour such as #b4232a, not {shown(value)}")
        return ""

    def number(self, name: str, default: float | None = None, *, least: float = -COORDINATE_PX_MAX) -> float:
        """A number of pixels or degrees; `default` stands for an absent one, if that is allowed."""
        if name not in self.members and default is not None:
            return default
        value = self.members.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            found = f"must be a number, not {shown(value)}" if name in self.members else "is missing"
            self.wrong(name, "not_a_number", found)
            return 0.0
        if not least <= value <= COORDINATE_PX_MAX or not isfinite(value):
            self.wrong(name, "out_of_range", f"is {shown(value)}; it must lie within {least:g} and {COORDINATE_PX_MAX}")
            return 0.0
        return round(float(value), 3)

    def point(self, name: str, default: Point | None = None) -> Point:
        """A position; `default` stands for an absent one, if that is allowed."""
        if name not in self.members and default is not None:
            return default
        node = self.child(name, ("x", "y"))
        return Point(node.number("x"), node.number("y")) if node.members else Point(0, 0)
