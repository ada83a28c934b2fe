"""The desk's pages over HTTP: who may see them, what a form may do, and what is left of one that was refused."""

import html
import re
from typing import Any
from uuid import uuid4

import httpx
import orjson
import pytest
from tests.systems.cinema.staff import bearer, csrf_of, other_house, signed_in
from tests.systems.simcards.conftest import V1, OpenShop, Shop, iccid

from serai.systems.simcards.http.models import CardOut, EvidenceOut, SaleLineOut
from serai.systems.simcards.model import Pool, Standing
from serai.systems.simcards.numbering.classes import NumberClass
from serai.systems.simcards.numbering.plans import Kind
from serai.systems.simcards.numbering.ranges import Ranges
from serai.systems.simcards.numbering.shuffle import Shuffle
from serai.systems.simcards.numbering.states import NumberState
from serai.systems.simcards.pages.desk.parts import SEEN_MIN, segments

DESK = "/simcards/desk"
HTML = {"accept": "text/html"}
SEEN = ("", "/numbers", "/sales", "/sales?state=sold&q=nobody@example.org", "/cards", "/cards?state=free", "/portings")
MANAGED = ("/pools/new", "/cards/import")
POOL = {
    "name": "Brooklyn", "region": "US", "kind": "mobile", "prefix": "7185550", "currency": "usd",
    "plain": "9", "premium": "49,50", "gold": "249.00",
}  # fmt: skip


async def form(client: httpx.AsyncClient, page: str, action: str, **values: str) -> httpx.Response:
    """A form of the page, sent as a browser sends it."""
    shown = await client.get(f"{DESK}{page}", headers=HTML)
    assert shown.status_code == 200, shown.text
    return await client.post(f"{DESK}{action}", data={"csrf_token": csrf_of(shown.text), **values})


async def followed(client: httpx.AsyncClient, answer: httpx.Response) -> str:
    """The page to which a form that was taken leads, with its message."""
    assert answer.status_code == 303, answer.text
    page = await client.get(answer.headers["location"])
    assert page.status_code == 200, page.text
    return html.unescape(page.text)


def errors_in(page: str) -> dict[str, str]:
    """The sentence beside each input, by the input's id."""
    found = re.findall(r'<p class="field-error" id="([^"]+)-error"><svg.*?</svg>(.*?)</p>', page)
    return {name: html.unescape(said) for name, said in found}


def tallies(page: str) -> dict[str, str]:
    """The figures at the top, by their labels."""
    return dict(re.findall(r'tally-label">(.*?)</span><strong[^>]*>(.*?)</strong>', page))


async def test_who_sells_sees_the_desk_who_manages_changes_it_and_a_guest_neither(shop: Shop) -> None:
    pool = await shop.pool()
    sale = await shop.sold(pool)
    ((sale_id,),) = shop.sql("select sale_id::text from simcards.sales")
    guest = await shop.client.get(DESK, headers=HTML)
    assert (guest.status_code, guest.headers["location"]) == (303, "/sign-in?next=%2Fsimcards%2Fdesk")
    client = await signed_in(shop.site, "simcards:sell")
    for path in (*SEEN, f"/pools/{pool}", f"/sales/{sale_id}", f"/numbers/{sale['number'][1:]}"):
        page = await client.get(f"{DESK}{path}", headers=HTML)
        assert page.status_code == 200, path
        assert "Add pool" not in page.text and "Load cards" not in page.text and 'data-opens="retire"' not in page.text
        assert page.headers["cache-control"] == "no-store"
    for path in (*MANAGED, f"/pools/{pool}/randomness"):
        assert (await client.get(f"{DESK}{path}", headers=HTML)).status_code == 403, path
    token = csrf_of((await client.get(DESK)).text)
    for path in (f"/numbers/{sale['number'][1:]}/retire", "/pools/new", "/cards/import"):
        refused = await client.post(f"{DESK}{path}", data={"csrf_token": token})
        assert refused.status_code == 403, path


async def test_the_dashboard_counts_what_there_is_and_names_what_runs_out_first(shop: Shop) -> None:
    small, _ = await shop.pool(), await shop.pool("213555", "Large")
    await shop.cards(3)
    await shop.sold(small)
    await shop.hold(small)
    asked = await shop.post("/portings", {"number": "+44 7400 123456", "carrier": "Other", "name": "Ada Okafor"})
    assert asked.status_code == 201
    client = await signed_in(shop.site, "simcards:*")
    page = html.unescape((await client.get(DESK)).text)
    assert tallies(page) == {
        "Free": "10,798",
        "In use": "1",
        "Resting": "0",
        "Cards left": "3",
        "Portings": "1",
        "Runs out first": "about 2 years",
    }
    assert page.index("Small") < page.index("Large")


async def test_a_pool_is_counted_planned_filled_and_shown(shop: Shop) -> None:
    client = await signed_in(shop.site, "simcards:*")
    counted = await form(client, "/pools/new", "/pools/new", **POOL, do="count")
    assert counted.status_code == 200
    assert "900 numbers begin with +1 7185550, and go on for 3 digits." in counted.text
    assert 'value="49,50"' in counted.text, "what was typed stands there again"
    assert shop.sql("select count(*) from simcards.pools") == [(0,)]
    planned = await form(client, "/pools/new", "/pools/new", **POOL)
    page = await followed(client, planned)
    assert "Brooklyn is planned, and is being filled." in page and "0 of 900" in page
    ((pool_id, prices, currency),) = shop.sql("select pool_id, prices, currency from simcards.pools")
    assert (prices, currency) == ({"gold": 24_900, "plain": 900, "premium": 4_950}, "USD")
    await shop.inside.pools.fill(shop.tenant, pool_id)
    page = await followed(client, planned)
    assert tallies(page)["Free"] == "900" and "On sale" in page


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ({"name": ""}, {"name": "Fill this in."}),
        ({"region": "", "plain": "cheap"}, {"region": "Choose a country.", "plain": "Write an amount such as 249.00."}),
        ({"prefix": "71-8"}, {"prefix": "Digits only."}),
        ({"prefix": "911"}, {"prefix": "US has no mobile numbers that begin '911'."}),
        ({"currency": "dollars"}, {"currency": "Three letters, such as EUR."}),
        ({"currency": "XQZ"}, {"currency": "'XQZ' is no ISO 4217 currency; write one such as EUR."}),
        ({"plain": "-1"}, {"plain": "Write an amount such as 249.00."}),
        ({"plain": "9.001"}, {"plain": "Write an amount such as 249.00."}),
        ({"gold": "99999999"}, {"gold": "At most 1000000000."}),
        ({"length": "x"}, {"length": "Write a whole number."}),
        ({"quarantine_days": "9999"}, {"quarantine_days": "At most 3650."}),
        ({"name": "a\x00b"}, {"name": "This has characters that cannot stand here."}),
    ],
)
async def test_a_refused_pool_names_its_fields_and_makes_nothing(
    shop: Shop, values: dict[str, str], wrong: dict[str, str]
) -> None:
    client = await signed_in(shop.site, "simcards:*")
    answer = await form(client, "/pools/new", "/pools/new", **POOL | values)
    assert answer.status_code == 422
    assert errors_in(answer.text) == wrong
    assert "Brooklyn" in answer.text or "name" in values
    assert shop.sql("select count(*) from simcards.pools") == [(0,)]


async def test_a_pool_that_overlaps_another_says_so_at_its_digits(shop: Shop) -> None:
    await shop.pool("7185550")
    client = await signed_in(shop.site, "simcards:*")
    answer = await form(client, "/pools/new", "/pools/new", **POOL)
    assert answer.status_code == 409
    assert errors_in(answer.text) == {"prefix": "900 of these numbers are in the pool 'Small' already."}


async def test_the_evidence_is_drawn_and_nothing_stays_drawn(shop: Shop) -> None:
    pool = await shop.pool("212555")
    client = await signed_in(shop.site, "simcards:*")
    answer = await form(client, f"/pools/{pool}/randomness", f"/pools/{pool}/randomness")
    assert answer.status_code == 200
    assert "2,000 numbers out of 9,900" in answer.text and "Next-number game" in answer.text
    assert "Nobody could tell the next number." in answer.text
    assert shop.sql("select count(*) from allocation.claims") == [(0,)]
    headers = await shop.staff()
    said = await shop.post(f"/pools/{pool}/randomness", None, headers)
    assert EvidenceOut.model_validate_json(said.content).holds
    assert (await shop.post(f"/pools/{uuid4()}/randomness", None, headers)).status_code == 404


async def test_a_pool_without_numbers_cannot_be_judged(shop: Shop) -> None:
    pool = await shop.pool()
    shop.sql("update allocation.units set state = 'blocked'")
    client = await signed_in(shop.site, "simcards:*")
    answer = await form(client, f"/pools/{pool}/randomness", f"/pools/{pool}/randomness")
    assert (answer.status_code, "has no number left to draw" in answer.text) == (409, True)


async def test_a_number_is_found_as_people_write_it_and_its_story_told(shop: Shop) -> None:
    pool = await shop.pool()
    sale = await shop.sold(pool)
    client = await signed_in(shop.site, "simcards:*")
    found = await client.get(f"{DESK}/numbers", params={"number": sale["shown"]})
    page = await followed(client, found)
    assert sale["shown"] in page and "Sell" in page and "Its sale" in page
    for text, status in (("twelve", 422), ("+1 212 555 9999 99", 422), ("+44 7400 123456", 404)):
        answer = await client.get(f"{DESK}/numbers", params={"number": text}, headers=HTML)
        assert (answer.status_code, 'aria-invalid="true"' in answer.text) == (status, True), text
        assert html.escape(text) in answer.text


async def test_a_number_is_retired_after_it_has_rested_and_not_before(shop: Shop) -> None:
    pool = await shop.pool()
    sale = await shop.sold(pool)
    here = f"/numbers/{sale['number'][1:]}"
    client = await signed_in(shop.site, "simcards:*")
    page = await followed(client, await form(client, here, f"{here}/retire", reason="too early"))
    assert "A number that is sold cannot retire." in page
    await shop.post(f"/sales/{sale['id']}/return")
    assert "Say why" in await followed(client, await form(client, here, f"{here}/retire"))
    assert (await shop.story(sale["number"]))["state"] == "quarantine"
    page = await followed(client, await form(client, here, f"{here}/retire", reason="a scandal"))
    assert "The number is off the shop for good." in page and "a scandal" in page
    assert (await shop.story(sale["number"]))["state"] == "retired"
    await shop.prove()


async def test_a_number_in_use_gets_a_new_card_and_the_old_one_is_free(shop: Shop) -> None:
    first, second, third = await shop.cards(3)
    sale = await shop.sold(await shop.pool())
    here = f"/numbers/{sale['number'][1:]}"
    headers = await shop.staff("simcards:sell")
    early = await shop.client.put(f"{V1}{here}/card", json={"iccid": second}, headers=headers)
    assert (early.status_code, early.json()["code"]) == (409, "illegal_number_move")
    await shop.post(f"/sales/{sale['id']}/activate", {"iccid": first})
    other = await shop.sold(await shop.pool("2135550", "Other"))
    await shop.post(f"/sales/{other['id']}/activate", {"iccid": third})

    async def paired() -> list[Any]:
        return [row[0] for row in shop.sql("select number from simcards.cards order by iccid")]

    taken = await shop.client.put(f"{V1}{here}/card", json={"iccid": third}, headers=headers)
    assert (taken.status_code, taken.json()["code"]) == (409, "card_taken")
    number = int(sale["number"])
    assert (await paired())[0] == number, "a refused card leaves the old one where it is"
    client = await signed_in(shop.site, "simcards:sell")
    assert "would have to be" in await followed(
        client, await form(client, here, f"{here}/card", iccid=second[:-1] + "0")
    )
    page = await followed(client, await form(client, here, f"{here}/card", iccid=f"{second[:10]} {second[10:]}"))
    assert "on the new card" in page and "New card" in page
    assert (await paired())[:2] == [None, number]
    assert (await shop.story(sale["number"]))["history"][-1]["move"] == "new_card"
    await shop.prove()


async def test_cards_go_in_after_a_dry_run_and_are_found(shop: Shop) -> None:
    client = await signed_in(shop.site, "simcards:*")
    page = await client.get(f"{DESK}/cards/import")
    token = csrf_of(page.text)
    sheet = f"iccid,imsi,batch\n{iccid(1)},310150000000001,May\n{iccid(2)},310150000000002,=1+1\n".encode()
    wrong = sheet + b"123,abc,\n"

    async def sent(raw: bytes) -> httpx.Response:
        files = {"sheet": ("cards.csv", raw, "text/csv")}
        return await client.post(f"{DESK}/cards/import", data={"csrf_token": token}, files=files)

    refused = await sent(wrong)
    assert refused.status_code == 422
    assert "2 problems." in refused.text and "An IMSI has 15 digits" in refused.text
    empty = await sent(b"")
    assert (empty.status_code, "Choose a file that is not empty." in empty.text) == (422, True)
    checked = await sent(sheet)
    assert "All lines are right." in checked.text and "Import 2 lines" in checked.text
    assert shop.sql("select count(*) from simcards.cards") == [(0,)]
    fields = dict(re.findall(r'<input type="hidden" name="(attempt|name|file)" value="([^"]*)">', checked.text))
    taken = await client.post(f"{DESK}/cards/import", data={"csrf_token": token, **fields})
    assert "2 cards are in stock." in await followed(client, taken)
    again = await client.post(f"{DESK}/cards/import", data={"csrf_token": token, **fields})
    assert (again.status_code, "in stock already" in again.text) == (422, True)
    assert shop.sql("select count(*) from simcards.cards") == [(2,)]
    found = await client.get(f"{DESK}/cards", params={"q": iccid(2)[-6:]})
    assert iccid(2) in found.text and iccid(1) not in found.text and "=1+1" in found.text


async def test_a_porting_is_decided_in_the_inbox(shop: Shop) -> None:
    for number in ("+44 7400 123456", "+44 7400 123457"):
        await shop.post("/portings", {"number": number, "carrier": "Other Mobile", "name": "Ada Okafor"})
    client = await signed_in(shop.site, "simcards:*")
    inbox = (await client.get(f"{DESK}/portings")).text
    first, second = re.findall(rf'href="({DESK}/portings/[0-9a-f-]+)"', inbox)
    here = first.removeprefix(DESK)
    early = await followed(client, await form(client, here, f"{here}/complete"))
    assert "cannot be moved on by complete" in early
    assert "agrees" in await followed(client, await form(client, here, f"{here}/accept"))
    assert "has moved" in await followed(client, await form(client, here, f"{here}/complete"))
    assert (await shop.story("+447400123456"))["state"] == "active"
    there = second.removeprefix(DESK)
    assert (await form(client, there, f"{there}/withdraw")).status_code == 404, "its owner's alone"
    assert (
        "at most 200"
        in (await followed(client, await form(client, there, f"{there}/reject", reason="x" * 201))).lower()
    )
    assert "not hers" in await followed(client, await form(client, there, f"{there}/reject", reason="not hers"))
    assert "Nothing waits" in (await client.get(f"{DESK}/portings")).text
    assert (await client.get(f"{DESK}/portings?state=over")).text.count("row-link") == 2


async def test_sales_are_listed_by_page_and_found_by_code_number_and_mail(shop: Shop) -> None:
    pool, headers = await shop.pool(), await shop.staff("simcards:sell")
    sales = [await shop.sold(pool) for _ in range(3)]
    first = (await shop.client.get(f"{V1}/sales", params={"limit": 2}, headers=headers)).json()
    rest = (
        await shop.client.get(f"{V1}/sales", params={"limit": 2, "cursor": first["next_cursor"]}, headers=headers)
    ).json()
    listed = [SaleLineOut.model_validate_json(orjson.dumps(each)) for each in first["items"] + rest["items"]]
    assert [each.confirmation_code for each in listed] == [sale["confirmation_code"] for sale in sales[::-1]]
    assert rest["next_cursor"] is None
    assert all(sale["id"] not in str(first) + str(rest) for sale in sales), "a buyer's secret is in no list"
    for text, count in (
        (sales[1]["confirmation_code"].lower(), 1),
        (sales[1]["shown"], 1),
        ("BUYER@example.org", 3),
        ("nobody", 0),
    ):
        found = await shop.client.get(f"{V1}/sales", params={"text": text}, headers=headers)
        assert len(found.json()["items"]) == count, text
    bad = await shop.client.get(f"{V1}/sales", params={"cursor": "AAAA"}, headers=headers)
    assert (bad.status_code, bad.json()["errors"][0]["code"]) == (422, "bad_cursor")
    assert (await shop.client.get(f"{V1}/sales")).status_code == 401


async def test_cards_are_listed_by_page(shop: Shop) -> None:
    cards, headers = sorted(await shop.cards(3)), await shop.staff("simcards:sell")
    seen: list[str] = []
    cursor = None
    while True:
        asked = {"limit": "2", "paired": "false"} | ({"cursor": cursor} if cursor else {})
        page = (await shop.client.get(f"{V1}/cards", params=asked, headers=headers)).json()
        seen += [CardOut.model_validate_json(orjson.dumps(each)).iccid for each in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert seen == cards


async def test_a_counter_sees_the_buyer_and_another_shop_sees_nothing(shop: Shop) -> None:
    pool = await shop.pool()
    sale = await shop.sold(pool)
    ((sale_id,),) = shop.sql("select sale_id::text from simcards.sales")
    client = await signed_in(shop.site, "simcards:sell")
    page = html.unescape((await client.get(f"{DESK}/sales/{sale_id}")).text)
    assert "Ada Okafor" in page and "P1234567" in page and f"/simcards/sales/{sale['id']}" in page
    tenant, _ = await other_house(shop.site)
    headers = await bearer(shop.site, "owner", tenant=tenant) | HTML
    for path in (f"/sales/{sale_id}", f"/pools/{pool}", f"/pools/{pool}/randomness", f"/numbers/{sale['number'][1:]}"):
        assert (await shop.client.get(f"{DESK}{path}", headers=headers)).status_code == 404, path


async def test_lists_turn_their_pages_both_ways(open_shop: OpenShop) -> None:
    shop = await open_shop()
    await shop.cards(60)
    client = await signed_in(shop.site, "simcards:sell")
    pages, path = [], f"{DESK}/cards"
    for _ in range(3):
        text = html.unescape((await client.get(path)).text)
        pages.append(re.findall(r"<th scope=\"row\"><code>(\d+)</code>", text))
        ahead = re.search(r'href="([^"]+)" rel="next"', text)
        path = ahead[1] if ahead else path
    assert [len(page) for page in pages] == [25, 25, 10]
    assert len({card for page in pages for card in page}) == 60
    back = re.search(r'href="([^"]+)" rel="prev"', text)
    assert back is not None
    before = html.unescape((await client.get(back[1])).text)
    assert re.findall(r"<th scope=\"row\"><code>(\d+)</code>", before) == pages[1]
    assert (await client.get(f"{DESK}/cards?after=nonsense")).status_code == 422


def test_a_bar_shows_one_number_among_millions_and_never_runs_over() -> None:
    size = 8_000_000
    prices = dict.fromkeys(NumberClass, 1)
    pool = Pool(
        uuid4(), 1, "Big", "US", Kind.MOBILE, "212", 10, Ranges(((0, size - 1),)), Shuffle(size, b"k" * 32), 1,
        prices, "USD", None,
    )  # fmt: skip
    counts = dict.fromkeys(NumberState, 0)
    few = segments(Standing(pool, size, counts | {NumberState.SOLD: 1, NumberState.QUARANTINE: 1}, 0.0, None))
    assert [(part.name, part.width) for part in few] == [("used", SEEN_MIN), ("resting", SEEN_MIN)]
    full = counts | {NumberState.ACTIVE: size - 2, NumberState.HELD: 1, NumberState.RETIRED: 1}
    drawn = segments(Standing(pool, size, full, 0.0, None))
    assert sum(part.width for part in drawn) <= 100.0001
    assert segments(Standing(pool, size, counts, 0.0, None)) == []
