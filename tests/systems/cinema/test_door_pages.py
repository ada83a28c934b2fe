"""The door's pages over HTTP: who may see them, which shows they offer, and what they take along."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.systems.cinema.conftest import OpenSite, Site
from tests.systems.cinema.staff import V1, bearer, other_house
from tests.systems.cinema.test_doors import scan, tickets

from serai.systems.cinema.plan import classic
from serai.systems.cinema.tickets.checkin import TABLE

HTML = {"accept": "text/html"}
SMALL = classic(rows=3, seats=6)
SOON = timedelta(minutes=30)


@pytest.fixture
async def site(open_site: OpenSite) -> Site:
    return await open_site()


async def test_a_guest_is_led_to_sign_in_and_a_stranger_refused(site: Site) -> None:
    show_id = await site.make_show(SMALL, starts_in=SOON)
    for path in ("/cinema/door", f"/cinema/door/{show_id}"):
        guest = await site.client.get(path, headers=HTML)
        assert (guest.status_code, guest.headers["location"]) == (303, f"/sign-in?next={path.replace('/', '%2F')}")
        viewer = await site.client.get(path, headers=HTML | await bearer(site, "cinema:view"))
        assert viewer.status_code == 403 and "door staff" in viewer.text
    _, stranger = await other_house(site)
    assert (await site.client.get(f"/cinema/door/{show_id}", headers=HTML | stranger)).status_code == 404
    assert "No theater yet" in (await site.client.get("/cinema/door", headers=HTML | stranger)).text


async def test_the_shows_of_the_theaters_own_day_are_offered(site: Site) -> None:
    door = HTML | await bearer(site, "cinema:door")
    running, ended, later, tomorrow, off = [await site.make_show(SMALL, starts_in=SOON) for _ in range(5)]
    theaters = site.sql("select theater_id::text from cinema.theaters order by theater_id")
    site.sql("update cinema.screens set theater_id = %s", theaters[0][0])
    # Its zone decides the date: in this one it is noon now, so that midnight is far on both sides.
    site.sql("update cinema.theaters set time_zone = %s", f"Etc/GMT{datetime.now(UTC).hour - 12:+d}")
    for show_id, shift in ((running, "-1 hour"), (ended, "-6 hours"), (later, "3 hours"), (tomorrow, "14 hours")):
        site.sql(
            "update cinema.shows set starts_at = now() + %s::interval, ends_at = now() + %s::interval + '2 hours'"
            " where show_id = %s",
            shift,
            shift,
            show_id,
        )
    site.sql("update cinema.shows set cancelled_at = now() where show_id = %s", off)
    page = (await site.client.get(f"/cinema/door?theater={theaters[0][0]}", headers=door)).text
    listed = re.findall(r'href="/cinema/door/([0-9a-f-]{36})"', page)
    assert listed == [running, later]
    other = (await site.client.get(f"/cinema/door?theater={theaters[1][0]}", headers=door)).text
    assert "Nothing more today" in other


async def test_the_theater_is_remembered_and_a_mistyped_one_opens_a_door(site: Site) -> None:
    door = HTML | await bearer(site, "cinema:door")
    await site.make_show(SMALL, starts_in=SOON)
    await site.make_show(SMALL, starts_in=SOON)
    second = site.sql("select theater_id::text from cinema.theaters order by city, name, theater_id desc")[0][0]
    for query in ("?theater=nonsense", "?theater=018f0000-0000-7000-8000-00000000ffff"):
        assert (await site.client.get(f"/cinema/door{query}", headers=door)).status_code == 200
    chosen = await site.client.get(f"/cinema/door?theater={second}", headers=door)
    assert f"cinema_door={second}" in chosen.headers["set-cookie"]
    again = await site.client.get("/cinema/door", headers=door)
    assert f'value="{second}" selected' in again.text


async def test_the_check_in_page_takes_along_seats_and_words(site: Site) -> None:
    door = HTML | await bearer(site, "cinema:door")
    show_id = await site.make_show(SMALL, starts_in=SOON)
    page = (await site.client.get(f"/cinema/door/{show_id}", headers=door)).text
    found = re.search(r'id="door-data">(.*?)</script>', page)
    assert found is not None
    data = json.loads(found[1])
    assert data["show"]["id"] == show_id and data["house"] == str(site.tenant) and data["zone"] == "Europe/Berlin"
    assert len(data["seats"]) == len(SMALL.seats)
    assert data["seats"][str(SMALL.seats[0].key)] == ["A", "1", SMALL.seats[0].category]
    assert data["decisions"].keys() == {rule.decision.reason for rule in TABLE}
    icons = set(re.findall(r'id="door-icon-([a-z0-9-]+)"', page))
    script = (await site.client.get("/static/any/cinema/door/view.js")).text
    assert set(re.findall(r'icon: "([a-z0-9-]+)"', script)) <= icons, "an icon that the page does not bring"


async def test_the_worker_is_served_where_its_pages_are(site: Site) -> None:
    answer = await site.client.get("/cinema/door/worker.js")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/javascript")
    assert (
        answer.headers["cache-control"] == "no-cache"
        and "script-src 'self'" in answer.headers["content-security-policy"]
    )


async def test_a_refusal_says_where_and_when(site: Site) -> None:
    door = await bearer(site, "cinema:door")
    show_id = await site.make_show(SMALL, starts_in=SOON)
    _, (token,) = await tickets(site, show_id)
    assert (await scan(site, door, token, show_id=show_id, nonce="nonce-0001", device="East")).status_code == 200
    refused: dict[str, Any] = (await scan(site, door, token, show_id=show_id, nonce="nonce-0002")).json()
    assert refused["used_by"] == "East" and refused["used_at"].endswith("Z")
    shows = (await site.client.get(f"{V1}/shows")).json()["items"]
    assert refused["show"]["starts_at"] == shows[0]["starts_at"]
