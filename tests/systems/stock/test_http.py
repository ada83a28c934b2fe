"""Stock over HTTP: a shop is built and lives, roles are kept, a request is done once, wrong ones name the field."""

from typing import Any
from uuid import uuid4

import httpx
import pytest
from tests.systems.cinema.conftest import Site
from tests.systems.cinema.staff import bearer, other_house
from tests.systems.stock.conftest import OpenStock

from serai.systems.stock.http.answers import (
    AlertOut,
    CountOut,
    LevelOut,
    MovementOut,
    ReservationOut,
    TransferOut,
)

V1 = "/api/stock/v1"


class Api:
    """Somebody's requests."""

    def __init__(self, site: Site, headers: dict[str, str]) -> None:
        self._site = site
        self._headers = headers

    async def ask(self, verb: str, path: str, body: Any = None, key: str = "", **query: Any) -> httpx.Response:
        headers = self._headers | {"Idempotency-Key": key or str(uuid4())}
        content = {"content": body} if isinstance(body, bytes) else {"json": body} if body is not None else {}
        return await self._site.client.request(verb, f"{V1}{path}", headers=headers, params=query, **content)

    async def get(self, path: str, **query: Any) -> Any:
        answer = await self.ask("GET", path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, body: Any = None, status: int = 201, key: str = "", **query: Any) -> Any:
        answer = await self.ask("POST", path, body, key, **query)
        assert answer.status_code == status, answer.text
        return answer.json()


@pytest.fixture
async def site(open_stock: OpenStock) -> Site:
    return await open_stock()


@pytest.fixture
async def api(site: Site) -> Api:
    return Api(site, await bearer(site, "owner"))


async def built(api: Api) -> dict[str, str]:
    """Two places and two products: their ids."""
    ids = {}
    for code, kind in (("DEPOT", "warehouse"), ("NORTH", "store")):
        place = {"code": code, "name": code.title(), "kind": kind}
        ids[code] = (await api.post("/locations", place))["id"]
    tea = {"sku": "TEA", "name": "Tea", "gtin": "4006381333931"}
    ids["TEA"] = (await api.post("/products", tea))["id"]
    milk = {"sku": "MILK", "name": "Milk", "tracking": "batch", "decimals": 2, "unit": "l"}
    ids["MILK"] = (await api.post("/products", milk))["id"]
    return ids


def movement(ids: dict[str, str], kind: str, code: str, sku: str, quantity: str, **more: Any) -> dict[str, Any]:
    item = {"product_id": ids[sku], "quantity": quantity}
    item |= {name: more.pop(name) for name in ("batch", "expires_on", "cost") if name in more}
    return {"kind": kind, "location_id": ids[code], "items": [item], **more}


async def test_a_shop_is_built_and_lives(api: Api) -> None:
    ids = await built(api)
    cost = {"amount": 2000, "currency": "EUR"}
    received = await api.post("/movements", movement(ids, "receive", "DEPOT", "TEA", "20", cost=cost))
    assert MovementOut.model_validate_json((await api.ask("GET", f"/movements/{received['id']}")).content)
    batch = {"batch": "B1", "expires_on": "2030-01-31"}
    await api.post("/movements", movement(ids, "receive", "NORTH", "MILK", "2.50", **batch))
    await api.post("/movements", movement(ids, "transfer", "DEPOT", "TEA", "5", to_id=ids["NORTH"]))
    both = [movement(ids, "sell", "NORTH", "TEA", "1"), movement(ids, "sell", "NORTH", "MILK", "0.25")]
    assert len((await api.post("/movements/batch", {"movements": both}))["items"]) == 2
    levels = (await api.get(f"/products/{ids['TEA']}/levels"))["items"]
    told = {level["location"]: (level["on_hand"], level["available"]) for level in levels}
    assert told == {"DEPOT": ("15", "15"), "NORTH": ("4", "4")}
    there = (await api.get(f"/locations/{ids['NORTH']}/levels"))["items"]
    assert all(LevelOut.model_validate(level, strict=False) for level in there)
    assert there[1]["batches"][0] | {"available": "2.25", "batch": "B1"} == there[1]["batches"][0]
    history = await api.get(f"/products/{ids['TEA']}/history", limit=2)
    assert [entry["kind"] for entry in history["items"]] == ["sell", "transfer"]
    more = await api.get(f"/products/{ids['TEA']}/history", cursor=history["next_cursor"])
    assert [(entry["kind"], entry["location"]) for entry in more["items"]] == [
        ("transfer", "NORTH" if history["items"][1]["location"] == "DEPOT" else "DEPOT"),
        ("receive", "DEPOT"),
    ]
    series = (await api.get(f"/products/{ids['TEA']}/series", location_id=ids["NORTH"], days=3))["items"]
    assert [point["on_hand"] for point in series] == ["0", "0", "4"]
    worth = await api.get("/valuation", method="moving_average")
    assert worth["totals"] == [{"amount": 1900, "currency": "EUR"}]
    scan = await api.get("/scan", code="https://id.gs1.org/01/04006381333931")
    assert scan["product"]["sku"] == "TEA"
    assert (await api.get("/expiring", until="2030-02-01"))["items"][0]["on_hand"] == "2.25"
    taken_back = await api.post(f"/movements/{received['id']}/correct", {"reason": "typo"}, status=409)
    assert taken_back["code"] == "not_on_hand"
    assert {each["noun"] for each in (await api.get("/changes"))["items"]} == {"product", "location"}
    assert (await api.get("/heads"))["keys"]["1"]
    pages = await api.get("/movements", limit=3)
    rest = await api.get("/movements", limit=3, cursor=pages["next_cursor"])
    assert len({each["id"] for each in pages["items"] + rest["items"]}) == 5


async def test_flows_and_alerts_over_http(api: Api) -> None:
    ids = await built(api)
    await api.post("/movements", movement(ids, "receive", "DEPOT", "TEA", "20"))
    items = [{"product_id": ids["TEA"], "quantity": "4"}, {"product_id": ids["TEA"], "quantity": "2"}]
    shipped = await api.post("/transfers", {"from_id": ids["DEPOT"], "to_id": ids["NORTH"], "items": items})
    path = f"/transfers/{shipped['id']}"
    await api.post(f"{path}/dispatch", status=200)
    await api.post(f"{path}/receive", {"lines": [{"line_no": 0, "quantity": "5"}]}, status=200)
    lost = await api.post(f"{path}/write-off", {"reason": "broken"}, status=200)
    assert TransferOut.model_validate_json((await api.ask("GET", path)).content)
    assert (lost["state"], lost["lines"][0]["lost"]) == ("discrepant", "1")
    basket = {"location_id": ids["NORTH"], "items": items[:1], "ttl_s": 60}
    reserved = await api.post("/reservations", basket)
    assert ReservationOut.model_validate_json((await api.ask("GET", f"/reservations/{reserved['id']}")).content)
    await api.post(f"/reservations/{reserved['id']}/extend", {"ttl_s": 300}, status=200)
    sold = await api.post(f"/reservations/{reserved['id']}/fulfil", {})
    assert sold["lines"][0]["on_hand"] == "1"
    again = await api.ask("DELETE", f"/reservations/{reserved['id']}")
    assert (again.status_code, again.json()["code"]) == (409, "reservation_over")
    counted = await api.post("/counts", {"location_id": ids["NORTH"]})
    path = f"/counts/{counted['id']}"
    assert counted["lines"][0]["frozen"] is None  # blind
    numbers = {"numbers": [{"product_id": ids["TEA"], "quantity": "3"}]}
    assert (await api.ask("PUT", f"{path}/numbers", numbers)).json()["lines"][0]["variance"] is None
    assert (await api.post(f"{path}/submit", status=200))["lines"][0]["variance"] == "2"
    assert (await api.post(f"{path}/approve", {"reason": "found"}, status=200))["movement_id"]
    assert CountOut.model_validate_json((await api.ask("GET", path)).content)
    policy = {"product_id": ids["TEA"], "location_id": ids["NORTH"], "reorder_point": "3", "reorder_quantity": "10"}
    assert (await api.ask("PUT", "/policies", policy)).json()["low"] is True
    (alert,) = (await api.get("/alerts"))["items"]
    assert AlertOut.model_validate_json((await api.ask("GET", f"/alerts/{alert['id']}")).content)
    assert alert["to_buy"] == "10"
    await api.post(f"/alerts/{alert['id']}/acknowledge", status=200)
    await api.post(f"/alerts/{alert['id']}/order", {"reference": "PO-1"}, status=200)
    assert (await api.get("/alerts", state="raised"))["items"] == []
    suggestion = await api.get("/suggestion", product_id=ids["TEA"], location_id=ids["NORTH"], lead_time_days=7)
    assert suggestion["formula"].startswith("reorder point = demand")
    for name in ("reservations", "transfers", "counts"):
        assert len((await api.get(f"/{name}", location_id=ids["NORTH"]))["items"]) == 1
    assert (await api.get("/policies", product_id=ids["TEA"]))["items"][0]["on_hand"] == "3"


async def test_a_repeated_request_is_done_once(api: Api) -> None:
    ids = await built(api)
    body = movement(ids, "receive", "DEPOT", "TEA", "20")
    first, again = [await api.post("/movements", body, key="one") for _ in range(2)]
    assert first == again
    other = await api.post("/movements", movement(ids, "receive", "DEPOT", "TEA", "9"), status=422, key="one")
    assert other["code"] == "idempotency_key_reused"
    assert (await api.get(f"/products/{ids['TEA']}/levels"))["items"][0]["on_hand"] == "20"


async def test_roles_are_kept(site: Site, api: Api) -> None:
    ids = await built(api)
    mover, viewer = Api(site, await bearer(site, "stock-staff")), Api(site, await bearer(site, "stock:view"))
    body = movement(ids, "receive", "DEPOT", "TEA", "20")
    done = await mover.post("/movements", body)
    for who, method, path, wanted in (
        (viewer, "POST", "/movements", body),
        (mover, "POST", f"/movements/{done['id']}/correct", {"reason": "x"}),
        (mover, "POST", "/products", {"sku": "X", "name": "X"}),
        (mover, "POST", "/sheets/products", b"sku,name\n"),
    ):
        answer = await who.ask(method, path, wanted)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert (await site.client.get(f"{V1}/products")).status_code == 401


BAD: list[tuple[dict[str, Any], int, str]] = [
    ({"items": []}, 422, "items"),
    ({"location_id": "nowhere"}, 422, "location_id"),
    ({"location_id": str(uuid4())}, 422, "location_id"),
    ({"kind": "count"}, 422, "kind"),
    ({"kind": "adjust"}, 422, "reason"),
    ({"kind": "transfer"}, 422, "to_id"),
    ({"kind": "scrap", "reason": ""}, 422, "reason"),
    ({"at": "2099-01-01T00:00:00Z"}, 422, "at"),
    ({"colour": "red"}, 422, "colour"),
]


@pytest.mark.parametrize(("change", "status", "field"), BAD)
async def test_bad_input_names_its_field_and_changes_nothing(
    api: Api, change: dict[str, Any], status: int, field: str
) -> None:
    ids = await built(api)
    answer = await api.ask("POST", "/movements", movement(ids, "receive", "DEPOT", "TEA", "20") | change)
    assert answer.status_code == status, answer.text
    assert field in {error["field"].rpartition(".")[2] or error["field"] for error in answer.json()["errors"]}
    assert (await api.get("/movements"))["items"] == []


async def test_the_catalogue_refuses_what_is_taken_or_wrong(api: Api) -> None:
    ids = await built(api)
    for path, body, status, code in (
        ("/products", {"sku": "TEA", "name": "Again"}, 409, "sku_taken"),
        ("/products", {"sku": "TEA2", "name": "Again", "gtin": "4006381333931"}, 409, "gtin_taken"),
        ("/products", {"sku": "TEA2", "name": "Again", "gtin": "4006381333930"}, 422, "invalid_request"),
        ("/products", {"sku": "TEA2", "name": "Again", "currency": "XXQ"}, 422, "invalid_request"),
        ("/products", {"sku": "TEA2", "name": "Again", "category_id": ids["TEA"]}, 422, "invalid_request"),
        ("/locations", {"code": "DEPOT", "name": "x", "kind": "store"}, 409, "location_code_taken"),
        ("/locations", {"code": "@mine", "name": "x", "kind": "store"}, 422, "invalid_request"),
        ("/locations", {"code": "VOID", "name": "x", "kind": "customer"}, 422, "invalid_request"),
        ("/categories", {"name": "x", "parent_id": ids["TEA"]}, 422, "invalid_request"),
    ):
        assert (await api.post(path, body, status=status))["code"] == code, path
    patched = await api.ask("PATCH", f"/products/{ids['MILK']}", {"sku": "TEA"})
    assert (patched.status_code, patched.json()["code"]) == (409, "sku_taken")
    drinks = await api.post("/categories", {"name": "Drinks"})
    hot = await api.post("/categories", {"name": "Hot", "parent_id": drinks["id"]})
    assert (await api.ask("PATCH", f"/products/{ids['TEA']}", {"category_id": hot["id"]})).status_code == 200
    assert [each["sku"] for each in (await api.get("/products", category_id=drinks["id"]))["items"]] == ["TEA"]
    patched = await api.ask("PATCH", f"/locations/{ids['NORTH']}", {"backorders_max": 5, "address": None})
    assert patched.json()["backorders_max"] == 5
    await api.post("/movements", movement(ids, "sell", "NORTH", "TEA", "4"))
    patched = await api.ask("PATCH", f"/locations/{ids['NORTH']}", {"backorders_max": 3})
    assert (patched.status_code, patched.json()["code"]) == (409, "too_many_backorders")


async def test_sheets_go_in_after_a_dry_run_and_come_out_again(api: Api) -> None:
    await built(api)
    good = b"sku,name,gtin,decimals\nTEA,Better tea,,\nOIL,=Oil,96385074,3\n"
    report = await api.post("/sheets/products", good, status=200, dry_run=True)
    assert (report["imported"], report["error_count"]) == (2, 0)
    assert len((await api.get("/products"))["items"]) == 2
    await api.post("/sheets/products", good, status=200)
    shown = (await api.ask("GET", "/sheets/products")).text
    assert "OIL,'=Oil,96385074,piece,3,none,EUR" in shown and "TEA,Better tea,4006381333931" in shown
    bad = b"location,sku,quantity,batch,cost\nDEPOT,OIL,1.5,,12.50\nMOON,OIL,1,,\nDEPOT,OIL,0.0001,,\nDEPOT,MILK,1,,\n"
    report = await api.post("/sheets/deliveries", bad, status=200, dry_run=True)
    assert [(error["line"], error["column"]) for error in report["errors"]] == [
        (3, "location"),
        (4, "quantity"),
        (5, "batch"),
    ]
    refused = await api.post("/sheets/deliveries", bad, status=422)
    assert refused["code"] == "sheet_refused"
    assert (await api.get("/movements"))["items"] == []
    await api.post("/sheets/deliveries", b"\n".join(bad.split(b"\n")[:2]), status=200)
    assert "DEPOT,OIL,'=Oil,,,1.500,0.000,1.500,piece" in (await api.ask("GET", "/sheets/levels")).text
    oil = (await api.get("/scan", code="OIL"))["product"]["id"]
    labels = await api.ask("GET", f"/products/{oil}/labels.pdf", count=2)
    assert labels.headers["content-type"] == "application/pdf" and labels.content.startswith(b"%PDF")


async def test_another_organisations_things_are_not_found(site: Site, api: Api) -> None:
    ids = await built(api)
    _, headers = await other_house(site)
    stranger = Api(site, headers)
    for path in (f"/products/{ids['TEA']}", f"/locations/{ids['NORTH']}", f"/products/{ids['TEA']}/levels"):
        assert (await stranger.ask("GET", path)).status_code == 404
    for path in ("/products", "/locations", "/movements", "/alerts", "/changes"):
        assert (await stranger.get(path))["items"] == []
    refused = await stranger.ask("POST", "/movements", movement(ids, "receive", "DEPOT", "TEA", "20"))
    assert refused.status_code == 422
    assert (await stranger.ask("GET", "/scan", code="TEA")).status_code == 404
