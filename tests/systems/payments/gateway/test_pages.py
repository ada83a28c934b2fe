"""The pages that people see: the buyer's authentication and the dashboard."""

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
import stripe

CHALLENGED = {"payment_method": "pm_card_authenticationRequired"}


async def _challenged(gateway, **more: object) -> tuple[stripe.PaymentIntent, str]:
    intent = await gateway.authorised(**CHALLENGED, **more)
    assert (intent.status, intent.next_action.type) == ("requires_action", "redirect_to_url")
    return intent, intent.next_action.redirect_to_url.url.removeprefix(gateway.url)


async def test_the_buyer_approves_and_returns_to_the_shop(gateway) -> None:
    intent, page = await _challenged(
        gateway, return_url="http://shop.example/back?booking=7", description="<b>Film</b>"
    )
    async with gateway.http.get(page, headers={"Authorization": ""}) as answer:
        text = await answer.text()
        assert (answer.status, "€12.50" in text, "&lt;b&gt;Film" in text) == (200, True, True)
    async with gateway.http.post(page, data={"decision": "approve"}, allow_redirects=False) as answer:
        back = urlsplit(answer.headers["Location"])
        assert (answer.status, back.netloc) == (303, "shop.example")
    assert parse_qs(back.query) == {
        "booking": ["7"],
        "payment_intent": [intent.id],
        "payment_intent_client_secret": [intent.client_secret],
        "redirect_status": ["succeeded"],
    }
    held = await gateway.client.v1.payment_intents.retrieve_async(intent.id)
    assert (held.status, held.next_action, held.amount_capturable) == ("requires_capture", None, 1250)
    assert (await gateway.client.v1.payment_intents.capture_async(intent.id)).status == "succeeded"


async def test_the_buyer_refuses(gateway) -> None:
    intent, page = await _challenged(gateway)
    async with gateway.http.post(page, data={"decision": "refuse"}) as answer:
        assert "refused" in await answer.text()
    refused = await gateway.client.v1.payment_intents.retrieve_async(intent.id)
    assert (refused.status, refused.payment_method) == ("requires_payment_method", None)
    assert refused.last_payment_error.code == "payment_intent_authentication_failure"
    async with gateway.http.post(page, data={"decision": "approve"}) as answer:
        assert "refused" in await answer.text()
    assert (await gateway.client.v1.payment_intents.retrieve_async(intent.id)).status == "requires_payment_method"


async def test_a_cancelled_payment_is_not_approved_afterwards(gateway) -> None:
    intent, page = await _challenged(gateway)
    await gateway.client.v1.payment_intents.cancel_async(intent.id)
    async with gateway.http.post(page, data={"decision": "approve"}) as answer:
        assert "cancelled" in await answer.text()
    assert (await gateway.client.v1.payment_intents.retrieve_async(intent.id)).status == "canceled"


async def test_the_page_opens_only_with_its_key(gateway) -> None:
    intent, page = await _challenged(gateway)
    for wrong in (page[:-1], page.partition("?")[0], page.replace(intent.id, "pi_" + "0" * 24)):
        async with gateway.http.post(wrong, data={"decision": "approve"}) as answer:
            assert answer.status == 404
    assert (await gateway.client.v1.payment_intents.retrieve_async(intent.id)).status == "requires_action"


@pytest.mark.parametrize("form", [{}, {"decision": "maybe"}, {"decision": "approve", "amount": "1"}])
async def test_an_unclear_decision_changes_nothing(gateway, form: dict) -> None:
    intent, page = await _challenged(gateway)
    async with gateway.http.post(page, data=form) as answer:
        assert answer.status == 400
    assert (await gateway.client.v1.payment_intents.retrieve_async(intent.id)).status == "requires_action"


async def test_the_dashboard_shows_payments_and_wants_a_key(gateway) -> None:
    paid = await gateway.paid(metadata={"order": "<7>"})
    async with gateway.http.get("/") as answer:
        text = await answer.text()
        assert (paid.id in text, "order: &lt;7&gt;" in text, "€12.50" in text) == (True, True, True)
    async with gateway.http.get("/", headers={"Authorization": ""}) as answer:
        assert (answer.status, answer.headers["WWW-Authenticate"][:5]) == (401, "Basic")


async def test_an_open_dashboard_needs_none(settings, start) -> None:
    gateway = await start(replace(settings, dashboard_open=True))
    async with aiohttp.ClientSession() as anonymous, anonymous.get(gateway.url) as answer:
        assert (answer.status, "No payments yet" in await answer.text()) == (200, True)
