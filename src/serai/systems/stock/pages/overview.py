"""/stock: how the stock stands, what moves today, and what to look at first."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from fastapi import APIRouter, Request, Response

from serai.kernel.money import Money
from serai.runtime.postgres.database import Transaction
from serai.systems.stock.flows import AlertState
from serai.systems.stock.http.parts import Viewer
from serai.systems.stock.http.reorder import OPEN
from serai.systems.stock.pages.parts import Floor
from serai.systems.stock.posting import Kind
from serai.systems.stock.service.worth import Method, totals, valued
from serai.systems.stock.store import alerts as alert_store
from serai.systems.stock.store import catalogue, pages
from serai.web.charts import by_day

CHART_DAYS = 30
ROWS_MAX = 6
"""Alerts and movements that the overview names; the lists have them all."""

VALUED_MAX = 200
"""Products up to which the whole stock is valued for the overview: a replay of their ledgers."""


class OverviewPage:
    """The first page."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    def add_to(self, router: APIRouter) -> None:
        """Adds the route."""
        router.add_api_route("", self.show, methods=["GET"])

    async def show(self, request: Request, principal: Viewer) -> Response:
        """Everything in one read."""
        context = await self._floor.stock.read(principal.tenant, self._read)
        return self._floor.page(request, principal, "overview", **context)

    async def _read(self, tx: Transaction) -> dict[str, Any]:
        stock, today = self._floor.stock, self._floor.clock.now().date()
        moved = await pages.moved_by_day(tx, today - timedelta(days=CHART_DAYS - 1))
        products, places = await catalogue.counts_of_catalogue(tx)
        counts = await alert_store.alert_counts(tx)
        under_way, counting = await pages.flows_open(tx)
        return {
            "today": {kind: count for (day, kind), count in moved.items() if day == today},
            "chart": _chart(moved, today),
            "products": products,
            "locations": places,
            "raised": counts.get(AlertState.RAISED.value, 0),
            "open_alerts": sum(counts.values()),
            "under_way": under_way,
            "counting": counting,
            "worth": await _worth(tx, products),
            "low": await stock.alerts.inbox(tx, None, OPEN, None, ROWS_MAX),
            "recent": await stock.movements.listed(tx, None, None, None, ROWS_MAX),
        }


async def _worth(tx: Transaction, count: int) -> list[Money] | None:
    """What all of it is worth by FIFO; None where that is too much to replay for a page."""
    if count > VALUED_MAX:
        return None
    return totals(await valued(tx, await catalogue.products(tx, None, None, None, VALUED_MAX), Method.FIFO, None))


def _chart(moved: Mapping[tuple[date, str], int], today: date) -> dict[str, Any]:
    days = [today - timedelta(days=back) for back in reversed(range(CHART_DAYS))]
    others = [kind for kind in Kind if kind is not Kind.SELL]
    sales = [moved.get((day, Kind.SELL), 0) for day in days]
    rest = [sum(moved.get((day, kind), 0) for kind in others) for day in days]
    return by_day(
        days,
        {"label": "Sales", "unit": "movements", "bars": True, "values": sales},
        {"label": "Deliveries and others", "unit": "movements", "values": rest},
    )
