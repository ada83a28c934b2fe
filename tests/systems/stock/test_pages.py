"""The pages of stock over HTTP: who may see them, what a form may do, and what is left of one that was refused."""

import html
import re
from typing import Any
from uuid import uuid4

import httpx
import pytest
from tests.systems.cinema.conftest import Site
from tests.systems.cinema.staff import bearer, csrf_of, other_house, signed_in
from tests.systems.stock.conftest import OpenStock

V1 = "/api/stock/v1"
HTML = {"accept": "text/html"}
TEA_GTIN = "4006381333931"

VIEWED = (
    "", "/products", "/products?q=tea&state=low", "/locations", "/movements", "/movements?kind=sell", "/transfers",
    "/transfers?state=open", "/counts", "/alerts",
)  # fmt: skip
MOVED = ("/movements/new", "/movements/new?kind=adjust", "/transfers/new", "/counts/new")
MANAGED = ("/products/new", "/import", "/import?sheet=deliveries")


@pytest.fixture
async def site(open_stock: OpenStock) -> Site:
    return await open_stock()


async def call(site: Site, path: str, body: Any, headers: dict[str, str], status: int = 201, verb: str = "POST") -> Any:
    """What the API answers."""
    key = {"Idempotency-Key": str(uuid4())}
    answer = await site.client.request(verb, f"{V1}{path}", json=body, headers=headers | key)
    assert answer.status_code == status, answer.text
    return answer.json()


async def built(site: Site, headers: dict[str, str] | None = None) -> dict[str, str]:
    """Two places, tea and milk, 20 of tea at the depot, and a policy that makes it low in the north: their ids."""
    headers = headers or await bearer(site, "owner")
    ids = {}
    for code, kind in (("DEPOT", "warehouse"), ("NORTH", "store")):
        ids[code] = (await call(site, "/locations", {"code": code, "name": code.title(), "kind": kind}, headers))["id"]
    ids["TEA"] = (await call(site, "/products", {"sku": "TEA", "name": "Tea", "gtin": TEA_GTIN}, headers))["id"]
    milk = {"sku": "MILK", "name": "Milk", "tracking": "batch", "decimals": 2, "unit": "l"}
    ids["MILK"] = (await call(site, "/products", milk, headers))["id"]
    goods = [{"product_id": ids["TEA"], "quantity": "20", "cost": {"amount": 4000, "currency": "EUR"}}]
    moved = {"kind": "receive", "location_id": ids["DEPOT"], "items": goods}
    ids["movement"] = (await call(site, "/movements", moved, headers))["id"]
    policy = {"product_id": ids["TEA"], "location_id": ids["NORTH"], "reorder_point": "5", "reorder_quantity": "12"}
    await call(site, "/policies", policy, headers, 200, "PUT")
    alerts = await site.client.get(f"{V1}/alerts", headers=headers)
    ids["alert"] = alerts.json()["items"][0]["id"]
    return ids


def field_of(page: str, name: str) -> str:
    """What stands in an input."""
    found = re.search(rf'<input[^>]*\bname="{re.escape(name)}"[^>]*>', page)
    assert found is not None, f"no input {name}"
    value = re.search(r'value="([^"]*)"', found[0])
    return html.unescape(value[1]) if value else ""


def errors_in(page: str) -> dict[str, str]:
    """The sentence beside each input, by the input's id."""
    found = re.findall(r'<p class="field-error" id="([^"]+?)(?:-error)?"><svg.*?</svg>(.*?)</p>', page)
    return {name: html.unescape(said) for name, said in found}


def fields_of(page: str, form: str) -> dict[str, str]:
    """All inputs of a form that a browser would send with it."""
    inside = page[page.index(form) :]
    inside = inside[: inside.index("</form>")]
    found = {name: field_of(inside, name) for name in re.findall(r'<input[^>]*\bname="([^"]+)"', inside)}
    for name, options in re.findall(r'<select[^>]*\bname="([^"]+)"[^>]*>(.*?)</select>', inside, re.DOTALL):
        chosen = re.search(r'<option value="([^"]*)" selected', options) or re.search(r'value="([^"]*)"', options)
        found[name] = chosen[1] if chosen else ""
    return found


class Desk:
    """Somebody at the pages, with a form open."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.page = ""

    async def open(self, path: str) -> str:
        answer = await self.client.get(f"/stock{path}")
        assert answer.status_code == 200, answer.text
        self.page = answer.text
        return self.page

    async def send(self, path: str, status: int = 200, form: str = "data-scan-form", **values: str) -> str:
        """Sends the open form with these values over what stands in it; follows where it leads."""
        body = fields_of(self.page, form) | {name.replace("__", "."): value for name, value in values.items()}
        answer = await self.client.post(f"/stock{path}", data=body)
        assert answer.status_code == status, answer.text
        self.page = answer.text
        if status == 303:
            await self.open(answer.headers["location"].removeprefix("/stock"))
        return self.page


async def at_desk(site: Site, role: str = "manager") -> Desk:
    return Desk(await signed_in(site, role))


@pytest.mark.parametrize("path", VIEWED + MOVED + MANAGED)
async def test_a_guest_signs_in_first(site: Site, path: str) -> None:
    answer = await site.client.get(f"/stock{path}", headers=HTML)
    assert answer.status_code == 303 and answer.headers["location"].startswith("/sign-in?next=%2Fstock")


async def test_each_role_opens_its_pages_and_no_others(site: Site) -> None:
    ids = await built(site)
    things = (
        f"/products/{ids['TEA']}", f"/products/{ids['TEA']}?location={ids['DEPOT']}", f"/products/{ids['MILK']}",
        f"/locations/{ids['DEPOT']}", f"/movements/{ids['movement']}", f"/alerts/{ids['alert']}",
        f"/products/{ids['TEA']}/policies/{ids['NORTH']}",
    )  # fmt: skip
    edited = (f"/products/{ids['TEA']}/edit",)
    for role, opened, closed in (
        ("manager", VIEWED + MOVED + MANAGED + things + edited, ()),
        ("stock-staff", VIEWED + MOVED + things, MANAGED + edited),
        ("viewer", VIEWED + things, MOVED + MANAGED + edited),
    ):
        client = await signed_in(site, role)
        for path in opened:
            answer = await client.get(f"/stock{path}")
            assert answer.status_code == 200, f"{role} {path}: {answer.text}"
        for path in closed:
            assert (await client.get(f"/stock{path}")).status_code == 403, f"{role} {path}"


async def test_a_form_without_our_token_changes_nothing(site: Site) -> None:
    ids = await built(site)
    client = await signed_in(site)
    before = site.sql("select (select count(*) from stock.movements), (select count(*) from stock.changes)")
    some = str(uuid4())
    for path in (
        "/movements/new", "/transfers/new", "/counts/new", "/products/new", "/import",
        f"/products/{ids['TEA']}/edit", f"/products/{ids['TEA']}/policies/{ids['NORTH']}",
        f"/movements/{ids['movement']}/correct", f"/alerts/{ids['alert']}/acknowledge",
        f"/alerts/{ids['alert']}/order", f"/counts/{some}", f"/counts/{some}/approve", f"/transfers/{some}/dispatch",
        f"/transfers/{some}/receive", f"/transfers/{some}/write-off",
    ):  # fmt: skip
        assert (await client.post(f"/stock{path}", data={"reason": "forged"})).status_code == 403, path
    assert site.sql("select (select count(*) from stock.movements), (select count(*) from stock.changes)") == before


async def test_another_organisations_things_are_not_found(site: Site) -> None:
    _, stranger = await other_house(site)
    ids = await built(site, stranger)
    client = await signed_in(site)
    paths = [f"/products/{ids['TEA']}", f"/locations/{ids['DEPOT']}", f"/movements/{ids['movement']}"]
    paths += [f"/alerts/{ids['alert']}", f"/products/{ids['TEA']}/policies/{ids['NORTH']}", "/products/x", "/counts/x"]
    for path in paths:
        assert (await client.get(f"/stock{path}")).status_code == 404, path


async def test_goods_are_received_by_scanning_and_sent_twice_are_received_once(site: Site) -> None:
    ids = await built(site)
    desk = await at_desk(site, "stock-staff")
    await desk.open("/movements/new?kind=receive")
    for code in (TEA_GTIN, TEA_GTIN, "MILK"):
        await desk.send("/movements/new", scan=code, do="add")
    assert field_of(desk.page, "items.0.quantity") == "2" and field_of(desk.page, "items.1.quantity") == "1"
    assert field_of(desk.page, "scan") == ""
    page = await desk.send(
        "/movements/new", 422, do="post", location_id=ids["NORTH"], items__0__quantity="7", items__1__quantity="1.234"
    )
    assert "2 decimals" in errors_in(page)["e-1"]
    assert field_of(page, "items.0.quantity") == "7" and field_of(page, "items.1.quantity") == "1.234"
    good = {"items__1__quantity": "1,5", "items__1__batch": "L1", "items__1__expires_on": "2099-01-31"}
    body = fields_of(page, "data-scan-form") | {name.replace("__", "."): value for name, value in good.items()}
    first = await desk.client.post("/stock/movements/new", data=body | {"do": "post", "items.0.cost": "14,00"})
    again = await desk.client.post("/stock/movements/new", data=body | {"do": "post", "items.0.cost": "14,00"})
    assert first.status_code == again.status_code == 303
    assert first.headers["location"] == again.headers["location"]
    assert site.sql("select count(*) from stock.movements where kind = 'receive'") == [(2,)]
    lines = site.sql(
        "select p.sku, l.quantity, l.cost_minor from stock.lines l join stock.products p using (product_no)"
        " where l.level is not null order by l.movement_no desc, p.sku limit 2"
    )
    assert lines == [("MILK", 150, None), ("TEA", 7, 1400)]


async def test_a_code_that_nobody_knows_stays_in_its_field(site: Site) -> None:
    await built(site)
    desk = await at_desk(site)
    await desk.open("/movements/new?kind=sell")
    await desk.send("/movements/new", scan="TEA", do="add")
    page = await desk.send("/movements/new", 422, scan="<unknown>", do="add")
    assert field_of(page, "scan") == "<unknown>" and "No product has the code" in errors_in(page)["scan"]
    assert field_of(page, "items.0.quantity") == "1"
    page = await desk.send("/movements/new", do="remove.0")
    assert "items.0." not in page


async def test_a_refusal_of_the_ledger_is_said_and_what_was_typed_stays(site: Site) -> None:
    ids = await built(site)
    desk = await at_desk(site)
    await desk.open("/movements/new?kind=scrap")
    await desk.send("/movements/new", scan="TEA", do="add")
    page = await desk.send("/movements/new", 422, do="post", location_id=ids["DEPOT"])
    assert "Say why" in errors_in(page)["reason"]
    page = await desk.send("/movements/new", 409, do="post", reason="wet", items__0__quantity="500")
    assert "20 are free" in page and field_of(page, "reason") == "wet" and field_of(page, "items.0.quantity") == "500"
    page = await desk.send("/movements/new", 422, do="post", items__0__quantity="5", at="yesterday")
    assert errors_in(page)["at"] == "Write a day and a time."
    page = await desk.send("/movements/new", 303, do="post", at="")
    assert "1 line scrapped" in page
    empty = await at_desk(site)
    await empty.open("/movements/new")
    assert "at least one product" in errors_in(await empty.send("/movements/new", 422, do="post"))["scan"]


async def test_a_movement_is_taken_back_once_by_who_may(site: Site) -> None:
    ids = await built(site)
    path = f"/movements/{ids['movement']}"
    staff = await at_desk(site, "stock-staff")
    assert "Take back" not in await staff.open(path)
    desk = await at_desk(site)
    await desk.open(path)
    page = await desk.send(f"{path}/correct", 303, f'action="/stock{path}/correct"', reason="")
    assert "Fill this in" in page
    page = await desk.send(f"{path}/correct", 303, f'action="/stock{path}/correct"', reason="wrong van")
    assert "mirror image" in page and "wrong van" in page
    await desk.open(path)
    page = await desk.send(f"{path}/correct", 303, f'action="/stock{path}/correct"', reason="again")
    assert "taken back already" in page


async def test_a_transfer_arrives_in_part_and_the_rest_is_written_off(site: Site) -> None:
    ids = await built(site)
    desk = await at_desk(site)
    await desk.open(f"/transfers/new?from_id={ids['DEPOT']}")
    await desk.send("/transfers/new", scan="TEA", do="add")
    page = await desk.send("/transfers/new", 422, do="post", to_id=ids["DEPOT"], items__0__quantity="6")
    assert "another location" in errors_in(page)["to_id"] and field_of(page, "items.0.quantity") == "6"
    page = await desk.send("/transfers/new", 303, do="post", to_id=ids["NORTH"], reference="VAN 7")
    ((transfer_id,),) = site.sql("select transfer_id::text from stock.transfers")
    path = f"/transfers/{transfer_id}"
    await desk.send(f"{path}/dispatch", 303, f'action="/stock{path}/dispatch"')
    for _ in range(4):
        await desk.send(f"{path}/receive", scan=TEA_GTIN, do="add")
    assert field_of(desk.page, "lines.0.quantity") == "4"
    page = await desk.send(f"{path}/receive", 422, scan="MILK", do="add")
    assert "not on its way" in errors_in(page)["scan"] and field_of(page, "lines.0.quantity") == "4"
    page = await desk.send(f"{path}/receive", 409, do="post", lines__0__quantity="9", scan="")
    assert "6 are on their way" in page and field_of(page, "lines.0.quantity") == "9"
    await desk.send(f"{path}/receive", 303, do="post", lines__0__quantity="4")
    assert site.sql("select received, lost from stock.transfer_lines") == [(4, 0)]
    page = await desk.send(f"{path}/write-off", 303, f'action="/stock{path}/write-off"', reason="two broke")
    assert site.sql("select received, lost from stock.transfer_lines") == [(4, 2)] and "Discrepant" in page
    staff = await signed_in(site, "stock-staff")
    token = csrf_of((await staff.get("/stock/transfers/new")).text)
    refused = await staff.post(f"/stock{path}/write-off", data={"csrf_token": token, "reason": "x"})
    assert refused.status_code == 403


async def test_a_blind_count_keeps_every_scan_and_is_approved_by_another(site: Site) -> None:
    ids = await built(site)
    staff = await at_desk(site, "stock-staff")
    await staff.open("/counts/new")
    form = 'action="/stock/counts/new"'
    await staff.send("/counts/new", 303, form, location_id=ids["DEPOT"], blind="yes", note="Shelf 1")
    ((count_id,),) = site.sql("select count_id::text from stock.counts")
    path = f"/counts/{count_id}"
    assert "should be there" not in staff.page
    for _ in range(3):
        await staff.send(path, scan=TEA_GTIN, do="add")
    assert site.sql("select counted from stock.count_lines") == [(3,)]
    page = await staff.send(path, 422, scan="MILK", do="add")
    assert "not on this list" in errors_in(page)["scan"]
    name = f"n.{ids['TEA']}.0"
    page = await staff.send(path, 422, do="save", scan="", **{name: "many"})
    assert (field_of(page, name) == "many" and "is no number" in html.unescape(page)) or "characters" in page
    await staff.send(path, 303, do="submit", **{name: "18"})
    assert "Approve</button>" not in staff.page
    desk = await at_desk(site)
    page = await desk.open(path)
    assert "1 line differs" in page and "−2" in page
    await desk.send(f"{path}/approve", 303, f'action="/stock{path}/approve"', reason="recounted")
    assert site.sql("select level from stock.lines order by movement_no desc, line_no desc limit 1") == [(18,)]


async def test_two_people_count_one_list_without_undoing_one_another(site: Site) -> None:
    ids = await built(site)
    one, other = await at_desk(site, "stock-staff"), await at_desk(site)
    await one.open("/counts/new")
    await one.send("/counts/new", 303, 'action="/stock/counts/new"', location_id=ids["DEPOT"])
    ((count_id,),) = site.sql("select count_id::text from stock.counts")
    path = f"/counts/{count_id}"
    await other.open(path)
    for _ in range(2):
        await one.send(path, scan="TEA", do="add")
    await other.send(path, scan="TEA", do="add")
    assert site.sql("select counted from stock.count_lines") == [(3,)]


async def test_an_alert_is_seen_and_ordered_with_its_reasons_shown(site: Site) -> None:
    ids = await built(site)
    desk = await at_desk(site)
    path = f"/alerts/{ids['alert']}"
    page = await desk.open(path)
    assert "reorder point = demand a day x lead time" in page
    page = await desk.send(f"{path}/acknowledge", 303, f'action="/stock{path}/acknowledge"')
    assert "somebody has seen it" in page
    page = await desk.send(f"{path}/order", 422, f'action="/stock{path}/order"', quantity="some", reference="PO 1")
    assert errors_in(page)["quantity"] and field_of(page, "quantity") == "some"
    page = await desk.send(f"{path}/order", 303, f'action="/stock{path}/order"', quantity="12", reference="PO 1")
    assert "PO 1" in page
    assert site.sql("select state, order_quantity from stock.alerts") == [("ordered", 12)]


async def test_products_and_policies_are_made_by_forms_that_keep_what_was_typed(site: Site) -> None:
    ids = await built(site)
    desk = await at_desk(site)
    await desk.open("/products/new")
    form = 'action="/stock/products/new"'
    page = await desk.send("/products/new", 422, form, name="Cup", sku="CUP", gtin="123", tracking="none")
    assert "no GTIN" in errors_in(page)["gtin"] and field_of(page, "name") == "Cup"
    page = await desk.send("/products/new", 409, form, name="Cup", sku="TEA", gtin="", tracking="none")
    assert "Another product" in errors_in(page)["sku"]
    page = await desk.send("/products/new", 303, form, sku="CUP", tracking="none")
    assert "Cup is added" in page
    path = f"/products/{ids['TEA']}"
    await desk.open(f"{path}/edit")
    page = await desk.send(f"{path}/edit", 303, f'action="/stock{path}/edit"', name="Black tea")
    assert "Black tea is saved" in page
    path = f"{path}/policies/{ids['DEPOT']}"
    await desk.open(path)
    page = await desk.send(path, 422, f'action="/stock{path}"', reorder_point="x", reorder_quantity="5")
    assert "reorder_point" in errors_in(page) and field_of(page, "reorder_quantity") == "5"
    await desk.send(path, 303, f'action="/stock{path}"', reorder_point="25", reorder_quantity="5")
    assert site.sql("select count(*) from stock.policies where low") == [(2,)]


async def handed_in(desk: Desk, kind: str, text: str, status: int = 200) -> str:
    """A file that was chosen and checked."""
    page = await desk.open(f"/import?sheet={kind}")
    answer = await desk.client.post(
        f"/stock/import?sheet={kind}",
        data={"csrf_token": csrf_of(page)},
        files={"sheet": ("goods.csv", text.encode(), "text/csv")},
    )
    assert answer.status_code == status, answer.text
    desk.page = answer.text
    return answer.text


async def test_a_sheet_is_tried_first_then_imported_once(site: Site) -> None:
    await built(site)
    desk = await at_desk(site)
    page = await handed_in(desk, "products", "sku,name,gtin\nCUP,Cup,\nPOT,Pot,12\nBOX,,\n", 422)
    assert "2 problems" in page and "is no GTIN" in html.unescape(page) and "may not be empty" in page
    assert re.findall(r'data-label="Line">(\d+)', page) == ["3", "4"]
    page = await handed_in(desk, "products", "sku;name\r\nCUP;Cup\r\nPOT;Pot\r\n")
    assert "All lines are right" in page
    assert site.sql("select count(*) from stock.products where sku in ('CUP', 'POT')") == [(0,)]
    body = fields_of(page, 'action="/stock/import?sheet=products"')
    for _ in range(2):
        answer = await desk.client.post("/stock/import?sheet=products", data=body)
        assert answer.status_code == 303, answer.text
    assert "2 lines are imported" in await desk.open("/products")
    assert site.sql("select count(*) from stock.products where sku in ('CUP', 'POT')") == [(2,)]
    page = await handed_in(desk, "deliveries", "location,sku,quantity\nDEPOT,TEA,3\n")
    body = fields_of(page, 'action="/stock/import?sheet=deliveries"')
    assert (await desk.client.post("/stock/import?sheet=deliveries", data=body)).status_code == 303
    assert site.sql("select max(reference) from stock.movements") == [("goods.csv",)]


@pytest.mark.parametrize("text", ["", "name\nCup\n", "\x00\x01"])
async def test_a_file_that_is_no_sheet_is_said_at_its_field(site: Site, text: str) -> None:
    desk = await at_desk(site)
    page = await handed_in(desk, "products", text, 422)
    assert errors_in(page)["sheet"]


async def test_a_confirmation_that_was_changed_on_its_way_imports_nothing(site: Site) -> None:
    desk = await at_desk(site)
    page = await handed_in(desk, "products", "sku,name\nCUP,Cup\n")
    body = fields_of(page, 'action="/stock/import?sheet=products"') | {"file": "not~base64"}
    assert (await desk.client.post("/stock/import?sheet=products", data=body)).status_code == 422
    assert site.sql("select count(*) from stock.products") == [(0,)]


async def test_lists_turn_in_both_directions(site: Site) -> None:
    headers = await bearer(site, "owner")
    await built(site, headers)
    for number in range(30):
        await call(site, "/products", {"sku": f"P{number:02}", "name": f"Product {number:02}"}, headers)
    desk = await at_desk(site)

    def names(page: str) -> list[str]:
        return re.findall(r'class="row-link" href="[^"]+">([^<]+)<', page)

    first = names(await desk.open("/products?sort=-name"))
    assert first[:2] == ["Tea", "Product 29"] and len(first) == 25
    after = re.search(r'href="/stock(/products\?[^"]+)" rel="next"', desk.page)
    assert after is not None
    rest = names(await desk.open(html.unescape(after[1])))
    assert len(rest) == 7 and not set(rest) & set(first)
    before = re.search(r'href="/stock(/products\?[^"]+)" rel="prev"', desk.page)
    assert before is not None and names(await desk.open(html.unescape(before[1]))) == first
    assert names(await desk.open("/products?state=low")) == ["Tea"]
