"""What a ticket says of time and seats."""

from datetime import UTC, datetime

import pytest

from serai.kernel.money import Money
from serai.systems.cinema.printed import PrintedBooking, PrintedSeat


def at(moment: datetime, zone: str, locale: str = "en") -> PrintedBooking:
    seat = PrintedSeat("F", "12", "Standard", Money(900, "JPY"), "TOKEN")
    return PrintedBooking("C", "M", "T", "A", "S", moment, zone, (seat,), Money(900, "JPY"), locale=locale)


@pytest.mark.parametrize(
    ("moment", "zone", "day", "hour"),
    [
        (datetime(2026, 11, 24, 18, 30, tzinfo=UTC), "Europe/Berlin", "Tuesday, 24 November 2026", "19:30 CET"),
        (datetime(2026, 7, 1, 18, 30, tzinfo=UTC), "Europe/London", "Wednesday, 1 July 2026", "19:30 BST"),
        (datetime(2026, 11, 24, 18, 30, tzinfo=UTC), "Asia/Tokyo", "Wednesday, 25 November 2026", "03:30 JST"),
        (datetime(2026, 11, 1, 6, 30, tzinfo=UTC), "America/New_York", "Sunday, 1 November 2026", "01:30 EST"),
        (datetime(2026, 11, 24, 18, 30, tzinfo=UTC), "America/Sao_Paulo", "Tuesday, 24 November 2026", "15:30 UTC-03"),
    ],
)
def test_the_hour_is_the_theaters(moment: datetime, zone: str, day: str, hour: str) -> None:
    printed = at(moment, zone)
    assert (printed.day, printed.hour) == (day, hour)


def test_words_and_money_are_the_readers() -> None:
    printed = at(datetime(2026, 11, 24, 18, 30, tzinfo=UTC), "Europe/Berlin", "de")
    assert printed.day == "Dienstag, 24 November 2026"
    assert printed.price(Money(123_400, "EUR")) == "1.234,00\xa0€"


def test_a_seat_is_named_in_one_breath() -> None:
    price = Money(1, "EUR")
    assert PrintedSeat("F", "12", "", price, "").name == "F12"
    assert PrintedSeat("Balcony", "3", "", price, "").name == "Balcony-3"
