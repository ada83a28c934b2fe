"""/simcards/holds/{hold}: the number whole, the time that is left, who buys, and the payment.

The page tells the hold's state as the database has it, so a reload or a second tab always shows the truth.
"""

from dataclasses import replace

import orjson
from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from serai.kernel.errors import Invalid
from serai.kernel.ports import Clock
from serai.runtime.http.idempotency import IdempotencyKeyReused, RequestInFlight
from serai.runtime.http.principal import Asking
from serai.systems.allocation.api import ClaimState
from serai.systems.checkout.api import PayForm, attempt_key, checked
from serai.systems.identity.api import done, leave_flash
from serai.systems.payments.api import PaymentState, PaymentUnknown
from serai.systems.simcards.errors import NoSuchNumberHold, NumberHoldExpired
from serai.systems.simcards.http.models import IdentityIn
from serai.systems.simcards.http.parts import Simcards, capability
from serai.systems.simcards.model import Identity, SaleState
from serai.systems.simcards.numbering.plans import shown
from serai.systems.simcards.pages.parts import DOCUMENTS, HOME, SYSTEM, countries, country
from serai.systems.simcards.service.holds import Hold
from serai.systems.simcards.service.sales import Purchase, SaleStanding
from serai.web.forms import Form, read_form
from serai.web.shell import Shell

WHO = ("name", "country", "document_kind", "document_number")
FIELDS = ("method", "email", *WHO)


class HoldPages:
    """Shows, pays, lengthens and ends holds."""

    def __init__(self, shop: Simcards, shell: Shell, clock: Clock, pay_form: PayForm) -> None:
        self._shop = shop
        self._shell = shell
        self._clock = clock
        self._pay_form = pay_form

    def add_to(self, pages: APIRouter) -> None:
        """Adds the routes."""
        pages.add_api_route("/holds/{hold_id}", self.show, methods=["GET"])
        pages.add_api_route("/holds/{hold_id}", self.pay, methods=["POST"])
        pages.add_api_route("/holds/{hold_id}/release", self.release, methods=["POST"])
        pages.add_api_route("/holds/{hold_id}/extend", self.extend, methods=["POST"])

    async def show(self, request: Request, principal: Asking, hold_id: str) -> Response:
        """The hold as it stands: to be paid, being paid, paid, or gone."""
        held = capability(hold_id, NoSuchNumberHold, "hold")
        hold = await self._shop.holds.get(principal.tenant, held)
        standing = await self._shop.sales.of_hold(principal.tenant, held)
        if hold.state is ClaimState.HELD:
            return self._form(request, hold, _remembered(hold, standing), standing)
        if standing and not _came_to_nothing(standing):
            return RedirectResponse(f"{HOME}/sales/{standing.sale.capability.text()}", 303)
        sale = standing.sale if standing else None
        return self._shell.render(request, "simcards/gone.html", system=SYSTEM, hold=hold, sale=sale)

    async def pay(self, request: Request, principal: Asking, hold_id: str) -> Response:
        """Pays, and leads on to what became of it."""
        held = capability(hold_id, NoSuchNumberHold, "hold")
        form = _who(checked(await read_form(request), "your receipt goes there"))
        if form.errors:
            hold = await self._shop.holds.get(principal.tenant, held)
            return self._form(request, hold, form, None, status=422)
        key = attempt_key(request, principal, hold_id, form, FIELDS)
        identity = Identity(*(form.value(name) for name in WHO))
        purchase = Purchase(held, form.value("method"), form.value("email"), identity)
        here = RedirectResponse(f"{HOME}/holds/{hold_id}", 303)
        try:
            reply = await self._shop.sales.sell(principal.tenant, purchase, key)
        except (RequestInFlight, PaymentUnknown, NumberHoldExpired, IdempotencyKeyReused):
            return here  # where the hold stands now says it best
        said = orjson.loads(reply.body)
        if sale_id := said.get("sale_id") or (said.get("id") if reply.status == 201 else None):
            return RedirectResponse(f"{HOME}/sales/{sale_id}", 303)
        return here

    async def release(self, request: Request, principal: Asking, hold_id: str) -> Response:
        """Gives the number back and leads to the search."""
        back = RedirectResponse(HOME, 303)
        try:
            await self._shop.holds.release(principal.tenant, capability(hold_id, NoSuchNumberHold, "hold"))
        except NumberHoldExpired as error:
            leave_flash(request, back, "info", error.message)
            return back
        return done(request, HOME, "The number is free again. Choose another whenever you like.")

    async def extend(self, request: Request, principal: Asking, hold_id: str) -> Response:
        """A full life from now on."""
        here = f"{HOME}/holds/{hold_id}"
        try:
            await self._shop.holds.extend(principal.tenant, capability(hold_id, NoSuchNumberHold, "hold"))
        except NumberHoldExpired:
            return RedirectResponse(here, 303)
        return done(request, here, "You have more time.")

    def _form(
        self, request: Request, hold: Hold, form: Form, standing: SaleStanding | None, *, status: int = 200
    ) -> Response:
        return self._shell.render(
            request,
            "simcards/hold.html",
            system=SYSTEM,
            status=status,
            headers=self._pay_form.headers,
            hold=hold,
            hold_id=hold.capability.text(),
            number=shown(hold.number),
            country=country(hold.pool.region),
            countries=countries(),
            documents=DOCUMENTS,
            refused=standing.sale.reason if standing else "",
            form=form,
            pay=self._pay_form.drawn(hold.price),
            now=self._clock.now(),
        )


def _who(form: Form) -> Form:
    """With what is wrong with the identity, by the API's own rules."""
    try:
        form.read_as(IdentityIn, {name: form.value(name) for name in WHO})
    except Invalid as error:
        found = {each.field: each.message for each in error.errors}
        return replace(form, errors=found | dict(form.errors))
    return form


def _remembered(hold: Hold, standing: SaleStanding | None) -> Form:
    """What was filled in at the attempt before."""
    if standing is None:
        return Form({"country": hold.pool.region})
    return Form(standing.identity.stored() | {"email": standing.sale.email})


def _came_to_nothing(standing: SaleStanding) -> bool:
    """Whether the sale has no number, and no payment that may still bring it."""
    declined = standing.payment.state is PaymentState.DECLINED
    state = standing.sale.state
    return state is SaleState.FAILED or (state is SaleState.PENDING and declined)
