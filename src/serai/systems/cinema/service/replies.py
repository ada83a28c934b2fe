"""The answers of a booking."""

from typing import Any

from serai.systems.checkout.api import Reply
from serai.systems.cinema.model import Booking, Show


def seat_json(show: Show, key: int) -> dict[str, Any]:
    """A seat as holds and bookings name it."""
    seat = show.plan.seat(key)
    return {
        "id": show.seat_id(key),
        "row": seat.row,
        "number": seat.number,
        "category": seat.category,
        "price": show.price(seat).json(),
    }


def booking_json(show: Show, booking: Booking) -> dict[str, Any]:
    """A booking as its holder sees it."""
    return {
        "id": booking.capability.text(),
        "state": booking.state,
        "confirmation_code": booking.confirmation_code,
        "total": booking.total.json(),
        "seats": [seat_json(show, key) for key in booking.seat_keys],
        "show_id": str(show.show_id),
        "refund": {"amount": booking.refund_minor, "currency": booking.total.currency},
        "refunded": booking.refunded,
        "reason": booking.reason,
    }


def booked(show: Show, booking: Booking) -> Reply:
    """201: the seats are the buyer's."""
    return Reply.of(201, booking_json(show, booking))
