"""Places in line over HTTP: every state has words, the form of the sold-out show, and the way out."""

from itertools import product
from typing import Any

import httpx
import pytest
from tests.systems.cinema.conftest import OpenSite, Site
from tests.systems.cinema.staff import V1, bearer, post
from tests.systems.cinema.test_waiting import SMALL, cancel, full_show, join

from serai.systems.allocation.api import ClaimState
from serai.systems.cinema.pages.waiting import WORDS, Phase, phase_of
from serai.systems.cinema.waiting import EntryState

HTML = {"accept": "text/html"}


@pytest.fixture
async def site(open_site: OpenSite) -> Site:
    return await open_site()


def test_every_state_of_an_entry_and_its_hold_has_words() -> None:
    told = set()
    for entry, hold, begun, cancelled in product(EntryState, [None, *ClaimState], (False, True), (False, True)):
        phase = phase_of(entry, hold, begun=begun, cancelled=cancelled)
        told.add(phase)
        assert WORDS[phase].title and WORDS[phase].sentence
        if phase is Phase.OFFERED:
            assert (entry, hold, begun, cancelled) == (EntryState.OFFERED, ClaimState.HELD, False, False)
        if phase is Phase.IN_LINE:
            assert entry is EntryState.WAITING and not begun and not cancelled
    assert told == set(Phase)


async def look(site: Site, entry: dict[str, Any]) -> str:
    answer = await site.client.get(f"/cinema/waiting/{entry['id']}", headers=HTML)
    assert answer.status_code == 200 and answer.headers["cache-control"] == "no-store"
    return answer.text


async def test_the_page_follows_the_entry(site: Site) -> None:
    show_id, (booking, _) = await full_show(site)
    ada, bob = await join(site, show_id, "ada"), await join(site, show_id, "bob", category="Standard")
    assert "Nobody waits before you" in await look(site, ada)
    page = await look(site, bob)
    assert "One party waits before you" in page and "bob@example.org" in page and "Standard" in page
    await cancel(site, booking)
    await site.run_loops("cinema.waiting")
    page = await look(site, ada)
    hold_id = (await site.client.get(f"{V1}/waiting/{ada['id']}")).json()["offer"]["hold_id"]
    assert f"/cinema/checkout/{hold_id}" in page and "€24.00" in page and "hold-countdown" in page
    asked = await site.book(hold_id, method="pm_card_authenticationRequired", key="ada")
    assert asked.status_code == 402 and "Your payment is on its way" in await look(site, ada)
    site.sql("update cinema.shows set starts_at = now() - interval '1 min' where show_id = %s", show_id)
    await site.run_loops("cinema.waiting")
    assert (await site.client.get(f"{V1}/waiting/{bob['id']}")).json()["state"] == "over"
    assert "The show has begun" in await look(site, bob)


async def test_what_was_bought_leads_to_its_tickets(site: Site) -> None:
    show_id = await site.make_show(SMALL)
    entry = await join(site, show_id, "ada", 1)
    await site.run_loops("cinema.waiting")
    hold_id = (await site.client.get(f"{V1}/waiting/{entry['id']}")).json()["offer"]["hold_id"]
    booking = (await site.book(hold_id)).json()
    assert f"/cinema/bookings/{booking['id']}" in await look(site, entry)


async def test_a_show_that_is_called_off_says_so_to_those_who_wait(site: Site) -> None:
    show_id, _ = await full_show(site)
    entry = await join(site, show_id, "ada")
    await post(site, f"/shows/{show_id}/cancel", None, await bearer(site, "cinema:manage"), 200)
    assert "This show was called off" in await look(site, entry)


@pytest.mark.parametrize("path", ["nonsense", "A" * 43])
async def test_an_unknown_entry_is_a_page_that_says_so(site: Site, path: str) -> None:
    answer = await site.client.get(f"/cinema/waiting/{path}", headers=HTML)
    assert answer.status_code == 404 and answer.headers["content-type"].startswith("text/html")


async def test_a_foreign_page_can_neither_join_nor_leave(site: Site) -> None:
    show_id, _ = await full_show(site)
    entry = await join(site, show_id, "ada")
    async with httpx.AsyncClient(base_url=site.url) as stranger:
        left = await stranger.post(f"/cinema/waiting/{entry['id']}/leave")
        joined = await stranger.post(f"/cinema/shows/{show_id}/waiting", data={"email": "eve@example.org"})
    assert (left.status_code, joined.status_code) == (403, 403)
    assert site.sql("select state from cinema.waiting") == [("waiting",)]


async def show_page(site: Site, show_id: str) -> str:
    return (await site.client.get(f"/cinema/shows/{show_id}", headers=HTML)).text


def token_of(page: str) -> str:
    """The form token of a page."""
    start = page.index('name="csrf_token" value="') + len('name="csrf_token" value="')
    return page[start : page.index('"', start)]


async def test_the_form_stands_where_seats_run_short(open_site: OpenSite) -> None:
    site = await open_site(cinema_waiting_per_show_max=1)
    roomy = await site.make_show(SMALL)
    assert 'id="wait"' in await show_page(site, roomy)
    assert 'data-party-max="10" hidden' in await show_page(site, roomy)
    show_id, _ = await full_show(site)
    page = await show_page(site, show_id)
    assert 'data-party-max="10" open>' in page and "Sold out" in page
    form = {"csrf_token": token_of(page), "count": "2", "email": "ada@example.org"}
    wrong = await site.client.post(f"/cinema/shows/{show_id}/waiting", data=form | {"email": "ada"}, headers=HTML)
    assert wrong.status_code == 422 and 'aria-invalid="true"' in wrong.text and 'value="ada"' in wrong.text
    many = await site.client.post(f"/cinema/shows/{show_id}/waiting", data=form | {"count": "11"}, headers=HTML)
    assert many.status_code == 422 and "1 to 10 seats" in many.text
    joined = await site.client.post(f"/cinema/shows/{show_id}/waiting", data=form)
    assert joined.status_code == 303 and joined.headers["location"].startswith("/cinema/waiting/")
    full = await site.client.post(
        f"/cinema/shows/{show_id}/waiting", data=form | {"email": "eve@example.org"}, headers=HTML
    )
    assert full.status_code == 409 and "waiting list of this show is full" in full.text
    site.sql("update cinema.shows set starts_at = now() - interval '1 min', edition = edition + 1")
    late = await site.client.post(f"/cinema/shows/{show_id}/waiting", data=form | {"email": "eve@example.org"})
    assert late.status_code == 303 and late.headers["location"] == f"/cinema/shows/{show_id}"
    assert site.sql("select count(*) from cinema.waiting") == [(1,)]
