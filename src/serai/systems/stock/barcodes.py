"""What a scanner read, and what our labels carry: GTIN, batch, expiry, serial number, count, as GS1 writes them.

`biip` reads every form (GTIN, GS1-128, DataMatrix, Digital Link). Written are the bars of an EAN-13 and a GS1 Digital
Link (GS1 Digital Link Standard 1.4: /01/GTIN/10/BATCH/21/SERIAL?17=YYMMDD), which any phone's camera opens.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from urllib.parse import quote

from biip import ParseError, parse
from biip.gs1_element_strings import GS1ElementString

LINK_ROOT = "https://id.gs1.org"
"""The resolver of GS1; a label names the thing, not a shop's server."""

_GTIN_LENGTHS = (8, 12, 13, 14)
_LEFT_ODD = (
    "0001101", "0011001", "0010011", "0111101", "0100011", "0110001", "0101111", "0111011", "0110111", "0001011",
)  # fmt: skip  # one line as in the specification
_PARITY = ("OOOOOO", "OOEOEE", "OOEEOE", "OOEEEO", "OEOOEE", "OEEOOE", "OEEEOO", "OEOEOE", "OEOEEO", "OEEOEO")


@dataclass(frozen=True, slots=True)
class Scanned:
    """What a code says. `code` is the GTIN without leading zeros beyond 13 digits, or the text as it is."""

    code: str
    is_gtin: bool
    batch: str = ""
    expires_on: date | None = None
    serial: str = ""
    count: int | None = None


def check_digit(digits: str) -> int:
    """The last digit of a GTIN whose others these are (GS1 General Specifications 7.9)."""
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits)))
    return -total % 10


def is_gtin(text: str) -> bool:
    """8, 12, 13 or 14 digits of which the last is right."""
    known = len(text) in _GTIN_LENGTHS and text.isascii() and text.isdecimal()
    return known and check_digit(text[:-1]) == int(text[-1])


def scanned(text: str) -> Scanned:
    """What a scanner sent: any GS1 form, else the text itself, such as a SKU."""
    text = text.strip()
    plain = Scanned(text, False)
    if is_gtin(text):
        # Before all else: the digits of many a GTIN can also be read as a message.
        return Scanned(shortest_gtin(text), True)
    try:
        found = parse(text)
    except ParseError:
        return plain
    for form in (found.gs1_message, found.gs1_digital_link_uri):
        if form is not None:
            return _from_elements(form.element_strings) or plain
    # With a mark of its kind before it, such as ]E0.
    return Scanned(shortest_gtin(found.gtin.as_gtin_14()), True) if found.gtin is not None else plain


def _from_elements(elements: Iterable[GS1ElementString]) -> Scanned | None:
    values = {element.ai.ai: element for element in elements}
    if "01" not in values or not is_gtin(values["01"].value):
        return None
    expiry = values.get("17") or values.get("15")
    count = values.get("30") or values.get("37")
    return Scanned(
        shortest_gtin(values["01"].value),
        True,
        values["10"].value if "10" in values else "",
        expiry.date if expiry else None,
        values["21"].value if "21" in values else "",
        int(count.value) if count else None,
    )


def shortest_gtin(gtin14: str) -> str:
    """A GTIN as goods carry it: 13 digits where the first of 14 is a zero."""
    return gtin14[1:] if len(gtin14) == 14 and gtin14[0] == "0" else gtin14


def gtin_forms(gtin: str) -> tuple[str, ...]:
    """All ways in which a catalogue may write a GTIN: with and without leading zeros."""
    bare = gtin.lstrip("0")
    return tuple(dict.fromkeys(bare.zfill(length) for length in _GTIN_LENGTHS if len(bare) <= length))


def digital_link(gtin: str, *, batch: str = "", serial: str = "", expires_on: date | None = None) -> str:
    """The address that a label's QR carries."""
    assert is_gtin(gtin), f"{gtin!r} is no GTIN"
    path = f"{LINK_ROOT}/01/{gtin.zfill(14)}"
    if batch:
        path += f"/10/{quote(batch, safe='')}"
    if serial:
        path += f"/21/{quote(serial, safe='')}"
    return f"{path}?17={expires_on:%y%m%d}" if expires_on else path


def ean13_bars(gtin13: str) -> str:
    """The 95 modules of an EAN-13, '1' for a bar (GS1 General Specifications 5.2)."""
    assert len(gtin13) == 13 and is_gtin(gtin13), f"{gtin13!r} is no EAN-13"
    digits = [int(digit) for digit in gtin13]
    left = "".join(
        _LEFT_ODD[digit] if parity == "O" else _flipped(_LEFT_ODD[digit])[::-1]
        for digit, parity in zip(digits[1:7], _PARITY[digits[0]], strict=True)
    )
    right = "".join(_flipped(_LEFT_ODD[digit]) for digit in digits[7:])
    bars = f"101{left}01010{right}101"
    assert len(bars) == 95
    return bars


def _flipped(modules: str) -> str:
    return modules.translate(str.maketrans("01", "10"))
