"""Pages of a sorted list by keyset: each begins beside a row that was seen, so a page costs the same wherever it
stands, and nothing is shown twice or skipped while others write.

A list offers its orders as constants of its own source; what a reader sends only names one of them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Literal, LiteralString, TypeVar
from uuid import UUID

from serai.kernel.errors import Invalid
from serai.runtime.postgres.database import Row

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True, slots=True)
class Order:
    """One way to sort: an SQL expression that is never null, and its type."""

    expression: LiteralString
    type: Literal["text", "int", "bigint", "timestamptz"] = "text"


@dataclass(frozen=True, slots=True)
class Seek:
    """Which page. `beside` is (value, id) of a row of the page before or, with `back`, of the page after."""

    order: str
    limit: int
    descending: bool = False
    beside: tuple[str, str] | None = None
    back: bool = False


@dataclass(frozen=True, slots=True)
class Slice(Generic[T]):
    """A page, and where the pages beside it begin; None where there is none."""

    items: tuple[T, ...]
    previous: tuple[str, str] | None = None
    next: tuple[str, str] | None = None

    def map(self, change: Callable[[T], U]) -> "Slice[U]":
        """The same page of other things."""
        return Slice(tuple(change(item) for item in self.items), self.previous, self.next)


@dataclass(frozen=True, slots=True)
class Clauses:
    """The parts of the page's statement: `select {columns}, … where … and {where} {end}`."""

    seek: Seek
    columns: LiteralString
    where: LiteralString
    end: LiteralString
    params: Mapping[str, object]

    def page(self, rows: Sequence[Row], make: Callable[[Row], T]) -> Slice[T]:
        """The page from the statement's rows, in reading order; `make` gets a row without `columns`."""
        seek = self.seek
        more = len(rows) > seek.limit
        kept = list(rows[: seek.limit])
        if seek.back:
            kept.reverse()
        came_from = seek.beside is not None
        before, after = (more, came_from) if seek.back else (came_from, more)
        return Slice(
            tuple(make(row[2:]) for row in kept),
            (kept[0][0], kept[0][1]) if kept and before else None,
            (kept[-1][0], kept[-1][1]) if kept and after else None,
        )


IdType = Literal["uuid", "text", "bigint"]


def clauses(seek: Seek, orders: Mapping[str, Order], row_id: LiteralString, id_type: IdType = "uuid") -> Clauses:
    """The parts for one of `orders`; `row_id` is the column that tells equal values apart. Raises Invalid."""
    order = orders[seek.order]
    if seek.beside and not _readable(order, id_type, *seek.beside):
        raise Invalid.of("cursor", "bad_cursor", "Use the address of the next or previous page, unchanged.")
    down = seek.descending != seek.back
    way: LiteralString = "desc" if down else "asc"
    sign: LiteralString = "<" if down else ">"
    beside = seek.beside or (None, None)
    return Clauses(
        seek,
        f"({order.expression})::text as seek_value, {row_id}::text as seek_id",
        f"(%(seek_id)s::text is null or ({order.expression}, {row_id}) {sign}"
        f" (%(seek_value)s::text::{order.type}, %(seek_id)s::text::{id_type}))",
        f"order by {order.expression} {way}, {row_id} {way} limit %(seek_limit)s",
        {"seek_value": beside[0], "seek_id": beside[1], "seek_limit": seek.limit + 1},
    )


def _readable(order: Order, id_type: IdType, value: str, row_id: str) -> bool:
    """Whether PostgreSQL reads them: what a reader sends back may have been changed on the way."""
    try:
        _READERS[id_type](row_id)
        _READERS[order.type](value)
    except ValueError:
        return False
    return "\0" not in value + row_id


def _bigint(text: str) -> int:
    """A whole number that a bigint holds; ValueError."""
    if not -(2**63) <= int(text) < 2**63:
        raise ValueError(text)
    return int(text)


_READERS: Mapping[str, Callable[[str], object]] = {
    "text": str,
    "int": int,
    "bigint": _bigint,
    "uuid": UUID,
    "timestamptz": datetime.fromisoformat,
}
