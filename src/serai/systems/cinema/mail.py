"""The letters that a buyer gets: the ticket, the cancellation, and the offer from the waiting list.

Built here, sent elsewhere, so that a letter can be looked at without a server. The Message-ID is an argument: a job
that runs twice sends the same letter twice, and the reader's mail program shows it once. Names come from people, so
every one is escaped in HTML and can start no header of its own. Styles are inline, the way mail programs want them.
"""

from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime as format_mail_date
from html import escape

from serai.kernel.money import Money
from serai.systems.cinema.printed import PrintedBooking, zone_name

ADDRESS_CHARS_MAX = 254
"""The longest address that mail can carry (RFC 5321 section 4.5.3.1.3)."""

_PAGE = (
    "margin:0;padding:24px 12px;background:#faf7f2;color:#231e18;"
    "font-family:Inter,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;font-size:16px;line-height:1.5"
)
_SHEET = "max-width:560px;margin:0 auto;background:#ffffff;border-radius:12px;overflow:hidden"
_HEAD = "background:#231e18;color:#ffffff;padding:28px 32px;border-bottom:4px solid #d9902c"
_BODY = "padding:24px 32px 28px"
_LABEL = "padding:6px 16px 6px 0;color:#5f5649;font-size:14px;vertical-align:top;white-space:nowrap"
_VALUE = "padding:6px 0;font-weight:600"
_BUTTON = (
    "display:inline-block;margin:12px 0 8px;padding:12px 24px;background:#0c6672;color:#ffffff;"
    "border-radius:8px;font-weight:600;text-decoration:none"
)
_FOOT = "padding:0 32px 28px;color:#5f5649;font-size:13px"


@dataclass(frozen=True, slots=True)
class Envelope:
    """From whom to whom, when, and under which id. `message_id` is in angle brackets: '<...@host>'."""

    sender: str
    recipient: str
    message_id: str
    date: datetime

    def __post_init__(self) -> None:
        assert self.message_id.startswith("<") and self.message_id.endswith(">"), f"not a Message-ID: {self.message_id}"
        assert 0 < len(self.recipient) <= ADDRESS_CHARS_MAX


@dataclass(frozen=True, slots=True)
class _Letter:
    """What a letter says, before it is set as text and as HTML."""

    title: str
    above: str
    """A short line above the title."""
    opening: str
    facts: tuple[tuple[str, str], ...]
    closing: str
    button: tuple[str, str] | None = None
    """Its words and its https address."""


def ticket_mail(envelope: Envelope, booking: PrintedBooking, pdf: bytes, *, booking_url: str) -> EmailMessage:
    """The ticket, with its PDF attached and a link to the booking."""
    assert pdf.startswith(b"%PDF"), "the attachment is not a PDF"
    plural = "tickets" if len(booking.seats) > 1 else "ticket"
    letter = _Letter(
        title=booking.movie,
        above=f"Your {plural} for {booking.theater}",
        opening="Your seats are booked. Show the attached PDF at the door, on your phone or on paper.",
        facts=(
            *_show_facts(booking),
            ("Total", booking.price(booking.total)),
            ("Booking code", booking.confirmation_code),
        ),
        closing=booking.terms,
        button=("See your booking", booking_url),
    )
    message = _message(envelope, f"Your {plural}: {booking.movie}, {booking.day}, {booking.hour}", letter)
    name = f"tickets-{booking.confirmation_code}.pdf"
    message.add_attachment(pdf, maintype="application", subtype="pdf", filename=name)
    return message


def cancellation_mail(envelope: Envelope, booking: PrintedBooking, *, refund: Money | None) -> EmailMessage:
    """The booking is cancelled; `refund` is what goes back to the buyer; None if nothing was charged."""
    back = "By the terms of this booking nothing is refunded."
    if refund is None:
        back = "Nothing was charged, so nothing needs to be sent back."
    elif refund.minor > 0:
        back = f"We have sent {booking.price(refund)} back to your card; it arrives within a few days."
    letter = _Letter(
        title=booking.movie,
        above="Your booking is cancelled",
        opening=f"Your booking {booking.confirmation_code} is cancelled and its tickets are no longer valid. {back}",
        facts=_show_facts(booking),
        closing="We hope to see you another time.",
    )
    return _message(envelope, f"Cancelled: {booking.movie}, {booking.day}", letter)


def offer_mail(
    envelope: Envelope, booking: PrintedBooking, *, offer_url: str, expires_at: datetime, leave_url: str = ""
) -> EmailMessage:
    """Seats came free for somebody on the waiting list: they are held until `expires_at` (timezone-aware)."""
    until = expires_at.astimezone(booking.starts_at_local.tzinfo)
    held = f"{until:%H:%M} {zone_name(until)} on {until:%Y-%m-%d}"
    letter = _Letter(
        title=booking.movie,
        above="Seats for you",
        opening=f"Good news: seats came free and are held for you until {held}.",
        facts=(*_show_facts(booking), ("Total", booking.price(booking.total))),
        closing="If you do not take them by then, they go to the next in line, at no cost to you."
        + (f" Nobody needs to wait for you any more? Leave the list: {leave_url}" if leave_url else ""),
        button=("Take these seats", offer_url),
    )
    return _message(envelope, f"Seats for you: {booking.movie}, {booking.day}", letter)


def called_off_mail(envelope: Envelope, show: PrintedBooking) -> EmailMessage:
    """The show that somebody waits for does not take place. Nothing is said of seats: there were none."""
    letter = _Letter(
        title=show.movie,
        above="The show is cancelled",
        opening="The show that you wait for does not take place, so we have taken you off its waiting list.",
        facts=_show_facts(show)[:-1],
        closing="Nothing was charged. We hope to see you another time.",
    )
    return _message(envelope, f"Cancelled: {show.movie}, {show.day}", letter)


def _show_facts(booking: PrintedBooking) -> tuple[tuple[str, str], ...]:
    where = ", ".join(part for part in (booking.theater, booking.address) if part)
    return (
        ("When", f"{booking.day}, {booking.hour}"),
        ("Where", where),
        ("Screen", booking.screen),
        ("Seats" if len(booking.seats) > 1 else "Seat", booking.seat_names),
    )


def _message(envelope: Envelope, subject: str, letter: _Letter) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["From"] = _one_line(envelope.sender)
    message["To"] = _one_line(envelope.recipient)
    message["Subject"] = _one_line(subject)
    message["Date"] = format_mail_date(envelope.date)
    message["Message-ID"] = envelope.message_id
    # Out-of-office replies to a ticket help nobody (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(_encodable(_as_text(letter)))
    message.add_alternative(_encodable(_as_html(letter)), subtype="html")
    return message


def _one_line(text: str) -> str:
    """A header's value: whatever breaks lines becomes a blank, so no value can begin another header."""
    return " ".join(_encodable(text).split())


def _encodable(text: str) -> str:
    """Without the lone surrogates that JSON can bring and no encoding can write."""
    return text.encode("utf-8", "ignore").decode()


def _as_text(letter: _Letter) -> str:
    width = max(len(label) for label, _ in letter.facts) + 2
    facts = "\n".join(f"{label + ':':<{width}} {value}" for label, value in letter.facts)
    link = f"{letter.button[0]}: {letter.button[1]}\n\n" if letter.button else ""
    return f"{letter.above}\n{letter.title}\n\n{letter.opening}\n\n{facts}\n\n{link}{letter.closing}\n"


def _as_html(letter: _Letter) -> str:
    rows = "".join(
        f'<tr><td style="{_LABEL}">{escape(label)}</td><td style="{_VALUE}">{escape(value)}</td></tr>'
        for label, value in letter.facts
    )
    button = ""
    if letter.button:
        words, url = letter.button
        assert url.startswith(("https://", "http://")), f"not a web address: {url}"
        button = f'<a href="{escape(url)}" style="{_BUTTON}">{escape(words)}</a>'
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light">'
        f"<title>{escape(letter.title)}</title></head>"
        f'<body style="{_PAGE}"><div style="{_SHEET}"><div style="{_HEAD}">'
        f'<div style="font-size:14px;color:#d8cfc1">{escape(letter.above)}</div>'
        f'<h1 style="margin:4px 0 0;font-size:26px;line-height:1.25;font-weight:600">{escape(letter.title)}</h1></div>'
        f'<div style="{_BODY}"><p style="margin:0 0 16px">{escape(letter.opening)}</p>'
        f'<table role="presentation" cellpadding="0" cellspacing="0" style="border-collapse:collapse">{rows}</table>'
        f'{button}</div><div style="{_FOOT}">{escape(letter.closing)}</div></div></body></html>'
    )
