"""Other seats for a booking: the live map, on which its own seats are marked. The API's swap does the exchange."""

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from serai.kernel.ports import Clock
from serai.runtime.http.principal import Asking
from serai.systems.cinema.http import Cinema
from serai.systems.cinema.http.parts import booking_capability
from serai.systems.cinema.model import Booking, BookingState, Show
from serai.systems.identity.api import leave_flash
from serai.web.shell import Shell


class SwapPages:
    """/cinema/bookings/{booking}/swap."""

    def __init__(self, cinema: Cinema, shell: Shell, clock: Clock) -> None:
        self._cinema = cinema
        self._shell = shell
        self._clock = clock

    def add_to(self, pages: APIRouter) -> None:
        """Adds the route."""
        pages.add_api_route("/bookings/{booking_id}/swap", self.show, methods=["GET"])

    async def show(self, request: Request, principal: Asking, booking_id: str) -> Response:
        """The map; a booking whose seats cannot be exchanged leads back to its own page, which says why."""
        _, booking = await self._cinema.bookings.get(principal.tenant, booking_capability(booking_id))
        show = await self._cinema.shows.get(principal.tenant, booking.show_id)
        if reason := self._why_not(show, booking):
            back = RedirectResponse(f"/cinema/bookings/{booking_id}", 303)
            leave_flash(request, back, "info", reason)
            return back
        seats = [show.plan.seat(key) for key in booking.seat_keys]
        return self._shell.render(
            request,
            "cinema/swap.html",
            system="cinema",
            headers={"cache-control": "no-store"},
            show=show,
            booking=booking,
            booking_id=booking.capability.text(),
            own=[show.seat_id(key) for key in booking.seat_keys],
            names=" and ".join(f"row {seat.row}, seat {seat.number}" for seat in seats),
        )

    def _why_not(self, show: Show, booking: Booking) -> str:
        if booking.state is not BookingState.CONFIRMED:
            return f"This booking is {booking.state}; only the seats of a confirmed one can be exchanged."
        if show.cancelled:
            return "This show was called off; there are no seats to exchange."
        if show.starts_at <= self._clock.now():
            return "The show has begun; its seats cannot be exchanged any more."
        return ""
