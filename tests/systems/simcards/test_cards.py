"""Cards come in and go out as sheets: all of one or nothing of it, and each bad line is named."""

import csv
import io

from tests.systems.simcards.conftest import V1, Shop, iccid

SHEET = f"iccid;imsi;batch\n{iccid(1)};310150000000001;May\n{iccid(2)};310150000000002;\n"


async def load(shop: Shop, sheet: str | bytes, *, dry_run: bool = False) -> tuple[int, dict[str, object]]:
    answer = await shop.client.post(
        f"{V1}/cards/import", content=sheet, params={"dry_run": str(dry_run).lower()}, headers=await shop.staff()
    )
    return answer.status_code, answer.json()


async def test_a_dry_run_says_what_would_happen_and_does_nothing(shop: Shop) -> None:
    assert await load(shop, SHEET, dry_run=True) == (
        200,
        {"dry_run": True, "lines": 2, "imported": 2, "error_count": 0, "errors": []},
    )
    assert shop.sql("select count(*) from simcards.cards") == [(0,)]
    status, report = await load(shop, SHEET.encode("utf-16"))
    assert (status, report["imported"]) == (200, 2)
    assert shop.sql("select iccid, batch from simcards.cards order by 1") == [(iccid(1), "May"), (iccid(2), "")]


async def test_one_bad_line_imports_nothing_and_is_named(shop: Shop) -> None:
    await load(shop, SHEET)
    wrong = iccid(4)[:-1] + str((int(iccid(4)[-1]) + 1) % 10)
    sheet = (
        f"iccid,imsi\n{iccid(3)},310150000000003\n{wrong},310150000000004\n{iccid(1)},310150000000005\n"
        f"{iccid(6)},31015\n{iccid(3)},310150000000002\n"
    )
    status, problem = await load(shop, sheet)
    assert (status, problem["code"]) == (422, "sheet_refused")
    errors = [(error["field"], error["code"]) for error in problem["errors"]]  # type: ignore[attr-defined]  # JSON
    assert errors == [
        ("lines[3].iccid", "bad_check_digit"),
        ("lines[4].iccid", "known"),
        ("lines[5].imsi", "not_an_imsi"),
        ("lines[6].iccid", "repeated"),
        ("lines[6].imsi", "known"),
    ]
    assert shop.sql("select count(*) from simcards.cards") == [(2,)]


async def test_the_stock_goes_out_and_runs_no_formula(shop: Shop) -> None:
    await load(shop, f'iccid,imsi,batch\n{iccid(1)},310150000000001,"=HYPERLINK(""x"")"\n')
    answer = await shop.client.get(f"{V1}/cards.csv", headers=await shop.staff())
    assert answer.headers["content-type"].startswith("text/csv")
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert (row["iccid"], row["batch"], row["msisdn"]) == (iccid(1), '\'=HYPERLINK("x")', "")
    status, report = await load(shop, answer.text, dry_run=True)
    assert (status, report["error_count"]) == (200, 2), "what was exported is known: the card and its IMSI"


async def test_a_card_has_one_number_and_a_number_one_card(shop: Shop) -> None:
    cards = await shop.cards(2)
    pool = await shop.pool()
    first = await shop.sold(pool)
    second = await shop.sold(pool)
    assert (await shop.post(f"/sales/{first['id']}/activate", {"iccid": cards[0]})).status_code == 200
    taken = await shop.post(f"/sales/{second['id']}/activate", {"iccid": cards[0]})
    assert (taken.status_code, taken.json()["code"]) == (409, "card_taken")
    unknown = await shop.post(f"/sales/{second['id']}/activate", {"iccid": iccid(99)})
    assert (unknown.status_code, unknown.json()["code"]) == (409, "card_taken")
    wrong = await shop.post(f"/sales/{second['id']}/activate", {"iccid": "8944"})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "iccid")
    assert (await shop.story(second["number"]))["state"] == "sold"
    assert (await shop.post(f"/sales/{second['id']}/activate", {"iccid": cards[1]})).status_code == 200
    await shop.prove()
