"""A booking as a calendar's event (RFC 5545), so that nobody has to type a show into a phone."""

from dataclasses import dataclass
from datetime import UTC, datetime

LINE_BYTES_MAX = 75
"""Of a content line, without its end (RFC 5545 section 3.1)."""


@dataclass(frozen=True, slots=True)
class Event:
    """What the calendar shows. The moments are timezone-aware; `uid` stays the same for ever."""

    uid: str
    title: str
    place: str
    text: str
    url: str
    starts_at: datetime
    ends_at: datetime
    stamped_at: datetime


def calendar(event: Event) -> bytes:
    """The file of one event, reminding an hour before it begins."""
    lines = (
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Serai//Cinema//EN",
        "METHOD:PUBLISH",
        "BEGIN:VEVENT",
        f"UID:{event.uid}",
        f"DTSTAMP:{_utc(event.stamped_at)}",
        f"DTSTART:{_utc(event.starts_at)}",
        f"DTEND:{_utc(event.ends_at)}",
        f"SUMMARY:{_text(event.title)}",
        f"LOCATION:{_text(event.place)}",
        f"DESCRIPTION:{_text(event.text)}",
        f"URL:{event.url}",
        "BEGIN:VALARM",
        "ACTION:DISPLAY",
        f"DESCRIPTION:{_text(event.title)}",
        "TRIGGER:-PT1H",
        "END:VALARM",
        "END:VEVENT",
        "END:VCALENDAR",
    )
    return b"".join(_folded(line) for line in lines)


def _utc(at: datetime) -> str:
    assert at.tzinfo is not None, "a calendar needs a moment, not a wall clock of no place"
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _text(value: str) -> str:
    """Escaped (section 3.3.11): nothing that a name contains can begin another property."""
    escaped = value.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return "\\n".join(escaped.splitlines())


def _folded(line: str) -> bytes:
    """The line in pieces of at most LINE_BYTES_MAX, none of which splits a character."""
    pieces: list[bytes] = []
    piece = b""
    for char in line:
        encoded = char.encode("utf-8", "replace")
        if len(piece) + len(encoded) > LINE_BYTES_MAX - bool(pieces):
            pieces.append(piece)
            piece = b""
        piece += encoded
    return b"\r\n ".join([*pieces, piece]) + b"\r\n"
