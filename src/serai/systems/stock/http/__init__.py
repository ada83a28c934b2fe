"""The JSON API of stock, /api/stock/v1.

`catalogue` is what there is and where, `ledger` what moves, `flows` what takes several steps, `reorder` what to buy,
`sheets` what goes in and out as CSV and on paper.
"""

from fastapi import APIRouter

from serai.systems.stock.http.catalogue import catalogue_router
from serai.systems.stock.http.flows import flows_router
from serai.systems.stock.http.ledger import ledger_router
from serai.systems.stock.http.parts import Desk
from serai.systems.stock.http.reorder import reorder_router
from serai.systems.stock.http.sheets import sheets_router

__all__ = ["Desk", "make_routers"]


def make_routers(desk: Desk) -> list[APIRouter]:
    """All routes."""
    return [
        catalogue_router(desk),
        ledger_router(desk),
        flows_router(desk),
        reorder_router(desk),
        sheets_router(desk),
    ]
