"""Reports of the house, for the role `cinema:manage`."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field

from serai.runtime.http.models import Amount, Instant, Model
from serai.runtime.http.routing import Router
from serai.systems.cinema.http.parts import Cinema, Manager, json_response


class SeatsOut(Model):
    """Seats by state; percent is what is sold of what is not blocked."""

    seats: int
    sold: int
    held: int
    blocked: int
    percent: float


class ShowLine(SeatsOut):
    """One show."""

    show_id: str
    movie: str
    theater: str
    screen: str
    starts_at: Instant
    time_zone: str
    cancelled: bool
    revenue: Amount


class Totals(SeatsOut):
    """All shows; seats only of those that were not called off."""

    shows: int
    revenue: list[Amount]


class OccupancyOut(Model):
    """The report. `from` and `to` are what was asked."""

    from_: Annotated[str, Field(alias="from")]
    to: str
    items: list[ShowLine]
    totals: Totals


def reports_router(cinema: Cinema) -> APIRouter:
    """GET /reports/occupancy."""
    router = Router(prefix="/api/cinema/v1", tags=["cinema: house"])

    @router.get(
        "/reports/occupancy",
        response_model=OccupancyOut,
        summary="Seats and revenue, per show and in total",
        responses={200: {"content": {"text/csv": {}}}},
    )
    async def occupancy(
        principal: Manager,
        first: Annotated[date, Query(alias="from", description="Local date of the theaters")],
        last: Annotated[date, Query(alias="to", description="Local date, included")],
        theater: Annotated[UUID | None, Query()] = None,
        form: Annotated[Literal["json", "csv"], Query(alias="format")] = "json",
    ) -> Response:
        report = await cinema.reports.occupancy(principal.tenant, first, last, theater)
        if form == "json":
            return json_response(report.json())
        name = f'attachment; filename="occupancy-{first}-{last}.csv"'
        return Response(report.csv(), media_type="text/csv", headers={"Content-Disposition": name})

    return router
