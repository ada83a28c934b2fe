"""Failures on demand, as the official client meets them."""

import aiohttp
import pytest
import stripe

from serai.systems.payments.gateway.errors import InvalidRequest
from serai.systems.payments.gateway.faults import OF_REQUESTS, OF_WEBHOOKS, Fault, Faults

PARAMS = {"amount": 1250, "currency": "eur", "confirm": True, "payment_method": "pm_card_visa"}
SHORT_S = 0.3


async def test_a_timeout_before_the_effect_leaves_nothing(gateway, connect) -> None:
    await gateway.script("create", "timeout_before_effect")
    options = {"idempotency_key": "order-7"}
    async with connect(gateway.url, timeout_s=SHORT_S) as hasty:
        with pytest.raises(stripe.APIConnectionError):
            await hasty.v1.payment_intents.create_async(PARAMS, options)
    assert (await gateway.client.v1.payment_intents.list_async()).data == []
    retried = await gateway.client.v1.payment_intents.create_async(PARAMS, options)
    assert "Idempotent-Replayed" not in retried.last_response.headers


async def test_a_timeout_after_the_effect_is_found_by_asking_and_by_retrying(gateway, connect) -> None:
    await gateway.script("create", "timeout_after_effect")
    options = {"idempotency_key": "order-7"}
    async with connect(gateway.url, timeout_s=SHORT_S) as hasty:
        with pytest.raises(stripe.APIConnectionError):
            await hasty.v1.payment_intents.create_async(PARAMS | {"metadata": {"order": "7"}}, options)
    (found,) = (await gateway.client.v1.payment_intents.list_async()).data
    assert (found.status, found.metadata["order"]) == ("succeeded", "7")
    retried = await gateway.client.v1.payment_intents.create_async(PARAMS | {"metadata": {"order": "7"}}, options)
    assert (retried.id, retried.last_response.headers["Idempotent-Replayed"]) == (found.id, "true")


async def test_a_card_whose_answer_is_lost(gateway, connect) -> None:
    async with connect(gateway.url, timeout_s=SHORT_S) as hasty:
        with pytest.raises(stripe.APIConnectionError):
            await hasty.v1.payment_intents.create_async(PARAMS | {"payment_method": "pm_card_answerLost"})
    (found,) = (await gateway.client.v1.payment_intents.list_async()).data
    assert found.status == "succeeded"


async def test_429_takes_no_effect_and_may_be_retried_with_the_same_key(gateway) -> None:
    held = await gateway.authorised()
    capture = gateway.client.v1.payment_intents.capture_async
    await gateway.script("capture", "status_429", times=2)
    for _ in range(2):
        with pytest.raises(stripe.RateLimitError):
            await capture(held.id, {}, {"idempotency_key": "c"})
    assert (await capture(held.id, {}, {"idempotency_key": "c"})).status == "succeeded"


async def test_500_takes_no_effect_and_stays_under_its_key(gateway) -> None:
    held = await gateway.authorised()
    capture = gateway.client.v1.payment_intents.capture_async
    await gateway.script("capture", "status_500")
    for _ in range(2):
        with pytest.raises(stripe.APIError) as broken:
            await capture(held.id, {}, {"idempotency_key": "c"})
        assert broken.value.http_status == 500
    assert (await gateway.client.v1.payment_intents.retrieve_async(held.id)).status == "requires_capture"
    assert (await capture(held.id, {}, {"idempotency_key": "another"})).status == "succeeded"


@pytest.mark.parametrize(("kind", "error"), [("status_429", stripe.RateLimitError), ("status_500", stripe.APIError)])
async def test_reads_fail_on_demand_too(gateway, kind: str, error: type[Exception]) -> None:
    paid = await gateway.paid()
    await gateway.script("retrieve", kind)
    with pytest.raises(error):
        await gateway.client.v1.payment_intents.retrieve_async(paid.id)
    assert (await gateway.client.v1.payment_intents.retrieve_async(paid.id)).id == paid.id


async def test_only_a_test_key_may_script_faults(gateway) -> None:
    live = {"Authorization": "Bearer sk_live_gateway"}
    for path in ("/_test/faults", "/_test/state"):
        async with gateway.http.get(path, headers=live) as answer:
            assert answer.status == 403


async def test_scripts_are_listed_and_cleared(gateway) -> None:
    await gateway.script("capture", "status_500", times=2)
    form = aiohttp.FormData({"operation": "*", "kind": "webhook_late"})
    async with gateway.http.post("/_test/faults", data=form) as answer:
        assert await answer.json() == {"operation": "*", "kind": "webhook_late", "times": 1}
    async with gateway.http.get("/_test/faults") as answer:
        assert [script["times"] for script in (await answer.json())["data"]] == [2, 1]
    async with gateway.http.delete("/_test/faults") as answer:
        assert (await answer.json())["data"] == []


@pytest.mark.parametrize(
    "body",
    [
        {"operation": "fly", "kind": "status_500"},
        {"operation": "capture", "kind": "explode"},
        {"operation": "capture", "kind": "webhook_late"},
        {"operation": "capture"},
        {"operation": "capture", "kind": "status_500", "times": 0},
        {"operation": "capture", "kind": "status_500", "colour": "red"},
        ["capture"],
    ],
)
async def test_a_senseless_script_is_refused(gateway, body: object) -> None:
    async with gateway.http.post("/_test/faults", json=body) as answer:
        assert (answer.status, (await answer.json())["error"]["type"]) == (400, "invalid_request_error")


async def test_the_state_adds_up(gateway) -> None:
    paid, held = await gateway.paid(1000, metadata={"order": "1"}), await gateway.authorised(700)
    await gateway.client.v1.refunds.create_async({"payment_intent": paid.id, "amount": 250})
    async with gateway.http.get("/_test/state") as answer:
        state = await answer.json()
    by_id = {row["id"]: row for row in state["payments"]}
    assert (by_id[paid.id]["amount_received"], by_id[paid.id]["amount_refunded"]) == (1000, 250)
    assert (by_id[held.id]["amount_capturable"], by_id[held.id]["amount_refunded"]) == (700, 0)
    assert state["refunds"] == [{"currency": "eur", "count": 1, "amount": 250}]
    assert {row["status"]: row["amount_received"] for row in state["payment_intents"]} == {
        "succeeded": 1000,
        "requires_capture": 0,
    }


def test_scripts_are_used_up_in_order_and_bounded() -> None:
    faults = Faults(scripts_max=2)
    faults.add({"operation": "capture", "kind": "status_500", "times": 2})
    faults.add({"operation": "*", "kind": "status_429"})
    assert faults.take("charge.refunded", OF_WEBHOOKS) is None
    assert [faults.take("capture", OF_REQUESTS) for _ in range(4)] == [
        Fault.STATUS_500,
        Fault.STATUS_500,
        Fault.STATUS_429,
        None,
    ]
    for _ in range(2):
        faults.add({"operation": "cancel", "kind": "status_500"})
    with pytest.raises(InvalidRequest):
        faults.add({"operation": "cancel", "kind": "status_500"})
