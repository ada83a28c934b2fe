"""The desk of the shop over HTTP: who may see it, what it shows, what it decides."""

import re

import httpx
import pytest
from tests.systems.cinema.staff import csrf_of, signed_in
from tests.systems.simcards.conftest import Shop, iccid
from tests.systems.simcards.test_portings import WHERE, active_sale, plain_id

SEEN = ("/desk", "/desk/numbers", "/desk/portings")
MANAGED = ("/desk/cards",)
HTML = {"accept": "text/html"}


async def open_page(client: httpx.AsyncClient, path: str, status: int = 200) -> str:
    answer = await client.get(f"/simcards{path}")
    assert answer.status_code == status, answer.text
    return answer.text


async def send(client: httpx.AsyncClient, seen: str, path: str, **data: str) -> httpx.Response:
    return await client.post(f"/simcards{path}", data={**data, "csrf_token": csrf_of(seen)})


@pytest.mark.parametrize("path", SEEN + MANAGED)
async def test_guests_sign_in_first_and_viewers_are_turned_away(shop: Shop, path: str) -> None:
    answer = await shop.client.get(f"/simcards{path}", headers=HTML)
    assert answer.status_code == 303 and answer.headers["location"].startswith("/sign-in")
    viewer = await signed_in(shop.site, "viewer")
    await open_page(viewer, path, 403)


async def test_the_dashboard_counts_what_is_free_sold_and_waiting(shop: Shop) -> None:
    pool_id = await shop.pool()
    await shop.sold(pool_id)
    manager = await signed_in(shop.site)
    page = await open_page(manager, "/desk")
    assert "899" in page and "Small" in page and "Sold by day" in page
    one = await open_page(manager, f"/desk/pools/{pool_id}")
    assert f"serai simcards randomness {pool_id}" in one and "On sale" in one
    await open_page(manager, "/desk/pools/00000000-0000-7000-8000-000000000000", 404)


async def test_a_number_tells_its_story_and_is_retired_with_a_reason(shop: Shop) -> None:
    sale = await active_sale(shop)
    manager = await signed_in(shop.site)
    number = sale["number"].replace("+", "%2B").replace(" ", "")
    page = await open_page(manager, f"/desk/numbers?number={number}")
    assert "activate" in page and "Retire for good" not in page
    assert "country code" in await open_page(manager, "/desk/numbers?number=call+me")
    free = await shop.client.get("/api/simcards/v1/pools")
    lead = free.json()["items"][0]["lead"]
    other = next(
        f"{lead}{tail}" for tail in range(300, 999) if f"{lead}{tail}" != sale["number"].replace(" ", "")
    ).replace("+", "%2B")
    seen = await open_page(manager, f"/desk/numbers?number={other}")
    refused = await send(manager, seen, "/desk/numbers/retire", number=other.replace("%2B", "+"), reason="")
    assert refused.status_code == 422
    retired = await send(manager, seen, "/desk/numbers/retire", number=other.replace("%2B", "+"), reason="A scandal")
    assert retired.status_code == 303
    assert "A scandal" in await open_page(manager, f"/desk/numbers?number={other}")


async def test_a_porting_is_accepted_and_completed_at_the_desk(shop: Shop) -> None:
    sale = await active_sale(shop)
    await shop.post(f"/sales/{sale['id']}/port-out", WHERE)
    porting_id = await plain_id(shop)
    manager = await signed_in(shop.site)
    page = await open_page(manager, "/desk/portings")
    assert "Other Mobile" in page and "It has moved" not in page
    assert (await send(manager, page, f"/desk/portings/{porting_id}/withdraw")).status_code == 404, "its owner's alone"
    long = await send(manager, page, f"/desk/portings/{porting_id}/reject", reason="x" * 201)
    assert long.status_code == 303 and "It has moved" not in await open_page(manager, "/desk/portings")
    assert (await send(manager, page, f"/desk/portings/{porting_id}/accept")).status_code == 303
    page = await open_page(manager, "/desk/portings")
    assert "It has moved" in page
    assert (await send(manager, page, f"/desk/portings/{porting_id}/complete")).status_code == 303
    assert "Nobody waits" in await open_page(manager, "/desk/portings")
    again = await send(manager, page, f"/desk/portings/{porting_id}/complete")
    assert again.status_code == 303 and "cannot" in await open_page(manager, "/desk/portings")
    assert (await send(manager, page, f"/desk/portings/{porting_id}/explode")).status_code == 404
    assert (await manager.post(f"/simcards/desk/portings/{porting_id}/accept", data={})).status_code == 403


async def test_cards_are_tried_first_then_loaded_and_come_back_as_a_sheet(shop: Shop) -> None:
    manager = await signed_in(shop.site)
    page = await open_page(manager, "/desk/cards")
    sheet = f"iccid,imsi,batch\n{iccid(1)},310150123456781,spring\n{iccid(2)},310150123456782,spring\n"
    files = {"sheet": ("cards.csv", sheet, "text/csv")}
    tried = await manager.post("/simcards/desk/cards", data={"csrf_token": csrf_of(page)}, files=files)
    assert tried.status_code == 200 and "All lines are right." in tried.text
    assert "0 cards in stock" in await open_page(manager, "/desk/cards")
    fields = dict(re.findall(r'name="(attempt|name|file)" value="([^"]*)"', tried.text))
    done = await send(manager, tried.text, "/desk/cards", **fields)
    assert done.status_code == 303
    assert "2 cards in stock" in await open_page(manager, "/desk/cards")
    again = await send(manager, tried.text, "/desk/cards", **fields)
    assert again.status_code == 422 and "in stock already" in again.text
    answer = await manager.get("/simcards/desk/cards.csv")
    assert answer.headers["content-type"].startswith("text/csv") and iccid(1) in answer.text
    wrong = {"sheet": ("cards.csv", f"iccid,imsi\n{iccid(3)[:-1]}0,1\n", "text/csv")}
    refused = await manager.post("/simcards/desk/cards", data={"csrf_token": csrf_of(page)}, files=wrong)
    assert refused.status_code == 422 and "Nothing was imported" in refused.text
