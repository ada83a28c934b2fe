"""Eight invented cinemas in four cities, each city with its own zone and money."""

from dataclasses import dataclass
from functools import cache
from uuid import UUID

from serai.systems.cinema.demo_data.chance import demo_id
from serai.systems.cinema.plan import Plan, classic, stadium, studio


@dataclass(frozen=True, slots=True)
class Screen:
    """A hall of a theater, with its seating plan."""

    slug: str
    name: str
    plan: Plan

    @property
    def id(self) -> UUID:
        """Its id, derived from its slug, which holds the theater's."""
        return demo_id("screen", self.slug)


@dataclass(frozen=True, slots=True)
class Theater:
    """A cinema with its screens."""

    slug: str
    name: str
    address: str
    screens: tuple[Screen, ...]

    @property
    def id(self) -> UUID:
        """Its id, derived from its slug."""
        return demo_id("theater", self.slug)


@dataclass(frozen=True, slots=True)
class City:
    """Where theaters are. `prices` are the evening prices by category in minor units; all are multiples of `step`."""

    name: str
    country: str
    time_zone: str
    currency: str
    prices: dict[str, int]
    step: int
    theaters: tuple[Theater, ...]


@cache
def _hall(kind: str) -> Plan:
    """The plans are few and large, so theaters share them."""
    plans = {
        "grand": lambda: stadium("Grand hall", rows=14, first=18, wheelchairs=4),
        "curved": lambda: stadium("Curved hall", rows=10, first=14, wheelchairs=2),
        "classic": lambda: classic("Classic hall", rows=12, seats=18),
        "small": lambda: classic("Small hall", rows=8, seats=12),
        "studio": lambda: studio("Studio", rows=5, sofas=5),
        "club": lambda: studio("Club", rows=4, sofas=4),
    }
    return plans[kind]()


def _theater(slug: str, name: str, address: str, *halls: tuple[str, str]) -> Theater:
    screens = tuple(Screen(f"{slug}/{place}", title, _hall(kind)) for place, (title, kind) in enumerate(halls, 1))
    return Theater(slug, name, address, screens)


CITIES: tuple[City, ...] = (
    City(
        "Berlin",
        "DE",
        "Europe/Berlin",
        "EUR",
        {"Standard": 1150, "Premium": 1450, "Sofa": 1650, "Wheelchair": 950},
        50,
        (
            _theater(
                "kino-aurora",
                "Kino Aurora",
                "Lindenufer 12, 10179 Berlin",
                ("Saal 1", "grand"),
                ("Saal 2", "classic"),
                ("Studio", "studio"),
            ),
            _theater(
                "lichtspiel-am-kanal",
                "Lichtspiel am Kanal",
                "Am Kanalhaus 3, 10999 Berlin",
                ("Großer Saal", "curved"),
                ("Kleiner Saal", "small"),
                ("Salon", "club"),
            ),
        ),
    ),
    City(
        "London",
        "GB",
        "Europe/London",
        "GBP",
        {"Standard": 1250, "Premium": 1600, "Sofa": 1900, "Wheelchair": 1000},
        50,
        (
            _theater(
                "lantern-picture-house",
                "Lantern Picture House",
                "41 Foxglove Row, London E8",
                ("Screen 1", "curved"),
                ("Screen 2", "classic"),
                ("The Snug", "club"),
            ),
            _theater(
                "meridian-southbank",
                "Meridian Southbank",
                "7 Ropewalk Yard, London SE1",
                ("Screen 1", "grand"),
                ("Screen 2", "small"),
                ("Screen 3", "studio"),
            ),
        ),
    ),
    City(
        "New York",
        "US",
        "America/New_York",
        "USD",
        {"Standard": 1600, "Premium": 2050, "Sofa": 2400, "Wheelchair": 1400},
        50,
        (
            _theater(
                "harbor-light",
                "Harbor Light Cinema",
                "218 Cooper's Slip, New York, NY",
                ("House 1", "grand"),
                ("House 2", "classic"),
                ("House 3", "small"),
            ),
            _theater(
                "paragon-brooklyn",
                "Paragon Brooklyn",
                "95 Tannery Street, Brooklyn, NY",
                ("Main", "curved"),
                ("Balcony Room", "small"),
                ("Lounge", "studio"),
            ),
        ),
    ),
    City(
        "Tokyo",
        "JP",
        "Asia/Tokyo",
        "JPY",
        {"Standard": 1900, "Premium": 2500, "Sofa": 2900, "Wheelchair": 1500},
        100,
        (
            _theater(
                "hoshizora",
                "Cinema Hoshizora",
                "2-14-5 Kawagishi, Tokyo",
                ("Screen 1", "grand"),
                ("Screen 2", "curved"),
                ("Screen 3", "club"),
            ),
            _theater(
                "minato-za",
                "Minato-za",
                "1-8-2 Hamabe, Tokyo",
                ("Screen A", "classic"),
                ("Screen B", "small"),
                ("Screen C", "studio"),
            ),
        ),
    ),
)
