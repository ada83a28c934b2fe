"""The gateway's own pages: where a buyer authenticates a payment, and a dashboard for whoever runs it.

The authentication page is opened by a key that only the redirect carries, so nobody can approve another's payment.
"""

import hmac
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from jinja2 import Environment, FileSystemLoader, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from serai.kernel.money import Money
from serai.systems.payments.gateway import forms, intents, model, params
from serai.systems.payments.gateway.edge import Gateway
from serai.systems.payments.gateway.errors import NoSuchThing
from serai.systems.payments.gateway.model import Doc
from serai.systems.payments.gateway.routes import guarded
from serai.systems.payments.gateway.states import Status

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_PAYMENTS_SHOWN = 50
_EVENTS_SHOWN = 50


class Pages:
    """The pages over one gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        loader = FileSystemLoader(Path(__file__).with_name("templates"))
        self._templates = Environment(loader=loader, autoescape=select_autoescape())
        self._templates.filters["money"] = lambda doc, name="amount": Money(doc[name], doc["currency"].upper()).format()

    def routes(self) -> list[Route]:
        """The paths of the pages."""
        return [
            Route("/authenticate/{id}", guarded(self._ask), methods=["GET"]),
            Route("/authenticate/{id}", guarded(self._decide), methods=["POST"]),
            Route("/", guarded(self._dashboard), methods=["GET"]),
        ]

    async def _ask(self, request: Request) -> Response:
        intent = self._challenged(request)
        return self._page("authenticate.html", intent=intent, waiting=intent["status"] == Status.REQUIRES_ACTION)

    async def _decide(self, request: Request) -> Response:
        gateway = self._gateway
        before = self._challenged(request)
        form = forms.nest(forms.pairs(await gateway.body(request)))
        decision = params.read_all({"decision": params.choice("approve", "refuse")}, form)
        params.require(decision, "decision")
        if before["status"] != Status.REQUIRES_ACTION:
            return self._page("authenticate.html", intent=before, waiting=False)

        def change() -> Doc:
            desk = gateway.desk({"id": gateway.new_request_id(), "idempotency_key": None})
            approved = decision["decision"] == "approve"
            settled = intents.authenticated(desk, gateway.terms, before["id"], approved)
            gateway.store.record(desk)
            return settled

        settled = await gateway.commits.apply(change)
        back = before["next_action"]["redirect_to_url"]["return_url"]
        if back:
            return RedirectResponse(_return_to(back, settled), status_code=303, headers=_HEADERS)
        return self._page("authenticate.html", intent=settled, waiting=False)

    def _challenged(self, request: Request) -> Doc:
        """The intent that the page is about, if the key in the address is its own."""
        id_ = request.path_params["id"]
        intent = self._gateway.store.committed.get("payment_intent", id_)
        given = request.query_params.get("key", "")
        if intent is None or not hmac.compare_digest(given.encode(), model.challenge_key(intent).encode()):
            raise NoSuchThing("There is nothing to authenticate at this address.")
        return intent

    async def _dashboard(self, request: Request) -> Response:
        if not self._gateway.settings.dashboard_open:
            self._gateway.authenticate(request)
        shelf = self._gateway.store.committed
        asked = dict(request.query_params)
        page: dict[str, Any] = {"limit": _PAYMENTS_SHOWN}
        if asked.get("starting_after"):
            page["starting_after"] = asked["starting_after"]
        payments, more = shelf.page("payment_intent", page)
        events, _ = shelf.page("event", {"limit": _EVENTS_SHOWN})
        return self._page("dashboard.html", payments=payments, more=more, events=events, totals=shelf.totals())

    def _page(self, name: str, **values: Any) -> HTMLResponse:
        return HTMLResponse(self._templates.get_template(name).render(**values), headers=_HEADERS)


def _return_to(url: str, intent: Doc) -> str:
    """The shop's address with what Stripe adds to it."""
    parts = urlsplit(url)
    went = "failed" if intent["status"] == Status.REQUIRES_PAYMENT_METHOD else "succeeded"
    added = {
        "payment_intent": intent["id"],
        "payment_intent_client_secret": intent["client_secret"],
        "redirect_status": went,
    }
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *added.items()])
    return urlunsplit(parts._replace(query=query))
