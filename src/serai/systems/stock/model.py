"""The words of stock: products, places, movements, levels; and how a quantity and a level's key are written.

A quantity is a whole number of a product's smallest part (`decimals` of its unit), so nothing is ever rounded. A level
is a counter of allocation: its pool is the location's, its key is made of the product's and the batch's number.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from uuid import UUID

from serai.systems.allocation.api import Bucket, CounterRef

OWNER = "stock"
"""The owner of our pools and claims."""

DECIMALS_MAX = 6

QUANTITY_MAX = 10**12
"""Of one line, in the product's smallest part."""

LINES_MAX = 200
"""Lines of one movement, reservation, transfer or order."""

BATCH_MAX = 500
"""Movements that are posted together."""

NO_BATCH = 0
"""The batch number of a product that has none."""

_KEY_SHIFT = 32


class Tracking(StrEnum):
    """What is told apart within a product."""

    NONE = "none"
    BATCH = "batch"
    SERIAL = "serial"


class Place(StrEnum):
    """What a location is."""

    WAREHOUSE = "warehouse"
    STORE = "store"
    BIN = "bin"
    IN_TRANSIT = "in_transit"
    SUPPLIER = "supplier"
    CUSTOMER = "customer"
    ADJUSTMENT = "adjustment"
    SCRAP = "scrap"


REAL = frozenset({Place.WAREHOUSE, Place.STORE, Place.BIN})
"""Where people can put things."""

VIRTUAL = frozenset({Place.SUPPLIER, Place.CUSTOMER, Place.ADJUSTMENT, Place.SCRAP})
"""Where goods come from and go to; they have no levels."""

NAMED_PLACES: dict[Place, str] = {
    Place.IN_TRANSIT: "In transit",
    Place.SUPPLIER: "Suppliers",
    Place.CUSTOMER: "Customers",
    Place.ADJUSTMENT: "Adjustments",
    Place.SCRAP: "Scrap",
}
"""Places that every organisation has one of, made with its first location."""

NAMED_CODES = {f"@{place.value}": place for place in NAMED_PLACES}
"""Their codes; a person's code for a place cannot begin with @."""


@dataclass(frozen=True, slots=True)
class Category:
    """A node of the tree of products."""

    category_id: UUID
    parent_id: UUID | None
    name: str


@dataclass(frozen=True, slots=True)
class Product:
    """Something that is kept. Number, decimals and tracking never change."""

    product_no: int
    product_id: UUID
    sku: str
    name: str
    unit: str
    decimals: int
    tracking: Tracking
    currency: str
    gtin: str = ""
    category_id: UUID | None = None
    retired: bool = False

    def written(self, quantity: int) -> str:
        """A quantity as people and JSON write it: '1.500'."""
        return f"{Decimal(quantity).scaleb(-self.decimals):f}"

    def read(self, text: str) -> int | None:
        """What `written` wrote; None for what is no quantity of this product."""
        try:
            value = Decimal(text).scaleb(self.decimals)
        except InvalidOperation:
            return None
        if not value.is_finite() or value != value.to_integral_value() or abs(value) > QUANTITY_MAX:
            return None
        return int(value)


@dataclass(frozen=True, slots=True)
class Location:
    """A place of a tree; `pool_no` is None where there are no levels."""

    location_no: int
    location_id: UUID
    code: str
    name: str
    kind: Place
    pool_no: int | None
    parent_id: UUID | None = None
    address: str = ""
    alert_email: str = ""
    backorders_max: int = 0
    retired: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """Goods of one product that were made together; `expires_on` is the last day on which they may be sold."""

    product_no: int
    batch_no: int
    code: str
    expires_on: date | None


@dataclass(frozen=True, slots=True, order=True)
class LevelKey:
    """Which level: (location, product, batch)."""

    location_no: int
    product_no: int
    batch_no: int = NO_BATCH


@dataclass(frozen=True, slots=True)
class Level:
    """What there is of a product, or of one batch of it, at a location."""

    on_hand: int
    reserved: int
    backorders_max: int

    @classmethod
    def of(cls, bucket: Bucket) -> "Level":
        """As the counter says it: what came minus what went and was sold, what is held, what may be oversold."""
        return cls(bucket.capacity - bucket.sold, bucket.held, bucket.overbook)

    @property
    def available(self) -> int:
        """What can still be promised; with back-orders also what is not there yet."""
        return self.on_hand - self.reserved + self.backorders_max

    def __add__(self, other: "Level") -> "Level":
        return Level(
            self.on_hand + other.on_hand,
            self.reserved + other.reserved,
            max(self.backorders_max, other.backorders_max),
        )


NOTHING = Level(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Movement:
    """Why goods moved, without its lines."""

    movement_no: int
    movement_id: UUID
    kind: str
    at: datetime
    recorded_at: datetime
    actor: str
    reason: str
    reference: str
    corrects: UUID | None


def counter_key(product_no: int, batch_no: int) -> int:
    """The key of a level's counter: products lie side by side, and a product's batches together."""
    assert 0 < product_no < 2**31, f"product {product_no}"
    assert 0 <= batch_no < 2**31, f"batch {batch_no}"
    return product_no << _KEY_SHIFT | batch_no


def from_counter_key(key: int) -> tuple[int, int]:
    """(product, batch) of a counter's key."""
    return key >> _KEY_SHIFT, key & (1 << _KEY_SHIFT) - 1


def counter_of(location: Location, product_no: int, batch_no: int) -> CounterRef:
    """The counter of a level."""
    assert location.pool_no is not None, f"{location.code} has no levels"
    return CounterRef(location.pool_no, counter_key(product_no, batch_no))
