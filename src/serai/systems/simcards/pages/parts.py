"""What the pages of the shop share: its navigation's name, its words for people, and how a form leads on."""

from collections.abc import Sequence
from functools import lru_cache

from babel import Locale

from serai.systems.simcards.model import Pool
from serai.systems.simcards.numbering.classes import NumberClass

HOME = "/simcards"
SYSTEM = "simcards"

CLASSES = (
    (NumberClass.PLAIN, "Plain", "any digits"),
    (NumberClass.PREMIUM, "Premium", "7777, 123 123"),
    (NumberClass.GOLD, "Gold", "77777, 123456"),
)
"""With what they look like, for people."""

DOCUMENTS = (("passport", "Passport"), ("identity_card", "Identity card"), ("driving_licence", "Driving licence"))

DAYS_A_YEAR = 365
YEARS_FAR = 10


@lru_cache(maxsize=1)
def countries() -> tuple[tuple[str, str], ...]:
    """(ISO 3166 code, English name) by name, for a choice."""
    found = [(code, name) for code, name in _names().items() if len(code) == 2 and code.isalpha() and code not in _NONE]
    return tuple(sorted(found, key=lambda each: each[1]))


def country(code: str) -> str:
    """'United States' for US."""
    return _names().get(code, code)


def by_country(pools: Sequence[Pool]) -> list[tuple[str, list[Pool]]]:
    """Open pools in groups of their countries, by name."""
    groups: dict[str, list[Pool]] = {}
    for pool in pools:
        if pool.opened_at is not None:
            groups.setdefault(pool.region, []).append(pool)
    return sorted(groups.items(), key=lambda each: country(each[0]))


def lead_words(pool: Pool) -> str:
    """What all numbers of a pool begin with: '+1 21223'."""
    code = pool.lead.removesuffix(pool.prefix) if pool.prefix else pool.lead
    return f"+{code} {pool.prefix}".rstrip()


def how_long(days: float | None) -> str:
    """Until a pool is empty, in words: 'about 5 weeks'."""
    if days is None:
        return "no sales yet"
    if days < 1:
        return "less than a day"
    for most, each, noun in ((14, 1, "day"), (70, 7, "week"), (2 * DAYS_A_YEAR, 30.4, "month")):
        if days < most:
            count = round(days / each)
            return f"about {count} {noun}{'' if count == 1 else 's'}"
    years = days / DAYS_A_YEAR
    return f"about {round(years)} years" if years < YEARS_FAR else f"more than {YEARS_FAR} years"


_NONE = frozenset({"EU", "EZ", "UN", "ZZ", "QO", "XA", "XB"})
"""What CLDR names beside countries."""


def _names() -> dict[str, str]:
    return dict(Locale("en").territories)
