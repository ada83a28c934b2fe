"""Many buyers at once: no number is sold twice, none is lost, and the first who finds none is told so."""

import asyncio
from collections import Counter
from typing import Any

import httpx
from tests.systems.simcards import naive
from tests.systems.simcards.conftest import V1, Shop

from serai.kernel.ids import uuid7
from serai.systems.simcards.errors import Exhausted
from serai.systems.simcards.service.showing import Viewer

BUYERS = 200


async def buy(shop: Shop, pool: str, key: str, headers: dict[str, str]) -> dict[str, Any]:
    """Holds and pays; the sale."""
    held = await shop.hold(pool, headers)
    assert held.status_code == 201, held.text
    paid = await shop.pay(held.json()["id"], key=key)
    assert paid.status_code == 201, paid.text
    document: dict[str, Any] = paid.json()
    return document


async def test_200_parallel_buyers_never_get_one_number_twice(shop: Shop) -> None:
    pool = await shop.pool("2125550")
    headers = await shop.staff("simcards:sell")
    sales = await asyncio.gather(*(buy(shop, pool, f"k{buyer}", headers) for buyer in range(BUYERS)))
    numbers = [sale["number"] for sale in sales]
    assert len(set(numbers)) == BUYERS
    assert shop.sql("select count(*), count(distinct number) from simcards.sales where state = 'sold'") == [(200, 200)]
    await shop.prove()


async def test_the_control_sells_one_number_twice(shop: Shop) -> None:
    await shop.pool("2125550")
    ((pool_no,),) = shop.sql("select pool_no from simcards.pools")
    world = shop.site.world
    told = await asyncio.gather(
        *(naive.buy(world.database, shop.tenant, pool_no, uuid7(world.clock, world.random)) for buyer in range(BUYERS))
    )
    assert max(Counter(told).values()) > 1, "the race is not hard enough to prove anything"


async def test_200_buyers_of_the_last_50_numbers(shop: Shop) -> None:
    pool = await shop.pool("2125550")
    ((pool_no,),) = shop.sql("select pool_no from simcards.pools")
    shop.sql("update allocation.units set state = 'blocked' where pool_no = %s and key >= 50", pool_no)
    headers = await shop.staff("simcards:sell")
    answers = await asyncio.gather(*(shop.hold(pool, headers) for _ in range(BUYERS)))
    by_status = Counter(answer.status_code for answer in answers)
    assert by_status == {201: 50, 409: 150}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"exhausted"}
    assert len({answer.json()["number"] for answer in answers if answer.status_code == 201}) == 50


async def test_a_pool_of_10_000_sells_out_exactly_and_the_next_gets_exhausted(shop: Shop) -> None:
    """Through the service: 10,000 requests over HTTP take minutes on a small machine, and prove no more."""
    pool = await shop.pool("212234", "Ten thousand")
    (found,) = await shop.inside.pools.all(shop.tenant)
    assert found.numbers.size == 10_000
    numbers: list[int] = []
    refused = 0

    async def draw_all() -> None:
        nonlocal refused
        while True:
            try:
                hold = await shop.inside.holds.draw(
                    shop.tenant, found.pool_id, Viewer(()), holder="test", holds_max=None
                )
            except Exhausted:
                refused += 1
                return
            numbers.append(hold.number)

    await asyncio.gather(*(draw_all() for _ in range(12)))
    assert refused == 12
    assert sorted(numbers) == [*found.numbers]
    next_buyer = await shop.hold(pool, await shop.staff("simcards:sell"))
    assert (next_buyer.status_code, next_buyer.json()["code"]) == (409, "exhausted")
    assert shop.sql("select state::text, count(*) from allocation.units group by 1") == [("held", 10_000)]
    await shop.prove()


async def test_two_tabs_and_two_searchers_get_one_number_once(shop: Shop) -> None:
    pool = await shop.pool()
    found = (await shop.post("/search", {"pool_id": pool, "count": 1})).json()["items"][0]
    answers = await asyncio.gather(*(shop.post("/holds", {"candidate_id": found["id"]}) for _ in range(20)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 19}
    (held,) = [answer.json() for answer in answers if answer.status_code == 201]
    paid: list[httpx.Response] = await asyncio.gather(
        *(shop.pay(held["id"], key=f"tab {tab}") for tab in range(4)), return_exceptions=False
    )
    assert sum(answer.status_code == 201 for answer in paid) == 1
    await shop.prove()


async def test_returns_and_draws_at_once_leave_every_number_somewhere(shop: Shop) -> None:
    pool = await shop.pool()
    headers = await shop.staff("simcards:sell")
    sales = [await buy(shop, pool, f"k{number}", headers) for number in range(20)]
    outcomes = await asyncio.gather(
        *(shop.post(f"/sales/{sale['id']}/return") for sale in sales for _ in range(2)),
        *(shop.hold(pool, headers) for _ in range(40)),
        *(shop.client.get(f"{V1}/pools/{pool}", headers=headers) for _ in range(5)),
    )
    assert {answer.status_code for answer in outcomes} <= {200, 201}
    states = shop.sql("select state::text, count(*) from allocation.units group by 1 order by 1")
    assert states == [("blocked", 20), ("free", 840), ("held", 40)]
    await shop.prove()
