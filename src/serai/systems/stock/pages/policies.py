"""/stock/products/{id}/policies/{place}: when to order a product at a place, with a suggestion from what was sold."""

from typing import Any

from fastapi import APIRouter, Request, Response

from serai.kernel.errors import Invalid
from serai.runtime.http.answers import path_uuid
from serai.runtime.postgres.database import Transaction
from serai.systems.identity.api import done
from serai.systems.stock.errors import NoSuchLocation, NoSuchProduct
from serai.systems.stock.http.models import PolicyIn
from serai.systems.stock.http.parts import Manager, PlainId, Viewer
from serai.systems.stock.http.reorder import rule_of
from serai.systems.stock.pages.parts import SHOWN_AGAIN, Floor
from serai.systems.stock.reorder import SERVICE_PERCENT
from serai.systems.stock.service.alerts import Ruled
from serai.web.forms import Form, read_form

HISTORY_DAYS = 90
LEAD_TIME_DAYS = 7
"""Of a product without a policy, until somebody says."""

LEAD_TIME_DAYS_MAX = 365


class PoliciesPages:
    """Shows and sets a policy."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    def add_to(self, router: APIRouter) -> None:
        """Adds the routes."""
        router.add_api_route("/products/{product_id}/policies/{location_id}", self.show, methods=["GET"])
        router.add_api_route("/products/{product_id}/policies/{location_id}", self.put, methods=["POST"])

    async def show(self, request: Request, principal: Viewer, product_id: PlainId, location_id: PlainId) -> Response:
        """The policy as it is, beside what the sales suggest for a lead time."""
        return await self._page(request, principal, product_id, location_id, None)

    async def put(self, request: Request, principal: Manager, product_id: PlainId, location_id: PlainId) -> Response:
        """Sets the policy, or shows the form again."""
        form = await read_form(request)
        alerts = self._floor.stock.alerts
        try:
            names = {name: value for name, value in form.values.items() if name in PolicyIn.model_fields and value}
            names |= {"product_id": product_id, "location_id": location_id}
            rule = rule_of(form.read_as(PolicyIn, names))
            ruled = await self._floor.stock.run(
                principal.tenant, lambda tx: alerts.put_policy(tx, rule, principal.label)
            )
        except SHOWN_AGAIN as error:
            return await self._page(request, principal, product_id, location_id, form.refused(error), error.status)
        said = f"{ruled.product.name} is ordered at {ruled.location.name} from {form.value('reorder_point')} on."
        return done(request, f"/stock/products/{ruled.product.product_id}", said)

    async def _page(
        self,
        request: Request,
        principal: Viewer,
        product_id: str,
        location_id: str,
        form: Form | None,
        status: int = 200,
    ) -> Response:
        of = path_uuid(product_id, NoSuchProduct, "product")
        at = path_uuid(location_id, NoSuchLocation, "location")
        stock = self._floor.stock

        async def read(tx: Transaction) -> dict[str, Any]:
            product, location = await stock.catalogue.product(tx, of), await stock.catalogue.location(tx, at)
            found = await stock.alerts.policies(tx, [product.product_no], location.location_no)
            ruled = found[0] if found else None
            lead = _lead_time(request.query_params.get("lead_time_days", ""), ruled)
            try:
                _, suggestion = await stock.alerts.suggestion(tx, of, at, HISTORY_DAYS, lead, SERVICE_PERCENT)
            except Invalid:
                suggestion = None
            return {
                "product": product,
                "location": location,
                "ruled": ruled,
                "lead": lead,
                "suggestion": suggestion,
                "form": form or _filled(ruled, lead),
            }

        context = await stock.read(principal.tenant, read)
        return self._floor.page(request, principal, "policy", status, **context)


def _lead_time(text: str, ruled: Ruled | None) -> int:
    if text.isascii() and text.isdecimal() and len(text) <= 3:
        return min(int(text), LEAD_TIME_DAYS_MAX)
    return ruled.policy.lead_time_days if ruled else LEAD_TIME_DAYS


def _filled(ruled: Ruled | None, lead: int) -> Form:
    if ruled is None:
        return Form({"lead_time_days": str(lead), "safety_stock": "0"})
    product, policy = ruled.product, ruled.policy
    return Form(
        {
            "reorder_point": product.written(policy.reorder_point),
            "reorder_quantity": product.written(policy.reorder_quantity),
            "level_max": "" if policy.level_max is None else product.written(policy.level_max),
            "lead_time_days": str(policy.lead_time_days),
            "safety_stock": product.written(policy.safety_stock),
        }
    )
