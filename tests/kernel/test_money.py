"""Amounts as people type them: never rounded, never guessed."""

import pytest

from serai.kernel.money import Money


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [("12.50", "EUR", 1250), ("12,5", "EUR", 1250), ("12", "EUR", 1200), ("1250", "JPY", 1250), ("1.234", "KWD", 1234)],
)
def test_an_amount_is_read_in_its_currency(text: str, currency: str, minor: int) -> None:
    assert Money.parse(text, currency) == Money(minor, currency)


@pytest.mark.parametrize("text", ["", "-1", "1e3", "12.505", "1.2.3", "1 000", "€12", "٣", "9" * 10, "NaN"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Money.parse(text, "EUR")


@pytest.mark.parametrize("minor", [0, 1, 99, 100, 123456])
@pytest.mark.parametrize("currency", ["EUR", "JPY", "KWD"])
def test_what_is_written_is_read_back(minor: int, currency: str) -> None:
    assert Money.parse(str(Money(minor, currency).decimal()), currency) == Money(minor, currency)
