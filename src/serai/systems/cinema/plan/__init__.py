"""The seating plan: what a hall looks like, how it is read and written, and believable ones to start from.

`model` holds the words, `document` reads and writes pretix's public JSON, `generate` draws new halls.
"""

from serai.systems.cinema.plan.document import InvalidPlan, export_plan, import_plan
from serai.systems.cinema.plan.generate import classic, stadium, studio
from serai.systems.cinema.plan.model import Area, Block, Category, Plan, Point, Row, Seat, Text, Zone

__all__ = [
    "Area",
    "Block",
    "Category",
    "InvalidPlan",
    "Plan",
    "Point",
    "Row",
    "Seat",
    "Text",
    "Zone",
    "classic",
    "export_plan",
    "import_plan",
    "stadium",
    "studio",
]
