"""Money: a whole number of minor units and a currency. There is no float anywhere on its way."""

import re
from dataclasses import dataclass
from decimal import Decimal

from babel.core import get_global
from babel.numbers import format_currency, get_currency_precision

_TYPED = re.compile(r"[0-9]{1,9}(?:[.,][0-9]{1,4})?")


class CurrencyMismatch(ValueError):
    """Two amounts of different currencies met; convert one explicitly."""


@dataclass(frozen=True, slots=True)
class Money:
    """`minor` units of `currency` (ISO 4217): Money(1250, "EUR") is 12.50 euro, Money(1250, "JPY") is 1,250 yen."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        assert len(self.currency) == 3 and self.currency.isupper(), f"not an ISO 4217 code: {self.currency!r}"

    def __add__(self, other: "Money") -> "Money":
        return Money(self.minor + self._same(other).minor, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.minor - self._same(other).minor, self.currency)

    def __mul__(self, count: int) -> "Money":
        return Money(self.minor * count, self.currency)

    def percent(self, share: int) -> "Money":
        """`share` percent of it, rounded half up to a whole minor unit: the buyer never loses a half cent."""
        return Money((self.minor * share + 50) // 100, self.currency)

    def decimal(self) -> Decimal:
        """In major units, with the currency's own number of decimals (CLDR)."""
        return Decimal(self.minor).scaleb(-get_currency_precision(self.currency))

    @classmethod
    def parse(cls, text: str, currency: str) -> "Money":
        """What a person typed in major units: '12.50', '12,5', '1250'. ValueError for anything else, also for more
        decimals than the currency has: an amount is never rounded behind somebody's back."""
        if not _TYPED.fullmatch(text):
            raise ValueError(f"{text!r} is no amount of money")
        minor = Decimal(text.replace(",", ".")).scaleb(get_currency_precision(currency))
        if minor != int(minor):
            raise ValueError(f"{currency} has no such small part as in {text!r}")
        return cls(int(minor), currency)

    def format(self, locale: str = "en") -> str:
        """For people: '€12.50'."""
        return format_currency(self.decimal(), self.currency, locale=locale)

    def json(self) -> dict[str, int | str]:
        """For machines: {"amount": 1250, "currency": "EUR"}, the amount in minor units."""
        return {"amount": self.minor, "currency": self.currency}

    def _same(self, other: "Money") -> "Money":
        if other.currency != self.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency} cannot be added; convert one first")
        return other


def known_currency(code: str) -> bool:
    """Whether `code` is an ISO 4217 code that CLDR knows."""
    return code in get_global("all_currencies")
