"""/simcards/sales/{sale}: the number that was bought, and what its owner may do with it."""

from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from serai.kernel.errors import Conflict, Invalid, SeraiError, Unavailable
from serai.kernel.money import Money
from serai.runtime.http.principal import Asking, Principal
from serai.systems.checkout.api import BACK_FROM_BANK
from serai.systems.identity.api import done, refused
from serai.systems.payments.api import PaymentState, PaymentUnknown
from serai.systems.simcards.errors import NoSuchSale, SaleNotOpen
from serai.systems.simcards.http.models import PortOutIn
from serai.systems.simcards.http.parts import Simcards, capability
from serai.systems.simcards.model import SaleState
from serai.systems.simcards.numbering.cards import BadCard, masked_tail, parse_iccid
from serai.systems.simcards.numbering.plans import shown
from serai.systems.simcards.pages.parts import HOME, SYSTEM, country
from serai.systems.simcards.service.sales import SaleStanding
from serai.web.forms import Form, read_form
from serai.web.shell import Shell

REFUSALS = (Conflict, Unavailable)
"""What the page says by itself or in a message above it."""


class SalePages:
    """Shows, activates, returns and ports."""

    def __init__(self, shop: Simcards, shell: Shell) -> None:
        self._shop = shop
        self._shell = shell

    def add_to(self, pages: APIRouter) -> None:
        """Adds the routes."""
        pages.add_api_route("/sales/{sale_id}", self.show, methods=["GET"])
        pages.add_api_route("/sales/{sale_id}/continue", self.resume, methods=["POST"])
        pages.add_api_route("/sales/{sale_id}/activate", self.activate, methods=["POST"])
        pages.add_api_route("/sales/{sale_id}/return", self.take_back, methods=["POST"])
        pages.add_api_route("/sales/{sale_id}/port-out", self.port_out, methods=["POST"])
        pages.add_api_route("/sales/{sale_id}/withdraw", self.withdraw, methods=["POST"])

    async def show(self, request: Request, principal: Asking, sale_id: str) -> Response:
        """The sale as it stands."""
        standing = await self._standing(principal, sale_id)
        if standing.sale.state is SaleState.PENDING:
            return self._pending(request, standing)
        return await self._page(request, principal, standing, Form())

    async def resume(self, request: Request, principal: Asking, sale_id: str) -> Response:
        """After the bank: hears what it said, and leads to what became of the sale."""
        back = RedirectResponse(f"{HOME}/sales/{sale_id}", 303)
        try:
            await self._shop.sales.resume(principal.tenant, capability(sale_id, NoSuchSale, "sale"))
        except (SaleNotOpen, PaymentUnknown):
            return back  # the page says where the sale stands
        return back

    async def activate(self, request: Request, principal: Asking, sale_id: str) -> Response:
        """Puts the number on a card; a refused card is shown again."""
        sale, form = capability(sale_id, NoSuchSale, "sale"), await read_form(request)
        try:
            iccid = parse_iccid(form.value("iccid"))
            await self._shop.sales.activate(principal.tenant, sale, iccid, principal.label)
        except BadCard as error:
            return await self._again(request, principal, sale_id, form, Invalid.of("iccid", error.code, str(error)))
        except REFUSALS as error:
            return await self._again(request, principal, sale_id, form, error)
        return done(request, f"{HOME}/sales/{sale_id}", "Your number is active: put the card into your phone.")

    async def take_back(self, request: Request, principal: Asking, sale_id: str) -> Response:
        """Gives the number up; the page then tells of the refund."""
        here = f"{HOME}/sales/{sale_id}"
        try:
            await self._shop.sales.take_back(principal.tenant, capability(sale_id, NoSuchSale, "sale"), principal.label)
        except REFUSALS as error:
            return refused(request, here, error)
        return RedirectResponse(here, 303)

    async def port_out(self, request: Request, principal: Asking, sale_id: str) -> Response:
        """Asks to take the number along; a refused wish is shown again."""
        sale, form = capability(sale_id, NoSuchSale, "sale"), await read_form(request)
        try:
            wanted = form.read_as(PortOutIn, {"carrier": form.value("carrier"), "name": form.value("holder")})
            await self._shop.portings.ask_out(principal.tenant, sale, wanted.carrier, wanted.name)
        except (Invalid, *REFUSALS) as error:
            return await self._again(request, principal, sale_id, form, error)
        return done(request, f"{HOME}/sales/{sale_id}", "Your request is on its way to the other carrier.")

    async def withdraw(self, request: Request, principal: Asking, sale_id: str) -> Response:
        """Thinks better of taking the number along."""
        standing = await self._standing(principal, sale_id)
        here = f"{HOME}/sales/{sale_id}"
        porting = await self._shop.portings.of_number(principal.tenant, standing.sale.number)
        try:
            if porting is not None:
                await self._shop.portings.withdraw(principal.tenant, porting.capability)
        except REFUSALS as error:
            return refused(request, here, error)
        return done(request, here, "The number stays with you.")

    async def _standing(self, principal: Principal, sale_id: str) -> SaleStanding:
        return await self._shop.sales.standing(principal.tenant, capability(sale_id, NoSuchSale, "sale"))

    async def _again(
        self, request: Request, principal: Principal, sale_id: str, form: Form, error: SeraiError
    ) -> Response:
        standing = await self._standing(principal, sale_id)
        refused_form = form.refused(error, fields={"card_taken": "iccid"})
        return await self._page(request, principal, standing, refused_form, status=error.status)

    def _pending(self, request: Request, standing: SaleStanding) -> Response:
        payment = standing.payment
        if payment.state is PaymentState.DECLINED:
            return RedirectResponse(f"{HOME}/holds/{standing.hold.text()}", 303)
        asks = payment.state is PaymentState.AWAITING_BUYER
        return self._render(
            request,
            "simcards/pending.html",
            standing,
            bank_url=payment.action_url if asks else None,
            returned=BACK_FROM_BANK in request.query_params,
        )

    async def _page(
        self, request: Request, principal: Principal, standing: SaleStanding, form: Form, *, status: int = 200
    ) -> Response:
        sale = standing.sale
        lives = sale.state in (SaleState.SOLD, SaleState.ACTIVE)
        row, _, _ = await self._shop.numbers.story(principal.tenant, sale.number)
        porting = await self._shop.portings.of_number(principal.tenant, sale.number) if lives else None
        return self._render(
            request,
            "simcards/sale.html",
            standing,
            status=status,
            form=form,
            porting=porting,
            number_state=row.state if row.sale_id == sale.sale_id else None,
            card=masked_tail(sale.iccid) if sale.iccid else "",
            holder=standing.identity.name,
        )

    def _render(self, request: Request, template: str, standing: SaleStanding, **context: Any) -> Response:
        sale = standing.sale
        return self._shell.render(
            request,
            template,
            system=SYSTEM,
            headers={"cache-control": "no-store"},
            sale=sale,
            sale_id=sale.capability.text(),
            pool=standing.pool,
            number=shown(sale.number),
            country=country(standing.pool.region),
            refund=Money(sale.refund_minor, sale.total.currency),
            **context,
        )
