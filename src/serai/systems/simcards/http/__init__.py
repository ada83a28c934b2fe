"""The JSON API of the shop of numbers, /api/simcards/v1: `public` is for buyers, `staff` for those who run it."""

from fastapi import APIRouter

from serai.systems.simcards.http.parts import Simcards
from serai.systems.simcards.http.public import public_router
from serai.systems.simcards.http.staff import staff_router

__all__ = ["Simcards", "make_routers"]


def make_routers(shop: Simcards) -> list[APIRouter]:
    """All routes."""
    return [public_router(shop), staff_router(shop)]
