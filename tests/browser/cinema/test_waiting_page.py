"""Those who came too late: from the sold-out map to a place in line, the offer, and the ticket."""

import re
from typing import Any

import pytest
from playwright.async_api import expect

from serai.systems.cinema.plan import classic

pytestmark = pytest.mark.browser

SMALL = classic(rows=3, seats=6)
NOTICED_MS = 12_000
WRONG = "the server responded with a status of 422 ("
REFUSED = "the server responded with a status of 409 ("
HALF_AN_HOUR = re.compile(r"^(30:00|29:[45]\d)$")


async def buy(site: Any, show_id: str, seats: list[str]) -> str:
    """A booking of these seats; its id."""
    hold = (await site.hold(show_id, seats)).json()
    answer = await site.book(hold["id"], key=hold["id"])
    assert answer.status_code == 201, answer.text
    booking_id: str = answer.json()["id"]
    return booking_id


async def sold_out(site: Any) -> tuple[str, list[str]]:
    """A small show without a free seat: its id, and its bookings, which end with one of two seats."""
    show_id = await site.make_show(SMALL)
    seats = list(await site.seats(show_id))
    return show_id, [await buy(site, show_id, part) for part in (seats[:10], seats[10:17], seats[17:])]


async def cancel(site: Any, booking_id: str) -> None:
    assert (await site.client.post(f"/api/cinema/v1/bookings/{booking_id}/cancel")).status_code == 200


async def join(visitor: Any, show_id: str, email: str = "ada@example.org", count: int = 2) -> Any:
    """Through the form of the show's page; at the page of the place in line."""
    page = await visitor.go(f"/cinema/shows/{show_id}")
    await page.select_option("#count", str(count))
    await page.fill("#email", email)
    await page.click("#wait button[type=submit]")
    await page.wait_for_url("**/cinema/waiting/*")
    return page


async def test_from_sold_out_to_the_ticket(open_site: Any, visitor: Any) -> None:
    site = await open_site()
    show_id, bookings = await sold_out(site)
    ada, bob = await visitor(site), await visitor(site)
    page = await ada.go(f"/cinema/shows/{show_id}")
    await expect(page.locator("text=Sold out").first).to_be_visible()
    await expect(page.locator("#email")).to_be_visible()
    await ada.tab_to("#email")
    await page.keyboard.type("ada@example.org")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/cinema/waiting/*")
    await expect(page.locator(".waiting-place strong").first).to_have_text("1", use_inner_text=True)
    other = await join(bob, show_id, "bob@example.org", 1)
    await expect(other.locator(".waiting-place strong").first).to_have_text("2", use_inner_text=True)
    await expect(other.locator(".waiting").first).to_contain_text("One party waits before you", use_inner_text=True)
    await cancel(site, bookings[-1])
    await site.run_loops("cinema.waiting")
    await page.wait_for_selector("[data-phase=offered]", timeout=NOTICED_MS)
    await expect(page.locator("#announcer")).to_contain_text("Seats came free for you", use_inner_text=True)
    await expect(page.locator(".countdown-digits")).to_have_text(HALF_AN_HOUR)
    await expect(page.locator(".order-seats li")).to_have_count(2)
    await other.wait_for_selector(".waiting-place strong:text-is('1')", timeout=NOTICED_MS)
    await page.click("text=Take these seats")
    await page.fill("#email", "ada@example.org")
    await page.click("#pay button[type=submit]")
    await page.wait_for_selector(".ticket-qr")
    tickets = page.url
    entry = site.sql("select state from cinema.waiting order by place_no")
    assert entry == [("taken",), ("waiting",)]
    await page.go_back()
    while "/waiting/" not in page.url:
        await page.go_back()
    await page.reload()
    await expect(page.locator("h1").first).to_contain_text("You got your seats", use_inner_text=True)
    await page.click("text=To your tickets")
    await page.wait_for_url(tickets)


async def test_the_form_appears_when_seats_run_short_and_tells_what_is_wrong(open_site: Any, visitor: Any) -> None:
    site = await open_site()
    show_id = await site.make_show(SMALL)
    seats = list(await site.seats(show_id))
    ada = await visitor(site)
    ada.expects(WRONG, REFUSED)
    page = await ada.choose(show_id)
    await expect(page.locator("#wait")).to_be_hidden()
    held = [(await site.hold(show_id, part)).json()["id"] for part in (seats[:9], seats[9:18])]
    await page.wait_for_selector("text=Too few seats for all of you?")
    await expect(page.locator("#email"), "who finds the one seat enough is not in the way of a form").to_be_hidden()
    await site.hold(show_id, seats[18:])
    await page.wait_for_selector("text=Sold out")
    await page.fill("#email", "nobody")
    await page.click("#wait button[type=submit]")
    await page.wait_for_selector("#email[aria-invalid=true]")
    await expect(page.locator("#email")).to_be_focused()
    await page.fill("#email", "ada@example.org")
    await page.click("#wait button[type=submit]")
    await page.wait_for_url("**/cinema/waiting/*")
    page = await ada.go(f"/cinema/shows/{show_id}")
    await page.fill("#email", "Ada@example.org")
    await page.click("#wait button[type=submit]")
    await page.wait_for_selector("text=waits for this show already")
    await expect(page.locator("#email")).to_have_value("Ada@example.org")
    assert site.sql("select count(*) from cinema.waiting") == [(1,)]
    assert held


async def test_best_seats_that_are_not_there_lead_to_the_list(open_site: Any, visitor: Any) -> None:
    site = await open_site()
    show_id = await site.make_show(classic(rows=5, seats=6))
    ada = await visitor(site)
    page = await ada.choose(show_id)
    for _ in range(6):
        await page.click("[aria-label='One seat more']")
    await page.select_option(".sm-select", "Wheelchair")
    await page.click("text=Best seats")
    await page.wait_for_selector("text=There are no 8 free seats in Wheelchair")
    await expect(page.locator("#wait")).to_be_visible()
    await expect(page.locator("#count")).to_have_value("8")


async def test_an_offer_that_runs_out_before_the_eye_says_so(open_site: Any, visitor: Any) -> None:
    site = await open_site()
    show_id, bookings = await sold_out(site)
    ada = await visitor(site)
    page = await join(ada, show_id)
    await cancel(site, bookings[-1])
    await site.run_loops("cinema.waiting")
    site.sql("update allocation.claims set expires_at = clock_timestamp() + interval '2 s' where state = 'held'")
    site.sql("update allocation.units set expires_at = clock_timestamp() + interval '2 s' where state = 'held'")
    await page.reload()
    await page.wait_for_selector("[data-phase=lapsed]")
    await expect(page.locator("h1").first).to_contain_text("This offer is over", use_inner_text=True)
    await page.click("text=Back to the show")
    await page.wait_for_url(f"**/cinema/shows/{show_id}")


async def test_the_list_is_left_without_script_too(open_site: Any, visitor: Any) -> None:
    site = await open_site()
    show_id, _ = await sold_out(site)
    ada = await visitor(site, script=False)
    page = await join(ada, show_id)
    await page.click("text=Leave the list")
    await expect(page.locator("h1").first).to_contain_text("You left the list", use_inner_text=True)
    assert site.sql("select state from cinema.waiting") == [("left",)]


@pytest.mark.parametrize("width", [390, 1280])
async def test_axe_finds_nothing_on_the_pages_of_those_who_wait(open_site: Any, visitor: Any, width: int) -> None:
    site = await open_site()
    show_id, bookings = await sold_out(site)
    ada = await visitor(site, width=width)
    page = await ada.go(f"/cinema/shows/{show_id}")
    await page.wait_for_selector(".sm-connection[data-status=live]")
    found = {"sold out": await ada.violations()}
    assert await ada.overhang() == 0
    page = await join(ada, show_id)
    found["in line"] = await ada.violations()
    await cancel(site, bookings[-1])
    await site.run_loops("cinema.waiting")
    await page.reload()
    await page.wait_for_selector("[data-phase=offered]")
    found["offered"] = await ada.violations()
    assert await ada.overhang() == 0
    await page.click("text=No, thank you")
    await page.wait_for_selector("[data-phase=left]")
    found["left"] = await ada.violations()
    assert {name: wrong for name, wrong in found.items() if wrong} == {}
