"""Paying for held seats.

The page tells the hold's state as the database has it, so a reload or a second tab always shows the truth. Each page
carries the key of one attempt: sent twice, by a nervous finger or a broken line, it is one payment.
"""

from dataclasses import dataclass
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Form, Request, Response
from pydantic import EmailStr, TypeAdapter, ValidationError
from starlette.responses import RedirectResponse

from serai.kernel.errors import Invalid
from serai.kernel.ids import Capability
from serai.kernel.ports import Clock, Random
from serai.runtime.http.idempotency import IdempotencyKeyReused, Key, RequestInFlight, owner_of
from serai.runtime.http.principal import Asking, Principal
from serai.systems.allocation.api import ClaimState
from serai.systems.cinema.errors import HoldExpired, NoSuchHold, ShowCancelled, ShowStarted
from serai.systems.cinema.http import Cinema
from serai.systems.cinema.model import Booking, BookingState
from serai.systems.cinema.service.bookings import Purchase, Standing
from serai.systems.cinema.service.holds import Hold
from serai.systems.identity.api import leave_flash
from serai.systems.payments.api import PaymentState, PaymentUnknown
from serai.web.shell import Shell

ATTEMPT_BYTES = 16

EMAIL: TypeAdapter[str] = TypeAdapter(EmailStr)


@dataclass(frozen=True, slots=True)
class TestCard:
    """A payment method of the embedded gateway: a name for what happens, never a card's number."""

    token: str
    title: str
    last4: str
    sentence: str
    icon: str


TEST_CARDS = (
    TestCard("pm_card_visa", "Visa", "4242", "The payment succeeds.", "circle-check"),
    TestCard("pm_card_mastercard", "Mastercard", "4444", "The payment succeeds.", "circle-check"),
    TestCard("pm_card_threeDSecure2Required", "Visa with 3-D Secure", "3220", "Your bank asks first.", "shield-check"),
    TestCard("pm_card_chargeDeclined", "Visa, declined", "0002", "The bank says no.", "circle-x"),
    TestCard(
        "pm_card_chargeDeclinedInsufficientFunds",
        "Visa without funds",
        "9995",
        "Not enough money on the card.",
        "wallet",
    ),
)

Typed = Annotated[str, Form(max_length=254)]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the buyer filled in, and what was wrong with it."""

    email: str = ""
    name: str = ""
    method: str = TEST_CARDS[0].token
    errors: tuple[tuple[str, str], ...] = ()


class CheckoutPages:
    """/cinema/checkout/{hold}."""

    def __init__(self, cinema: Cinema, shell: Shell, clock: Clock, random: Random, *, embedded: bool) -> None:
        self._cinema = cinema
        self._shell = shell
        self._clock = clock
        self._random = random
        self._embedded = embedded

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

    async def pay(
        self,
        request: Request,
        principal: Asking,
        hold_id: str,
        attempt: Annotated[str, Form(max_length=64)] = "",
        method: Annotated[str, Form(max_length=120, pattern=r"^[A-Za-z0-9_]*$")] = "",
        email: Typed = "",
        name: Annotated[str, Form(max_length=120)] = "",
    ) -> Response:
        """Pays, and leads on to what became of it."""
        hold = _capability(hold_id)
        asked = _checked(Asked(email.strip(), name.strip(), method))
        if asked.errors:
            held = await self._cinema.holds.get(principal.tenant, hold)
            return self._form(request, held, None, asked, status=422)
        key = _key(principal, request, hold_id, attempt, asked)
        purchase = Purchase(hold, asked.method, asked.email, asked.name)
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
        self, request: Request, hold: Hold, booking: Booking | None, asked: Asked, *, status: int = 200
    ) -> Response:
        return self._shell.render(
            request,
            "cinema/checkout.html",
            system="cinema",
            status=status,
            headers={"cache-control": "no-store"},
            hold=hold,
            hold_id=hold.capability.text(),
            seats=_seats(hold),
            refused=booking.reason if booking else "",
            asked=asked,
            errors=dict(asked.errors),
            cards=TEST_CARDS,
            embedded=self._embedded,
            attempt=self._random.token(ATTEMPT_BYTES).hex(),
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


def _remembered(booking: Booking | None) -> Asked:
    """What was filled in at the attempt before."""
    return Asked(booking.email, booking.name) if booking else Asked()


def _checked(asked: Asked) -> Asked:
    """With what is wrong, if anything, and the address as mail writes it."""
    errors = []
    try:
        email = EMAIL.validate_python(asked.email)
    except ValidationError:
        email = asked.email
        errors.append(("email", "Write an e-mail address such as ada@example.org; your tickets go there."))
    if not asked.method:
        errors.append(("method", "Choose how to pay."))
    return Asked(email, asked.name, asked.method, tuple(errors))


def _key(principal: Principal, request: Request, hold_id: str, attempt: str, asked: Asked) -> Key:
    """One attempt's key. The secret in the address stands for a guest, as it does in the API."""
    if not attempt:
        raise Invalid.of("attempt", "missing", "Open the checkout page and pay from there.")
    owner = hold_id if principal.kind == "guest" else principal.label
    body = "\0".join((asked.method, asked.email, asked.name)).encode()
    path = request.url.path
    return Key.of(attempt, owner=owner_of(principal.tenant, owner), method="POST", path=path, body=body)


def _seats(hold: Hold) -> list[dict[str, Any]]:
    seats = [hold.show.plan.seat(key) for key in hold.seat_keys]
    return [
        {"row": seat.row, "number": seat.number, "category": seat.category, "price": hold.show.price(seat)}
        for seat in seats
    ]
