"""The house at a glance: what plays, how full it is, and what one show has sold.

"Today" is the theater's own: at one moment a house in two zones may have two of them. Seats and shows are read in one
transaction, so that a list and its bars agree.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from serai.kernel.money import Money
from serai.kernel.ports import Clock
from serai.runtime.postgres.database import Database, Transaction
from serai.runtime.postgres.keyset import Seek, Slice
from serai.systems.allocation.api import UnitState, pool_views, state_counts
from serai.systems.cinema.model import Show
from serai.systems.cinema.service.reports import Group, Occupancy, Report, Reports, local_day, occupancy_of
from serai.systems.cinema.store import schedule as store
from serai.systems.cinema.store.reports import ShowTakings

AHEAD_DAYS = 7
"""So many days the overview looks at, today included."""


@dataclass(frozen=True, slots=True)
class ListedShow:
    """A show of the list, with how full it is."""

    line: store.ShowLine
    seats: Occupancy


@dataclass(frozen=True, slots=True)
class OfCategory:
    """The seats of one category of a show."""

    name: str
    color: str
    price: Money
    seats: Occupancy


@dataclass(frozen=True, slots=True)
class Figures:
    """What a show has sold."""

    seats: Occupancy
    categories: tuple[OfCategory, ...]
    sales: store.Sales


@dataclass(frozen=True, slots=True)
class Overview:
    """Today and the days to come."""

    today: Report
    """Of every theater's today, whatever its date."""
    coming: tuple[tuple[ShowTakings, Occupancy], ...]
    """Of today, those that have not begun, earliest first."""
    days: tuple[Group, ...]
    movies: tuple[Group, ...]
    """Of these days, those that sold most first."""
    counts: tuple[int, int, int]
    """Movies that are shown, theaters and screens."""


class Board:
    """Reads for those who run the house."""

    def __init__(self, database: Database, reports: Reports, clock: Clock) -> None:
        self._database = database
        self._reports = reports
        self._clock = clock

    async def overview(self, tenant: UUID) -> Overview:
        """The days from today on."""
        now = self._clock.now()
        first = now.date() - timedelta(days=1)  # at most a day from any theater's own date
        report = await self._reports.occupancy(tenant, first, first + timedelta(days=AHEAD_DAYS + 1))
        ahead = _kept(report, [each for each in report.shows if 0 <= _days_ahead(each[0], now) < AHEAD_DAYS])
        today = _kept(report, [each for each in ahead.shows if _days_ahead(each[0], now) == 0])
        async with self._database.transaction(tenant) as tx:
            counts = await store.house_counts(tx)
        return Overview(
            today,
            tuple(each for each in today.shows if each[0].starts_at > now and not each[0].cancelled),
            ahead.by("day"),
            tuple(sorted(ahead.by("movie"), key=lambda group: -group.report.total.sold)),
            counts,
        )

    async def shows(self, tenant: UUID, wanted: store.ShowsWanted, seek: Seek) -> Slice[ListedShow]:
        """A page of the schedule."""
        async with self._database.transaction(tenant) as tx:
            found = await store.shows(tx, wanted, seek)
            counts = await state_counts(tx, [line.pool_no for line in found.items])
        return found.map(lambda line: ListedShow(line, occupancy_of(counts[line.pool_no])))

    async def figures(self, tenant: UUID, show: Show) -> Figures:
        """Seats by category, and bookings."""
        async with self._database.transaction(tenant) as tx:
            categories = await _categories(tx, show)
            sales = await store.sales(tx, show.show_id, show.currency)
        return Figures(sum((each.seats for each in categories), Occupancy(0, 0, 0, 0)), categories, sales)

    async def latest_terms(self, tenant: UUID, screen_id: UUID) -> store.Terms | None:
        """Prices and terms of the screen's latest show."""
        async with self._database.transaction(tenant) as tx:
            return await store.latest_terms(tx, screen_id)


async def _categories(tx: Transaction, show: Show) -> tuple[OfCategory, ...]:
    """Those that have seats, in the order of the plan."""
    (view,) = await pool_views(tx, [show.pool_no])
    counts: dict[str, Counter[UnitState]] = {}
    for seat in show.plan.seats:
        counts.setdefault(seat.category, Counter())[view.states[seat.key]] += 1
    return tuple(
        OfCategory(one.name, one.color, Money(show.prices[one.name], show.currency), occupancy_of(counts[one.name]))
        for one in show.plan.categories
        if one.name in counts
    )


def _kept(report: Report, shows: Sequence[tuple[ShowTakings, Occupancy]]) -> Report:
    return Report(report.first, report.last, tuple(shows))


def _days_ahead(show: ShowTakings, now: datetime) -> int:
    today: date = now.astimezone(ZoneInfo(show.time_zone)).date()
    return (local_day(show) - today).days
