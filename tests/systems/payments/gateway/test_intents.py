"""Payment intents over the wire, through the official client."""

import asyncio

import pytest
import stripe

DECLINES = [
    ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
    ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
    ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
    ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
    ("pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
    ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
    ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc"),
    ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"),
]


async def _types(gateway, intent_id: str) -> list[str]:
    events = (await gateway.client.v1.events.list_async({"limit": 100})).data
    objects = [(event, event.data.object) for event in events]
    about = [event for event, one in objects if intent_id in (one["id"], getattr(one, "payment_intent", None))]
    return [event.type for event in reversed(about)]


async def test_create_confirm_capture(gateway) -> None:
    intents = gateway.client.v1.payment_intents
    made = await intents.create_async({"amount": 1250, "currency": "eur", "capture_method": "manual"})
    assert (made.status, made.payment_method, made.client_secret[:27]) == ("requires_payment_method", None, made.id)
    held = await intents.confirm_async(made.id, {"payment_method": "pm_card_mastercard", "expand": ["latest_charge"]})
    assert (held.status, held.amount_capturable, held.amount_received) == ("requires_capture", 1250, 0)
    assert (held.latest_charge.captured, held.latest_charge.payment_method_details.card.brand) == (False, "mastercard")
    done = await intents.capture_async(made.id, {"expand": ["latest_charge", "payment_method"]})
    assert (done.status, done.amount_capturable, done.amount_received) == ("succeeded", 0, 1250)
    assert (done.latest_charge.captured, done.latest_charge.amount_captured) == (True, 1250)
    assert done.payment_method.card.last4 == "4444"
    assert (await intents.retrieve_async(made.id)).latest_charge == done.latest_charge.id
    assert await _types(gateway, made.id) == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.amount_capturable_updated",
        "charge.captured",
        "payment_intent.succeeded",
    ]


async def test_automatic_capture_at_creation(gateway) -> None:
    paid = await gateway.paid(metadata={"order": "7"}, description="Two seats")
    assert (paid.status, paid.amount_received, paid.metadata["order"]) == ("succeeded", 1250, "7")
    assert await _types(gateway, paid.id) == ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]


async def test_partial_capture_releases_the_rest(gateway) -> None:
    intents = gateway.client.v1.payment_intents
    held = await gateway.authorised()
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await intents.capture_async(held.id, {"amount_to_capture": 1251})
    assert (refused.value.code, refused.value.param) == ("amount_too_large", "amount_to_capture")
    done = await intents.capture_async(held.id, {"amount_to_capture": 1000, "metadata": {"note": "x"}})
    assert (done.amount, done.amount_received, done.amount_capturable) == (1250, 1000, 0)
    assert done.metadata["note"] == "x"


async def test_cancel_is_a_void_and_ends_it(gateway) -> None:
    intents = gateway.client.v1.payment_intents
    held = await gateway.authorised()
    gone = await intents.cancel_async(held.id, {"cancellation_reason": "abandoned", "expand": ["latest_charge"]})
    assert (gone.status, gone.cancellation_reason, gone.amount_capturable) == ("canceled", "abandoned", 0)
    assert (gone.latest_charge.captured, gone.latest_charge.refunded) == (False, True)
    for again in (intents.capture_async(held.id), intents.cancel_async(held.id), intents.confirm_async(held.id)):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await again
        assert refused.value.code == "payment_intent_unexpected_state"
        assert refused.value.error.payment_intent.status == "canceled"


async def test_cancel_and_capture_after_capture_are_refused(gateway) -> None:
    intents = gateway.client.v1.payment_intents
    paid = await gateway.paid()
    for again in (intents.cancel_async(paid.id), intents.capture_async(paid.id), intents.confirm_async(paid.id)):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await again
        assert refused.value.code == "payment_intent_unexpected_state"
    assert (await intents.retrieve_async(paid.id)).amount_received == 1250


@pytest.mark.parametrize(("token", "code", "decline_code"), DECLINES)
async def test_declines_raise_card_errors(gateway, token: str, code: str, decline_code: str) -> None:
    with pytest.raises(stripe.CardError) as refused:
        await gateway.authorised(payment_method=token)
    error = refused.value.error
    assert (refused.value.http_status, error.type, error.code) == (402, "card_error", code)
    assert error.decline_code == decline_code
    intent = await gateway.client.v1.payment_intents.retrieve_async(
        error.payment_intent.id, {"expand": ["latest_charge"]}
    )
    assert (intent.status, intent.payment_method) == ("requires_payment_method", None)
    assert (intent.last_payment_error.code, intent.latest_charge.status) == (code, "failed")
    assert error.charge == intent.latest_charge.id


async def test_after_a_decline_another_card_may_pay(gateway) -> None:
    intents = gateway.client.v1.payment_intents
    made = await intents.create_async({"amount": 1250, "currency": "eur"})
    with pytest.raises(stripe.CardError):
        await intents.confirm_async(made.id, {"payment_method": "pm_card_chargeDeclined"})
    with pytest.raises(stripe.InvalidRequestError, match="missing a payment method"):
        await intents.confirm_async(made.id)
    done = await intents.confirm_async(made.id, {"payment_method": "pm_card_visa"})
    assert (done.status, done.last_payment_error) == ("succeeded", None)
    assert (await _types(gateway, made.id)).count("payment_intent.payment_failed") == 1


async def test_update_changes_words_always_and_money_only_before_it_moves(gateway) -> None:
    intents = gateway.client.v1.payment_intents
    made = await intents.create_async({"amount": 1250, "currency": "eur", "metadata": {"a": "1", "b": "2"}})
    changed = await intents.update_async(made.id, {"amount": 900, "payment_method": "pm_card_visa"})
    assert (changed.amount, changed.status) == (900, "requires_confirmation")
    done = await intents.confirm_async(made.id)
    assert done.amount_received == 900
    words = await intents.update_async(made.id, {"metadata": {"a": "", "c": "3"}, "description": "later"})
    assert (words.metadata.to_dict(), words.description) == ({"b": "2", "c": "3"}, "later")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await intents.update_async(made.id, {"amount": 1})
    assert refused.value.code in {"payment_intent_unexpected_state", "amount_too_small"}
    with pytest.raises(stripe.InvalidRequestError, match="amount could not be updated"):
        await intents.update_async(made.id, {"amount": 901})


async def test_lists_page_filter_and_expand(gateway) -> None:
    intents = gateway.client.v1.payment_intents
    made = []
    for number in range(7):
        made.append((await gateway.paid(metadata={"order": str(number)})).id)
        gateway.clock.advance(seconds=10)
    newest_first = made[::-1]
    page = await intents.list_async({"limit": 3})
    assert ([one.id for one in page.data], page.has_more, page.url) == (newest_first[:3], True, "/v1/payment_intents")
    assert [one.id async for one in page.auto_paging_iter()] == newest_first
    back = await intents.list_async({"limit": 2, "ending_before": newest_first[3]})
    assert ([one.id for one in back.data], back.has_more) == (newest_first[1:3], True)
    backwards = await intents.list_async({"limit": 2, "ending_before": newest_first[-1]})
    assert [one.id async for one in backwards.auto_paging_iter()] == newest_first[:-1][::-1]
    third = await intents.retrieve_async(made[3])
    for bounds, expected in (
        ({"gte": third.created}, made[3:]),
        ({"gt": third.created}, made[4:]),
        ({"lt": third.created}, made[:3]),
        ({"lte": third.created}, made[:4]),
        ({"gte": third.created, "lte": third.created}, made[3:4]),
    ):
        found = await intents.list_async({"created": bounds, "limit": 100})
        assert [one.id for one in found.data] == expected[::-1]
    expanded = await intents.list_async({"limit": 1, "expand": ["data.latest_charge.payment_intent"]})
    assert expanded.data[0].latest_charge.payment_intent.id == newest_first[0]
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await intents.list_async({"starting_after": "pi_nobody"})
    assert (refused.value.http_status, refused.value.code) == (400, "resource_missing")


async def test_charges_can_be_found_by_their_payment(gateway) -> None:
    paid, _ = await gateway.paid(), await gateway.paid()
    charges = (await gateway.client.v1.charges.list_async({"payment_intent": paid.id})).data
    assert [charge.id for charge in charges] == [paid.latest_charge]
    assert (await gateway.client.v1.charges.retrieve_async(paid.latest_charge)).amount == 1250


async def test_an_authorisation_lapses_after_seven_days(gateway) -> None:
    intents = gateway.client.v1.payment_intents
    held = await gateway.authorised(expand=["latest_charge"])
    assert held.latest_charge.payment_method_details.card.capture_before == held.created + 7 * 86_400
    gateway.clock.advance(days=7, seconds=-1)
    assert (await intents.retrieve_async(held.id)).status == "requires_capture"
    gateway.clock.advance(seconds=1)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await intents.capture_async(held.id)
    assert refused.value.error.payment_intent.status == "canceled"
    gone = await intents.retrieve_async(held.id)
    assert (gone.status, gone.cancellation_reason) == ("canceled", "automatic")
    assert (await _types(gateway, held.id))[-2:] == ["charge.expired", "payment_intent.canceled"]


async def test_the_sweep_releases_what_nobody_asks_for(gateway) -> None:
    held = [await gateway.authorised() for _ in range(3)]
    gateway.clock.advance(days=8)

    async def released() -> list[str]:
        events = await gateway.client.v1.events.list_async({"type": "payment_intent.canceled"})
        return [event.data.object["id"] for event in events.data]

    async with asyncio.timeout(10):
        while sorted(await released()) != sorted(one.id for one in held):
            pass


async def test_a_card_that_wants_its_owner_is_declined_off_session(gateway) -> None:
    with pytest.raises(stripe.CardError) as refused:
        await gateway.authorised(payment_method="pm_card_authenticationRequired", off_session=True)
    assert refused.value.code == "authentication_required"


async def test_payment_methods(gateway) -> None:
    methods = gateway.client.v1.payment_methods
    minted = await methods.retrieve_async("pm_card_chargeDeclined")
    assert (minted.object, minted.card.last4) == ("payment_method", "0002")
    again = await methods.retrieve_async(minted.id)
    assert (again.id, again.card.last4, again.created) == (minted.id, "0002", minted.created)
    with pytest.raises(stripe.CardError):
        await gateway.paid(payment_method=minted.id)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await methods.retrieve_async("pm_card_nobody")
    assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await gateway.paid(payment_method="pm_card_nobody")
    assert (refused.value.http_status, refused.value.param) == (400, "payment_method")


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"currency": "eur"}, "parameter_missing", "amount"),
        ({"amount": 1250}, "parameter_missing", "currency"),
        ({"amount": 1250, "currency": "eur", "colour": "red"}, "parameter_unknown", "colour"),
        ({"amount": 1250, "currency": "eur", "expand": ["colour"]}, None, "expand"),
        ({"amount": 1250, "currency": "eur", "off_session": True}, None, "off_session"),
    ],
)
async def test_a_refused_creation_changes_nothing(gateway, params: dict, code: str | None, param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await gateway.client.v1.payment_intents.create_async(params)
    assert (refused.value.http_status, refused.value.code, refused.value.param) == (400, code, param)
    assert (await gateway.client.v1.payment_intents.list_async()).data == []
    assert (await gateway.client.v1.events.list_async()).data == []


async def test_unknown_things_are_404_in_stripes_shape(gateway) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await gateway.client.v1.payment_intents.retrieve_async("pi_" + "0" * 24)
    assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")
    with pytest.raises(stripe.InvalidRequestError, match="Unrecognized request URL"):
        await gateway.client.v1.customers.list_async()
