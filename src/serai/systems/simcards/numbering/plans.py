"""Numbering plans as data: what phonenumbers' metadata accepts, less what its countries have set aside.

The metadata is necessary and not sufficient: it accepts numbers that belong to films (+1 212 555 0123) and exchanges
that are service codes (+1 212 911 2345). The overlay takes them out, each rule with its reason. The design hashed
random bytes to ten digits instead, of which about one in three is a number at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberDesc

from serai.systems.simcards.numbering.language import matching
from serai.systems.simcards.numbering.ranges import Ranges


class Kind(StrEnum):
    """What a number is for. Where a plan does not tell the two apart (North America), both are all of it."""

    MOBILE = "mobile"
    FIXED = "fixed"


@dataclass(frozen=True, slots=True)
class SetAside:
    """National numbers that must not be sold, as a pattern of digits, and why."""

    pattern: str
    why: str


_FICTION = "set aside for films and books"

_NANP = (
    SetAside(r"[2-9]11\d{7}", "area codes N11 are service codes"),
    SetAside(r"[2-9]9\d{8}", "area codes N9X wait for longer numbers"),
    SetAside(r"(?:37|96)\d{8}", "area codes 37X and 96X are kept free"),
    SetAside(r"\d{3}[2-9]11\d{4}", "exchanges N11 are service codes"),
    SetAside(r"\d{3}55501\d{2}", _FICTION),
)

OVERLAY: Mapping[int, tuple[SetAside, ...]] = {
    1: _NANP,
    33: (
        SetAside(r"(?:19900|26191|35301|46571|53649|63998)\d{4}", _FICTION),
    ),
    44: (
        SetAside(r"7700900\d{3}", _FICTION),
        SetAside(r"(?:113|114|115|116|117|118|121|131|141|151|161)4960\d{3}", _FICTION),
        SetAside(r"2079460\d{3}", _FICTION),
        SetAside(r"(?:2896496|2920180|8081570|9098790)\d{3}", _FICTION),
    ),
    61: (
        SetAside(r"[2378](?:5550|7010)\d{4}", _FICTION),
        SetAside(r"4915701\d{2}", _FICTION),
        SetAside(r"491570006|49157031[0-3]", _FICTION),
    ),
}  # fmt: skip
"""By country calling code. Sources: NANPA's numbering resources, Arcep decision 2018-0881, Ofcom, ACMA."""

SIZE_MAX = 100_000_000
"""Numbers of one pool; a larger range is several pools."""


class NoSuchPlan(ValueError):
    """The range is not in any plan: `field` is what to change."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Wanted:
    """A range of a plan: the numbers of a country and kind whose national part begins with `prefix`."""

    region: str
    """ISO 3166 code: US."""
    kind: Kind
    prefix: str
    length: int | None = None
    """Digits of the national number; None where the plan knows one length only."""


def calling_code(region: str) -> int:
    """1 for US. NoSuchPlan."""
    code = phonenumbers.country_code_for_region(region)
    if not code:
        raise NoSuchPlan("region", f"There is no numbering plan for {region!r}; use an ISO 3166 code such as US.")
    return int(code)


def numbers_of(wanted: Wanted) -> tuple[Ranges, int]:
    """All sellable numbers of a range, in E.164 without the plus, and the length of their national part.

    NoSuchPlan where there is none, the length is not clear, or there are more than SIZE_MAX.
    """
    code = calling_code(wanted.region)
    if not wanted.prefix.isdecimal() and wanted.prefix:
        raise NoSuchPlan("prefix", f"A prefix has digits only; {wanted.prefix!r} has others.")
    length = _length(wanted)
    national = _national(wanted.region, wanted.kind, length) & _beginning(wanted.prefix, length)
    if not national.size:
        raise NoSuchPlan(
            "prefix", f"{wanted.region} has no {wanted.kind} numbers of {length} digits that begin {wanted.prefix!r}."
        )
    if national.size > SIZE_MAX:
        raise NoSuchPlan("prefix", f"These are {national.size:,} numbers, and a pool has at most {SIZE_MAX:,}.")
    base = code * 10**length
    return Ranges(tuple((base + first, base + last) for first, last in national.pairs)), length


def is_valid(number: int) -> bool:
    """Whether a number in E.164 without the plus is one that may be sold or ported: in its plan and not set aside."""
    try:
        parsed = phonenumbers.parse(f"+{number}")
    except phonenumbers.NumberParseException:
        return False
    if not phonenumbers.is_valid_number(parsed):
        return False
    national = phonenumbers.national_significant_number(parsed)
    return int(national) not in _set_aside(parsed.country_code or 0, len(national))


def shown(number: int) -> str:
    """A number as people write it: +1 212-555-2368."""
    parsed = phonenumbers.parse(f"+{number}")
    return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL))


def parse_number(text: str) -> int | None:
    """A number in E.164, with or without the plus and blanks, as its digits; None for anything that is none."""
    try:
        parsed = phonenumbers.parse(text if text.startswith("+") else f"+{text}")
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(parsed):
        return None
    return int(f"{parsed.country_code}{phonenumbers.national_significant_number(parsed)}")


def _description(region: str, kind: Kind) -> PhoneNumberDesc | None:
    metadata = PhoneMetadata.metadata_for_region(region)
    assert metadata is not None, f"{region} has a calling code and no metadata"
    found: PhoneNumberDesc | None = metadata.mobile if kind is Kind.MOBILE else metadata.fixed_line
    return found if found is not None and found.national_number_pattern else None


def _length(wanted: Wanted) -> int:
    description = _description(wanted.region, wanted.kind)
    if description is None:
        raise NoSuchPlan("kind", f"{wanted.region} has no {wanted.kind} numbers.")
    lengths = [length for length in description.possible_length if length > len(wanted.prefix)]
    if wanted.length is not None:
        if wanted.length not in lengths:
            raise NoSuchPlan("length", f"{wanted.region} {wanted.kind} numbers have {lengths} digits.")
        return wanted.length
    fitting = [length for length in lengths if (_national(wanted.region, wanted.kind, length)
                                                & _beginning(wanted.prefix, length)).size]  # fmt: skip
    if not fitting:
        raise NoSuchPlan("prefix", f"{wanted.region} has no {wanted.kind} numbers that begin {wanted.prefix!r}.")
    if len(fitting) > 1:
        raise NoSuchPlan("length", f"Say how many digits: {wanted.region} {wanted.prefix!r} has {fitting}.")
    return fitting[0]


def _beginning(prefix: str, length: int) -> Ranges:
    tail = 10 ** (length - len(prefix))
    first = int(prefix or 0) * tail
    return Ranges(((first, first + tail - 1),))


@lru_cache(maxsize=256)
def _national(region: str, kind: Kind, length: int) -> Ranges:
    """National numbers of one length: the kind's pattern and the plan's general one, less what is set aside."""
    metadata = PhoneMetadata.metadata_for_region(region)
    description = _description(region, kind)
    assert metadata is not None
    if description is None or length not in description.possible_length:
        return Ranges(())
    general = metadata.general_desc.national_number_pattern if metadata.general_desc else None
    assert description.national_number_pattern, "a kind that exists has a pattern"
    accepted = matching(description.national_number_pattern, length)
    if general:
        accepted = accepted & matching(general, length)
    return accepted - _set_aside(calling_code(region), length)


@lru_cache(maxsize=256)
def _set_aside(code: int, length: int) -> Ranges:
    rules = OVERLAY.get(code, ())
    return Ranges.of(pair for rule in rules for pair in matching(rule.pattern, length).pairs)
