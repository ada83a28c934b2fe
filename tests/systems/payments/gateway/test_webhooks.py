"""Webhooks: signed, retried, and as unreliable as the fault scripts ask for."""

import asyncio
import json
from dataclasses import replace

import pytest
import stripe

from serai.systems.payments.gateway.settings import GatewaySettings
from serai.systems.payments.gateway.webhooks import backoff_s

SUCCEEDED = "payment_intent.succeeded"


async def _listen(gateway, receiver, *types: str) -> str:
    """Registers the receiver and gives its signing secret."""
    endpoint = await gateway.client.v1.webhook_endpoints.create_async(
        {"url": receiver.url, "enabled_events": list(types) or ["*"]}
    )
    return endpoint.secret


def _about(received) -> str:
    return json.loads(received.body)["data"]["object"]["id"]


async def test_events_arrive_signed(gateway, receiver) -> None:
    secret = await _listen(gateway, receiver)
    paid = await gateway.paid()
    got = [await receiver.next() for _ in range(3)]
    events = [stripe.Webhook.construct_event(one.body, one.signature, secret) for one in got]
    assert sorted(event.type for event in events) == ["charge.succeeded", "payment_intent.created", SUCCEEDED]
    (done,) = [event for event in events if event.type == SUCCEEDED]
    assert done.data.object.id == paid.id
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(got[0].body, got[0].signature, "whsec_other")


async def test_only_chosen_events_are_sent(gateway, receiver) -> None:
    await _listen(gateway, receiver, SUCCEEDED)
    first, second = await gateway.paid(), await gateway.paid()
    assert {_about(await receiver.next()) for _ in range(2)} == {first.id, second.id}
    assert receiver.waiting() == 0


async def test_a_refused_webhook_is_sent_again(gateway, receiver) -> None:
    receiver.refuse = 3
    await _listen(gateway, receiver, SUCCEEDED)
    paid = await gateway.paid()
    async with asyncio.timeout(10):
        while receiver.waiting() == 0:
            gateway.clock.advance(seconds=1)
            await asyncio.sleep(0)
    assert (_about(await receiver.next()), receiver.refused) == (paid.id, 3)


async def test_a_webhook_is_given_up_after_its_attempts(settings, receiver, start) -> None:
    gateway = await start(replace(settings, webhook_attempts_max=3))
    receiver.refuse = 99
    await _listen(gateway, receiver, SUCCEEDED)
    await gateway.paid()
    given_up = 0
    async with asyncio.timeout(10):
        while not given_up:
            gateway.clock.advance(seconds=1)
            async with gateway.http.get("/_test/state") as answer:
                given_up = (await answer.json())["deliveries"]["given_up"]
    assert (given_up, receiver.refused) == (1, 3)
    (event,) = (await gateway.client.v1.events.list_async({"type": SUCCEEDED})).data
    assert event.pending_webhooks == 1


@pytest.mark.parametrize(("attempt", "wait_s"), [(1, 0.5), (2, 1.0), (5, 8.0), (7, 32.0), (8, None)])
def test_waits_double_and_end(attempt: int, wait_s: float | None) -> None:
    assert backoff_s(GatewaySettings(), attempt) == wait_s


async def test_a_duplicate_on_demand(gateway, receiver) -> None:
    await _listen(gateway, receiver, SUCCEEDED)
    await gateway.script(SUCCEEDED, "webhook_duplicate")
    await gateway.paid()
    one, other = await receiver.next(), await receiver.next()
    assert json.loads(one.body)["id"] == json.loads(other.body)["id"]


async def test_a_late_one_on_demand(gateway, receiver) -> None:
    await _listen(gateway, receiver, SUCCEEDED)
    await gateway.script(SUCCEEDED, "webhook_late")
    late, prompt = await gateway.paid(), await gateway.paid()
    assert _about(await receiver.next()) == prompt.id
    gateway.clock.advance(seconds=gateway.settings.webhook_late_s)
    assert _about(await receiver.next()) == late.id


async def test_out_of_order_on_demand(gateway, receiver) -> None:
    await _listen(gateway, receiver, SUCCEEDED)
    await gateway.script(SUCCEEDED, "webhook_out_of_order")
    first, second = await gateway.paid(), await gateway.paid()
    assert [_about(await receiver.next()) for _ in range(2)] == [second.id, first.id]


async def test_endpoints_are_listed_without_secret_and_deleted(gateway, receiver) -> None:
    endpoints = gateway.client.v1.webhook_endpoints
    made = await endpoints.create_async({"url": receiver.url, "enabled_events": ["*"], "metadata": {"a": "b"}})
    assert made.secret.startswith("whsec_")
    (listed,) = (await endpoints.list_async()).data
    assert (listed.id, "secret" in listed, listed.metadata["a"]) == (made.id, False, "b")
    assert "secret" not in await endpoints.retrieve_async(made.id)
    gone = await endpoints.delete_async(made.id)
    assert (gone.id, gone.deleted) == (made.id, True)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await endpoints.delete_async(made.id)
    assert refused.value.http_status == 404
    paid = await gateway.paid()
    event = (await gateway.client.v1.events.list_async({"type": SUCCEEDED})).data[0]
    assert (event.data.object["id"], event.pending_webhooks) == (paid.id, 0)


@pytest.mark.parametrize(
    "params",
    [
        {"url": "ftp://x/y", "enabled_events": ["*"]},
        {"url": "http://x/y"},
        {"url": "http://x/y", "enabled_events": ["moon.rises"]},
        {"enabled_events": ["*"]},
    ],
)
async def test_a_senseless_endpoint_is_refused(gateway, params: dict) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        await gateway.client.v1.webhook_endpoints.create_async(params)


async def test_endpoints_are_bounded(settings, start) -> None:
    gateway = await start(replace(settings, endpoints_max=1))
    params = {"url": "http://127.0.0.1:9/hook", "enabled_events": ["*"]}
    await gateway.client.v1.webhook_endpoints.create_async(params)
    with pytest.raises(stripe.InvalidRequestError, match="maximum of 1"):
        await gateway.client.v1.webhook_endpoints.create_async(params)


async def test_an_endpoint_of_the_settings_exists_with_its_secret(settings, receiver, start) -> None:
    chosen = {"webhook_url": receiver.url, "webhook_secret": "whsec_known", "webhook_events": (SUCCEEDED,)}
    gateway = await start(replace(settings, **chosen))
    await gateway.paid()
    got = await receiver.next()
    assert stripe.Webhook.construct_event(got.body, got.signature, "whsec_known").type == SUCCEEDED
