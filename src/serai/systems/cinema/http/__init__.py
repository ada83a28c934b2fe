"""The JSON API of the cinema, /api/cinema/v1.

`public` is for buyers, `waiting` for those who wait, `admin` and `reports` for the house, `door` for its doors.
"""

from fastapi import APIRouter

from serai.systems.cinema.http.admin import admin_router
from serai.systems.cinema.http.door import door_router
from serai.systems.cinema.http.parts import Cinema
from serai.systems.cinema.http.public import public_router
from serai.systems.cinema.http.reports import reports_router
from serai.systems.cinema.http.waiting import waiting_router

__all__ = ["Cinema", "make_routers"]


def make_routers(cinema: Cinema) -> list[APIRouter]:
    """All routes."""
    return [
        public_router(cinema),
        waiting_router(cinema),
        admin_router(cinema),
        reports_router(cinema),
        door_router(cinema),
    ]
