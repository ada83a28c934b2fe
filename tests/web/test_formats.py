"""Values as people read them."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import zxingcpp
from PIL import Image

from serai.kernel.money import Money
from serai.web import formats

AT = datetime(2026, 11, 23, 19, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "style", "text"),
    [
        ("UTC", "full", "Mon 23 Nov 2026, 19:30"),
        ("Europe/Berlin", "full", "Mon 23 Nov 2026, 20:30"),
        ("Asia/Tehran", "time", "23:00"),
        ("Asia/Tokyo", "date", "24 Nov 2026"),
        ("America/New_York", "day", "Monday 23 November"),
    ],
)
def test_a_moment_is_told_in_its_zone(zone, style, text):
    assert formats.when(AT, "en", zone, style) == text


def test_a_moment_without_a_zone_is_refused():
    with pytest.raises(AssertionError, match="zone"):
        formats.when(AT.replace(tzinfo=None), "en")


@pytest.mark.parametrize(
    ("delta", "text"),
    [(timedelta(seconds=-4), "just now"), (timedelta(minutes=-5), "5 minutes ago"), (timedelta(hours=2), "in 2 hours")],
)
def test_relative_time_knows_both_directions(delta, text):
    assert formats.relative(AT + delta, AT, "en") == text


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [(1284, None, "1,284"), (84.25, None, "84.2"), (99.7, 1, "99.7"), (2_418_300, None, "2.4M"),
     (2_418_300, 0, "2,418,300")],
)  # fmt: skip
def test_numbers_are_grouped_and_large_figures_are_short(value, decimals, text):
    assert formats.number(value, "en", decimals) == text


def test_money_and_numbers_follow_the_language():
    assert formats.money(Money(1250, "EUR"), "de") == "12,50\xa0€"
    assert formats.money(Money(1250, "JPY"), "en") == "¥1,250"
    assert formats.number(1284.5, "de", 2) == "1.284,50"


def drawn(svg: str, scale: int = 6, quiet: int = 4) -> Image.Image:
    """What a browser paints of segno's path: absolute and relative moves, horizontal strokes one module high."""
    size = int(re.search(r'viewBox="0 0 (\d+) ', svg)[1]) + 2 * quiet
    image = Image.new("L", (size, size), 255)
    x = y = 0.0
    for command, numbers in re.findall(r"([Mmh])([^Mmhz\"]+)", re.search(r' d="([^"]+)"', svg)[1]):
        parts = [float(text) for text in re.findall(r"-?[\d.]+", numbers)]
        if command == "h":
            for step in range(int(parts[0])):
                image.putpixel((quiet + int(x) + step, quiet + int(y)), 0)
            x += parts[0]
        else:
            x, y = (parts[0], parts[1]) if command == "M" else (x + parts[0], y + parts[1])
    return image.resize((size * scale, size * scale), Image.Resampling.NEAREST)


def test_a_qr_code_can_be_read_back():
    text = "https://serai.example/t/K7M2QX4D"
    assert [found.text for found in zxingcpp.read_barcodes(drawn(formats.qr(text)))] == [text]
