"""What buyers may ask: pools, search, hold, buy, activate, return, port. Guests need no account.

A hold's, sale's or porting request's id is a secret that proves its holder; who shows it may act on it.
"""

from typing import Annotated

from fastapi import APIRouter, Header, Request, Response

from serai.kernel.errors import Invalid
from serai.runtime.http.answers import body_uuid, json_response
from serai.runtime.http.principal import Asking, limit_of
from serai.runtime.http.routing import Router
from serai.systems.checkout.api import Reply, paid_hold
from serai.systems.simcards.errors import NoSuchCandidate, NoSuchNumberHold, NoSuchPool, NoSuchPorting, NoSuchSale
from serai.systems.simcards.http.models import (
    ActivateIn,
    HoldIn,
    HoldOut,
    PoolsOut,
    PortingOut,
    PortInIn,
    PortOutIn,
    SaleIn,
    SaleOut,
    SearchIn,
    SearchOut,
)
from serai.systems.simcards.http.parts import (
    SecretId,
    Simcards,
    candidate_json,
    capability,
    hold_json,
    pool_json,
    porting_json,
)
from serai.systems.simcards.model import Identity
from serai.systems.simcards.numbering.cards import BadCard, parse_iccid
from serai.systems.simcards.numbering.classes import NumberClass
from serai.systems.simcards.numbering.patterns import Pattern
from serai.systems.simcards.numbering.plans import parse_number
from serai.systems.simcards.service.orders import sale_json
from serai.systems.simcards.service.sales import Purchase
from serai.systems.simcards.service.search import Wish
from serai.systems.simcards.service.showing import Viewer


def public_router(shop: Simcards) -> APIRouter:
    """Pools, search, holds, sales, portings."""
    router = Router(prefix="/api/simcards/v1", tags=["simcards"])
    _browse(router, shop)
    _hold(router, shop)
    _buy(router, shop)
    _port(router, shop)
    return router


def _browse(router: APIRouter, shop: Simcards) -> None:
    @router.get("/pools", response_model=PoolsOut, summary="Where numbers can be had")
    async def list_pools(principal: Asking) -> Response:
        pools = await shop.pools.all(principal.tenant)
        items = [pool_json(pool) for pool in pools if pool.opened_at is not None]
        return json_response({"items": items, "next_cursor": None})

    @router.post("/search", response_model=SearchOut, summary="A few numbers that look like this, masked")
    async def search(principal: Asking, wanted: SearchIn) -> Response:
        wish = Wish(
            pattern=Pattern(wanted.prefix, wanted.contains, wanted.ends, wanted.repeated),
            count=wanted.count,
            pool_id=body_uuid("pool_id", wanted.pool_id, "pool") if wanted.pool_id is not None else None,
            region=wanted.region,
            area=wanted.area,
            number_class=NumberClass(wanted.number_class) if wanted.number_class else None,
        )
        try:
            found = await shop.search.find(principal.tenant, wish, Viewer.of(principal, shop.settings))
        except NoSuchPool as error:
            raise Invalid.of("pool_id", "unknown_pool", error.message) from None
        return json_response({"items": [candidate_json(each) for each in found], "next_cursor": None})


def _hold(router: APIRouter, shop: Simcards) -> None:
    @router.post("/holds", response_model=HoldOut, status_code=201, summary="Hold a number for ten minutes")
    async def make_hold(principal: Asking, wanted: HoldIn) -> Response:
        viewer = Viewer.of(principal, shop.settings)
        holder, most = principal.label, limit_of(principal, shop.settings.holds_per_guest_max)
        if (wanted.pool_id is None) == (wanted.candidate_id is None):
            raise Invalid.of("pool_id", "one_of", "Send either the pool to draw from or the candidate to hold.")
        if wanted.candidate_id is not None:
            candidate = capability(wanted.candidate_id, NoSuchCandidate, "candidate")
            hold = await shop.holds.take(principal.tenant, candidate, viewer, holder=holder, holds_max=most)
            return json_response(hold_json(hold), 201)
        assert wanted.pool_id is not None
        try:
            hold = await shop.holds.draw(
                principal.tenant,
                body_uuid("pool_id", wanted.pool_id, "pool"),
                viewer,
                holder=holder,
                holds_max=most,
                number_class=NumberClass(wanted.number_class) if wanted.number_class else None,
            )
        except NoSuchPool as error:
            raise Invalid.of("pool_id", "unknown_pool", error.message) from None
        return json_response(hold_json(hold), 201)

    @router.get("/holds/{hold_id}", response_model=HoldOut, summary="A hold as it stands")
    async def get_hold(principal: Asking, hold_id: SecretId) -> Response:
        held = capability(hold_id, NoSuchNumberHold, "hold")
        return json_response(hold_json(await shop.holds.get(principal.tenant, held)))

    @router.post("/holds/{hold_id}/extend", response_model=HoldOut, summary="Ten minutes from now on")
    async def extend_hold(principal: Asking, hold_id: SecretId) -> Response:
        held = capability(hold_id, NoSuchNumberHold, "hold")
        return json_response(hold_json(await shop.holds.extend(principal.tenant, held)))

    @router.delete("/holds/{hold_id}", status_code=204, summary="Give the number back")
    async def release_hold(principal: Asking, hold_id: SecretId) -> Response:
        await shop.holds.release(principal.tenant, capability(hold_id, NoSuchNumberHold, "hold"))
        return Response(status_code=204)


def _buy(router: APIRouter, shop: Simcards) -> None:
    @router.post("/sales", response_model=SaleOut, status_code=201, summary="Pay for a held number")
    async def sell(
        request: Request,
        principal: Asking,
        wanted: SaleIn,
        idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
    ) -> Response:
        hold, key = await paid_hold(request, principal, wanted.hold_id, idempotency_key)
        who = wanted.identity
        identity = Identity(who.name, who.country, who.document_kind, who.document_number)
        purchase = Purchase(hold, wanted.payment_method, wanted.email, identity)
        return _reply(await shop.sales.sell(principal.tenant, purchase, key))

    @router.post("/sales/{sale_id}/continue", response_model=SaleOut, summary="After the bank's confirmation")
    async def resume(principal: Asking, sale_id: SecretId) -> Response:
        return _reply(await shop.sales.resume(principal.tenant, capability(sale_id, NoSuchSale, "sale")))

    @router.get("/sales/{sale_id}", response_model=SaleOut, summary="A sale as it stands")
    async def get_sale(principal: Asking, sale_id: SecretId) -> Response:
        return json_response(sale_json(await shop.sales.get(principal.tenant, capability(sale_id, NoSuchSale, "sale"))))

    @router.post("/sales/{sale_id}/activate", response_model=SaleOut, summary="Put the number on a card")
    async def activate(principal: Asking, sale_id: SecretId, wanted: ActivateIn) -> Response:
        found = capability(sale_id, NoSuchSale, "sale")
        try:
            iccid = parse_iccid(wanted.iccid)
        except BadCard as error:
            raise Invalid.of("iccid", error.code, str(error)) from None
        return json_response(sale_json(await shop.sales.activate(principal.tenant, found, iccid, principal.label)))

    @router.post("/sales/{sale_id}/return", response_model=SaleOut, summary="Give the number up")
    async def take_back(principal: Asking, sale_id: SecretId) -> Response:
        found = capability(sale_id, NoSuchSale, "sale")
        return json_response(sale_json(await shop.sales.take_back(principal.tenant, found, principal.label)))


def _port(router: APIRouter, shop: Simcards) -> None:
    @router.post("/portings", response_model=PortingOut, status_code=201, summary="Bring a number along")
    async def ask_in(principal: Asking, wanted: PortInIn) -> Response:
        number = parse_number(wanted.number)
        if number is None:
            raise Invalid.of("number", "not_a_number", "Write the number with its country code, such as +12125552368.")
        made = await shop.portings.ask_in(principal.tenant, number, wanted.carrier, wanted.name)
        return json_response(porting_json(made, secret=True), 201)

    @router.post("/sales/{sale_id}/port-out", response_model=PortingOut, status_code=201, summary="Take a number away")
    async def ask_out(principal: Asking, sale_id: SecretId, wanted: PortOutIn) -> Response:
        sale = capability(sale_id, NoSuchSale, "sale")
        made = await shop.portings.ask_out(principal.tenant, sale, wanted.carrier, wanted.name)
        return json_response(porting_json(made, secret=True), 201)

    @router.get("/portings/{porting_id}", response_model=PortingOut, summary="A porting request as it stands")
    async def get_porting(principal: Asking, porting_id: SecretId) -> Response:
        asked = capability(porting_id, NoSuchPorting, "porting request")
        return json_response(porting_json(await shop.portings.get(principal.tenant, asked), secret=True))

    @router.post("/portings/{porting_id}/withdraw", response_model=PortingOut, summary="Think better of it")
    async def withdraw(principal: Asking, porting_id: SecretId) -> Response:
        asked = capability(porting_id, NoSuchPorting, "porting request")
        return json_response(porting_json(await shop.portings.withdraw(principal.tenant, asked), secret=True))


def _reply(reply: Reply) -> Response:
    media_type = "application/json" if reply.status < 400 else "application/problem+json"
    return Response(reply.body, reply.status, media_type=media_type, headers={"Cache-Control": "no-store"})
