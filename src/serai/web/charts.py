"""What the chart of components/chart.html draws where its moments are days."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Any

from babel.dates import format_date


def by_day(days: Sequence[date], *series: dict[str, Any]) -> dict[str, Any]:
    """A chart of one value a day for each of `series` ({"label", "unit", "values"}, with "bars" where it is bars)."""
    assert all(len(one["values"]) == len(days) for one in series), "a series has a value for every day"
    return {"x": _noons(days), "names": [_name(day) for day in days], "series": list(series)}


def _noons(days: Sequence[date]) -> list[int]:
    """Noon of each day, so that the day is the same in every reader's zone."""
    return [int(datetime.combine(day, time(12), UTC).timestamp()) for day in days]


def _name(day: date) -> str:
    """'Tue 24 Nov'."""
    return format_date(day, "EEE d MMM", locale="en")
