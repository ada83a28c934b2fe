"""A number's way from its pool to a card and back, through the API."""

from typing import Any

import pytest
from tests.systems.cinema.staff import events, other_house
from tests.systems.cinema.test_payment_trouble import decide, expire
from tests.systems.simcards.conftest import IDENTITY, V1, Shop, iccid

from serai.systems.simcards.http.models import CandidateOut, HoldOut, NumberOut, SaleOut, StandingOut
from serai.systems.simcards.numbering.patterns import HIDDEN
from serai.systems.simcards.numbering.states import NumberState


async def states(shop: Shop, pool: str) -> dict[str, int]:
    answer = await shop.client.get(f"{V1}/pools/{pool}", headers=await shop.staff())
    assert StandingOut.model_validate_json(answer.content)
    found: dict[str, int] = answer.json()["states"]
    return {state: count for state, count in found.items() if count}


async def test_a_number_is_sold_activated_returned_and_rests(shop: Shop) -> None:
    pool = await shop.pool()
    (card, *_) = await shop.cards()
    assert await states(shop, pool) == {"available": 900}
    held = await shop.hold(pool)
    assert HoldOut.model_validate_json(held.content)
    assert await states(shop, pool) == {"available": 899, "held": 1}
    sold = await shop.pay(held.json()["id"])
    assert SaleOut.model_validate_json(sold.content)
    sale, number = sold.json(), held.json()["number"]
    assert (sale["state"], sale["number"], sale["total"]) == ("sold", number, held.json()["price"])
    assert await states(shop, pool) == {"available": 899, "sold": 1}
    active = (await shop.post(f"/sales/{sale['id']}/activate", {"iccid": card})).json()
    assert (active["state"], active["iccid"]) == ("active", card)
    assert (await shop.post(f"/sales/{sale['id']}/activate", {"iccid": card})).json() == active
    back = (await shop.post(f"/sales/{sale['id']}/return")).json()
    assert (back["state"], back["refund"]["amount"], back["iccid"]) == ("returned", 0, None)
    assert await states(shop, pool) == {"available": 899, "quarantine": 1}
    story = await shop.story(number)
    assert NumberOut.model_validate(story, strict=False)
    assert [line["move"] for line in story["history"]] == ["sell", "activate", "return"]
    assert story["state"] == "quarantine"
    assert [kind.split(".")[-2] for kind, _ in events(shop.site, "serai.simcards.number")] == [
        "sold",
        "active",
        "quarantine",
    ]
    await shop.prove()


async def test_a_rested_number_comes_back_and_no_sooner(shop: Shop) -> None:
    pool = await shop.pool()
    sale = await shop.sold(pool)
    await shop.post(f"/sales/{sale['id']}/return")
    await shop.site.run_loops("simcards.quarantine")
    assert await states(shop, pool) == {"available": 899, "quarantine": 1}
    shop.sql(
        "update simcards.numbers set rests_until = clock_timestamp() - interval '1 s' where rests_until is not null"
    )
    await shop.site.run_loops("simcards.quarantine")
    assert await states(shop, pool) == {"available": 900}
    assert (await shop.story(sale["number"]))["state"] == "available"
    await shop.prove()


async def test_what_was_not_used_is_refunded_once(shop: Shop) -> None:
    sale = await shop.sold(await shop.pool())
    backs = [(await shop.post(f"/sales/{sale['id']}/return")).json() for _ in range(3)]
    assert backs[-1]["refund"] == sale["total"]
    assert {back["state"] for back in backs} == {"returned"}
    captured, refunded = await shop.site.money()
    assert captured == refunded == sale["total"]["amount"]
    await shop.prove()


async def test_a_declined_card_keeps_the_number_held(shop: Shop) -> None:
    pool = await shop.pool()
    held = (await shop.hold(pool)).json()
    refused = await shop.pay(held["id"], method="pm_card_chargeDeclined")
    assert (refused.status_code, refused.json()["code"]) == (402, "payment_declined")
    assert "still held" in refused.json()["detail"]
    again = await shop.pay(held["id"], key="second")
    assert (again.status_code, again.json()["number"]) == (201, held["number"])
    assert (await shop.pay(held["id"], key="second")).json() == again.json()
    await shop.prove()


async def at_the_bank(shop: Shop, pool: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A buyer whom the bank asks: (the hold, the 402)."""
    held = (await shop.hold(pool)).json()
    asked = await shop.pay(held["id"], method="pm_card_threeDSecure2Required")
    assert (asked.status_code, asked.json()["code"]) == (402, "authentication_required"), asked.text
    return held, asked.json()


async def test_the_bank_asks_and_the_buyer_goes_on(shop: Shop) -> None:
    held, asked = await at_the_bank(shop, await shop.pool())
    early = await shop.post(f"/sales/{asked['sale_id']}/continue")
    assert (early.status_code, early.json()["code"]) == (402, "authentication_required")
    await decide(asked, "approve")
    done = await shop.post(f"/sales/{asked['sale_id']}/continue")
    assert (done.status_code, done.json()["state"], done.json()["number"]) == (200, "sold", held["number"])
    await shop.prove()


@pytest.mark.parametrize("swept", [False, True])
async def test_money_that_comes_late_buys_the_number_if_nobody_has_it(shop: Shop, swept: bool) -> None:
    held, asked = await at_the_bank(shop, await shop.pool())
    expire(shop.site)
    if swept:
        await shop.site.run_loops("allocation.sweep")
        assert (await shop.story(held["number"]))["state"] == "available"
    await decide(asked, "approve")
    done = await shop.post(f"/sales/{asked['sale_id']}/continue")
    assert (done.status_code, done.json()["state"]) == (200, "sold"), done.text
    assert (await shop.story(held["number"]))["state"] == "sold"
    await shop.prove()


async def test_late_money_for_a_number_that_is_gone_goes_back(shop: Shop) -> None:
    pool = await shop.pool()
    held, asked = await at_the_bank(shop, pool)
    expire(shop.site)
    shop.sql("update allocation.units set state = 'blocked' where state = 'free'")  # so that chance finds this one
    shop.sql(
        "insert into allocation.ledger (tenant_id, move, pool_no, keys, state)"
        " select tenant_id, 'block', pool_no, array_agg(key), 'blocked' from allocation.units where state = 'blocked'"
        " group by 1, 3"
    )
    other = (await shop.hold(pool)).json()
    assert other["number"] == held["number"]
    await decide(asked, "approve")
    lost = await shop.post(f"/sales/{asked['sale_id']}/continue")
    assert (lost.status_code, lost.json()["code"]) == (409, "number_taken"), lost.text
    assert (await shop.client.get(f"{V1}/sales/{asked['sale_id']}")).json()["state"] == "failed"
    assert (await shop.pay(other["id"], key="other")).status_code == 201
    await shop.prove()


async def test_a_search_shows_few_and_masks_them_and_one_can_be_held(shop: Shop) -> None:
    pool = await shop.pool("212555", "Large")
    found = await shop.post("/search", {"pool_id": pool, "ends": "7", "count": 4})
    items = found.json()["items"]
    assert all(CandidateOut.model_validate(item) for item in items)
    assert len(items) == 4
    for item in items:
        assert item["masked"].startswith("+1 212555 ")
        assert item["masked"].count(HIDDEN) >= 3
    held = await shop.post("/holds", {"candidate_id": items[0]["id"]})
    assert held.status_code == 201
    shown = items[0]["masked"].replace(" ", "")
    assert all(a in (HIDDEN, b) for a, b in zip(shown, held.json()["number"], strict=True))
    taken = await shop.post("/holds", {"candidate_id": items[0]["id"]})
    assert (taken.status_code, taken.json()["code"]) == (409, "number_taken")
    shop.sql("update simcards.candidates set shown_at = shown_at - interval '1 hour'")
    gone = await shop.post("/holds", {"candidate_id": items[1]["id"]})
    assert (gone.status_code, gone.json()["code"]) == (404, "candidate_not_found")


async def test_numbers_of_a_class_cost_what_the_class_costs(shop: Shop) -> None:
    pool = await shop.pool("212555", "Large")
    found = (await shop.post("/search", {"pool_id": pool, "class": "premium", "count": 3})).json()["items"]
    assert [(item["class"], item["price"]["amount"]) for item in found] == [("premium", 4_900)] * 3
    held = (await shop.post("/holds", {"candidate_id": found[0]["id"]})).json()
    assert (held["class"], held["price"]["amount"]) == ("premium", 4_900)
    plain = (await shop.hold(pool, **{"class": "plain"})).json()
    assert (plain["class"], plain["price"]["amount"]) == ("plain", 900)


async def test_a_pool_is_not_open_before_it_is_full(shop: Shop) -> None:
    headers = await shop.staff()
    wanted = {"name": "New", "region": "US", "prefix": "21255", "prices": {"plain": 1, "premium": 2, "gold": 3}}
    made = await shop.post("/pools", wanted | {"currency": "USD"}, headers)
    assert made.status_code == 201, made.text
    pool = made.json()
    assert (pool["open"], pool["size"], pool["states"]["planned"]) == (False, 99_900, 99_900)
    early = await shop.hold(pool["id"])
    assert (early.status_code, early.json()["errors"][0]["code"]) == (422, "unknown_pool")
    assert (await shop.client.get(f"{V1}/pools")).json()["items"] == []
    (job,) = shop.sql("select task_name, args from jobs.procrastinate_jobs where task_name = 'simcards.fill_pool'")
    assert job[1]["pool_id"] == pool["id"]
    await shop.inside.pools.fill(shop.tenant, (await shop.inside.pools.all(shop.tenant))[0].pool_id)
    assert (await shop.hold(pool["id"])).status_code == 201
    assert (await shop.post("/pools", wanted | {"currency": "USD"}, headers)).json()["code"] == "pools_overlap"


async def test_a_pool_that_is_half_sold_knows_when_it_will_be_empty(shop: Shop) -> None:
    pool = await shop.pool()
    for number in range(3):
        held = (await shop.hold(pool)).json()
        await shop.pay(held["id"], key=str(number))
        await shop.client.delete(f"{V1}/holds/{held['id']}")
    standing = (await shop.client.get(f"{V1}/pools/{pool}", headers=await shop.staff())).json()
    assert (standing["sold_per_day"], standing["days_left"]) == (3.0, 299.0)


async def test_a_retired_number_is_never_drawn(shop: Shop) -> None:
    pool = await shop.pool()
    held = (await shop.hold(pool)).json()
    headers = await shop.staff()
    busy = await shop.post(f"/numbers/{held['number']}/retire", {"reason": "test"}, headers)
    assert (busy.status_code, busy.json()["code"]) == (409, "number_taken")
    await shop.client.delete(f"{V1}/holds/{held['id']}")
    assert (await shop.post(f"/numbers/{held['number']}/retire", {"reason": "test"}, headers)).status_code == 204
    assert await states(shop, pool) == {"available": 899, "retired": 1}
    again = await shop.post(f"/numbers/{held['number']}/retire", {}, headers)
    assert again.json()["code"] == "illegal_number_move"
    await shop.prove()


PURCHASE = {"hold_id": "x", "payment_method": "pm_card_visa", "email": "a@example.org", "identity": IDENTITY}

BAD: list[tuple[str, dict[str, Any], int, str]] = [
    ("/holds", {}, 422, "pool_id"),
    ("/holds", {"pool_id": "x"}, 422, "pool_id"),
    ("/holds", {"pool_id": "018f0000-0000-7000-8000-00000000ffff"}, 422, "pool_id"),
    ("/holds", {"candidate_id": "x"}, 404, ""),
    ("/search", {"pool_id": "POOL", "ends": "12345678"}, 422, "ends"),
    ("/search", {"pool_id": "POOL", "ends": "x"}, 422, "ends"),
    ("/search", {"pool_id": "POOL", "count": 0}, 422, "count"),
    ("/search", {"region": "FR"}, 422, "pool_id"),
    ("/sales", PURCHASE, 422, "hold_id"),
    ("/sales", PURCHASE | {"identity": {}}, 422, "identity.name"),
    ("/portings", {"number": "+12125550123", "carrier": "Other", "name": "Ada"}, 422, "number"),
    ("/portings", {"number": "hello", "carrier": "Other", "name": "Ada"}, 422, "number"),
    ("/sales/x/activate", {"iccid": iccid(1)}, 404, ""),
]  # fmt: skip


@pytest.mark.parametrize(("path", "body", "status", "field"), BAD)
async def test_bad_input_names_its_field_and_changes_nothing(
    shop: Shop, path: str, body: dict[str, Any], status: int, field: str
) -> None:
    pool = await shop.pool()
    body = {name: pool if value == "POOL" else value for name, value in body.items()}
    answer = await shop.client.post(f"{V1}{path}", json=body, headers={"Idempotency-Key": "k"})
    assert answer.status_code == status, answer.text
    if field:
        assert answer.json()["errors"][0]["field"] == field, answer.text
    assert shop.sql("select (select count(*) from simcards.sales) + (select count(*) from allocation.claims)") == [(0,)]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"region": "XX"}, "region"),
        ({"prefix": "119"}, "prefix"),
        ({"prices": {"plain": 1}}, "prices"),
        ({"region": "IT", "prefix": "06", "kind": "fixed"}, "length"),
    ],
)
async def test_a_pool_of_no_plan_is_refused_by_its_field(shop: Shop, change: dict[str, Any], field: str) -> None:
    wanted = {"name": "New", "region": "US", "prefix": "21255", "prices": {"plain": 1, "premium": 2, "gold": 3}}
    answer = await shop.post("/pools", wanted | {"currency": "USD"} | change, await shop.staff())
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


async def test_another_shop_sees_none_of_our_numbers(shop: Shop) -> None:
    pool = await shop.pool()
    sale = await shop.sold(pool)
    _, stranger = await other_house(shop.site)
    for path in (f"/pools/{pool}", f"/numbers/{sale['number']}", f"/sales/{sale['id']}"):
        assert (await shop.client.get(f"{V1}{path}", headers=stranger)).status_code == 404, path
    assert (await shop.client.get(f"{V1}/pools/all", headers=stranger)).json()["items"] == []
    assert (await shop.hold(pool, stranger)).status_code == 422
    assert (await shop.post(f"/numbers/{sale['number']}/retire", {}, stranger)).status_code == 404
    for path in ("/pools/all", f"/pools/{pool}", "/portings", "/cards.csv", f"/numbers/{sale['number']}"):
        assert (await shop.client.get(f"{V1}{path}")).status_code == 401, path
    assert (await shop.story(sale["number"]))["state"] == NumberState.SOLD
