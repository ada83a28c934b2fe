"""The PDF ticket, rendered: every QR reads back to its token, every text is there, no script breaks it."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pypdfium2
import pytest
import zxingcpp

from serai.kernel.money import Money
from serai.systems.cinema.printed import PrintedBooking, PrintedSeat
from serai.systems.cinema.ticket_pdf import render_ticket
from serai.systems.cinema.tickets import Ticket, TicketKey, Verification, verify
from serai.web.fonts import FONTS

KEY = TicketKey.from_seed(1, bytes(32))
SHOW = UUID(int=77)
STARTS = datetime(2026, 11, 24, 18, 30, tzinfo=UTC)
ISSUED = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def booking(seats: int = 1, **changes: object) -> PrintedBooking:
    def token(number: int) -> str:
        return KEY.sign(Ticket(SHOW, number, number, STARTS - timedelta(hours=1), STARTS + timedelta(hours=3)))

    facts: dict[str, object] = {
        "confirmation_code": "K7M2-QX4D",
        "movie": "The Salt Road",
        "theater": "Kino Aurora",
        "address": "Kastanienallee 12, 10435 Berlin",
        "screen": "Screen 2",
        "starts_at": STARTS,
        "time_zone": "Europe/Berlin",
        "seats": tuple(PrintedSeat("F", str(n), "Premium", Money(1450, "EUR"), token(n)) for n in range(1, seats + 1)),
        "total": Money(1450 * seats, "EUR"),
        "terms": "Each code admits one person once.",
    }
    return PrintedBooking(**(facts | changes))  # type: ignore[arg-type]


def pages(raw: bytes) -> list[tuple[str, list[str]]]:
    """Text and decoded QRs of each page, top to bottom."""
    document = pypdfium2.PdfDocument(raw)
    found = []
    for page in document:
        image = page.render(scale=2).to_pil()
        codes = sorted(zxingcpp.read_barcodes(image), key=lambda code: code.position.top_left.y)
        found.append((page.get_textpage().get_text_range(), [code.text for code in codes]))
    document.close()
    return found


def test_a_ticket_tells_everything() -> None:
    ((text, _),) = pages(render_ticket(booking(2), issued_at=ISSUED))
    for fact in (
        "The Salt Road",
        "Kino Aurora",
        "Kastanienallee 12",
        "Screen 2",
        "Tuesday, 24 November 2026",
        "19:30 CET",
        "K7M2-QX4D",
        "F1, F2",
        "€14.50",
        "€29.00",
        "Each code admits one person once.",
        "1 / 1",
    ):
        assert fact in text


@pytest.mark.parametrize("seats", [1, 3, 4, 10])
def test_every_seat_has_a_qr_that_opens_the_door(seats: int) -> None:
    made = booking(seats)
    read = [code for _, codes in pages(render_ticket(made, issued_at=ISSUED)) for code in codes]
    assert read == [seat.token for seat in made.seats]
    for number, token in enumerate(read, 1):
        checked = verify(token, {1: KEY.public}, show_id=SHOW, at=STARTS)
        assert checked.verification is Verification.OK
        assert checked.ticket is not None
        assert checked.ticket.seat_key == number


def test_three_cards_fit_the_first_page_and_four_the_next() -> None:
    assert [len(codes) for _, codes in pages(render_ticket(booking(10), issued_at=ISSUED))] == [3, 4, 3]


@pytest.mark.parametrize(
    "title",
    ["Ночь над Невой", "Η Οδύσσεια", "Đêm Hà Nội", "Կինո", "ბათუმი", "∀x∈ℝ ☂ ♛", "Zażółć gęślą jaźń"],
)
def test_other_scripts_are_written(title: str) -> None:
    ((text, codes),) = pages(render_ticket(booking(1, movie=title), issued_at=ISSUED))
    assert title in text
    assert len(codes) == 1


def test_hebrew_runs_from_right_to_left() -> None:
    ((text, _),) = pages(render_ticket(booking(1, movie="קולנוע"), issued_at=ISSUED))
    assert "קולנוע" in text or "עונלוק" in text


@pytest.mark.parametrize(
    "title", ["夜の海 🎬", "a\u0000b\u202ec\u200d", "\ud800", "x" * 500, "word " * 100, "W" * 60, " "]
)
def test_no_text_can_break_it(title: str) -> None:
    ((_, codes),) = pages(render_ticket(booking(1, movie=title, theater=title, screen=title), issued_at=ISSUED))
    assert len(codes) == 1


def test_equal_bookings_give_equal_bytes() -> None:
    assert render_ticket(booking(2), issued_at=ISSUED) == render_ticket(booking(2), issued_at=ISSUED)


def test_a_latin_ticket_carries_no_large_font() -> None:
    raw = render_ticket(booking(2), issued_at=ISSUED)
    assert b"DejaVu" not in raw
    assert len(raw) < 30_000


def test_fonts_come_with_their_licences_and_stay_small() -> None:
    assert sum(path.stat().st_size for path in FONTS.glob("*.ttf")) < 1_000_000
    assert {path.name for path in FONTS.glob("*LICENSE.txt")} == {"Inter-LICENSE.txt", "DejaVu-LICENSE.txt"}
