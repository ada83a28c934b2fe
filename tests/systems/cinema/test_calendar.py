from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from serai.systems.cinema.calendar import LINE_BYTES_MAX, Event, calendar

START = datetime(2026, 11, 26, 13, 30, tzinfo=UTC)


def event(**changes: str) -> Event:
    words = {"title": "Ember & Pine", "place": "Kino Aurora, Berlin", "text": "Saal 1, K13", **changes}
    return Event(
        uid="u@serai",
        url="https://x.example/cinema/bookings/b",
        starts_at=START,
        ends_at=START + timedelta(minutes=106),
        stamped_at=START,
        **words,
    )


def unfolded(file: bytes) -> list[str]:
    return file.replace(b"\r\n ", b"").decode().split("\r\n")


def test_an_event_says_when_and_where_in_utc():
    lines = unfolded(calendar(event()))
    assert lines[0] == "BEGIN:VCALENDAR" and lines[-2:] == ["END:VCALENDAR", ""]
    assert "DTSTART:20261126T133000Z" in lines and "DTEND:20261126T151600Z" in lines
    assert "LOCATION:Kino Aurora\\, Berlin" in lines


@given(st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=300))
def test_no_name_can_begin_a_property_or_make_a_line_too_long(title):
    file = calendar(event(title=title))
    assert all(len(line) <= LINE_BYTES_MAX for line in file.split(b"\r\n"))
    assert file.count(b"\r\nSUMMARY:") == 1 and b"\r\nEND:VEVENT\r\n" in file
    known = {"BEGIN", "VERSION", "PRODID", "METHOD", "UID", "DTSTAMP", "DTSTART", "DTEND", "SUMMARY", "LOCATION",
             "DESCRIPTION", "URL", "ACTION", "TRIGGER", "END", ""}  # fmt: skip
    assert {line.partition(":")[0] for line in unfolded(file)} <= known
