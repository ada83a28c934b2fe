"""A list of goods that is filled by scanning: each code adds a line, or one more to its line.

The lines stand in the form itself, so nothing is kept between scans and every scan is one ordinary send: a hand scanner
types a code and Enter, with script or without. The fields are those of the API's request (`items.0.quantity`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from serai.kernel.errors import FieldError, Invalid, NotFound
from serai.kernel.money import Money
from serai.runtime.http.answers import as_uuid
from serai.runtime.postgres.database import Transaction
from serai.systems.stock.model import LINES_MAX, Product, Tracking
from serai.systems.stock.service.levels import Found
from serai.systems.stock.store import catalogue
from serai.systems.stock.whole import Stock
from serai.web.forms import Form

KEPT_MAX = 300
"""Products that the barcode field offers to who types a name instead of scanning."""

Lines = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Filled:
    """A form with its lines and their products, ready to be drawn. `said` tells what the last scan did."""

    form: Form
    products: Mapping[str, Product]
    said: str = ""
    touched: int = -1
    """The line that the last scan changed."""

    @property
    def lines(self) -> Lines:
        """In the order in which they came."""
        return [line for line in self.form.rows("items").values() if line.get("product_id") in self.products]

    def product(self, line: Mapping[str, str]) -> Product:
        """The line's product."""
        return self.products[line["product_id"]]


async def filled(tx: Transaction, form: Form, said: str = "", touched: int = -1) -> Filled:
    """The form with the products of its lines."""
    ids = [found for line in form.rows("items").values() if (found := as_uuid(line.get("product_id", "")))]
    known = await catalogue.products_of(tx, ids)
    return Filled(form, {str(each.product_id): each for each in known}, said, touched)


async def scanned(tx: Transaction, stock: Stock, form: Form) -> Filled:
    """The form after its `scan` field was sent, which is empty again; or with what is wrong with the code."""
    code = form.value("scan")
    values = {name: value for name, value in form.values.items() if name not in ("scan", "do")}
    lines = list(form.rows("items").values())
    if form.value("do").startswith("remove."):
        place = form.value("do").removeprefix("remove.")
        kept = [line for number, line in form.rows("items").items() if str(number) != place]
        return await filled(tx, with_lines(values, kept), "Taken off the list.")
    if not code:
        return await filled(tx, Form(values))
    try:
        found = await stock.levels.scan(tx, code)
    except NotFound as unknown:
        return await filled(tx, Form(values | {"scan": code}, {"scan": unknown.message}))
    touched = _add(lines, found)
    if len(lines) > LINES_MAX:
        full = f"The list has {LINES_MAX} lines; post it and begin another."
        return await filled(tx, Form(values, {"scan": full}))
    said = f"{found.product.name}: {lines[touched]['quantity']}"
    return await filled(tx, with_lines(values, lines), said, touched)


def with_lines(values: Mapping[str, str], lines: Sequence[Mapping[str, str]]) -> Form:
    """The form with these lines instead of its own, numbered anew."""
    rest = {name: value for name, value in values.items() if not name.startswith("items.")}
    numbered = {f"items.{place}.{key}": value for place, line in enumerate(lines) for key, value in line.items()}
    return Form(rest | numbered)


def _add(lines: Lines, found: Found) -> int:
    """Adds what was scanned, and tells to which line."""
    scan, product = found.scan, found.product
    count = scan.count or 1
    serials = product.tracking is Tracking.SERIAL and scan.serial
    for place, line in enumerate(lines):
        same = line.get("product_id") == str(product.product_id)
        if same and (not scan.batch or line.get("batch", "") == scan.batch):
            if serials and scan.serial in line.get("serials", "").split():
                return place
            line["quantity"] = more(line.get("quantity", ""), count)
            line["serials"] = " ".join(filter(None, (line.get("serials", ""), scan.serial if serials else "")))
            return place
    lines.append(
        {
            "product_id": str(product.product_id),
            "quantity": str(count),
            "batch": scan.batch if product.tracking is Tracking.BATCH else "",
            "expires_on": scan.expires_on.isoformat() if scan.expires_on else "",
            "serials": scan.serial if serials else "",
            "cost": "",
        }
    )
    return len(lines) - 1


def more(quantity: str, count: int) -> str:
    """The quantity and so many more; what is no number counts as nothing."""
    try:
        found = Decimal(quantity or "0")
    except InvalidOperation:
        found = Decimal(0)
    return str(found + count) if found.is_finite() else str(count)


def items_in(shown: Filled, *, costs: bool = False) -> list[dict[str, Any]]:
    """The lines as the API's request has them. Invalid names the field of what cannot be read."""
    errors: list[FieldError] = []
    items = []
    for place, line in enumerate(shown.lines):
        item: dict[str, Any] = {
            "product_id": line["product_id"],
            "quantity": line.get("quantity", "").replace(",", "."),
            "batch": line.get("batch", ""),
            "serials": line.get("serials", "").split(),
        }
        if line.get("expires_on"):
            item["expires_on"] = line["expires_on"]
        if costs and line.get("cost"):
            item["cost"] = _cost(line["cost"], shown.product(line), f"items.{place}.cost", errors)
        items.append(item)
    if errors:
        raise Invalid(errors[0].message, errors=tuple(errors))
    if not items:
        raise Invalid.of("scan", "nothing", "Scan or type at least one product.")
    return items


def _cost(text: str, product: Product, field: str, errors: list[FieldError]) -> dict[str, int | str] | None:
    try:
        return Money.parse(text, product.currency).json()
    except ValueError:
        said = f"Write an amount of {product.currency}, such as 12.50."
        errors.append(FieldError(field, "not_an_amount", said))
        return None


def moment_in(form: Form, name: str) -> str | None:
    """A moment as its input writes it, in UTC; None for an empty one. Invalid names the field."""
    text = form.value(name)
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None).isoformat() + "Z"
    except ValueError:
        raise Invalid.of(name, "not_a_time", "Write a day and a time.") from None


async def offered(tx: Transaction) -> list[Product]:
    """Products for who types a name instead of scanning."""
    return [each for each in await catalogue.products(tx, None, None, None, KEPT_MAX) if not each.retired]
