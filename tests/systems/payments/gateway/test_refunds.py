"""Refunds over the wire, through the official client."""

import asyncio

import pytest
import stripe


async def test_partial_refunds_up_to_what_was_captured(gateway) -> None:
    refunds = gateway.client.v1.refunds
    held = await gateway.authorised()
    await gateway.client.v1.payment_intents.capture_async(held.id, {"amount_to_capture": 1000})
    first = await refunds.create_async({"payment_intent": held.id, "amount": 300, "reason": "requested_by_customer"})
    assert (first.status, first.amount, first.payment_intent) == ("succeeded", 300, held.id)
    with pytest.raises(stripe.InvalidRequestError, match=r"€7\.01.*€7\.00") as refused:
        await refunds.create_async({"payment_intent": held.id, "amount": 701})
    assert refused.value.param == "amount"
    rest = await refunds.create_async({"charge": held.latest_charge, "expand": ["charge"], "metadata": {"why": "x"}})
    assert (rest.amount, rest.charge.amount_refunded, rest.charge.refunded) == (700, 1000, True)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await refunds.create_async({"payment_intent": held.id})
    assert refused.value.code == "charge_already_refunded"
    listed = await refunds.list_async({"payment_intent": held.id, "limit": 1})
    assert [one.id async for one in listed.auto_paging_iter()] == [rest.id, first.id]
    assert (await refunds.retrieve_async(rest.id)).metadata["why"] == "x"
    changed = await refunds.update_async(first.id, {"metadata": {"seen": "1"}})
    assert changed.metadata["seen"] == "1"


async def test_a_race_for_the_same_money_pays_it_back_once(gateway) -> None:
    paid = await gateway.paid(1000)
    tries = [gateway.client.v1.refunds.create_async({"payment_intent": paid.id, "amount": 400}) for _ in range(8)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    went = [one for one in outcomes if isinstance(one, stripe.Refund)]
    assert len(went) == 2
    assert all(isinstance(one, stripe.InvalidRequestError) for one in outcomes if one not in went)


@pytest.mark.parametrize("params", [{}, {"amount": 0}, {"amount": -5}])
async def test_nothing_is_refunded_before_capture_or_without_sense(gateway, params: dict) -> None:
    held = await gateway.authorised()
    with pytest.raises(stripe.InvalidRequestError):
        await gateway.client.v1.refunds.create_async({"payment_intent": held.id, **params})
    assert (await gateway.client.v1.refunds.list_async()).data == []


@pytest.mark.parametrize("params", [{}, {"payment_intent": "pi_x", "charge": "ch_x"}, {"payment_intent": "pi_x"}])
async def test_a_refund_names_one_payment(gateway, params: dict) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await gateway.client.v1.refunds.create_async(params)
    assert refused.value.http_status == 400


async def test_events_of_a_refund(gateway) -> None:
    paid = await gateway.paid(1000)
    await gateway.client.v1.refunds.create_async({"payment_intent": paid.id, "amount": 400})
    listed = await gateway.client.v1.events.list_async({"types": ["charge.refunded", "refund.created"]})
    assert [event.type for event in listed.data] == ["charge.refunded", "refund.created"]
    about = await gateway.client.v1.events.retrieve_async(listed.data[0].id)
    assert about.data.object["amount_refunded"] == 400
    assert about.data.previous_attributes["amount_refunded"] == 0
