"""Stock as JSON shows it: ids as text, quantities as decimal text, places by id and code."""

from typing import Any

from serai.kernel.money import Money
from serai.systems.stock.flows import CountState
from serai.systems.stock.model import Batch, Level, Location, Movement, Product
from serai.systems.stock.posting import Line
from serai.systems.stock.service.alerts import Ruled, Shown
from serai.systems.stock.service.counts import Counted
from serai.systems.stock.service.ledger import Book
from serai.systems.stock.service.levels import Found, There
from serai.systems.stock.service.movements import Full
from serai.systems.stock.service.reservations import Reserved
from serai.systems.stock.service.transfers import Shipped
from serai.systems.stock.service.worth import Valued
from serai.systems.stock.store.flows import CountLine, TransferLine
from serai.systems.stock.store.ledger import Entry


def _of(product: Product) -> dict[str, Any]:
    return {"product_id": str(product.product_id), "sku": product.sku}


def _at(location: Location) -> dict[str, Any]:
    return {"location_id": str(location.location_id), "location": location.code}


def product_json(product: Product) -> dict[str, Any]:
    """A product."""
    return {
        "id": str(product.product_id),
        "sku": product.sku,
        "name": product.name,
        "unit": product.unit,
        "decimals": product.decimals,
        "tracking": product.tracking.value,
        "currency": product.currency,
        "gtin": product.gtin,
        "category_id": str(product.category_id) if product.category_id else None,
        "retired": product.retired,
    }


def location_json(location: Location) -> dict[str, Any]:
    """A place."""
    return {
        "id": str(location.location_id),
        "code": location.code,
        "name": location.name,
        "kind": location.kind.value,
        "parent_id": str(location.parent_id) if location.parent_id else None,
        "address": location.address,
        "alert_email": location.alert_email,
        "backorders_max": location.backorders_max,
        "retired": location.retired,
    }


def line_json(book: Book, line: Line) -> dict[str, Any]:
    """One side of a movement."""
    product = book.products[line.key.product_no]
    return {
        **_of(product),
        **_at(book.locations[line.key.location_no]),
        "batch_no": line.key.batch_no,
        "quantity": product.written(line.quantity),
        "on_hand": None if line.level is None else product.written(line.level),
        "cost": None if line.cost_minor is None else Money(line.cost_minor, product.currency).json(),
        "serials": list(line.serials),
    }


def _why(movement: Movement) -> dict[str, Any]:
    return {
        "number": movement.movement_no,
        "kind": movement.kind,
        "at": movement.at,
        "actor": movement.actor,
        "reason": movement.reason,
        "reference": movement.reference,
    }


def movement_json(full: Full) -> dict[str, Any]:
    """A movement with its lines."""
    movement = full.movement
    return {
        "id": str(movement.movement_id),
        **_why(movement),
        "recorded_at": movement.recorded_at,
        "corrects": str(movement.corrects) if movement.corrects else None,
        "lines": [line_json(full.book, line) for line in full.lines],
    }


def _level(product: Product, level: Level) -> dict[str, Any]:
    return {
        "on_hand": product.written(level.on_hand),
        "reserved": product.written(level.reserved),
        "available": product.written(level.available),
    }


def there_json(there: There) -> dict[str, Any]:
    """What there is of a product at a place."""
    product = there.product
    return {
        **_of(product),
        "name": product.name,
        "unit": product.unit,
        **_at(there.location),
        **_level(product, there.level),
        "batches": [
            {"batch": batch.code, "expires_on": batch.expires_on, **_level(product, level)}
            for batch, level in there.batches
        ],
    }


def entry_json(book: Book, entry: Entry) -> dict[str, Any]:
    """One line of a product's history."""
    line = line_json(book, entry.line)
    told = ("location_id", "location", "batch_no", "quantity", "on_hand")
    return {
        "movement_id": str(entry.movement.movement_id),
        **_why(entry.movement),
        **{name: line[name] for name in told},
    }


def scan_json(found: Found) -> dict[str, Any]:
    """What a barcode says."""
    return {
        "product": product_json(found.product),
        "gtin": found.scan.is_gtin,
        "batch": found.scan.batch,
        "expires_on": found.scan.expires_on,
        "serial": found.scan.serial,
        "count": found.scan.count,
    }


def expiring_json(batch: Batch, there: There) -> dict[str, Any]:
    """A batch that expires soon, where it is."""
    return {
        **_of(there.product),
        **_at(there.location),
        "batch": batch.code,
        "expires_on": batch.expires_on,
        "on_hand": there.product.written(there.level.on_hand),
    }


def worth_json(valued: Valued) -> dict[str, Any]:
    """What a product is worth."""
    product, worth = valued.product, valued.worth
    return {
        **_of(product),
        "on_hand": product.written(worth.quantity),
        "value": valued.value.json(),
        "cost_of_goods_gone": Money(worth.gone_minor, product.currency).json(),
        "owed": product.written(worth.owed),
    }


def reserved_json(reserved: Reserved) -> dict[str, Any]:
    """A reservation. One whose time is over says so before it is swept."""
    row, claim, book = reserved.reservation, reserved.claim, reserved.book
    return {
        "id": str(row.reservation_id),
        "state": "expired" if claim.state == "held" and claim.expired else claim.state.value,
        "expires_at": claim.expires_at,
        **_at(book.locations[row.location_no]),
        "reference": row.reference,
        "actor": row.actor,
        "created_at": row.created_at,
        "movement_id": str(row.movement_id) if row.movement_id else None,
        "lines": [
            {
                **_of(book.products[key.product_no]),
                "batch_no": key.batch_no,
                "quantity": book.products[key.product_no].written(quantity),
            }
            for key, quantity in reserved.lines
        ],
    }


def transfer_json(shipped: Shipped) -> dict[str, Any]:
    """A transfer with its lines."""
    transfer, book = shipped.transfer, shipped.book
    source, target = book.locations[transfer.from_no], book.locations[transfer.to_no]
    return {
        "id": str(transfer.transfer_id),
        "state": transfer.state.value,
        "from_id": str(source.location_id),
        "from_code": source.code,
        "to_id": str(target.location_id),
        "to_code": target.code,
        "reference": transfer.reference,
        "actor": transfer.actor,
        "created_at": transfer.created_at,
        "changed_at": transfer.changed_at,
        "lines": [_transfer_line(book.products[line.product_no], line) for line in transfer.lines],
    }


def _transfer_line(product: Product, line: TransferLine) -> dict[str, Any]:
    return {
        "line_no": line.line_no,
        **_of(product),
        "batch_no": line.batch_no,
        "sent": product.written(line.sent),
        "received": product.written(line.received),
        "lost": product.written(line.lost),
        "serials": list(line.serials),
    }


def count_json(counted: Counted) -> dict[str, Any]:
    """A stock-take with its lines."""
    count, book = counted.count, counted.book
    hidden = count.blind and count.state is CountState.COUNTING
    return {
        "id": str(count.count_id),
        "state": count.state.value,
        **_at(book.locations[count.location_no]),
        "blind": count.blind,
        "note": count.note,
        "actor": count.actor,
        "created_at": count.created_at,
        "changed_at": count.changed_at,
        "movement_id": str(count.movement_id) if count.movement_id else None,
        "lines": [_count_line(book.products[line.product_no], line, hidden=hidden) for line in count.lines],
    }


def _count_line(product: Product, line: CountLine, *, hidden: bool) -> dict[str, Any]:
    counted = None if line.counted is None else product.written(line.counted)
    return {
        **_of(product),
        "batch_no": line.batch_no,
        "frozen": None if hidden else product.written(line.frozen),
        "counted": counted,
        "counted_by": line.counted_by,
        "variance": None if hidden or counted is None else product.written(line.variance),
    }


def ruled_json(ruled: Ruled) -> dict[str, Any]:
    """A policy."""
    product, policy = ruled.product, ruled.policy
    return {
        **_of(product),
        **_at(ruled.location),
        "reorder_point": product.written(policy.reorder_point),
        "reorder_quantity": product.written(policy.reorder_quantity),
        "level_max": None if policy.level_max is None else product.written(policy.level_max),
        "lead_time_days": policy.lead_time_days,
        "safety_stock": product.written(policy.safety_stock),
        "low": ruled.low,
        "on_hand": product.written(ruled.on_hand),
    }


def alert_json(shown: Shown) -> dict[str, Any]:
    """An alert."""
    alert, product = shown.alert, shown.product
    return {
        "id": str(alert.alert_id),
        "state": alert.state.value,
        **_of(product),
        "name": product.name,
        **_at(shown.location),
        "raised_at": alert.raised_at,
        "changed_at": alert.changed_at,
        "actor": alert.actor,
        "on_hand_when_raised": product.written(alert.on_hand),
        "on_hand": product.written(shown.level.on_hand),
        "reserved": product.written(shown.level.reserved),
        "inbound": product.written(shown.inbound),
        "reorder_point": product.written(alert.reorder_point),
        "to_buy": product.written(shown.to_buy),
        "order_reference": alert.order_reference,
        "order_quantity": None if alert.order_quantity is None else product.written(alert.order_quantity),
    }
