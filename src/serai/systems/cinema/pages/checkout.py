"""Paying for held seats.

The page tells the hold's state as the database has it, so a reload or a second tab always shows the truth. Each page
carries the key of one attempt: sent twice, by a nervous finger or a broken line, it is one payment.
"""

from dataclasses import replace
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from serai.kernel.ids import Capability
from serai.kernel.ports import Clock
from serai.runtime.http.idempotency import IdempotencyKeyReused, RequestInFlight
from serai.runtime.http.principal import Asking, Principal
from serai.systems.allocation.api import ClaimState
from serai.systems.checkout.api import PayForm, attempt_key, checked
from serai.systems.cinema.errors import HoldExpired, NoSuchHold, ShowCancelled, ShowStarted
from serai.systems.cinema.http import Cinema
from serai.systems.cinema.model import Booking, BookingState
from serai.systems.cinema.service.bookings import Purchase, Standing
from serai.systems.cinema.service.holds import Hold
from serai.systems.identity.api import leave_flash
from serai.systems.payments.api import PaymentState, PaymentUnknown
from serai.web.forms import Form, read_form
from serai.web.shell import Shell

FIELDS = ("method", "email", "name")
NAME_CHARS_MAX = 120


class CheckoutPages:
    """/cinema/checkout/{hold}."""

    def __init__(self, cinema: Cinema, shell: Shell, clock: Clock, pay_form: PayForm) -> None:
        self._cinema = cinema
        self._shell = shell
        self._clock = clock
        self._pay_form = pay_form

    def add_to(self, pages: APIRouter) -> None:
        """Adds the routes."""
        pages.add_api_route("/checkout/{hold_id}", self.show, methods=["GET"])
        pages.add_api_route("/checkout/{hold_id}", self.pay, methods=["POST"])
        pages.add_api_route("/checkout/{hold_id}/release", self.release, methods=["POST"])
        pages.add_api_route("/checkout/{hold_id}/extend", self.extend, methods=["POST"])

    async def show(self, request: Request, principal: Asking, hold_id: str) -> Response:
        """The hold as it stands: to be paid, being paid, paid, or gone."""
        hold = await self._cinema.holds.get(principal.tenant, _capability(hold_id))
        standing = await self._cinema.bookings.of_hold(principal.tenant, hold.capability)
        booking = standing.booking if standing else None
        if hold.state is ClaimState.HELD:
            if over := await self._over(principal, hold):
                return self._gone(request, hold, booking, over)
            return self._form(request, hold, booking, _remembered(booking))
        if standing and not _came_to_nothing(standing):
            return _to_booking(standing.booking.capability.text())
        return self._gone(request, hold, booking, await self._over(principal, hold))

    async def pay(self, request: Request, principal: Asking, hold_id: str) -> Response:
        """Pays, and leads on to what became of it."""
        hold = _capability(hold_id)
        form = _named(checked(await read_form(request), "your tickets go there"))
        if form.errors:
            held = await self._cinema.holds.get(principal.tenant, hold)
            return self._form(request, held, None, form, status=422)
        key = attempt_key(request, principal, hold_id, form, FIELDS)
        purchase = Purchase(hold, form.value("method"), form.value("email"), form.value("name"))
        here = f"/cinema/checkout/{hold_id}"
        try:
            reply = await self._cinema.bookings.book(principal.tenant, purchase, key)
        except (RequestInFlight, PaymentUnknown, HoldExpired, IdempotencyKeyReused):
            return RedirectResponse(here, 303)  # where the hold stands now says it best
        except (ShowStarted, ShowCancelled) as error:
            held = await self._cinema.holds.get(principal.tenant, hold)
            return self._gone(request, held, None, error.code, status=error.status)
        said = orjson.loads(reply.body)
        if booking_id := said.get("booking_id") or (said.get("id") if reply.status == 201 else None):
            return _to_booking(booking_id)
        return RedirectResponse(here, 303)

    async def release(self, request: Request, principal: Asking, hold_id: str) -> Response:
        """Gives the seats back and leads to the show."""
        hold = await self._cinema.holds.get(principal.tenant, _capability(hold_id))
        back = RedirectResponse(f"/cinema/shows/{hold.show.show_id}", 303)
        try:
            await self._cinema.holds.release(principal.tenant, hold.capability)
        except HoldExpired as error:
            leave_flash(request, back, "info", error.message)
            return back
        leave_flash(request, back, "ok", "Your seats are free again. Choose others whenever you like.")
        return back

    async def extend(self, request: Request, principal: Asking, hold_id: str) -> Response:
        """Ten minutes from now on."""
        back = RedirectResponse(f"/cinema/checkout/{hold_id}", 303)
        try:
            await self._cinema.holds.extend(principal.tenant, _capability(hold_id))
        except HoldExpired:
            return back
        leave_flash(request, back, "ok", "You have more time.")
        return back

    async def _over(self, principal: Principal, hold: Hold) -> str:
        """The code of why nothing of the show is sold any more, or ""."""
        show = await self._cinema.shows.get(principal.tenant, hold.show.show_id)
        if show.cancelled:
            return ShowCancelled.code
        return ShowStarted.code if show.starts_at <= self._clock.now() else ""

    def _gone(self, request: Request, hold: Hold, booking: Booking | None, over: str, *, status: int = 200) -> Response:
        return self._shell.render(
            request, "cinema/gone.html", system="cinema", status=status, hold=hold, booking=booking, over=over
        )

    def _form(
        self, request: Request, hold: Hold, booking: Booking | None, form: Form, *, status: int = 200
    ) -> Response:
        return self._shell.render(
            request,
            "cinema/checkout.html",
            system="cinema",
            status=status,
            headers=self._pay_form.headers,
            hold=hold,
            hold_id=hold.capability.text(),
            seats=_seats(hold),
            refused=booking.reason if booking else "",
            form=form,
            pay=self._pay_form.drawn(hold.total),
            now=self._clock.now(),
        )


def _capability(text: str) -> Capability:
    if (found := Capability.parse(text)) is None:
        raise NoSuchHold("There is no such hold.")
    return found


def _to_booking(booking_id: str) -> Response:
    return RedirectResponse(f"/cinema/bookings/{booking_id}", 303)


def _came_to_nothing(standing: Standing) -> bool:
    """Whether the booking has no seats, and no payment that may still bring them."""
    declined = standing.payment.state is PaymentState.DECLINED
    return standing.booking.state is BookingState.FAILED or (
        standing.booking.state is BookingState.PENDING and declined
    )


def _named(form: Form) -> Form:
    """With what is wrong with the name."""
    name = form.value("name")
    if len(name) <= NAME_CHARS_MAX and name.isprintable():
        return form
    return replace(form, errors={**form.errors, "name": f"One line of at most {NAME_CHARS_MAX} characters."})


def _remembered(booking: Booking | None) -> Form:
    """What was filled in at the attempt before."""
    return Form({"email": booking.email, "name": booking.name} if booking else {})


def _seats(hold: Hold) -> list[dict[str, Any]]:
    seats = [hold.show.plan.seat(key) for key in hold.seat_keys]
    return [
        {"row": seat.row, "number": seat.number, "category": seat.category, "price": hold.show.price(seat)}
        for seat in seats
    ]
