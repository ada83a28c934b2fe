"""What may go wrong while a buyer pays: time runs out, answers are lost, the bank asks, two tabs pay at once."""

import asyncio
import hashlib
import hmac
import json
import time
from urllib.parse import urlsplit

import httpx
import pytest
from tests.systems.cinema.conftest import SECRET, OpenSite, Site
from tests.systems.cinema.seams import impatient
from tests.systems.cinema.verdict import verdict

from serai.systems.payments.gateway.keys import embedded_key, embedded_webhook_secret

LATE = "update allocation.claims set expires_at = clock_timestamp() - interval '1 s', held_until = clock_timestamp()"


async def first_seats(site: Site, count: int, **show: int) -> tuple[str, list[str]]:
    show_id = await site.make_show(**show)
    return show_id, list(await site.seats(show_id))[:count]


def expire(site: Site) -> None:
    """Every live hold's time is over, that of its units too; as if the clock had been moved on."""
    site.sql(f"{LATE} where state in ('held', 'paying')")
    site.sql("update allocation.units set expires_at = clock_timestamp() - interval '1 s' where state = 'held'")
    site.sql(
        "insert into allocation.ledger (tenant_id, move, claim_id, pool_no, keys, state, unit_claim_id, expires_at)"
        " select tenant_id, 'extend', claim_id, pool_no, array[key], state, claim_id, expires_at"
        " from allocation.units where state = 'held'"
    )


async def at_the_bank(site: Site, show_id: str, seats: list[str], key: str = "first") -> tuple[str, dict[str, object]]:
    """A buyer whom the bank asks: (hold id, the 402)."""
    hold = (await site.hold(show_id, seats)).json()["id"]
    asked = await site.book(hold, method="pm_card_threeDSecure2Required", key=key)
    assert (asked.status_code, asked.json()["code"]) == (402, "authentication_required"), asked.text
    return hold, asked.json()


async def decide(asked: dict[str, object], decision: str) -> None:
    """At the gateway's hosted page."""
    action = asked["next_action"]
    assert isinstance(action, dict)
    async with httpx.AsyncClient() as client:
        answer = await client.post(action["url"], data={"decision": decision})
        assert answer.status_code == 303, answer.text


async def continued(site: Site, asked: dict[str, object]) -> httpx.Response:
    return await site.client.post(f"/api/cinema/v1/bookings/{asked['booking_id']}/continue")


async def test_three_d_secure_approved(site: Site) -> None:
    show_id, seats = await first_seats(site, 2)
    hold, asked = await at_the_bank(site, show_id, seats)
    waiting = await continued(site, asked)
    assert waiting.json()["code"] == "authentication_required"
    await decide(asked, "approve")
    done = await continued(site, asked)
    assert (done.status_code, done.json()["state"]) == (200, "confirmed"), done.text
    assert (await continued(site, asked)).json() == done.json()
    same_key = await site.book(hold, method="pm_card_threeDSecure2Required")
    assert (same_key.status_code, same_key.json()) == (201, done.json())
    assert await site.money() == (2400, 0)
    await verdict(site)


async def test_three_d_secure_refused_keeps_the_hold(site: Site) -> None:
    show_id, seats = await first_seats(site, 1)
    hold, asked = await at_the_bank(site, show_id, seats)
    await decide(asked, "refuse")
    refused = await continued(site, asked)
    assert (refused.status_code, refused.json()["code"]) == (402, "payment_declined")
    assert "still held" in refused.json()["detail"]
    assert (await site.book(hold, key="another card")).status_code == 201
    await verdict(site)


async def test_a_buyer_who_never_comes_back_is_voided_and_the_seats_are_free(site: Site) -> None:
    show_id, seats = await first_seats(site, 1)
    hold, asked = await at_the_bank(site, show_id, seats)
    site.sql("update payments.payments set deadline = clock_timestamp()")
    await site.recover()
    assert (await site.seats(show_id))[seats[0]] == "available"
    late = await site.book(hold, method="pm_card_threeDSecure2Required")
    assert (late.status_code, late.json()["code"]) == (402, "payment_declined")
    assert "did not come in time" in late.json()["detail"]
    assert (await continued(site, asked)).json()["code"] == "booking_not_open"
    assert site.sql("select task_name from jobs.procrastinate_jobs") == [("cinema.mail_returned",)]
    await verdict(site)


@pytest.mark.parametrize("swept", [False, True])
async def test_late_money_gets_the_seats_if_they_are_free(site: Site, swept: bool) -> None:
    show_id, seats = await first_seats(site, 3)
    hold, asked = await at_the_bank(site, show_id, seats)
    expire(site)
    if swept:
        await site.run_loops("allocation.sweep")
        assert (await site.seats(show_id))[seats[0]] == "available"
    await decide(asked, "approve")
    done = await continued(site, asked)
    assert (done.status_code, done.json()["state"]) == (200, "confirmed"), done.text
    assert (await site.book(hold, method="pm_card_threeDSecure2Required")).json() == done.json()
    assert await site.money() == (3600, 0)
    await verdict(site)
    assert (await site.client.post(f"/api/cinema/v1/bookings/{asked['booking_id']}/cancel")).status_code == 200
    await verdict(site)


@pytest.mark.parametrize("swept", [False, True])
async def test_late_money_for_seats_that_are_gone_goes_back_and_the_buyer_is_told(site: Site, swept: bool) -> None:
    show_id, seats = await first_seats(site, 3)
    hold, asked = await at_the_bank(site, show_id, seats)
    expire(site)
    if swept:
        await site.run_loops("allocation.sweep")
    assert (await site.buy(show_id, seats[1:2])).status_code == 201
    await decide(asked, "approve")
    gone = await continued(site, asked)
    assert (gone.status_code, gone.json()["code"]) == (409, "seats_unavailable"), gone.text
    same_key = await site.book(hold, method="pm_card_threeDSecure2Required")
    assert (same_key.status_code, same_key.json()["code"]) == (409, "seats_unavailable")
    names = [name for (name,) in site.sql("select task_name from jobs.procrastinate_jobs order by id")]
    assert names == ["cinema.mail_ticket", "cinema.mail_returned"]
    states = await site.seats(show_id)
    assert [states[seat] for seat in seats] == ["available", "booked", "available"]
    await verdict(site)


async def test_late_money_waits_for_a_seat_that_somebody_is_looking_at(site: Site) -> None:
    """A row lock on the seats is neither a 5xx nor the end of the payment."""
    show_id, seats = await first_seats(site, 1)
    _, asked = await at_the_bank(site, show_id, seats)
    expire(site)
    await site.run_loops("allocation.sweep")
    await decide(asked, "approve")
    async with site.world.database.transaction(site.tenant) as tx:
        await tx.fetch("select 1 from allocation.units for update")
        busy = await continued(site, asked)
    assert (busy.status_code, busy.json()["code"]) == (402, "authentication_required")
    assert (await continued(site, asked)).status_code == 200
    await verdict(site)


async def test_a_hold_that_expired_before_the_payment_is_not_sold(site: Site) -> None:
    show_id, seats = await first_seats(site, 1)
    hold = (await site.hold(show_id, seats)).json()["id"]
    expire(site)
    late = await site.book(hold)
    assert (late.status_code, late.json()["code"]) == (409, "hold_expired")
    assert await site.money() == (0, 0)
    assert site.sql("select count(*) from payments.payments") == [(0,)]
    assert (await site.buy(show_id, seats)).status_code == 201
    await verdict(site)


async def test_a_declined_payment_of_an_expired_hold_frees_the_seats(site: Site) -> None:
    show_id, seats = await first_seats(site, 2)
    hold, asked = await at_the_bank(site, show_id, seats)
    expire(site)
    assert (await site.buy(show_id, seats[:1])).status_code == 201
    await decide(asked, "refuse")
    refused = await continued(site, asked)
    assert (refused.status_code, refused.json()["code"]) == (402, "payment_declined")
    assert "not held any more" in refused.json()["detail"]
    assert (await site.book(hold, method="pm_card_threeDSecure2Required")).json() == refused.json()
    await verdict(site)


async def test_two_tabs_paying_for_one_hold_charge_once(site: Site) -> None:
    show_id, seats = await first_seats(site, 2)
    hold = (await site.hold(show_id, seats)).json()["id"]
    answers = await asyncio.gather(*(site.book(hold, key=f"tab {tab}") for tab in range(6)))
    codes = sorted(answer.status_code for answer in answers)
    assert codes == [201, 409, 409, 409, 409, 409], [answer.text for answer in answers]
    assert {a.json()["code"] for a in answers if a.status_code == 409} <= {"request_in_flight", "hold_expired"}
    assert await site.money() == (2400, 0)
    await verdict(site)


async def test_the_same_request_at_the_same_moment_charges_once(site: Site) -> None:
    show_id, seats = await first_seats(site, 1)
    hold = (await site.hold(show_id, seats)).json()["id"]
    answers = await asyncio.gather(*(site.book(hold) for _ in range(6)))
    assert {answer.status_code for answer in answers} <= {201, 409}, [answer.text for answer in answers]
    assert {a.json()["code"] for a in answers if a.status_code == 409} <= {"request_in_flight"}
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    assert await site.money() == (1200, 0)
    await verdict(site)


async def test_two_cancellations_at_once_refund_once_with_one_answer(site: Site) -> None:
    show_id, seats = await first_seats(site, 2)
    booking = (await site.buy(show_id, seats)).json()["id"]
    path = f"/api/cinema/v1/bookings/{booking}/cancel"
    answers = await asyncio.gather(*(site.client.post(path) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {200}, [answer.text for answer in answers]
    assert {answer.json()["refund"]["amount"] for answer in answers} == {2400}
    await site.recover()
    assert await site.money() == (2400, 2400)
    await verdict(site)


async def test_a_used_ticket_cannot_be_cancelled_and_a_full_fee_refunds_nothing(site: Site) -> None:
    show_id, seats = await first_seats(site, 2)
    used = (await site.buy(show_id, seats[:1])).json()["id"]
    site.sql("update cinema.tickets set used_at = clock_timestamp()")
    refused = await site.client.post(f"/api/cinema/v1/bookings/{used}/cancel")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_cancellable")
    other, seats = await first_seats(site, 1, fee_percent=100)
    booking = (await site.buy(other, seats)).json()["id"]
    cancelled = await site.client.post(f"/api/cinema/v1/bookings/{booking}/cancel")
    assert (cancelled.status_code, cancelled.json()["refund"]["amount"]) == (200, 0), cancelled.text
    assert await site.money() == (2400, 0)
    await verdict(site)


async def test_the_databases_clock_ends_cancellation(site: Site) -> None:
    show_id, seats = await first_seats(site, 1)
    booking = (await site.buy(show_id, seats)).json()["id"]
    # The process remembers the show as it was; only the database knows that it begins in half an hour.
    site.sql("update cinema.shows set starts_at = clock_timestamp() + interval '30 min'")
    refused = await site.client.post(f"/api/cinema/v1/bookings/{booking}/cancel")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_cancellable")
    await verdict(site)


@pytest.mark.parametrize("operation", ["create", "capture"])
@pytest.mark.parametrize("kind", ["timeout_before_effect", "timeout_after_effect", "status_500", "status_429"])
async def test_a_lost_answer_is_503_and_the_same_key_resumes(open_site: OpenSite, operation: str, kind: str) -> None:
    site = await open_site(impatient())
    show_id, seats = await first_seats(site, 2)
    hold = (await site.hold(show_id, seats)).json()["id"]
    await site.fault(operation, kind, times=2)
    await site.fault("list", "timeout_before_effect", times=2)  # so that asking what happened fails too
    lost = await site.book(hold)
    assert (lost.status_code, lost.json()["code"]) == (503, "payment_unknown"), lost.text
    assert int(lost.headers["Retry-After"]) > 0
    assert set((await site.seats(show_id)).values()) == {"available", "booked" if operation == "capture" else "held"}
    await site.recover()
    resumed = await site.book(hold)
    never_sent = operation == "create" and kind != "timeout_after_effect"
    assert resumed.status_code == (402 if never_sent else 201), resumed.text
    assert await site.money() == ((0, 0) if never_sent else (2400, 0))
    await verdict(site)


async def test_the_same_key_resumes_without_recovery(open_site: OpenSite) -> None:
    site = await open_site(impatient())
    show_id, seats = await first_seats(site, 1)
    hold = (await site.hold(show_id, seats)).json()["id"]
    await site.fault("create", "timeout_after_effect", times=2)
    await site.fault("list", "status_429")
    assert (await site.book(hold)).status_code == 503
    await site.fault("capture", "timeout_after_effect", times=2)
    assert (await site.book(hold)).status_code == 503
    assert (await site.book(hold)).status_code == 201
    assert await site.money() == (1200, 0)
    await verdict(site)


@pytest.mark.parametrize("kind", ["timeout_before_effect", "timeout_after_effect", "status_500"])
async def test_a_refund_whose_answer_is_lost_is_made_once(open_site: OpenSite, kind: str) -> None:
    site = await open_site(impatient())
    show_id, seats = await first_seats(site, 1, fee_percent=60)  # so that two refunds would fit
    booking = (await site.buy(show_id, seats)).json()["id"]
    await site.fault("refund", kind, times=2)
    cancelled = await site.client.post(f"/api/cinema/v1/bookings/{booking}/cancel")
    assert (cancelled.status_code, cancelled.json()["refunded"]) == (200, False)
    await site.recover()
    again = await site.client.post(f"/api/cinema/v1/bookings/{booking}/cancel")
    assert again.json() == cancelled.json() | {"refunded": True}
    assert await site.money() == (1200, 480)
    await verdict(site)


@pytest.mark.parametrize("kind", ["timeout_before_effect", "timeout_after_effect", "status_500"])
async def test_a_void_whose_answer_is_lost_is_repeated(open_site: OpenSite, kind: str) -> None:
    site = await open_site(impatient())
    show_id, seats = await first_seats(site, 1)
    hold, asked = await at_the_bank(site, show_id, seats)
    expire(site)
    assert (await site.buy(show_id, seats)).status_code == 201
    await decide(asked, "approve")
    await site.fault("cancel", kind, times=2)
    gone = await continued(site, asked)
    assert (gone.status_code, gone.json()["code"]) == (409, "seats_unavailable")
    await site.recover()
    assert (await site.book(hold, method="pm_card_threeDSecure2Required")).json() == gone.json()
    await verdict(site)


async def by_hand(site: Site, action: str) -> None:
    """Somebody does this to the only authorised payment, in the gateway's own office."""
    [intent] = [i["id"] for i in (await site.gateway_state())["payments"] if i["status"] == "requires_capture"]
    key = {"Authorization": f"Bearer {embedded_key(SECRET)}"}
    async with httpx.AsyncClient(base_url=site.gateway_url, headers=key) as client:
        assert (await client.post(f"/v1/payment_intents/{intent}/{action}")).status_code == 200


async def test_a_buyer_at_the_bank_keeps_the_address_when_an_answer_is_lost(open_site: OpenSite) -> None:
    site = await open_site(impatient())
    show_id, seats = await first_seats(site, 1)
    _, asked = await at_the_bank(site, show_id, seats)
    await site.fault("retrieve", "status_429")
    unclear = await continued(site, asked)
    assert (unclear.status_code, unclear.json()["next_action"]) == (402, asked["next_action"])
    await decide(unclear.json(), "approve")
    assert (await continued(site, asked)).status_code == 200
    await verdict(site)


async def test_an_authorisation_that_the_bank_withdraws_before_the_capture(open_site: OpenSite) -> None:
    """The buyer was told nothing but "not known yet", so the later refusal contradicts nobody."""
    site = await open_site(impatient())
    show_id, seats = await first_seats(site, 2)
    hold = (await site.hold(show_id, seats)).json()["id"]
    await site.fault("capture", "timeout_before_effect", times=2)
    lost = await site.book(hold)
    assert (lost.status_code, lost.json()["code"]) == (503, "payment_unknown")
    await by_hand(site, "cancel")
    await site.recover()
    failed = await site.book(hold)
    assert (failed.status_code, failed.json()["code"]) == (402, "payment_declined")
    assert set((await site.seats(show_id)).values()) == {"available"}
    assert site.sql("select task_name from jobs.procrastinate_jobs") == [("cinema.mail_returned",)]
    assert site.sql("select count(*) from cinema.tickets where revoked_at is null") == [(0,)]
    await verdict(site)


async def test_money_captured_by_hand_for_lost_seats_goes_back(open_site: OpenSite) -> None:
    site = await open_site(impatient())
    show_id, seats = await first_seats(site, 1)
    _, asked = await at_the_bank(site, show_id, seats)
    expire(site)
    assert (await site.buy(show_id, seats)).status_code == 201
    await decide(asked, "approve")
    await site.fault("cancel", "timeout_before_effect", times=2)
    assert (await continued(site, asked)).status_code == 409
    await by_hand(site, "capture")
    await site.recover()
    assert await site.money() == (2400, 1200)
    await verdict(site)


async def test_one_payment_that_cannot_be_driven_does_not_stop_recovery(site: Site) -> None:
    show_id, seats = await first_seats(site, 2)
    _, asked = await at_the_bank(site, show_id, seats[:1])
    _, other = await at_the_bank(site, show_id, seats[1:])
    for each in (asked, other):
        await decide(each, "approve")
    site.sql(
        "update payments.payments set owner = 'nobody', next_try = clock_timestamp()"
        " where payment_id = (select min(payment_id::text)::uuid from payments.payments)"
    )
    site.sql("update payments.payments set next_try = clock_timestamp()")
    await site.run_loops("payments.recover")
    assert site.sql("select owner, state from payments.payments order by owner") == [
        ("cinema", "captured"),
        ("nobody", "awaiting_buyer"),
    ]


async def test_a_client_that_hangs_up_leaves_a_booking_that_finishes(open_site: OpenSite) -> None:
    site = await open_site(impatient(2.0))
    show_id, seats = await first_seats(site, 1)
    hold = (await site.hold(show_id, seats)).json()["id"]
    await site.fault("capture", "timeout_after_effect")
    async with httpx.AsyncClient(base_url=site.url, timeout=0.5) as hasty:
        with pytest.raises(httpx.ReadTimeout):
            await hasty.post(
                "/api/cinema/v1/bookings",
                json={
                    "hold_id": hold,
                    "payment_method": "pm_card_visa",
                    "email": "buyer@example.org",
                    "name": "A Buyer",
                },
                headers={"Idempotency-Key": "first"},
            )
    await site.recover()
    site.sql("update runtime.idempotency set locked_until = '-infinity' where status is null")
    done = await site.book(hold)
    assert done.status_code == 201, done.text
    assert await site.money() == (1200, 0)
    await verdict(site)


async def hook(site: Site, reference: object, *, secret: str | None = None, at: int | None = None) -> httpx.Response:
    """A webhook as the gateway signs it."""
    thing = {"metadata": {"reference": reference}} if reference is not None else {"metadata": None}
    body = json.dumps({"type": "payment_intent.succeeded", "data": {"object": thing}})
    at = int(time.time()) if at is None else at
    key = secret or embedded_webhook_secret(SECRET)
    signature = hmac.new(key.encode(), f"{at}.{body}".encode(), hashlib.sha256).hexdigest()
    return await site.client.post(
        "/api/payments/v1/webhook", content=body, headers={"Stripe-Signature": f"t={at},v1={signature}"}
    )


async def test_webhooks_twice_late_and_out_of_order_change_nothing_by_themselves(site: Site) -> None:
    show_id, seats = await first_seats(site, 1)
    _, asked = await at_the_bank(site, show_id, seats)
    [(reference,)] = site.sql("select tenant_id || '/' || payment_id from payments.payments")
    for _ in range(2):  # early: nothing has been approved
        assert (await hook(site, reference)).status_code == 200
        await site.run_loops("payments.hints")
        await site.run_loops("payments.recover")
    assert site.sql("select state from payments.payments") == [("awaiting_buyer",)]
    await decide(asked, "approve")
    assert (await hook(site, reference)).status_code == 200
    await site.run_loops("payments.hints")
    await site.run_loops("payments.recover")  # the webhook alone brings the booking to its end
    assert site.sql("select state from payments.payments") == [("captured",)]
    for _ in range(3):  # late, and twice
        assert (await hook(site, reference)).status_code == 200
    assert site.sql("select next_try from payments.payments") == [(None,)]
    assert (await continued(site, asked)).status_code == 200
    assert await site.money() == (1200, 0)
    await verdict(site)


async def test_a_webhook_that_is_not_the_gateways_is_refused(site: Site) -> None:
    show_id, seats = await first_seats(site, 1)
    await at_the_bank(site, show_id, seats)
    [(reference, before)] = site.sql("select tenant_id || '/' || payment_id, next_try from payments.payments")
    forged = await hook(site, reference, secret="whsec_guessed")
    stale = await hook(site, reference, at=int(time.time()) - 3600)
    bare = await site.client.post("/api/payments/v1/webhook", content=b"{}")
    for refused in (forged, stale, bare):
        assert (refused.status_code, refused.json()["code"]) == (400, "bad_webhook_signature")
    assert site.sql("select next_try from payments.payments") == [(before,)]
    assert (await hook(site, f"{site.tenant}/{site.tenant}")).status_code == 200
    for odd in ("somebody else's", "", None, 7, ["a/b"], {}):  # signed, and none of our business
        assert (await hook(site, odd)).status_code == 200
    await site.run_loops("payments.hints")


async def test_the_hosted_page_is_on_the_gateway(site: Site) -> None:
    show_id, seats = await first_seats(site, 1)
    _, asked = await at_the_bank(site, show_id, seats)
    action = asked["next_action"]
    assert isinstance(action, dict)
    assert urlsplit(action["url"]).path.startswith("/authenticate/")
