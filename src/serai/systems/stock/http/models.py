"""What the stock API is asked. A quantity is a decimal text, so that 0.1 kg stays 0.1 kg."""

from datetime import date
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, Strict

from serai.runtime.http.models import LINE, Amount, Model
from serai.systems.allocation.api import HOLD_S_MAX
from serai.systems.stock.model import BATCH_MAX, DECIMALS_MAX, LINES_MAX, Place, Tracking

Name = Annotated[
    str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x20\x7f]([^\x00-\x1f\x7f]*[^\x00-\x20\x7f])?$")
]
Code = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9@][A-Za-z0-9._/+-]*$")]
Gtin = Annotated[str, Field(max_length=14, pattern=r"^[0-9]*$")]
Note = Annotated[str, Field(max_length=200, pattern=LINE)]
Reason = Annotated[str, Field(min_length=1, max_length=200, pattern=LINE)]
ShortId = Annotated[str, Field(max_length=64)]
Quantity = Annotated[
    str, Field(max_length=24, pattern=r"^-?[0-9]+(\.[0-9]+)?$", description="A decimal, such as 12 or 0.250")
]
BatchCode = Annotated[str, Field(max_length=20, pattern=r"^[\x21-\x7e]*$")]
Serial = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[\x21-\x7e]+$")]
Email = Annotated[str, Field(max_length=254, pattern=r"^([^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+)?$")]
Day = Annotated[date, Strict(False)]
Moment = Annotated[AwareDatetime, Strict(False)]
Owed = Annotated[int, Field(ge=0, le=10**9, description="Of each product, in its smallest part")]
KindByHand = Literal["receive", "sell", "return", "transfer", "adjust", "scrap"]


class CategoryIn(Model):
    """A new category."""

    name: Name
    parent_id: ShortId | None = None


class ProductIn(Model):
    """A new product. Unit, decimals, tracking and currency stay what they are."""

    sku: Code
    name: Name
    unit: Annotated[str, Field(min_length=1, max_length=20, pattern=r"^[A-Za-z]+$")] = "piece"
    decimals: Annotated[int, Field(ge=0, le=DECIMALS_MAX)] = 0
    tracking: Annotated[Tracking, Strict(False)] = Tracking.NONE
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "EUR"
    gtin: Gtin = ""
    category_id: ShortId | None = None


class ProductPatch(Model):
    """Changes of a product; null empties what may be empty."""

    sku: Code = "-"
    name: Name = "-"
    gtin: Gtin | None = None
    category_id: ShortId | None = None
    retired: bool = False


class LocationIn(Model):
    """A new place."""

    code: Code
    name: Name
    kind: Annotated[Place, Strict(False)]
    parent_id: ShortId | None = None
    address: Note = ""
    alert_email: Email = ""
    backorders_max: Owed = 0


class LocationPatch(Model):
    """Changes of a place; null empties a text."""

    name: Name = "-"
    address: Note | None = None
    alert_email: Email | None = None
    backorders_max: Owed = 0
    retired: bool = False


class ItemIn(Model):
    """One line: so much of a product. The cost is of all of it, where it is bought."""

    product_id: ShortId
    quantity: Quantity
    batch: BatchCode = ""
    expires_on: Day | None = None
    serials: Annotated[list[Serial], Field(max_length=1_000)] = Field(default_factory=list)
    cost: Amount | None = None


Items = Annotated[list[ItemIn], Field(min_length=1, max_length=LINES_MAX)]


class MovementIn(Model):
    """A movement. `to_id` is the other place of a transfer; `at` is when it happened, if it was not now."""

    kind: KindByHand
    location_id: ShortId
    items: Items
    to_id: ShortId | None = None
    at: Moment | None = None
    reason: Note = ""
    reference: Note = ""


class MovementsIn(Model):
    """Movements that are posted together, all or none."""

    movements: Annotated[list[MovementIn], Field(min_length=1, max_length=BATCH_MAX)]


class CorrectionIn(Model):
    """Why a movement is taken back; `at` dates it later than the movement."""

    reason: Reason
    at: Moment | None = None


class BasketIn(Model):
    """What is to be promised; two lines of one product are one."""

    location_id: ShortId
    items: Items
    reference: Note = ""
    ttl_s: Annotated[int, Field(ge=1, le=HOLD_S_MAX)] = 900


class SerialsIn(Model):
    """Serial numbers of one product."""

    product_id: ShortId
    serials: Annotated[list[Serial], Field(min_length=1, max_length=1_000)]


class FulfilIn(Model):
    """Serial numbers for what has them."""

    serials: Annotated[list[SerialsIn], Field(max_length=LINES_MAX)] = Field(default_factory=list)


class ExtendIn(Model):
    """How long from now."""

    ttl_s: Annotated[int, Field(ge=1, le=HOLD_S_MAX)]


class TransferIn(Model):
    """A transfer in two steps: a draft first."""

    from_id: ShortId
    to_id: ShortId
    items: Items
    reference: Note = ""


class ArrivalIn(Model):
    """So much of one line has come."""

    line_no: Annotated[int, Field(ge=0, le=32_000)]
    quantity: Quantity


class ReceiveIn(Model):
    """What has come; null: all that is missing."""

    lines: Annotated[list[ArrivalIn], Field(min_length=1, max_length=1_000)] | None = None


class ReasonIn(Model):
    """Why."""

    reason: Reason


class CountIn(Model):
    """A stock-take of a place, or of some products of it."""

    location_id: ShortId
    product_ids: Annotated[list[ShortId], Field(max_length=1_000)] = Field(default_factory=list)
    blind: bool = True
    note: Note = ""


class NumberIn(Model):
    """What somebody found."""

    product_id: ShortId
    quantity: Quantity
    batch: BatchCode = ""


class NumbersIn(Model):
    """Numbers, as they are counted."""

    numbers: Annotated[list[NumberIn], Field(min_length=1, max_length=LINES_MAX)]


class PolicyIn(Model):
    """When and how much to order of a product at a place."""

    product_id: ShortId
    location_id: ShortId
    reorder_point: Quantity
    reorder_quantity: Quantity
    level_max: Quantity | None = None
    lead_time_days: Annotated[int, Field(ge=0, le=365)] = 0
    safety_stock: Quantity = "0"


class OrderIn(Model):
    """What was ordered; without a quantity, what is suggested."""

    reference: Note = ""
    quantity: Quantity | None = None
