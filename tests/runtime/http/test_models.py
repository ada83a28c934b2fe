"""Requests and responses are closed and strict: nothing is guessed, nothing is ignored."""

from datetime import UTC, datetime
from typing import Annotated, Any

import pytest
from pydantic import Field, TypeAdapter, ValidationError

from serai.kernel.money import Money
from serai.runtime.http.models import LINE, Amount, Page

from .conftest import Order


def test_what_is_written_is_read_back() -> None:
    order = Order(seats=[1], price=Amount.of(Money(1250, "EUR")), at=datetime(2026, 11, 24, 12, tzinfo=UTC))
    document = order.model_dump_json()
    assert document == '{"seats":[1],"price":{"amount":1250,"currency":"EUR"},"at":"2026-11-24T12:00:00Z"}'
    assert Order.model_validate_json(document) == order
    assert order.price and order.price.money() == Money(1250, "EUR")


@pytest.mark.parametrize(
    "document",
    [
        {"seats": [1], "unknown": 1},
        {"seats": ["1"]},
        {"seats": [1.0]},
        {"seats": [True]},
        {"seats": None},
        {"seats": [], "price": {"amount": "1", "currency": "EUR"}},
        {"seats": [], "price": {"amount": 10**12 + 1, "currency": "EUR"}},
        {"seats": [], "price": {"amount": 1, "currency": "eur"}},
        {"seats": [], "price": {"amount": 1, "currency": "EUR\n"}},
        {"seats": [], "at": "tomorrow"},
    ],
)
def test_what_is_not_exactly_right_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Order.model_validate(document)


def test_what_was_read_does_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Order(seats=[]).seats = [1]  # type: ignore[misc]  # that is the point


def test_a_page_ends_with_null() -> None:
    assert Page[int](items=[1], next_cursor=None).model_dump_json() == '{"items":[1],"next_cursor":null}'


@pytest.mark.parametrize(
    ("text", "fits"), [("Ä – 座", True), ("", True), ("a\x00", False), ("a\n", False), ("\x7f", False)]
)
def test_a_line_has_no_control_characters(text: str, fits: bool) -> None:
    adapter = TypeAdapter(Annotated[str, Field(pattern=LINE)])
    try:
        adapter.validate_python(text)
    except ValidationError:
        assert not fits
    else:
        assert fits
