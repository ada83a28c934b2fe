"""A booking's page: the ticket, and every state on the way to it and after it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request, Response
from markupsafe import Markup
from starlette.responses import RedirectResponse

from serai.kernel.ids import Capability
from serai.kernel.money import Money
from serai.kernel.ports import Clock
from serai.runtime.http.principal import Asking
from serai.systems.checkout.api import BACK_FROM_BANK
from serai.systems.cinema.calendar import Event, calendar
from serai.systems.cinema.errors import BookingNotOpen, NoSuchBooking, NotCancellable, PaymentUnsettled, TicketNotValid
from serai.systems.cinema.http import Cinema
from serai.systems.cinema.model import BookingState
from serai.systems.cinema.printed import PrintedBooking
from serai.systems.cinema.service.bookings import Standing
from serai.systems.cinema.tickets import qr_svg
from serai.systems.identity.api import leave_flash
from serai.systems.payments.api import PaymentState, PaymentUnknown
from serai.web.shell import Shell

SWAPPED = "swapped"
"""What the seat map adds to the address when seats were exchanged."""


class TicketPages:
    """/cinema/bookings/{booking}."""

    def __init__(self, cinema: Cinema, shell: Shell, clock: Clock, site_url: str) -> None:
        self._cinema = cinema
        self._shell = shell
        self._clock = clock
        self._site_url = site_url

    def add_to(self, pages: APIRouter) -> None:
        """Adds the routes."""
        pages.add_api_route("/bookings/{booking_id}", self.show, methods=["GET"])
        pages.add_api_route("/bookings/{booking_id}/continue", self.resume, methods=["POST"])
        pages.add_api_route("/bookings/{booking_id}/cancel", self.cancel, methods=["POST"])
        pages.add_api_route("/bookings/{booking_id}/calendar.ics", self.calendar, methods=["GET"])

    async def show(self, request: Request, principal: Asking, booking_id: str) -> Response:
        """The booking as it stands."""
        standing = await self._cinema.bookings.standing(principal.tenant, _capability(booking_id))
        show = await self._cinema.shows.get(principal.tenant, standing.show.show_id)
        standing = replace(standing, show=show)  # as it is now: it may have been called off since
        match standing.booking.state:
            case BookingState.CONFIRMED:
                return await self._ticket(request, standing)
            case BookingState.PENDING:
                return self._pending(request, standing)
            case _:
                return self._page(request, "cinema/ended.html", standing)

    async def resume(self, request: Request, principal: Asking, booking_id: str) -> Response:
        """After the bank: hears what it said, and leads to what became of the booking."""
        back = RedirectResponse(f"/cinema/bookings/{booking_id}", 303)
        try:
            await self._cinema.bookings.resume(principal.tenant, _capability(booking_id))
        except (BookingNotOpen, PaymentUnknown):
            return back  # the page says where the booking stands
        return back

    async def cancel(self, request: Request, principal: Asking, booking_id: str) -> Response:
        """Gives the seats back; the page then tells of the refund."""
        back = RedirectResponse(f"/cinema/bookings/{booking_id}", 303)
        try:
            await self._cinema.bookings.cancel(principal.tenant, _capability(booking_id))
        except (NotCancellable, PaymentUnsettled) as error:
            leave_flash(request, back, "bad", error.message)
        return back

    async def calendar(self, principal: Asking, booking_id: str) -> Response:
        """The show as a calendar's event."""
        standing = await self._cinema.bookings.standing(principal.tenant, _capability(booking_id))
        show, booking = standing.show, standing.booking
        if booking.state is not BookingState.CONFIRMED:
            raise TicketNotValid(f"This booking is {booking.state}; there is nothing to remind of.")
        _, _, printed = await self._cinema.tickets.printed(principal.tenant, booking.booking_id)
        event = Event(
            uid=f"{booking.booking_id}@serai",
            title=show.movie.title,
            place=", ".join(part for part in (show.theater.name, show.theater.address) if part),
            text=f"{show.screen}, {printed.seat_names}. Booking {booking.confirmation_code}.",
            url=f"{self._site_url}/cinema/bookings/{booking.capability.text()}",
            starts_at=show.starts_at,
            ends_at=show.ends_at,
            stamped_at=booking.created_at,
        )
        name = f'attachment; filename="{booking.confirmation_code}.ics"'
        return Response(calendar(event), media_type="text/calendar", headers={"content-disposition": name})

    async def _ticket(self, request: Request, standing: Standing) -> Response:
        _, booking, printed = await self._cinema.tickets.printed(
            request.state.principal.tenant, standing.booking.booking_id
        )
        show = standing.show
        until = show.starts_at - timedelta(minutes=show.cancel_until_min)
        return self._page(
            request,
            "cinema/ticket.html",
            standing,
            seats=_seats(printed),
            cancel_until=until,
            cancellable=self._clock.now() <= until and not show.cancelled,
            swappable=self._clock.now() < show.starts_at and not show.cancelled,
            swapped=SWAPPED in request.query_params,
            fee=booking.total.percent(show.cancel_fee_percent),
            refund=booking.total - booking.total.percent(show.cancel_fee_percent),
        )

    def _pending(self, request: Request, standing: Standing) -> Response:
        payment = standing.payment
        if payment.state is PaymentState.DECLINED:
            return RedirectResponse(f"/cinema/checkout/{standing.hold.text()}", 303)
        asks = payment.state is PaymentState.AWAITING_BUYER
        return self._page(
            request,
            "cinema/pending.html",
            standing,
            bank_url=payment.action_url if asks else None,
            returned=BACK_FROM_BANK in request.query_params,
        )

    def _page(self, request: Request, template: str, standing: Standing, **context: Any) -> Response:
        booking = standing.booking
        return self._shell.render(
            request,
            template,
            system="cinema",
            headers={"cache-control": "no-store"},
            show=standing.show,
            booking=booking,
            booking_id=booking.capability.text(),
            hold_id=standing.hold.text(),
            refunded=Money(booking.refund_minor, booking.total.currency),
            **context,
        )


def _capability(text: str) -> Capability:
    if (found := Capability.parse(text)) is None:
        raise NoSuchBooking("There is no such booking.")
    return found


def _seats(printed: PrintedBooking) -> list[dict[str, Any]]:
    return [
        {
            "row": seat.row,
            "number": seat.number,
            "name": seat.name,
            "category": seat.category,
            "price": seat.price,
            "qr": Markup(qr_svg(seat.token, title=f"Ticket for seat {seat.name}")),  # noqa: S704 - drawn by us
        }
        for seat in printed.seats
    ]
