"""How full the house is and what it takes: per show, and in total.

Everything is read in one transaction, and the seats in one statement, so a show's seats add up. Amounts of different
currencies are never added.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from serai.kernel.errors import Invalid
from serai.kernel.money import Money
from serai.runtime.postgres.database import Database
from serai.runtime.sheets import write_sheet
from serai.systems.allocation.api import UnitState, state_counts
from serai.systems.cinema.store.reports import ShowTakings, takings

DAYS_MAX = 92
SHOWS_MAX = 5_000

COLUMNS = (
    "show_id",
    "movie",
    "theater",
    "screen",
    "starts_at",
    "cancelled",
    "seats",
    "sold",
    "held",
    "blocked",
    "percent",
    "revenue",
    "currency",
)
"""Of the CSV; `starts_at` is the theater's local time with its offset, `revenue` in major units."""


@dataclass(frozen=True, slots=True)
class Occupancy:
    """Seats by state. `percent` is what is sold of what could be, in tenths: 12.5."""

    seats: int
    sold: int
    held: int
    blocked: int

    @property
    def percent(self) -> float:
        """0.0 where nothing could be sold."""
        sellable = self.seats - self.blocked
        return round(100 * self.sold / sellable, 1) if sellable else 0.0

    def __add__(self, other: "Occupancy") -> "Occupancy":
        return Occupancy(
            self.seats + other.seats, self.sold + other.sold, self.held + other.held, self.blocked + other.blocked
        )

    def json(self) -> dict[str, Any]:
        """As reports show it."""
        return {
            "seats": self.seats,
            "sold": self.sold,
            "held": self.held,
            "blocked": self.blocked,
            "percent": self.percent,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """Shows with their seats, earliest first."""

    first: date
    last: date
    shows: tuple[tuple[ShowTakings, Occupancy], ...]

    @property
    def total(self) -> Occupancy:
        """Of all shows that were not called off."""
        return sum((seats for show, seats in self.shows if not show.cancelled), Occupancy(0, 0, 0, 0))

    @property
    def revenue(self) -> list[Money]:
        """By currency, in alphabetical order."""
        sums: Counter[str] = Counter()
        for show, _ in self.shows:
            sums[show.revenue.currency] += show.revenue.minor
        return [Money(minor, currency) for currency, minor in sorted(sums.items())]

    def by(self, kind: Literal["day", "theater", "movie"]) -> tuple["Group", ...]:
        """The shows that were not called off in groups: days in their order, others the fullest first."""
        groups: dict[str, list[tuple[ShowTakings, Occupancy]]] = {}
        for show, seats in self.shows:
            if not show.cancelled:
                groups.setdefault(_KINDS[kind](show), []).append((show, seats))
        found = [Group(key, Report(self.first, self.last, tuple(shows))) for key, shows in groups.items()]
        if kind == "day":
            return tuple(sorted(found, key=lambda group: group.key))
        return tuple(sorted(found, key=lambda group: (-group.report.total.percent, group.key)))

    def json(self) -> dict[str, Any]:
        """The document of GET /reports/occupancy."""
        return {
            "from": self.first.isoformat(),
            "to": self.last.isoformat(),
            "items": [_item(show) | seats.json() for show, seats in self.shows],
            "totals": self.total.json() | {"shows": len(self.shows), "revenue": [each.json() for each in self.revenue]},
        }

    def csv(self) -> str:
        """The same for a spreadsheet, which must not take a movie's title for a formula."""
        return write_sheet(COLUMNS, [_line(show, seats) for show, seats in self.shows])


@dataclass(frozen=True, slots=True)
class Group:
    """Shows that have a local date (`key` is its ISO form), a theater or a movie in common."""

    key: str
    report: Report


_KINDS: dict[str, Callable[[ShowTakings], str]] = {
    "day": lambda show: local_day(show).isoformat(),
    "theater": lambda show: show.theater,
    "movie": lambda show: show.movie,
}


def local_day(show: ShowTakings) -> date:
    """The day on which it begins, where it is shown."""
    return show.starts_at.astimezone(ZoneInfo(show.time_zone)).date()


class Reports:
    """Makes reports."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def occupancy(self, tenant: UUID, first: date, last: date, theater: UUID | None = None) -> Report:
        """Shows that begin on these days (local dates of the theaters). Invalid for a range that is too long."""
        if last < first:
            raise Invalid.of("to", "before_from", f"{last} is before {first}.")
        if (last - first).days >= DAYS_MAX:
            raise Invalid.of("to", "too_long", f"A report covers at most {DAYS_MAX} days; ask for fewer.")
        async with self._database.transaction(tenant) as tx:
            shows = await takings(tx, first, last, theater, SHOWS_MAX + 1)
            if len(shows) > SHOWS_MAX:
                raise Invalid.of("to", "too_many", f"These are more than {SHOWS_MAX} shows; ask for fewer days.")
            counts = await state_counts(tx, [show.pool_no for show in shows])
        return Report(first, last, tuple((show, occupancy_of(counts[show.pool_no])) for show in shows))


def occupancy_of(counts: Mapping[UnitState, int]) -> Occupancy:
    """The seats of one show, from how many are in each state."""
    return Occupancy(sum(counts.values()), counts[UnitState.SOLD], counts[UnitState.HELD], counts[UnitState.BLOCKED])


def _item(show: ShowTakings) -> dict[str, Any]:
    return {
        "show_id": str(show.show_id),
        "movie": show.movie,
        "theater": show.theater,
        "screen": show.screen,
        "starts_at": show.starts_at,
        "time_zone": show.time_zone,
        "cancelled": show.cancelled,
        "revenue": show.revenue.json(),
    }


def _line(show: ShowTakings, seats: Occupancy) -> Sequence[object]:
    local: datetime = show.starts_at.astimezone(ZoneInfo(show.time_zone))
    return (
        show.show_id,
        show.movie,
        show.theater,
        show.screen,
        local.isoformat(timespec="minutes"),
        "yes" if show.cancelled else "no",
        seats.seats,
        seats.sold,
        seats.held,
        seats.blocked,
        seats.percent,
        show.revenue.decimal(),
        show.revenue.currency,
    )
