"""What the stock API answers."""

from typing import Any

from serai.runtime.http.models import Amount, Instant, Model
from serai.systems.stock.http.models import Day


class CategoryOut(Model):
    """A node of the tree of products."""

    id: str
    parent_id: str | None
    name: str


class ProductOut(Model):
    """A product."""

    id: str
    sku: str
    name: str
    unit: str
    decimals: int
    tracking: str
    currency: str
    gtin: str
    category_id: str | None
    retired: bool


class LocationOut(Model):
    """A place. `backorders_max` is of each product, in its smallest part."""

    id: str
    code: str
    name: str
    kind: str
    parent_id: str | None
    address: str
    alert_email: str
    backorders_max: int
    retired: bool


class LineOut(Model):
    """One side of a movement; `on_hand` is what was there after it, where there are levels."""

    product_id: str
    sku: str
    location_id: str
    location: str
    batch_no: int
    quantity: str
    on_hand: str | None
    cost: Amount | None
    serials: list[str]


class MovementOut(Model):
    """A movement with its lines, which sum to zero."""

    id: str
    number: int
    kind: str
    at: Instant
    recorded_at: Instant
    actor: str
    reason: str
    reference: str
    corrects: str | None
    lines: list[LineOut]


class BatchLevel(Model):
    """What there is of one batch."""

    batch: str
    expires_on: Day | None
    on_hand: str
    reserved: str
    available: str


class LevelOut(Model):
    """What there is of a product at a place."""

    product_id: str
    sku: str
    name: str
    unit: str
    location_id: str
    location: str
    on_hand: str
    reserved: str
    available: str
    batches: list[BatchLevel]


class PointOut(Model):
    """The end of a day (UTC)."""

    day: Day
    on_hand: str
    came: str
    went: str


class EntryOut(Model):
    """One line of a product's history."""

    movement_id: str
    number: int
    kind: str
    at: Instant
    actor: str
    reason: str
    reference: str
    location_id: str
    location: str
    batch_no: int
    quantity: str
    on_hand: str


class ScanOut(Model):
    """What a barcode says."""

    product: ProductOut
    gtin: bool
    batch: str
    expires_on: Day | None
    serial: str
    count: int | None


class ExpiringOut(Model):
    """A batch that expires soon, where it is."""

    product_id: str
    sku: str
    location_id: str
    location: str
    batch: str
    expires_on: Day
    on_hand: str


class WorthOut(Model):
    """What a product is worth."""

    product_id: str
    sku: str
    on_hand: str
    value: Amount
    cost_of_goods_gone: Amount
    owed: str


class ValuationOut(Model):
    """A page of products by name; the totals are the page's, by currency."""

    items: list[WorthOut]
    next_cursor: str | None
    method: str
    totals: list[Amount]


class PromisedLine(Model):
    """What is promised of one product, or of one batch of it."""

    product_id: str
    sku: str
    batch_no: int
    quantity: str


class ReservationOut(Model):
    """A reservation. `state` is its claim's: held, confirmed (sold), released, expired."""

    id: str
    state: str
    expires_at: Instant
    location_id: str
    location: str
    reference: str
    actor: str
    created_at: Instant
    movement_id: str | None
    lines: list[PromisedLine]


class TransferLineOut(Model):
    """One line of a transfer; what is neither received nor lost is on its way."""

    line_no: int
    product_id: str
    sku: str
    batch_no: int
    sent: str
    received: str
    lost: str
    serials: list[str]


class TransferOut(Model):
    """A transfer."""

    id: str
    state: str
    from_id: str
    from_code: str
    to_id: str
    to_code: str
    reference: str
    actor: str
    created_at: Instant
    changed_at: Instant
    lines: list[TransferLineOut]


class CountLineOut(Model):
    """One level of a stock-take. A blind one does not tell what should be there while it is counted."""

    product_id: str
    sku: str
    batch_no: int
    frozen: str | None
    counted: str | None
    counted_by: str
    variance: str | None


class CountOut(Model):
    """A stock-take."""

    id: str
    state: str
    location_id: str
    location: str
    blind: bool
    note: str
    actor: str
    created_at: Instant
    changed_at: Instant
    movement_id: str | None
    lines: list[CountLineOut]


class PolicyOut(Model):
    """A policy, and whether it is time."""

    product_id: str
    sku: str
    location_id: str
    location: str
    reorder_point: str
    reorder_quantity: str
    level_max: str | None
    lead_time_days: int
    safety_stock: str
    low: bool
    on_hand: str


class AlertOut(Model):
    """A level that is low, what was done about it, and what to buy now."""

    id: str
    state: str
    product_id: str
    sku: str
    name: str
    location_id: str
    location: str
    raised_at: Instant
    changed_at: Instant
    actor: str
    on_hand_when_raised: str
    on_hand: str
    reserved: str
    inbound: str
    reorder_point: str
    to_buy: str
    order_reference: str
    order_quantity: str | None


class SuggestionOut(Model):
    """A reorder point from what was sold, and how it came about."""

    product_id: str
    location_id: str
    reorder_point: str
    safety_stock: str
    mean_per_day: float
    deviation_per_day: float
    days: int
    lead_time_days: int
    service_percent: float
    formula: str


class ChangeOut(Model):
    """A line of the trail: who, what, why, before, after."""

    number: int
    at: Instant
    actor: str
    noun: str
    subject: str
    what: str
    reason: str
    before: dict[str, Any]
    after: dict[str, Any]


class HeadOut(Model):
    """A signed end of the chain: keep a copy where nobody who can change the database can change it."""

    day: Day
    seq: int
    hash: str
    key_id: int
    signature: str


class Heads(Model):
    """All heads, and the public keys (Ed25519, hexadecimal) that sign them, by id."""

    items: list[HeadOut]
    next_cursor: None
    keys: dict[str, str]


class ImportOut(Model):
    """What an import did, or would do."""

    dry_run: bool
    lines: int
    imported: int
    error_count: int
    errors: list[dict[str, Any]]
