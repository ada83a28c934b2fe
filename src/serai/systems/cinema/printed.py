"""What a ticket says, on paper and in mail: the facts of one booking, and how they are written for people.

The hour on a ticket is the hour on the wall of the theater, with its zone, wherever the reader or the server is.
"""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from babel.dates import format_datetime

from serai.kernel.money import Money


@dataclass(frozen=True, slots=True)
class PrintedSeat:
    """One seat of a booking; `token` is what its QR carries."""

    row: str
    number: str
    category: str
    price: Money
    token: str

    @property
    def name(self) -> str:
        """The seat in one breath: 'F12', or 'Balcony-3' where the row's name is a word."""
        return f"{self.row}{self.number}" if len(self.row) <= 2 else f"{self.row}-{self.number}"


@dataclass(frozen=True, slots=True)
class PrintedBooking:
    """One booking, as its ticket and its mails tell it. `starts_at` is timezone-aware; `locale` is a CLDR name."""

    confirmation_code: str
    movie: str
    theater: str
    address: str
    screen: str
    starts_at: datetime
    time_zone: str
    seats: tuple[PrintedSeat, ...]
    total: Money
    terms: str = ""
    locale: str = "en"

    def __post_init__(self) -> None:
        assert self.starts_at.tzinfo is not None, "a show starts at a moment, not at a wall clock of no place"
        assert self.seats, "a booking has at least one seat"

    @property
    def day(self) -> str:
        """The theater's date: 'Tuesday, 24 November 2026'."""
        return format_datetime(self.starts_at_local, "EEEE, d MMMM y", locale=self.locale)

    @property
    def hour(self) -> str:
        """The theater's time and zone: '19:30 CET'."""
        local = self.starts_at_local
        return f"{local:%H:%M} {zone_name(local)}"

    @property
    def seat_names(self) -> str:
        """All seats in one line: 'F12, F13'."""
        return ", ".join(seat.name for seat in self.seats)

    def price(self, money: Money) -> str:
        """An amount as the reader writes it."""
        return money.format(self.locale)

    @property
    def starts_at_local(self) -> datetime:
        """The start in the theater's zone."""
        return self.starts_at.astimezone(ZoneInfo(self.time_zone))


def zone_name(local: datetime) -> str:
    """The zone's own letters (CET, BST, JST), or its distance from UTC where it has none."""
    name = local.tzname() or "UTC"
    return f"UTC{name}" if name[0] in "+-" else name
