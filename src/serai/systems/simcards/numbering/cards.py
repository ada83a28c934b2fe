"""What is printed on a SIM card and written into it: ICCID (ITU-T E.118) and IMSI (E.212), and how little is shown.

It prevents that a typing mistake pairs a customer with somebody else's card: the last digit of an ICCID is Luhn's.
"""

ICCID_DIGITS = (19, 20)
"""With the check digit; of 20 where an operator's own numbers are longer."""

IMSI_DIGITS = 15
TELECOM = "89"
"""Every ICCID begins so: the card is for telecommunication."""


class BadCard(ValueError):
    """An ICCID or IMSI that cannot be: `code` is stable."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def luhn_digit(digits: str) -> int:
    """The check digit that belongs after these digits (ISO/IEC 7812-1, annex B)."""
    assert digits.isdecimal(), f"{digits!r} has more than digits"
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 if place % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return -total % 10


def parse_iccid(text: str) -> str:
    """The digits of an ICCID; BadCard."""
    digits = text.replace(" ", "").replace("-", "")
    if not digits.isascii() or not digits.isdecimal() or len(digits) not in ICCID_DIGITS:
        raise BadCard("not_an_iccid", f"An ICCID has 19 or 20 digits; {text!r} does not.")
    if not digits.startswith(TELECOM):
        raise BadCard("not_an_iccid", f"An ICCID begins with {TELECOM}; {text!r} does not.")
    if luhn_digit(digits[:-1]) != int(digits[-1]):
        right = luhn_digit(digits[:-1])
        raise BadCard("bad_check_digit", f"The last digit of {text!r} would have to be {right}: a digit is wrong.")
    return digits


def parse_imsi(text: str) -> str:
    """The digits of an IMSI; BadCard."""
    digits = text.replace(" ", "")
    if not digits.isascii() or not digits.isdecimal() or len(digits) != IMSI_DIGITS or digits.startswith("0"):
        said = f"An IMSI has {IMSI_DIGITS} digits and begins with a country code; {text!r} does not."
        raise BadCard("not_an_imsi", said)
    return digits


def masked_tail(digits: str, shown: int = 4) -> str:
    """The last digits, the others hidden: '•••••••••••••••1234'."""
    return "•" * max(0, len(digits) - shown) + digits[-shown:]
