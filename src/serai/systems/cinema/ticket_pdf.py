"""The ticket as a PDF: a summary, then a card with a QR for every seat, to show on a phone or cut apart.

Equal bookings give equal bytes. Rendering takes tens of milliseconds, so it belongs in the download and the mail job,
never on the way of a booking.
"""

from datetime import datetime
from pathlib import Path

from fpdf import FPDF

from serai.systems.cinema.printed import PrintedBooking, PrintedSeat
from serai.systems.cinema.tickets.qr import qr_matrix
from serai.web.paper import INK, MUTED, POINT_MM, Color, Pen

LINE: Color = (216, 207, 193)
PAPER: Color = (250, 247, 242)
ACCENT: Color = (12, 102, 114)
WHITE: Color = (255, 255, 255)

PAGE_W_MM, PAGE_H_MM = 210.0, 297.0
MARGIN_MM = 15.0
WIDTH_MM = PAGE_W_MM - 2 * MARGIN_MM
CARD_H_MM = 56.0
CARD_GAP_MM = 6.0
STUB_MM = 54.0
"""The part of a card that carries the QR."""
QR_MM = 38.0
"""41 modules of 0.93 mm: reads from a hand's distance, and from a copy."""
FOOTER_MM = 30.0
HEADER_END_MM = 85.0
LEADING_MM = POINT_MM * 1.18
"""A heading's line, per point of its size."""
TWO_LINES_PT = 18
"""A larger heading must fit one line."""


def render_ticket(booking: PrintedBooking, *, issued_at: datetime, more_fonts: tuple[Path, ...] = ()) -> bytes:
    """The ticket's PDF. `issued_at` is the document's date; `more_fonts` are TrueType files for further scripts."""
    sheet = _Sheet(booking, more_fonts)
    sheet.pdf.set_creation_date(issued_at)
    sheet.summary()
    for seat in booking.seats:
        sheet.card(seat)
    return bytes(sheet.pdf.output())


class _Document(FPDF):
    """A4 pages with the terms and the page count at the foot."""

    def __init__(self) -> None:
        super().__init__(orientation="P", unit="mm", format="A4")
        self.terms = ""
        self.set_auto_page_break(False)
        self.set_margin(MARGIN_MM)
        self.c_margin = 0

    def footer(self) -> None:
        """The terms in small print, and which page of how many this is."""
        self.set_y(PAGE_H_MM - FOOTER_MM + 6)
        self.set_font("inter", "", 7.5)
        self.set_text_color(*MUTED)
        self.multi_cell(WIDTH_MM - 25, 3.6, self.terms[:600], align="L")
        self.set_xy(PAGE_W_MM - MARGIN_MM - 20, PAGE_H_MM - FOOTER_MM + 6)
        self.cell(20, 3.6, f"{self.page_no()} / {{nb}}", align="R")


class _Sheet(Pen):
    """Draws one booking."""

    def __init__(self, booking: PrintedBooking, more_fonts: tuple[Path, ...]) -> None:
        document = _Document()
        super().__init__(document, more_fonts)
        self.booking = booking
        document.terms = self.plain(booking.terms)
        every = [booking.movie, booking.theater, booking.address, booking.screen, booking.terms, booking.seat_names]
        every += [seat.category for seat in booking.seats] + [booking.day, booking.price(booking.total)]
        self.take_fallbacks(every)
        # A lone surrogate can come out of JSON and goes into no encoding.
        self.pdf.set_title(f"{booking.movie}, {booking.confirmation_code}".encode("utf-8", "ignore").decode())
        self.pdf.set_lang(booking.locale.replace("_", "-"))
        self.y = PAGE_H_MM
        self.pdf.add_page()

    def summary(self) -> None:
        """The upper third of the first page: what, when, where, and the booking's code."""
        pdf, booking = self.pdf, self.booking
        pdf.set_fill_color(*INK)
        pdf.rect(0, 0, PAGE_W_MM, 53, style="F")
        pdf.set_fill_color(*ACCENT)
        pdf.rect(0, 53, PAGE_W_MM, 1.6, style="F")
        self.line(MARGIN_MM, 11, booking.theater, 10, color=(196, 202, 213), width=WIDTH_MM)
        size, rows = self._fitted(booking.movie, 28, WIDTH_MM)
        self._heading(MARGIN_MM, 38 - len(rows) * size * LEADING_MM, size, rows, WHITE)
        when = f"{booking.day}  ·  {booking.hour}"
        self.line(MARGIN_MM, 41.5, when, 12, bold=True, color=WHITE, width=WIDTH_MM)
        facts = (
            ("Booking code", booking.confirmation_code, 42.0),
            ("Screen", booking.screen, 34.0),
            ("Seats" if len(booking.seats) > 1 else "Seat", booking.seat_names, 62.0),
            ("Total", booking.price(booking.total), 42.0),
        )
        x = MARGIN_MM
        for label, value, width in facts:
            self._fact(x, 61, label, value, width)
            x += width
        where = ", ".join(part for part in (booking.theater, booking.address) if part)
        self.line(MARGIN_MM, 75.5, where, 9, color=MUTED, width=WIDTH_MM)
        self.y = HEADER_END_MM

    def card(self, seat: PrintedSeat) -> None:
        """One seat: the facts on the left, the QR on a stub that can be torn off."""
        pdf, booking = self.pdf, self.booking
        if self.y + CARD_H_MM > PAGE_H_MM - FOOTER_MM:
            pdf.add_page()
            self.y = MARGIN_MM
        top, left = self.y, MARGIN_MM
        self._frame(left, top)
        inner, width = left + 9, WIDTH_MM - STUB_MM - 16
        self.line(inner, top + 7, f"{booking.theater}  ·  {booking.screen}", 8, color=MUTED, width=width)
        size, rows = self._fitted(booking.movie, 16, width)
        below = self._heading(inner, top + 11.5, size, rows, INK) + 2
        self.line(inner, below, booking.day, 9.5, color=INK, width=width)
        self.line(inner, below + 5, booking.hour, 9.5, bold=True, color=ACCENT, width=width)
        x = inner
        for label, value, cell in (
            ("Row", seat.row, 17.0),
            ("Seat", seat.number, 17.0),
            ("Category", seat.category, 44.0),
        ):
            self._fact(x, top + 40.5, label, value, cell, size=14 if cell < 20 else 10.5)
            x += cell
        self._fact(x, top + 40.5, "Price", booking.price(seat.price), left + WIDTH_MM - STUB_MM - 4 - x, size=10.5)
        self._stub(left + WIDTH_MM - STUB_MM, top, seat)
        self.y = top + CARD_H_MM + CARD_GAP_MM

    def _frame(self, left: float, top: float) -> None:
        pdf = self.pdf
        pdf.set_draw_color(*LINE)
        pdf.set_line_width(0.25)
        pdf.set_fill_color(*WHITE)
        pdf.rect(left, top, WIDTH_MM, CARD_H_MM, style="D", round_corners=True, corner_radius=3)
        pdf.set_fill_color(*ACCENT)
        pdf.rect(left + 3.2, top + 6, 1.4, CARD_H_MM - 12, style="F")
        pdf.set_dash_pattern(dash=0.9, gap=1.1)
        edge = left + WIDTH_MM - STUB_MM
        pdf.line(edge, top + 3, edge, top + CARD_H_MM - 3)
        pdf.set_dash_pattern()

    def _stub(self, left: float, top: float, seat: PrintedSeat) -> None:
        x = left + (STUB_MM - QR_MM) / 2
        self.squares(qr_matrix(seat.token), x, top + 5.5, QR_MM)
        self.line(
            left,
            top + 47.5,
            f"{seat.name}  ·  {self.booking.confirmation_code}",
            8.5,
            bold=True,
            width=STUB_MM,
            align="C",
        )

    def _fact(self, x: float, y: float, label: str, value: str, width: float, *, size: float = 13) -> None:
        """A small label above its value."""
        self.line(x, y, label.upper(), 6.5, color=MUTED, width=width - 2)
        # Values of one line stand on one baseline, whatever their size.
        self.line(x, y + 4.2 + (14 - size) * POINT_MM, value, size, bold=True, color=INK, width=width - 2)

    def _fitted(self, text: str, size: float, width: float) -> tuple[float, list[str]]:
        """A heading's size and its one or two lines; longer ones become smaller until they fit, or lose their end."""
        plain = self.plain(text)
        while True:
            self.pdf.set_font("inter", "B", size)
            rows = self._wrapped(plain, width)
            if len(rows) <= (1 if size > TWO_LINES_PT else 2) or size <= 8:
                return size, rows[:2]
            size -= 1

    def _heading(self, x: float, y: float, size: float, rows: list[str], color: Color) -> float:
        """Draws a fitted heading; returns where it ends."""
        self.pdf.set_font("inter", "B", size)
        self.pdf.set_text_color(*color)
        for row in rows:
            self.pdf.set_xy(x, y)
            self.pdf.cell(0, size * LEADING_MM, row)
            y += size * LEADING_MM
        return y

    def _wrapped(self, text: str, width: float) -> list[str]:
        """The lines that a text takes in the current font."""
        rows = self.pdf.multi_cell(width, 1, text, align="L", dry_run=True, output="LINES")
        assert isinstance(rows, list), "fpdf2 gives a list of lines when asked for LINES"
        return rows
