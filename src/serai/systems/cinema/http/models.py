"""What a buyer sends and gets."""

from typing import Annotated, Any

from pydantic import EmailStr, Field

from serai.runtime.http.models import LINE, Amount, Instant, Model


class MovieOut(Model):
    """A movie in a list of shows."""

    id: str
    title: str
    duration_min: int
    rating: str


class TheaterOut(Model):
    """A theater in a list of shows; `time_zone` is an IANA name."""

    id: str
    name: str
    city: str
    time_zone: str


class ShowOut(Model):
    """A show in a list."""

    id: str
    movie: MovieOut
    theater: TheaterOut
    screen: str
    starts_at: Instant
    from_price: Amount
    seats_free: int


class SeatOut(Model):
    """A seat of a hold or booking."""

    id: str
    row: str
    number: str
    category: str
    price: Amount


class SeatOnMap(SeatOut):
    """A seat of a show's map; x and y are the plan's pixels."""

    x: float
    y: float
    accessible: bool
    state: str


class MapOut(Model):
    """A show's seats; `version` rises with every change."""

    version: int
    seats: list[SeatOnMap]
    plan: dict[str, Any]


class BestOut(Model):
    """The best free seats together."""

    seat_ids: list[str]


class HoldIn(Model):
    """Which seats to hold."""

    show_id: Annotated[str, Field(max_length=64)]
    seat_ids: Annotated[list[Annotated[str, Field(max_length=32)]], Field(max_length=1000)]


class HoldOut(Model):
    """A hold. Its id is a secret: whoever has it may pay, extend or release the hold."""

    id: str
    state: str
    show_id: str
    expires_at: Instant
    seats: list[SeatOut]
    total: Amount


class BookingIn(Model):
    """Who pays what with which payment method (a token of the gateway, never a card number)."""

    hold_id: Annotated[str, Field(max_length=64)]
    payment_method: Annotated[str, Field(min_length=3, max_length=120, pattern=r"^[A-Za-z0-9_]+$")]
    email: Annotated[EmailStr, Field(max_length=254)]
    name: Annotated[str, Field(max_length=120, pattern=LINE)] = ""


class SwapIn(Model):
    """The seats that the booking shall have instead: as many, at the same price in all."""

    seat_ids: Annotated[list[Annotated[str, Field(max_length=32)]], Field(max_length=1000)]


class BookingOut(Model):
    """A booking. Its id is a secret: it opens, cancels and prints the ticket."""

    id: str
    state: str
    confirmation_code: str
    total: Amount
    seats: list[SeatOut]
    show_id: str
    refund: Amount
    refunded: bool
    reason: str
