"""Keys, idempotency and the rest of the road that every POST takes."""

import asyncio
from base64 import b64encode
from contextlib import suppress
from dataclasses import replace

import httpx
import pytest
import stripe

from serai.systems.payments.gateway.edge import Gateway
from serai.systems.payments.gateway.server import create_app
from serai.systems.payments.gateway.store import opened

PARAMS = {"amount": 1250, "currency": "eur", "confirm": True, "payment_method": "pm_card_visa"}
FORM = {name: str(value).lower() if value is True else value for name, value in PARAMS.items()}


async def test_the_same_key_and_parameters_replay_the_first_answer(gateway) -> None:
    intents = gateway.client.v1.payment_intents
    first = await intents.create_async(PARAMS, {"idempotency_key": "order-7"})
    again = await intents.create_async(PARAMS, {"idempotency_key": "order-7"})
    assert again.to_dict() == first.to_dict()
    assert "Idempotent-Replayed" not in first.last_response.headers
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert again.last_response.headers["Original-Request"] == first.last_response.headers["Request-Id"]
    assert len((await intents.list_async()).data) == 1


async def test_a_decline_is_replayed_with_its_status(gateway) -> None:
    intents = gateway.client.v1.payment_intents
    params = PARAMS | {"payment_method": "pm_card_chargeDeclined"}
    seen = []
    for _ in range(2):
        with pytest.raises(stripe.CardError) as refused:
            await intents.create_async(params, {"idempotency_key": "declined"})
        seen.append((refused.value.error.payment_intent.id, refused.value.headers.get("Idempotent-Replayed")))
    assert seen[0][0] == seen[1][0]
    assert [replayed for _, replayed in seen] == [None, "true"]


async def test_a_refusal_by_state_is_replayed_but_a_bad_parameter_is_not(gateway) -> None:
    intents = gateway.client.v1.payment_intents
    held = await gateway.authorised()
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await intents.capture_async(held.id, {"amount_to_capture": 9999}, {"idempotency_key": "too-much"})
    with pytest.raises(stripe.InvalidRequestError) as again:
        await intents.capture_async(held.id, {"amount_to_capture": 9999}, {"idempotency_key": "too-much"})
    assert (refused.value.code, again.value.headers["Idempotent-Replayed"]) == ("amount_too_large", "true")
    with pytest.raises(stripe.InvalidRequestError):
        await intents.capture_async(held.id, {"colour": "red"}, {"idempotency_key": "typo"})
    assert (await intents.capture_async(held.id, {}, {"idempotency_key": "typo"})).status == "succeeded"


async def test_a_key_serves_one_request_only(gateway) -> None:
    intents = gateway.client.v1.payment_intents
    first = await intents.create_async(PARAMS, {"idempotency_key": "order-7"})
    for attempt in (
        intents.create_async(PARAMS | {"amount": 999}, {"idempotency_key": "order-7"}),
        intents.update_async(first.id, {"description": "x"}, {"idempotency_key": "order-7"}),
    ):
        with pytest.raises(stripe.IdempotencyError) as refused:
            await attempt
        assert (refused.value.http_status, refused.value.error.type) == (400, "idempotency_error")


async def test_a_key_is_forgotten_after_a_day(gateway) -> None:
    intents = gateway.client.v1.payment_intents
    first = await intents.create_async(PARAMS, {"idempotency_key": "order-7"})
    gateway.clock.advance(seconds=86_400 + 2)
    async with asyncio.timeout(10):
        while (await intents.create_async(PARAMS, {"idempotency_key": "order-7"})).id == first.id:
            pass


async def test_one_key_from_many_sides_pays_once(gateway) -> None:
    intents = gateway.client.v1.payment_intents
    options = {"idempotency_key": "stampede"}
    outcomes = await asyncio.gather(*(intents.create_async(PARAMS, options) for _ in range(32)), return_exceptions=True)
    won = {one.id for one in outcomes if isinstance(one, stripe.PaymentIntent)}
    refused = [one for one in outcomes if isinstance(one, Exception)]
    assert len(won) == 1
    assert all(one.http_status == 409 and one.error.code == "idempotency_key_in_use" for one in refused)
    assert len((await intents.list_async()).data) == 1


async def test_a_key_in_flight_is_409_until_the_first_is_durable(settings, clock) -> None:
    class _Random:
        def token(self, size: int) -> bytes:
            return bytes(size)

        def below(self, bound: int) -> int:
            return 0

    headers = {"Authorization": f"Bearer {settings.secret_keys[0]}", "Idempotency-Key": "order-7"}
    with opened(settings.directory) as store:
        gateway = Gateway(settings, store, clock, _Random())
        transport = httpx.ASGITransport(create_app(gateway))
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=headers) as client:
            twins = [asyncio.create_task(client.post("/v1/payment_intents", data=FORM)) for _ in range(2)]
            (second,), (first,) = await asyncio.wait(twins, return_when=asyncio.FIRST_COMPLETED)
            assert second.result().status_code == 409
            assert second.result().json()["error"]["code"] == "idempotency_key_in_use"
            commits = asyncio.create_task(gateway.commits.run())
            assert (await first).status_code == 200
            replayed = await client.post("/v1/payment_intents", data=FORM)
            assert replayed.headers["Idempotent-Replayed"] == "true"
            commits.cancel()
            with suppress(asyncio.CancelledError):
                await commits


async def test_too_many_waiting_changes_are_429(settings, clock, start) -> None:
    gateway = await start(replace(settings, queue_max=1, batch_max=1))
    outcomes = await asyncio.gather(*(gateway.paid() for _ in range(50)), return_exceptions=True)
    refused = [one for one in outcomes if isinstance(one, Exception)]
    assert refused
    assert all(isinstance(one, stripe.RateLimitError) for one in refused)
    went = [one.id for one in outcomes if isinstance(one, stripe.PaymentIntent)]
    listed = await gateway.client.v1.payment_intents.list_async({"limit": 100})
    assert sorted(one.id for one in listed.data) == sorted(went)


@pytest.mark.parametrize("key", ["sk_test_wrong", "pk_test_1", ""])
async def test_a_wrong_key_is_401(gateway, connect, key: str) -> None:
    if not key:
        async with gateway.http.get("/v1/events", headers={"Authorization": ""}) as answer:
            assert (answer.status, (await answer.json())["error"]["type"]) == (401, "invalid_request_error")
        return
    async with connect(gateway.url, key) as client:
        with pytest.raises(stripe.AuthenticationError, match="Invalid API Key"):
            await client.v1.payment_intents.create_async(PARAMS)


async def test_basic_authentication_works(gateway) -> None:
    basic = b64encode(f"{gateway.settings.secret_keys[0]}:".encode()).decode()
    async with gateway.http.get("/v1/events", headers={"Authorization": f"Basic {basic}"}) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("header", ["Basic ???", "Basic /w==", "Digest x", "Bearer", "Bearer é"])
async def test_a_broken_authorization_header_is_401(gateway, header: str) -> None:
    async with gateway.http.get("/v1/events", headers={"Authorization": header}) as answer:
        assert answer.status == 401


async def test_large_bodies_and_long_keys_are_refused(gateway) -> None:
    body = "description=" + "x" * gateway.settings.body_bytes_max
    async with gateway.http.post("/v1/payment_intents", data=body) as answer:
        assert answer.status == 400
    async with gateway.http.post("/v1/payment_intents", data=FORM, headers={"Idempotency-Key": "k" * 256}) as answer:
        assert answer.status == 400
    assert (await gateway.client.v1.payment_intents.list_async()).data == []


async def test_health_needs_no_key(gateway) -> None:
    async with gateway.http.get("/healthz", headers={"Authorization": ""}) as answer:
        assert (answer.status, await answer.json()) == (200, {"status": "ok"})
