"""The words of the cinema: what plays where, what is held, booked and printed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from serai.kernel.ids import Capability
from serai.kernel.money import Money
from serai.systems.cinema.plan import Plan, Seat

OWNER = "cinema"
"""Our name at allocation and payments."""


class SeatState(StrEnum):
    """A seat as buyers see it."""

    AVAILABLE = "available"
    HELD = "held"
    BOOKED = "booked"
    BLOCKED = "blocked"


class BookingState(StrEnum):
    """Where a booking stands. `pending` waits for money, `failed` got none or lost its seats."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Movie:
    """What plays."""

    movie_id: UUID
    title: str
    duration_min: int
    rating: str
    synopsis: str = ""
    genre: str = ""
    poster: str = ""
    retired: bool = False
    """No new shows are made of it."""


@dataclass(frozen=True, slots=True)
class Theater:
    """Where it plays."""

    theater_id: UUID
    name: str
    city: str
    time_zone: str
    currency: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class Screen:
    """A hall of a theater, with the plan that its next shows get."""

    screen_id: UUID
    theater_id: UUID
    name: str
    plan_id: UUID
    plan_name: str
    seats: int


@dataclass(frozen=True, slots=True)
class Listing:
    """A show as a list names it."""

    show_id: UUID
    movie: Movie
    theater: Theater
    screen: str
    starts_at: datetime
    from_price: Money
    pool_no: int


@dataclass(frozen=True)
class Show:
    """A show with its hall, prices and terms. `edition` rises when prices or terms change."""

    show_id: UUID
    movie: Movie
    theater: Theater
    screen: str
    plan: Plan
    starts_at: datetime
    ends_at: datetime
    pool_no: int
    prices: Mapping[str, int]
    cancel_until_min: int
    cancel_fee_percent: int
    cancelled: bool
    edition: int = 1

    @property
    def currency(self) -> str:
        """Of every price of this show."""
        return self.theater.currency

    def price(self, seat: Seat) -> Money:
        """What a seat costs."""
        return Money(self.prices[seat.category], self.currency)

    def total(self, keys: tuple[int, ...]) -> Money:
        """What these seats cost together."""
        return sum((self.price(self.plan.seat(key)) for key in keys), Money(0, self.currency))

    def seat_id(self, key: int) -> str:
        """A seat's name outside: it names the show's pool too, so that it fits no other show."""
        return f"{self.pool_no}-{key}"

    def seat_key(self, seat_id: str) -> int | None:
        """The key of one of this show's seats, or None for any other text."""
        pool, _, key = seat_id.partition("-")
        if pool != str(self.pool_no) or not key.isdecimal() or len(key) > 6:
            return None
        number = int(key)
        return number if 1 <= number <= len(self.plan.seats) and self.seat_id(number) == seat_id else None


@dataclass(frozen=True, slots=True)
class Booking:
    """A booking as the table has it."""

    booking_id: UUID
    key: bytes
    show_id: UUID
    claim_id: UUID
    state: BookingState
    version: int
    confirmation_code: str
    email: str
    name: str
    seat_keys: tuple[int, ...]
    total: Money
    attempts: int
    request_scope: bytes
    refund_minor: int
    refunded: bool
    reason: str
    created_at: datetime

    @property
    def capability(self) -> Capability:
        """Opens, cancels and prints it."""
        return Capability(self.booking_id, self.key)
