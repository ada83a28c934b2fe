"""/cinema/house/occupancy: how full the house was and will be, as a chart, a table and a file."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated, Any, Literal, cast
from urllib.parse import urlencode

from babel.dates import format_date
from fastapi import APIRouter, Query, Request, Response

from serai.kernel.errors import Invalid
from serai.kernel.ports import Clock
from serai.systems.cinema.http import Cinema
from serai.systems.cinema.http.parts import Manager, as_uuid
from serai.systems.cinema.pages.house.parts import HOUSE, all_theaters
from serai.systems.cinema.service.reports import Group, Report
from serai.web.charts import by_day
from serai.web.shell import Shell

HREF = f"{HOUSE}/occupancy"

USUAL_DAYS = 7
"""Before today and after it, where the address names no dates."""

KINDS = (("day", "By day"), ("theater", "By theater"), ("movie", "By movie"))
ROWS_MAX = 200

Text = Annotated[str, Query(max_length=64)]


class OccupancyPage:
    """The report."""

    def __init__(self, cinema: Cinema, shell: Shell, clock: Clock) -> None:
        self._cinema = cinema
        self._shell = shell
        self._clock = clock

    def add_to(self, pages: APIRouter) -> None:
        """Adds the route."""
        pages.add_api_route("/house/occupancy", self.show, methods=["GET"])

    async def show(
        self,
        request: Request,
        principal: Manager,
        first: Annotated[str, Query(alias="from", max_length=10)] = "",
        last: Annotated[str, Query(alias="to", max_length=10)] = "",
        theater: Text = "",
        by: Text = "day",
    ) -> Response:
        """The report of these days; a range that cannot be is said above the last one that can."""
        today = self._clock.now().date()
        start = _date(first) or today - timedelta(days=USUAL_DAYS)
        end = _date(last) or max(start, today) + timedelta(days=USUAL_DAYS)
        theaters = await all_theaters(self._cinema, principal.tenant)
        chosen = next((one for one in theaters if one.theater_id == as_uuid(theater)), None)
        kind = by if by in dict(KINDS) else "day"
        try:
            place = chosen.theater_id if chosen else None
            report = await self._cinema.reports.occupancy(principal.tenant, start, end, place)
            problem = ""
        except Invalid as error:
            report, problem = Report(start, end, ()), error.message
        groups = report.by(cast(Literal["day", "theater", "movie"], kind))
        query = {"from": start.isoformat(), "to": end.isoformat(), "theater": str(place) if chosen else ""}
        return self._shell.render(
            request,
            "cinema/house/occupancy.html",
            status=422 if problem else 200,
            system="cinema",
            report=report,
            problem=problem,
            kinds=KINDS,
            kind=kind,
            groups=[(_label(kind, group.key), group.report) for group in groups[:ROWS_MAX]],
            chart=_chart(report.by("day")),
            theaters=[("", "All theaters")] + [(str(one.theater_id), one.name) for one in theaters],
            chosen=str(chosen.theater_id) if chosen else "",
            csv="/api/cinema/v1/reports/occupancy?"
            + urlencode({name: value for name, value in query.items() if value} | {"format": "csv"}),
        )


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _label(kind: str, key: str) -> str:
    return format_date(date.fromisoformat(key), "EEE d MMM", locale="en") if kind == "day" else key


def _chart(days: Sequence[Group]) -> dict[str, Any] | None:
    """Seats on sale and sold by day; None for one day."""
    if len(days) < 2:
        return None
    totals = [day.report.total for day in days]
    return by_day(
        [date.fromisoformat(day.key) for day in days],
        {"label": "Sold", "unit": "seats", "bars": True, "values": [total.sold for total in totals]},
        {"label": "On sale", "unit": "seats", "values": [total.seats - total.blocked for total in totals]},
    )
