"""Labels for shelves and boxes as a PDF: name, SKU, bars of the EAN-13, and a QR with everything that a scanner wants.

A sheet of A4 with 3 by 8 labels of 70 by 36 mm, as they are sold everywhere. Equal labels give equal bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import segno
from fpdf import FPDF

from serai.systems.stock.barcodes import digital_link, ean13_bars
from serai.web.paper import INK, MUTED, Pen

LABELS_MAX = 240
"""Labels of one document: ten sheets."""

COLUMNS, ROWS = 3, 8
WIDTH_MM, HEIGHT_MM = 70.0, 36.0
TOP_MM = (297.0 - ROWS * HEIGHT_MM) / 2
PADDING_MM = 4.0
QR_MM = 20.0
MODULE_MM = 0.33
"""Of an EAN-13 at its nominal size (GS1 General Specifications 5.2.1.4)."""
BARS_MM = 11.0


@dataclass(frozen=True, slots=True)
class Label:
    """What one label says."""

    name: str
    sku: str
    gtin: str = ""
    batch: str = ""
    expires_on: date | None = None
    serial: str = ""

    @property
    def code(self) -> str:
        """What its QR carries: a GS1 Digital Link where there is a GTIN, else the SKU."""
        if not self.gtin:
            return self.sku
        return digital_link(self.gtin, batch=self.batch, serial=self.serial, expires_on=self.expires_on)


def render_labels(labels: Sequence[Label], *, made_at: datetime) -> bytes:
    """The PDF; `made_at` is the document's date."""
    assert 1 <= len(labels) <= LABELS_MAX, f"{len(labels)} labels"
    pdf = FPDF(orientation="P", unit="mm", format="A4")
    pdf.set_auto_page_break(False)
    pdf.set_margin(0)
    pdf.c_margin = 0
    pdf.set_creation_date(made_at)
    pen = Pen(pdf)
    pen.take_fallbacks({label.name for label in labels})
    for number, label in enumerate(labels):
        place = number % (COLUMNS * ROWS)
        if place == 0:
            pdf.add_page()
        _draw(pen, label, place % COLUMNS * WIDTH_MM, TOP_MM + place // COLUMNS * HEIGHT_MM)
    return bytes(pdf.output())


def _draw(pen: Pen, label: Label, left: float, top: float) -> None:
    x, y = left + PADDING_MM, top + PADDING_MM
    inner = WIDTH_MM - 2 * PADDING_MM
    pen.line(x, y, label.name, 10, bold=True, width=inner)
    pen.line(x, y + 5, label.sku, 8, color=MUTED, width=inner - QR_MM)
    told = [f"Lot {label.batch}" if label.batch else "", f"S/N {label.serial}" if label.serial else ""]
    told += [f"Exp {label.expires_on:%Y-%m-%d}" if label.expires_on else ""]
    pen.line(x, y + 9, "   ".join(each for each in told if each), 7, width=inner - QR_MM - 1)
    # Level M, and no larger version than the text needs: a phone reads 20 mm from a hand's distance.
    matrix = [[bool(module) for module in row] for row in segno.make_qr(label.code, error="m").matrix]
    pen.squares(matrix, left + WIDTH_MM - PADDING_MM - QR_MM, y + 7.5, QR_MM)
    ean = label.gtin.zfill(13)
    if label.gtin and len(ean) == 13:
        pen.bars(ean13_bars(ean), x + 3, y + 14, MODULE_MM, BARS_MM)
        pen.line(x + 3, y + 14 + BARS_MM + 0.4, ean, 7, color=INK, width=95 * MODULE_MM, align="C")
