"""The occupancy report adds up, in JSON and for spreadsheets."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.systems.cinema.conftest import Site
from tests.systems.cinema.staff import V1, bearer, other_house, post

from serai.systems.cinema.http.reports import OccupancyOut

BERLIN = ZoneInfo("Europe/Berlin")


def day(hours: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).astimezone(BERLIN).date().isoformat()


async def test_occupancy_counts_seats_and_money(site: Site) -> None:
    manager = await bearer(site, "cinema:manage")
    show_id = await site.make_show(price=1000)
    site.sql("update cinema.shows set cancel_fee_percent = 10")
    seats = list(await site.seats(show_id))
    await post(site, f"/shows/{show_id}/block", {"seat_ids": seats[10:14]}, manager, 200)
    kept = (await site.book((await site.hold(show_id, seats[:2])).json()["id"], key="a")).json()
    given_back = (await site.book((await site.hold(show_id, seats[2:3])).json()["id"], key="b")).json()
    assert (await site.client.post(f"{V1}/bookings/{given_back['id']}/cancel")).status_code == 200
    await site.hold(show_id, seats[5:8])
    params: dict[str, Any] = {"from": day(24), "to": day(36)}
    answer = await site.client.get(f"{V1}/reports/occupancy", params=params, headers=manager)
    assert OccupancyOut.model_validate_json(answer.content)
    report = answer.json()
    (line,) = report["items"]
    assert kept["state"] == "confirmed"
    assert (line["seats"], line["sold"], line["held"], line["blocked"]) == (len(seats), 2, 3, 4)
    assert line["percent"] == round(200 / (len(seats) - 4), 1)
    assert line["revenue"] == {"amount": 2100, "currency": "EUR"}, "two tickets, and the fee of a cancelled one"
    assert report["totals"]["shows"] == 1
    assert report["totals"]["revenue"] == [{"amount": 2100, "currency": "EUR"}]
    captured, refunded = await site.money()
    assert captured - refunded == 2100
    theater = site.sql("select theater_id from cinema.theaters")[0][0]
    for only, count in ((theater, 1), ("018f0000-0000-7000-8000-00000000ffff", 0)):
        answer = await site.client.get(
            f"{V1}/reports/occupancy", params=params | {"theater": str(only)}, headers=manager
        )
        assert len(answer.json()["items"]) == count


async def test_a_day_is_the_theaters_day(site: Site) -> None:
    manager = await bearer(site, "cinema:manage")
    await site.make_show()
    site.sql("update cinema.shows set starts_at = '2031-05-01T22:30:00Z', ends_at = '2031-05-02T01:00:00Z'")
    for on, count in (("2031-05-01", 0), ("2031-05-02", 1)):
        answer = await site.client.get(f"{V1}/reports/occupancy", params={"from": on, "to": on}, headers=manager)
        assert len(answer.json()["items"]) == count, "half past midnight in Berlin is the second of May"


async def test_a_spreadsheet_runs_no_title_as_a_formula(site: Site) -> None:
    manager = await bearer(site, "cinema:manage")
    await site.make_show()
    site.sql("""update cinema.movies set title = '=HYPERLINK("http://evil.example";"free, tickets")'""")
    params = {"from": day(24), "to": day(36), "format": "csv"}
    answer = await site.client.get(f"{V1}/reports/occupancy", params=params, headers=manager)
    assert answer.headers["content-type"].startswith("text/csv")
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert row["movie"] == """'=HYPERLINK("http://evil.example";"free, tickets")"""
    assert (row["sold"], row["revenue"], row["currency"]) == ("0", "0.00", "EUR")


async def test_a_range_that_cannot_be_is_refused_by_its_field(site: Site) -> None:
    manager = await bearer(site, "cinema:manage")
    for first, last, field in (
        ("2031-05-02", "2031-05-01", "to"),
        ("2031-01-01", "2032-01-01", "to"),
        ("yesterday", "2031-01-01", "from"),
    ):
        answer = await site.client.get(f"{V1}/reports/occupancy", params={"from": first, "to": last}, headers=manager)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


async def test_another_house_sees_none_of_our_shows(site: Site) -> None:
    await site.make_show()
    _, stranger = await other_house(site)
    params = {"from": day(24), "to": day(36)}
    report = (await site.client.get(f"{V1}/reports/occupancy", params=params, headers=stranger)).json()
    assert (report["items"], report["totals"]["seats"]) == ([], 0)
    for headers, status in (({}, 401), (await bearer(site, "cinema:door"), 403)):
        answer = await site.client.get(f"{V1}/reports/occupancy", params=params, headers=headers)
        assert answer.status_code == status
