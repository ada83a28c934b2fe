"""How the chain has sold: day by day, with weekdays and seasons, deliveries to the depot and vans to the shops.

It plays on the levels that there are, so it can go on from any day. Chance is a hash of what it is for: the same days
always come out alike.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from math import cos, pi

from serai.systems.stock.demo_data.shop import GOODS, PLACES, Good, Spot
from serai.systems.stock.posting import Kind

WEEK = (90, 85, 90, 95, 125, 160, 40)
"""Of an average day, in percent, Monday first."""

DELIVERY_WEEKDAY = 0
VAN_WEEKDAYS = (1, 4)
VISITS = (time(10, 20), time(13, 5), time(17, 40))
"""Moments of a day at which a shop's till is booked."""

SHOPS = tuple(place for place in PLACES if place.kind == "store")
DEPOT = PLACES[0]

Levels = dict[tuple[str, str], dict[str, int]]
"""By place and SKU: how much of each batch there is, the batch that expires first first ('' where there are none)."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A movement that happened: (SKU, batch, quantity in the smallest part, expiry, cost in minor units) each."""

    kind: Kind
    place: str
    at: datetime
    reference: str
    lines: tuple[tuple[str, str, int, date | None, int | None], ...]
    to: str = ""
    reason: str = ""


def draw(*what: object) -> float:
    """A number in [0, 1) that depends on nothing but `what`."""
    digest = sha256("\x1f".join(map(str, what)).encode()).digest()
    return int.from_bytes(digest[:7]) / 2**56


def demand(good: Good, spot: Spot, day: date) -> int:
    """What would be sold of a good in a shop on a day, in its smallest part."""
    winter = good.winter / 100
    # A cosine over the year with its top in the middle of December.
    season = 1 + (winter - 1 / winter) / 2 * cos(2 * pi * (day.timetuple().tm_yday - 350) / 365.25)
    season = max(season, 0.15)
    wanted = good.a_day * season * spot.pull / 100 * WEEK[day.weekday()] / 100
    noise = 0.5 + draw("noise", good.sku, spot.code, day)
    exact: float = wanted * noise * 10**good.decimals
    return int(exact) + (draw("rest", good.sku, spot.code, day) < exact % 1)


def history(first: date, last: date, levels: Levels) -> Iterator[Planned]:
    """What happened from the first to the last day, in order. `levels` are played on, and change."""
    day = first
    while day <= last:
        if day.weekday() == DELIVERY_WEEKDAY or not any(levels.values()):
            yield from _deliveries(day, levels)
        if day.weekday() in VAN_WEEKDAYS or day == first:
            for shop in SHOPS:
                yield from _van(day, shop, levels)
        yield from _spoilt(day, levels)
        for visit in VISITS:
            for shop in SHOPS:
                yield from _sales(day, visit, shop, levels)
        day += timedelta(days=1)


def _at(day: date, moment: time) -> datetime:
    return datetime.combine(day, moment, UTC)


def _week_of(good: Good, day: date) -> int:
    return sum(demand(good, shop, day + timedelta(days=back)) for shop in SHOPS for back in range(7))


def _deliveries(day: date, levels: Levels) -> Iterator[Planned]:
    lines = []
    for good in GOODS:
        weeks = 1.4 if good.shelf_days and good.shelf_days < 30 else 2.5
        wanted = int(_week_of(good, day) * weeks) + 6 * 10**good.decimals
        missing = wanted - _held(levels, DEPOT, good)
        # A supplier now and then has nothing; that is what the reorder alerts are for.
        if missing <= 0 or draw("late", good.sku, day) < 0.08:
            continue
        expires_on = day + timedelta(days=good.shelf_days) if good.shelf_days else None
        batch = f"L{day:%y%m%d}" if good.shelf_days else ""
        cost = round(missing * good.cost / 10**good.decimals * (0.95 + draw("price", good.sku, day) / 10))
        lines.append((good.sku, batch, missing, expires_on, cost))
        _add(levels, DEPOT, good, batch, missing)
    if lines:
        yield Planned(Kind.RECEIVE, DEPOT.code, _at(day, time(6, 30)), f"PO-{day:%y%m%d}", tuple(lines))


def _van(day: date, shop: Spot, levels: Levels) -> Iterator[Planned]:
    lines = []
    for good in GOODS:
        days = 5 if good.a_day > 3 else 14
        wanted = sum(demand(good, shop, day + timedelta(days=back)) for back in range(days)) + 2 * 10**good.decimals
        missing = wanted - _held(levels, shop, good)
        for batch, taken in _taken(levels, DEPOT, good, missing):
            lines.append((good.sku, batch, taken, None, None))
            _add(levels, shop, good, batch, taken)
    if lines:
        reference = f"VAN-{shop.code}-{day:%y%m%d}"
        yield Planned(Kind.TRANSFER, DEPOT.code, _at(day, time(7, 45)), reference, tuple(lines), to=shop.code)


def _sales(day: date, visit: time, shop: Spot, levels: Levels) -> Iterator[Planned]:
    lines = []
    for good in GOODS:
        whole = demand(good, shop, day)
        share = whole // len(VISITS) + (VISITS.index(visit) < whole % len(VISITS))
        for batch, taken in _taken(levels, shop, good, share):
            lines.append((good.sku, batch, taken, None, None))
    if lines:
        reference = f"Z-{shop.code}-{day:%y%m%d}-{visit:%H%M}"
        yield Planned(Kind.SELL, shop.code, _at(day, visit), reference, tuple(lines))


def _spoilt(day: date, levels: Levels) -> Iterator[Planned]:
    """What expired yesterday is thrown away in the morning."""
    for place in PLACES:
        lines = []
        for good in GOODS:
            here = levels.get((place.code, good.sku), {})
            for batch in [each for each in here if good.shelf_days and _expiry(each, good) < day]:
                lines.append((good.sku, batch, here.pop(batch), None, None))
        if lines:
            yield Planned(
                Kind.SCRAP, place.code, _at(day, time(6, 0)), f"EXP-{day:%y%m%d}", tuple(lines), reason="expired"
            )


def _expiry(batch: str, good: Good) -> date:
    return datetime.strptime(batch, "L%y%m%d").replace(tzinfo=UTC).date() + timedelta(days=good.shelf_days)


def _held(levels: Levels, place: Spot, good: Good) -> int:
    return sum(levels.get((place.code, good.sku), {}).values())


def _add(levels: Levels, place: Spot, good: Good, batch: str, quantity: int) -> None:
    here = levels.setdefault((place.code, good.sku), {})
    here[batch] = here.get(batch, 0) + quantity


def _taken(levels: Levels, place: Spot, good: Good, quantity: int) -> list[tuple[str, int]]:
    """What is taken of each batch, the oldest first, as far as there is enough."""
    here = levels.get((place.code, good.sku), {})
    found = []
    for batch in sorted(here):
        part = min(here[batch], quantity)
        if part <= 0:
            break
        found.append((batch, part))
        quantity -= part
        here[batch] -= part
        if not here[batch]:
            del here[batch]
    return found
