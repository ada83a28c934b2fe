"""kill -9 at every arrow of a sale: whoever restarts brings it to its end; no number is lost or sold for nothing."""

import pytest
from tests.systems.cinema.test_crash import ARROWS, dies, doomed, free_leases, sent_to
from tests.systems.simcards.conftest import IDENTITY, V1, Shop


@pytest.mark.parametrize(("step", "moment"), ARROWS)
async def test_kill_9_while_a_number_is_paid_leaves_it_sold_or_free(shop: Shop, step: str, moment: str) -> None:
    pool = await shop.pool()
    held = (await shop.hold(pool)).json()
    body = {
        "hold_id": held["id"],
        "payment_method": "pm_card_visa",
        "email": "buyer@example.org",
        "identity": IDENTITY,
    }
    with doomed(shop.site, step, moment) as (address, process):
        await sent_to(address, f"{V1}/sales", json=body, headers={"Idempotency-Key": "first"})
        await dies(process)
    free_leases(shop.site)
    await shop.pay(held["id"])
    await shop.site.recover()
    answer = await shop.pay(held["id"])
    never_sent = (step, moment) == ("authorise", "before")
    assert answer.status_code == (402 if never_sent else 201), answer.text
    assert (await shop.pay(held["id"])).content == answer.content
    assert (await shop.story(held["number"]))["state"] == ("available" if never_sent else "sold")
    mails = shop.sql("select count(*) from jobs.procrastinate_jobs where task_name = 'simcards.mail_sale'")
    assert mails == [(0 if never_sent else 1,)]
    await shop.prove()


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_kill_9_while_a_return_is_refunded_refunds_once(shop: Shop, moment: str) -> None:
    sale = await shop.sold(await shop.pool())
    with doomed(shop.site, "refund", moment) as (address, process):
        await sent_to(address, f"{V1}/sales/{sale['id']}/return")
        await dies(process)
    await shop.site.recover()
    back = (await shop.post(f"/sales/{sale['id']}/return")).json()
    assert (back["state"], back["refunded"]) == ("returned", True)
    assert (await shop.story(sale["number"]))["state"] == "quarantine"
    captured, refunded = await shop.site.money()
    assert captured == refunded == sale["total"]["amount"]
    await shop.prove()
