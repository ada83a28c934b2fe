"""Products and deliveries as sheets: read whole or not at all, with every wrong line named; written for spreadsheets.

A dry run does everything but keep it, so what it says is what the import will do.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from uuid import UUID

from serai.kernel.errors import Conflict, Invalid
from serai.kernel.money import Money
from serai.runtime.postgres.database import Transaction
from serai.runtime.sheets import BadCell, Column, ImportReport, Line, LineError, read_sheet, repeated
from serai.systems.stock.barcodes import is_gtin
from serai.systems.stock.model import DECIMALS_MAX, LINES_MAX, REAL, Location, Product, Tracking
from serai.systems.stock.posting import Kind
from serai.systems.stock.service.book import Item
from serai.systems.stock.service.catalogue import Catalogue
from serai.systems.stock.service.levels import Levels
from serai.systems.stock.service.movements import Draft, Movements
from serai.systems.stock.store import catalogue as store

IMPORT_LINES_MAX = 5_000
"""Lines of a sheet that are imported in one transaction."""

PAGE = 500
"""Products that an export reads at once."""

PRODUCT_HEADING = ("sku", "name", "gtin", "unit", "decimals", "tracking", "currency")
LEVEL_HEADING = ("location", "sku", "name", "batch", "expires_on", "on_hand", "reserved", "available", "unit")
DELIVERY_HEADING = ("location", "sku", "quantity", "batch", "expires_on", "cost")


def _gtin_cell(text: str) -> str:
    if not is_gtin(text):
        raise BadCell("not_a_gtin", f"{text!r} is no GTIN: 8, 12, 13 or 14 digits of which the last is right.")
    return text


def _decimals_cell(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) == 1 and int(text) <= DECIMALS_MAX):
        raise BadCell("not_in_range", f"{text!r} is no number from 0 to {DECIMALS_MAX}.")
    return int(text)


def _tracking_cell(text: str) -> Tracking:
    try:
        return Tracking(text.lower())
    except ValueError:
        raise BadCell("unknown_tracking", f"{text!r} is not one of {', '.join(Tracking)}.") from None


def _day_cell(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadCell("not_a_day", f"{text!r} is no day; write it as 2026-11-24.") from None


def _cost_cell(text: str) -> Decimal:
    try:
        cost = Decimal(text)
    except InvalidOperation:
        cost = Decimal(-1)
    if not cost.is_finite() or not 0 <= cost < 10**12:
        raise BadCell("not_an_amount", f"{text!r} is no amount of money; write it as 12.50.")
    return cost


PRODUCTS = (
    Column("sku"),
    Column("name"),
    Column("gtin", _gtin_cell, required=False),
    Column("unit", required=False),
    Column("decimals", _decimals_cell, required=False),
    Column("tracking", _tracking_cell, required=False),
    Column("currency", required=False),
)
DELIVERIES = (
    Column("location"),
    Column("sku"),
    Column("quantity"),
    Column("batch", required=False),
    Column("expires_on", _day_cell, required=False),
    Column("cost", _cost_cell, required=False),
)


class Sheets:
    """Reads and writes sheets. Imports run inside `Ledger.run`; the caller rolls a dry run back."""

    def __init__(self, catalogue: Catalogue, movements: Movements, levels: Levels) -> None:
        self._catalogue = catalogue
        self._movements = movements
        self._levels = levels

    async def import_products(self, tx: Transaction, raw: bytes, actor: str, *, dry_run: bool) -> ImportReport:
        """New products, and new names and GTINs of those whose SKU is known. What never changes is not changed."""
        reading = read_sheet(raw, PRODUCTS)
        errors = [*reading.errors, *repeated(reading.lines, "sku"), *repeated(reading.lines, "gtin")]
        errors += _too_many(reading.lines)
        if not errors:
            known = await store.products_by_sku(tx, [line["sku"] for line in reading.lines])
            for line in reading.lines:
                try:
                    await self._put_product(tx, line, known.get(line["sku"]), actor)
                except (Invalid, Conflict) as wrong:
                    errors.append(LineError(line.number, "", wrong.code, wrong.message))
                    if isinstance(wrong, Conflict):
                        break  # the database refused, and with it the transaction
        return ImportReport(dry_run, reading.counted, 0 if errors else len(reading.lines), tuple(errors))

    async def _put_product(self, tx: Transaction, line: Line, known: Product | None, actor: str) -> None:
        if known is not None:
            changes = {"name": line["name"], "gtin": line["gtin"] or known.gtin}
            await self._catalogue.edit_product(tx, known.product_id, changes, actor)
            return
        product = Product(
            0,
            UUID(int=0),
            line["sku"],
            line["name"],
            line["unit"] or "piece",
            line["decimals"] or 0,
            line["tracking"] or Tracking.NONE,
            line["currency"] or "EUR",
            line["gtin"] or "",
        )
        await self._catalogue.add_product(tx, product, actor)

    async def import_deliveries(
        self, tx: Transaction, raw: bytes, reference: str, actor: str, *, dry_run: bool
    ) -> ImportReport:
        """Goods that came from suppliers, such as the opening stock; one movement for each place."""
        reading = read_sheet(raw, DELIVERIES)
        errors = [*reading.errors, *_too_many(reading.lines)]
        products = await store.products_by_sku(tx, [line["sku"] for line in reading.lines])
        places = {each.code: each for each in await store.locations(tx, real=True) if each.kind in REAL}
        good: list[tuple[Location, Item]] = []
        for line in reading.lines:
            wrong = _delivery_error(line, products, places)
            if wrong:
                errors.append(wrong)
            else:
                good.append((places[line["location"]], _item(products[line["sku"]], line)))
        if not errors:
            drafts = [
                Draft(Kind.RECEIVE, place.location_id, tuple(items[start : start + LINES_MAX]), reference=reference)
                for place, items in _by_place(good)
                for start in range(0, len(items), LINES_MAX)
            ]
            for draft in drafts:
                await self._movements.post(tx, [draft], actor)
        errors.sort(key=lambda error: error.line)
        return ImportReport(dry_run, reading.counted, 0 if errors else len(reading.lines), tuple(errors))

    async def products(self, tx: Transaction) -> AsyncIterator[Sequence[object]]:
        """Every product, by name."""
        async for product in _every_product(tx):
            yield (
                product.sku,
                product.name,
                product.gtin,
                product.unit,
                product.decimals,
                product.tracking.value,
                product.currency,
            )

    async def levels(self, tx: Transaction) -> AsyncIterator[Sequence[object]]:
        """What there is, by place and product, batches apart."""
        for location in await store.locations(tx, real=True):
            after = 0
            while page := await self._levels.of_location(tx, location, after, PAGE):
                after = page[-1].product.product_no
                for there in page:
                    product = there.product
                    parts = [(batch.code, batch.expires_on, level) for batch, level in there.batches]
                    for code, expires_on, level in parts or [("", None, there.level)]:
                        numbers = (level.on_hand, level.reserved, level.available)
                        yield (
                            location.code,
                            product.sku,
                            product.name,
                            code,
                            expires_on,
                            *map(product.written, numbers),
                            product.unit,
                        )


async def _every_product(tx: Transaction) -> AsyncIterator[Product]:
    after = None
    while found := await store.products(tx, None, None, after, PAGE):
        for product in found:
            yield product
        after = (found[-1].name, found[-1].product_id)


def _too_many(lines: Sequence[Line]) -> list[LineError]:
    if len(lines) <= IMPORT_LINES_MAX:
        return []
    said = f"The sheet has {len(lines)} lines; at most {IMPORT_LINES_MAX} are imported together. Split it."
    return [LineError(lines[IMPORT_LINES_MAX].number, "", "too_many_lines", said)]


def _delivery_error(line: Line, products: Mapping[str, Product], places: Mapping[str, Location]) -> LineError | None:
    product = products.get(line["sku"])
    if product is None:
        return LineError(line.number, "sku", "unknown_product", f"There is no product {line['sku']!r}.")
    if line["location"] not in places:
        return LineError(line.number, "location", "unknown_location", f"There is no location {line['location']!r}.")
    return _quantity_error(line, product) or _tracking_error(line, product) or _cost_error(line, product)


def _quantity_error(line: Line, product: Product) -> LineError | None:
    quantity = product.read(line["quantity"])
    if quantity is None or quantity <= 0:
        said = f"{line['quantity']!r} is no quantity of {product.sku}; it has {product.decimals} decimals."
        return LineError(line.number, "quantity", "not_a_quantity", said)
    return None


def _tracking_error(line: Line, product: Product) -> LineError | None:
    if product.tracking is Tracking.SERIAL:
        said = f"{product.sku} has serial numbers; receive it by scanning them."
        return LineError(line.number, "sku", "serials", said)
    if (product.tracking is Tracking.BATCH) != bool(line["batch"]):
        said = "needs its batch" if product.tracking is Tracking.BATCH else "is not kept in batches"
        return LineError(line.number, "batch", "batch", f"{product.sku} {said}.")
    return None


def _cost_error(line: Line, product: Product) -> LineError | None:
    cost = line["cost"]
    if cost is None or _minor(cost, product) == _minor(cost, product).to_integral_value():
        return None
    return LineError(line.number, "cost", "not_an_amount", f"{cost} has more decimals than {product.currency}.")


def _minor(cost: Decimal, product: Product) -> Decimal:
    return cost / Money(1, product.currency).decimal()


def _item(product: Product, line: Line) -> Item:
    cost = None if line["cost"] is None else int(_minor(line["cost"], product))
    return Item(product.product_id, line["quantity"], line["batch"] or "", line["expires_on"], (), cost)


def _by_place(good: Sequence[tuple[Location, Item]]) -> list[tuple[Location, list[Item]]]:
    found: dict[int, tuple[Location, list[Item]]] = {}
    for place, item in good:
        found.setdefault(place.location_no, (place, []))[1].append(item)
    return list(found.values())
