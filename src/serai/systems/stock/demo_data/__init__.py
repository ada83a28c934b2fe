"""A believable chain of shops: what it keeps, where, and how it has sold in the last months. Pure."""

from serai.systems.stock.demo_data.history import Planned, history
from serai.systems.stock.demo_data.shop import CATEGORIES, GOODS, PLACES, Good, Spot

__all__ = ["CATEGORIES", "GOODS", "PLACES", "Good", "Planned", "Spot", "history"]
