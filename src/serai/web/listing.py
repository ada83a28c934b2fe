"""A page with one long list: searched, filtered, sorted and turned by its address alone.

So a reload, a bookmark and the back button show the same, it works without script, and the JSON API's paging is the
page's. What an address says wrongly is left out: a mistyped filter shows more, never an error. The macros are in
components/listing.html.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlencode

from starlette.requests import Request

from serai.kernel.errors import Invalid
from serai.runtime.postgres.keyset import Seek, Slice

ROWS = 25
"""Rows on one page."""

TEXT_CHARS_MAX = 80
VALUE_CHARS_MAX = 100
CURSOR_CHARS_MAX = 700


@dataclass(frozen=True, slots=True)
class Column:
    """A column; with an `order` its head sorts by it. `side` is "", "end" or "end quiet", as for table()."""

    title: str
    order: str = ""
    side: str = ""


@dataclass(frozen=True, slots=True)
class Filter:
    """A question beside the search: a choice among `options` (value, title), of which "" asks for all, or a day."""

    name: str
    label: str
    icon: str
    options: Sequence[tuple[str, str]] = ()
    kind: Literal["choice", "date"] = "choice"

    def read(self, text: str) -> str:
        """The answer in an address, "" for what cannot be one."""
        if self.kind == "choice":
            return text if any(text == value for value, _ in self.options) else ""
        return text[:VALUE_CHARS_MAX]


@dataclass(frozen=True, slots=True)
class Head:
    """A column as it is drawn: `sorted` is "", "ascending" or "descending"; `href` sorts by it, or the other way."""

    title: str
    side: str
    href: str = ""
    sorted: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """What an address asks of a list."""

    path: str
    noun: tuple[str, str]
    """Of one row and of several: ("movie", "movies")."""
    columns: tuple[Column, ...]
    filters: tuple[Filter, ...]
    search: str
    """What the search looks in, as its placeholder; "" for a list without one."""
    text: str
    chosen: Mapping[str, str]
    order: str
    descending: bool
    cursor: str
    back: bool
    usual: str
    """The order of an address that names none."""
    slice: Slice[Any] = field(default_factory=lambda: Slice(()))

    @property
    def seek(self) -> Seek:
        """The page to read. Raises Invalid for a cursor that is none of ours."""
        beside = None
        if self.cursor:
            value, mark, row_id = self.cursor.rpartition("~")
            if not mark:
                raise Invalid.of("cursor", "bad_cursor", "Use the address of the next or previous page, unchanged.")
            beside = (value, row_id)
        return Seek(self.order, ROWS, self.descending, beside, self.back)

    @property
    def narrowed(self) -> bool:
        """Whether the list was searched or filtered, so that an empty one is not the end of the story."""
        return bool(self.text) or any(self.chosen.values())

    @property
    def heads(self) -> tuple[Head, ...]:
        """The columns with their ways to sort."""
        return tuple(self._head(column) for column in self.columns)

    @property
    def previous(self) -> str | None:
        """The address of the page before."""
        found = self.slice.previous
        return self.href(before="~".join(found)) if found else None

    @property
    def next(self) -> str | None:
        """The address of the page after."""
        found = self.slice.next
        return self.href(after="~".join(found)) if found else None

    @property
    def shown(self) -> str:
        """'25 movies', for the foot of the list."""
        count = len(self.slice.items)
        return f"{count} {self.noun[count != 1]}"

    def showing(self, found: Slice[Any]) -> "Listing":
        """The list with its page's rows."""
        return Listing(**{name: getattr(self, name) for name in self.__slots__} | {"slice": found})

    def href(self, **changes: str) -> str:
        """This list's first page with other answers; "" takes one away."""
        sort = f"-{self.order}" if self.descending else self.order
        asked = {"q": self.text, **self.chosen, "sort": "" if sort == self.usual else sort} | changes
        query = urlencode({name: value for name, value in asked.items() if value})
        return f"{self.path}?{query}" if query else self.path

    def _head(self, column: Column) -> Head:
        if not column.order:
            return Head(column.title, column.side)
        current = column.order == self.order
        wanted = f"-{column.order}" if current and not self.descending else column.order
        href = self.href(sort="" if wanted == self.usual else wanted)
        way = ("descending" if self.descending else "ascending") if current else ""
        return Head(column.title, column.side, href, way)


def read_listing(
    request: Request,
    *,
    noun: tuple[str, str],
    columns: Sequence[Column],
    usual: str,
    search: str = "",
    filters: Sequence[Filter] = (),
) -> Listing:
    """What the request's address asks. `usual` is the order of an address that names none; "-time" descends."""
    query = request.query_params
    orders = {column.order for column in columns if column.order}
    sort = query.get("sort", usual)
    if sort.removeprefix("-") not in orders:
        sort = usual
    assert sort.removeprefix("-") in orders, f"the usual order {usual!r} is no column's"
    back = "before" in query
    return Listing(
        path=request.url.path,
        noun=noun,
        columns=tuple(columns),
        filters=tuple(filters),
        search=search,
        text=_line(query.get("q", ""))[:TEXT_CHARS_MAX] if search else "",
        chosen={one.name: one.read(_line(query.get(one.name, ""))) for one in filters},
        order=sort.removeprefix("-"),
        descending=sort.startswith("-"),
        cursor=query.get("before" if back else "after", "")[:CURSOR_CHARS_MAX],
        back=back,
        usual=usual,
    )


def _line(text: str) -> str:
    """The text without what no field can hold and PostgreSQL cannot store."""
    return "".join(char for char in text if char.isprintable()).strip()
