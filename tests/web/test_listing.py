"""What an address asks of a list: kept through every link of the page, and left out where it is nonsense."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.requests import Request

from serai.kernel.errors import Invalid
from serai.runtime.postgres.keyset import Seek, Slice
from serai.web.listing import ROWS, TEXT_CHARS_MAX, Column, Filter, Listing, read_listing

COLUMNS = (Column("Name", "name"), Column("Size", "size", "end"), Column("Rest"))
FILTERS = (Filter("kind", "Kind", "film", (("", "All"), ("a", "A"))), Filter("day", "Day", "calendar", kind="date"))


def asked(query: str = "") -> Listing:
    request = Request(
        {"type": "http", "method": "GET", "path": "/things", "headers": [], "query_string": query.encode()}
    )
    return read_listing(
        request, noun=("thing", "things"), columns=COLUMNS, usual="name", search="Name", filters=FILTERS
    )


def query_of(href: str) -> dict[str, Any]:
    return {name: value for name, (value,) in parse_qs(urlsplit(href).query).items()}


def test_a_bare_address_asks_for_the_usual() -> None:
    found = asked()
    assert found.seek == Seek("name", ROWS)
    assert not found.narrowed and found.href() == "/things"


@pytest.mark.parametrize("query", ["sort=rest", "sort=;drop", "kind=z", "q=+", "q=%00", "sort=--name"])
def test_nonsense_is_left_out(query: str) -> None:
    assert asked(query) == asked()


def test_a_search_is_cut_and_cleaned() -> None:
    assert asked("q=%00a%0Ab" + "x" * 500).text == "ab" + "x" * (TEXT_CHARS_MAX - 2)


def test_every_link_keeps_what_was_asked() -> None:
    found = asked("q=lamp&kind=a&day=2026-11-24&sort=-size").showing(Slice(("x",), ("1", "p"), ("2", "n")))
    kept = {"q": "lamp", "kind": "a", "day": "2026-11-24"}
    assert found.next and query_of(found.next) == kept | {"sort": "-size", "after": "2~n"}
    assert found.previous and query_of(found.previous) == kept | {"sort": "-size", "before": "1~p"}
    name, size, rest = found.heads
    assert (name.sorted, size.sorted, rest.href) == ("", "descending", "")
    assert query_of(name.href) == kept and query_of(size.href) == kept | {"sort": "size"}
    assert found.narrowed and found.shown == "1 thing"


def test_a_second_press_on_a_head_turns_the_order() -> None:
    assert query_of(asked().heads[0].href) == {"sort": "-name"}
    assert query_of(asked("sort=-name").heads[0].href) == {}


def test_a_cursor_finds_its_row_also_where_the_value_has_its_mark() -> None:
    assert asked("after=a~b~id").seek.beside == ("a~b", "id")
    back = asked("before=a~id").seek
    assert back.back and back.beside == ("a", "id")


def test_a_cursor_without_an_id_is_refused() -> None:
    with pytest.raises(Invalid):
        _ = asked("after=x").seek
