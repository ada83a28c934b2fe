"""The cinema's pages over HTTP, without a browser: addresses, caching, refusals, and what a form may do."""

import re
from typing import Any

import httpx
import pytest

from serai.systems.cinema.plan import classic

HALL = classic(rows=4, seats=6)
HTML = {"accept": "text/html"}


@pytest.fixture
async def site(open_site: Any) -> Any:
    return await open_site()


def fields(page: str) -> dict[str, str]:
    """The hidden fields of a page's payment form."""
    form = page[page.index('id="pay"') :]
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form)[:2])


async def held(site: Any, show_id: str, key: int = 1) -> str:
    seat = list(await site.seats(show_id))[key - 1]
    hold_id: str = (await site.hold(show_id, [seat])).json()["id"]
    return hold_id


async def checkout(site: Any, hold_id: str) -> tuple[str, dict[str, str]]:
    page = (await site.client.get(f"/cinema/checkout/{hold_id}", headers=HTML)).text
    return page, fields(page)


async def test_the_programme_tells_times_on_the_theaters_clock_and_seats_left(site: Any) -> None:
    show_id = await site.make_show(HALL)
    ((local,),) = site.sql("select to_char(starts_at at time zone 'Europe/Berlin', 'HH24:MI') from cinema.shows")
    page = (await site.client.get("/cinema", headers=HTML)).text
    assert f"/cinema/shows/{show_id}" in page and f">{local}</time>" in page
    assert f"{len(HALL.seats)} left" in page and "€12.00" in page


@pytest.mark.parametrize(
    "query", ["", "?city=Nowhere", "?day=2020-01-01", "?day=tomorrow", "?q=%25", "?city=%E2%98%83&q=" + "x" * 80]
)
async def test_a_mistyped_address_still_shows_a_programme(site: Any, query: str) -> None:
    await site.make_show(HALL)
    answer = await site.client.get(f"/cinema{query}", headers=HTML)
    assert answer.status_code == 200 and "What’s on" in answer.text


async def test_a_site_without_theaters_says_so(site: Any) -> None:
    assert "Nothing plays yet" in (await site.client.get("/cinema", headers=HTML)).text


@pytest.mark.parametrize("path", ["movies/x", "shows/x", "posters/x.svg", "checkout/x", "bookings/x"])
async def test_an_unknown_thing_is_a_page_that_says_so(site: Any, path: str) -> None:
    answer = await site.client.get(f"/cinema/{path}", headers=HTML)
    assert answer.status_code == 404 and answer.headers["content-type"].startswith("text/html")
    assert "script-src 'self'" in answer.headers["content-security-policy"]


async def test_a_poster_is_cached_by_name_and_can_run_nothing(site: Any) -> None:
    await site.make_show(HALL)
    ((movie_id,),) = site.sql("select movie_id from cinema.movies")
    first = await site.client.get(f"/cinema/posters/{movie_id}.svg")
    assert first.headers["content-type"].startswith("image/svg+xml") and "max-age" in first.headers["cache-control"]
    assert first.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    again = await site.client.get(f"/cinema/posters/{movie_id}.svg", headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304


async def test_one_attempt_sent_twice_is_one_payment(site: Any) -> None:
    hold_id = await held(site, await site.make_show(HALL))
    _, form = await checkout(site, hold_id)
    body = {**form, "method": "pm_card_visa", "email": "ada@example.org"}
    first, second = [await site.client.post(f"/cinema/checkout/{hold_id}", data=body) for _ in range(2)]
    assert first.status_code == second.status_code == 303
    assert first.headers["location"] == second.headers["location"]
    assert first.headers["location"].startswith("/cinema/bookings/")
    assert await site.money() == (1200, 0)


async def test_a_wrong_address_is_said_at_its_field_and_nothing_is_paid(site: Any) -> None:
    hold_id = await held(site, await site.make_show(HALL))
    _, form = await checkout(site, hold_id)
    body = {**form, "method": "pm_card_visa", "email": "nobody"}
    answer = await site.client.post(f"/cinema/checkout/{hold_id}", data=body, headers=HTML)
    assert answer.status_code == 422 and 'aria-invalid="true"' in answer.text and 'value="nobody"' in answer.text
    assert await site.money() == (0, 0)


@pytest.mark.parametrize("action", ["", "/release", "/extend"])
async def test_a_foreign_page_can_do_nothing_with_a_hold(site: Any, action: str) -> None:
    hold_id = await held(site, await site.make_show(HALL))
    async with httpx.AsyncClient(base_url=site.url) as stranger:
        answer = await stranger.post(f"/cinema/checkout/{hold_id}{action}", data={"email": "ada@example.org"})
    assert answer.status_code == 403
    assert (await site.client.get(f"/api/cinema/v1/holds/{hold_id}")).json()["state"] == "held"


async def test_a_lost_answer_shows_a_page_that_waits_and_then_the_ticket(site: Any) -> None:
    hold_id = await held(site, await site.make_show(HALL))
    await site.fault("create", "timeout_after_effect")
    _, form = await checkout(site, hold_id)
    body = {**form, "method": "pm_card_visa", "email": "ada@example.org"}
    answer = await site.client.post(f"/cinema/checkout/{hold_id}", data=body)
    assert answer.status_code == 303
    page = await site.client.get(answer.headers["location"], headers=HTML, follow_redirects=True)
    assert "Do not pay again" in page.text or "You’re going" in page.text


async def test_the_calendar_file_names_the_show(site: Any) -> None:
    booking = (await site.book(await held(site, await site.make_show(HALL)))).json()
    answer = await site.client.get(f"/cinema/bookings/{booking['id']}/calendar.ics")
    assert answer.headers["content-type"].startswith("text/calendar") and b"SUMMARY:The Long Harvest" in answer.content
    await site.client.post(f"/api/cinema/v1/bookings/{booking['id']}/cancel")
    assert (await site.client.get(f"/cinema/bookings/{booking['id']}/calendar.ics")).status_code == 409
