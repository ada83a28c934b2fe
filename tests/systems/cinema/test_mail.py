"""Letters say what happened in text and HTML, carry the ticket, and no name can break out of them."""

import email
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from html.parser import HTMLParser

import pytest

from serai.kernel.money import Money
from serai.systems.cinema.mail import Envelope, cancellation_mail, offer_mail, ticket_mail
from serai.systems.cinema.printed import PrintedBooking, PrintedSeat

STARTS = datetime(2026, 11, 24, 18, 30, tzinfo=UTC)
SENT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
ENVELOPE = Envelope("Kino Aurora <tickets@kino.example>", "ada@reader.example", "<ticket-7@kino.example>", SENT)
PDF = b"%PDF-1.7 bytes of a ticket \x00\xff"
URL = "https://kino.example/bookings/abc?x=1&y=2"


def booking(movie: str = "The Salt Road", theater: str = "Kino Aurora") -> PrintedBooking:
    seats = tuple(PrintedSeat("F", str(n), "Premium", Money(1450, "EUR"), "TOKEN") for n in (11, 12))
    total = Money(2900, "EUR")
    return PrintedBooking(
        "K7M2-QX4D",
        movie,
        theater,
        "Kastanienallee 12",
        "Screen 2",
        STARTS,
        "Europe/Berlin",
        seats,
        total,
        "Be on time.",
    )


def letters(movie: str = "The Salt Road", theater: str = "Kino Aurora") -> list[EmailMessage]:
    made = booking(movie, theater)
    return [
        ticket_mail(ENVELOPE, made, PDF, booking_url=URL),
        cancellation_mail(ENVELOPE, made, refund=Money(2900, "EUR")),
        offer_mail(ENVELOPE, made, offer_url=URL, expires_at=STARTS - timedelta(days=2)),
    ]


def sent(message: EmailMessage) -> EmailMessage:
    """The message as a reader's program parses it from the wire."""
    return email.message_from_bytes(message.as_bytes(), policy=SMTP)  # type: ignore[return-value]


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


class Tags(HTMLParser):
    """Collects tags, refusing any that is left open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_ticket_mail_has_text_html_and_the_pdf() -> None:
    message = sent(letters()[0])
    assert message.get_content_type() == "multipart/mixed"
    assert [part.get_content() for part in message.iter_attachments()] == [PDF]
    assert [part.get_filename() for part in message.iter_attachments()] == ["tickets-K7M2-QX4D.pdf"]
    for kind in ("plain", "html"):
        for fact in (
            "The Salt Road",
            "Tuesday, 24 November 2026, 19:30 CET",
            "F11, F12",
            "€29.00",
            "K7M2-QX4D",
            "Be on time.",
        ):
            assert fact in body(message, kind)
    assert URL in body(message, "plain")
    assert 'href="https://kino.example/bookings/abc?x=1&amp;y=2"' in body(message, "html")


def test_headers_are_those_given() -> None:
    for message in map(sent, letters()):
        assert message["Message-ID"] == "<ticket-7@kino.example>"
        assert message["To"] == "ada@reader.example"
        assert message["From"] == "Kino Aurora <tickets@kino.example>"
        assert message["Date"].datetime == SENT
        assert message["Auto-Submitted"] == "auto-generated"
    assert sent(letters()[0])["Subject"] == "Your tickets: The Salt Road, Tuesday, 24 November 2026, 19:30 CET"


def test_a_letter_made_twice_has_the_same_words_and_id() -> None:
    one, two = letters()[0], letters()[0]
    assert one["Message-ID"] == two["Message-ID"]
    assert body(one, "html") == body(two, "html")


@pytest.mark.parametrize(
    ("refund", "words"),
    [
        (Money(2900, "EUR"), "We have sent €29.00 back"),
        (Money(0, "EUR"), "nothing is refunded"),
        (None, "Nothing was charged"),
    ],
)
def test_a_cancellation_says_what_goes_back(refund: Money | None, words: str) -> None:
    message = cancellation_mail(ENVELOPE, booking(), refund=refund)
    assert words in body(sent(message), "plain")
    assert words in body(sent(message), "html")


def test_an_offer_says_until_when_in_the_theaters_time() -> None:
    message = sent(letters()[2])
    assert "held for you until 19:30 CET on 2026-11-22" in body(message, "plain")
    assert URL in body(message, "plain")


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", 'a" onload="x', "Bcc\r\nBcc: x@y.example", "夜の海 🎬", "\ud800", "W" * 400]
)
def test_no_name_breaks_out(name: str) -> None:
    for message in map(sent, letters(movie=name, theater=name)):
        assert message["Bcc"] is None
        assert len(message["Subject"].splitlines()) == 1
        tags = Tags()
        tags.feed(body(message, "html"))
        assert tags.open == []
        assert "script" not in tags.seen
        assert 'onload="' not in body(message, "html")


def test_html_is_balanced_and_loads_nothing() -> None:
    for message in letters():
        html = body(message, "html")
        tags = Tags()
        tags.feed(html)
        assert tags.open == []
        assert not tags.seen & {"script", "link", "img", "style", "iframe"}
