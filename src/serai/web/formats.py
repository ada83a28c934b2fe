"""How values are said to people: money, moments, numbers, durations; by CLDR, in the reader's language.

Every moment is written in a zone that is named beside it or is the reader's own, because a show at "20:00" without
a place has been missed by somebody.
"""

from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import segno
from babel.dates import format_date, format_datetime, format_time, format_timedelta
from babel.numbers import format_compact_decimal, format_decimal
from markupsafe import Markup

from serai.kernel.money import Money

Style = Literal["full", "date", "day", "weekday", "time", "short"]

COMPACT_FROM = 100_000
"""From here on a figure reads better as 125K."""


def money(value: Money, locale: str) -> str:
    """'€12.50'."""
    return value.format(locale)


def when(at: datetime, locale: str, zone: str = "UTC", style: Style = "full") -> str:
    """`at` in the IANA zone `zone`. Fails on a naive datetime: it names no moment."""
    assert at.tzinfo is not None, f"a moment needs a zone: {at!r}"
    there = at.astimezone(ZoneInfo(zone))
    match style:
        case "full":
            return format_datetime(there, "EEE d MMM y, HH:mm", locale=locale)
        case "short":
            return format_datetime(there, "d MMM, HH:mm", locale=locale)
        case "date":
            return format_date(there, "d MMM y", locale=locale)
        case "day":
            return format_date(there, "EEEE d MMMM", locale=locale)
        case "weekday":
            return format_date(there, "EEE d MMM", locale=locale)
        case "time":
            return format_time(there, "HH:mm", locale=locale)


def rfc3339(at: datetime) -> str:
    """`at` for machines: '2026-11-23T19:30:00Z'."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def relative(at: datetime, now: datetime, locale: str) -> str:
    """'5 minutes ago', 'in 2 hours'; 'just now' within ten seconds."""
    delta = at - now
    if abs(delta) < timedelta(seconds=10):
        return "just now" if locale.startswith("en") else format_timedelta(delta, add_direction=True, locale=locale)
    return format_timedelta(delta, add_direction=True, locale=locale)


def number(value: float, locale: str, decimals: int | None = None) -> str:
    """'12,345' or, from 100,000 on and unless `decimals` are asked for, '123K'."""
    if decimals is None and abs(value) >= COMPACT_FROM:
        return format_compact_decimal(value, locale=locale, fraction_digits=1)
    places = decimals if decimals is not None else (0 if float(value).is_integer() else 1)
    return format_decimal(round(value, places), format="#,##0" + ("." + "0" * places if places else ""), locale=locale)


def qr(text: str) -> Markup:
    """A QR code of `text` as inline SVG, dark on nothing: its frame gives the light ground, in both themes."""
    code = segno.make(text, error="m", micro=False)
    return Markup(code.svg_inline(border=0, omitsize=True, svgclass="qr-code", lineclass=None))  # noqa: S704 - drawn by us
