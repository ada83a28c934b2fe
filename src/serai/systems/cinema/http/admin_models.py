"""What those who run the house send and get. A PATCH is a merge-patch: what is absent stays, null empties a text."""

from typing import Annotated, Any

from pydantic import AwareDatetime, Field, Strict

from serai.kernel.money import Money
from serai.runtime.http.models import LINE, Amount, Instant, Model
from serai.systems.cinema.http.models import MovieOut, TheaterOut
from serai.systems.cinema.http.parts import body_uuid
from serai.systems.cinema.plan.model import CATEGORIES_MAX, SEATS_MAX, TEXT_CHARS_MAX
from serai.systems.cinema.service.schedule import Planned

Line = Annotated[
    str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x20\x7f]([^\x00-\x1f\x7f]*[^\x00-\x20\x7f])?$")
]
"""A name: one line, without blanks around it."""
Note = Annotated[str, Field(max_length=200, pattern=LINE)]
Story = Annotated[str, Field(max_length=4000, pattern=r"^[^\x00-\x09\x0b-\x1f\x7f]*$")]
Rating = Annotated[str, Field(max_length=20, pattern=LINE)]
Minutes = Annotated[int, Field(ge=1, le=1000)]
CancelUntil = Annotated[int, Field(ge=0, le=10_080, description="Minutes before the start; at most a week")]
Percent = Annotated[int, Field(ge=0, le=100)]
Prices = Annotated[
    dict[Annotated[str, Field(max_length=TEXT_CHARS_MAX)], Amount], Field(min_length=1, max_length=CATEGORIES_MAX)
]
ShortId = Annotated[str, Field(max_length=64)]


class MovieIn(Model):
    """A new movie."""

    title: Line
    duration_min: Minutes
    rating: Rating = ""
    genre: Note = ""
    synopsis: Story = ""


class MoviePatch(Model):
    """Changes of a movie."""

    title: Line = "-"
    duration_min: Minutes = 1
    rating: Rating | None = None
    genre: Note | None = None
    synopsis: Story | None = None
    retired: bool = False


class MovieFull(MovieOut):
    """A movie with all that is known of it."""

    genre: str
    synopsis: str
    retired: bool


class TheaterIn(Model):
    """A new theater. Zone and currency stay what they are."""

    name: Line
    city: Line
    address: Note = ""
    time_zone: Annotated[str, Field(max_length=64, description="An IANA name, such as Europe/Berlin")]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class TheaterPatch(Model):
    """Changes of a theater."""

    name: Line = "-"
    city: Line = "-"
    address: Note | None = None


class TheaterFull(TheaterOut):
    """A theater with all that is known of it."""

    address: str
    currency: str


class ScreenIn(Model):
    """A new screen; `plan` is a document in pretix's public seating-plan format."""

    theater_id: ShortId
    name: Line
    plan: dict[str, Any]


class ScreenPatch(Model):
    """Changes of a screen; its plan has an address of its own."""

    name: Line = "-"


class PlanBrief(Model):
    """A plan without its seats."""

    id: str
    name: str
    seats: int


class ScreenOut(Model):
    """A screen and the plan of its next shows."""

    id: str
    theater_id: str
    name: str
    plan: PlanBrief


class ShowIn(Model):
    """A new show: one price for each category of the screen's plan, in the theater's currency."""

    movie_id: ShortId
    screen_id: ShortId
    starts_at: Annotated[AwareDatetime, Strict(False)]
    prices: Prices
    cancel_until_min: CancelUntil = 60
    cancel_fee_percent: Percent = 0


class ShowPatch(Model):
    """Changes of a show that nobody holds or has a seat of. Prices are given for all categories."""

    prices: Prices = Field(default_factory=dict)
    cancel_until_min: CancelUntil = 0
    cancel_fee_percent: Percent = 0


class ShowFull(Model):
    """A show with its prices and terms."""

    id: str
    movie: MovieOut
    theater: TheaterOut
    screen: str
    starts_at: Instant
    ends_at: Instant
    prices: dict[str, Amount]
    seats: int
    cancel_until_min: int
    cancel_fee_percent: int
    cancelled: bool


class SeatsIn(Model):
    """Seats of a show."""

    seat_ids: Annotated[list[Annotated[str, Field(max_length=32)]], Field(min_length=1, max_length=SEATS_MAX)]


def changes_of(patch: Model) -> dict[str, Any]:
    """What a merge-patch changes; null empties a text."""
    given = patch.model_dump(include=patch.model_fields_set)
    return {name: "" if value is None else value for name, value in given.items()}


def planned_show(wanted: ShowIn) -> Planned:
    """As the schedule makes it. Invalid names an id that is none."""
    return Planned(
        movie_id=body_uuid("movie_id", wanted.movie_id, "movie"),
        screen_id=body_uuid("screen_id", wanted.screen_id, "screen"),
        starts_at=wanted.starts_at,
        prices=_money(wanted.prices),
        cancel_until_min=wanted.cancel_until_min,
        cancel_fee_percent=wanted.cancel_fee_percent,
    )


def terms_of(wanted: ShowPatch) -> dict[str, Any]:
    """As the schedule changes them."""
    changes = changes_of(wanted)
    return changes | {"prices": _money(wanted.prices)} if "prices" in changes else changes


def _money(prices: Prices) -> dict[str, Money]:
    return {category: price.money() for category, price in prices.items()}
