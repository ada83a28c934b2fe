"""Must-hold 7: from the map to the ticket and back again, by mouse and by keyboard, against the real site."""

import re
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import expect

from serai.systems.cinema.plan import classic

pytestmark = pytest.mark.browser

HALL = classic(rows=5, seats=8)

SEEN_WITHIN_MS = 1_000
TEN_MINUTES = re.compile(r"^(10:00|9:[45]\d)$")


def seat_ids(seats: dict[str, str], *keys: int) -> list[str]:
    """The seats at these places of the plan."""
    return [list(seats)[key - 1] for key in keys]


async def pay(visitor: Any, *, method: str = "pm_card_visa") -> None:
    await visitor.page.fill("#email", "ada@example.org")
    await visitor.page.fill("#name", "Ada")
    await visitor.page.check(f"input[value={method}]")
    await visitor.page.click("#pay button[type=submit]")


async def hold(visitor: Any, site: Any, show_id: str, *keys: int) -> list[str]:
    """Chooses by mouse, holds, and stands at the checkout."""
    page = await visitor.choose(show_id)
    ids = seat_ids(await site.seats(show_id), *keys)
    await visitor.click_seats(*ids)
    await page.click("[data-action=hold]")
    await page.wait_for_url("**/cinema/checkout/*")
    return ids


async def test_two_seats_by_mouse_from_the_map_to_the_refund(open_site: Any, visitor: Any) -> None:
    site = await open_site()
    show_id = await site.make_show(HALL)
    ada = await visitor(site)
    ids = await hold(ada, site, show_id, 11, 12)
    page = ada.page
    await expect(page.locator(".order-total strong").first).to_have_text("€24.00", use_inner_text=True)
    await expect(page.locator(".countdown-digits")).to_have_text(TEN_MINUTES)
    await pay(ada)
    await page.wait_for_url("**/cinema/bookings/*")
    await expect(page.locator(".ticket-qr svg")).to_have_count(2)
    await expect(page.locator("h1").first).to_contain_text("You’re going, Ada", use_inner_text=True)
    assert {(await site.seats(show_id))[seat] for seat in ids} == {"booked"}
    await page.click("[data-opens=cancel]")
    await expect(page.locator("#cancel .refund-total").first).to_contain_text("€24.00", use_inner_text=True)
    await page.click("#cancel button[type=submit]")
    await page.wait_for_selector(".refund-amount")
    await expect(page.locator(".refund-amount").first).to_have_text("€24.00", use_inner_text=True)
    await page.wait_for_selector("text=On its way to your card")
    assert {(await site.seats(show_id))[seat] for seat in ids} == {"available"}
    assert await site.money() == (2400, 2400)


async def test_two_seats_by_keyboard_alone_from_the_programme_to_the_refund(open_site: Any, visitor: Any) -> None:
    site = await open_site()
    await site.make_show(HALL)
    ada = await visitor(site)
    page = await ada.go("/cinema")
    await ada.tab_to("a.time-chip")
    await page.keyboard.press("Enter")
    await page.wait_for_selector(".sm-connection[data-status=live]")
    await page.wait_for_function("document.querySelector('seat-map').map.stage.fitted")
    await ada.tab_to(".sm-map")
    for key in ("Home", "Space", "ArrowRight", "Enter"):
        await page.keyboard.press(key)
    await ada.tab_to("[data-action=hold]")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/cinema/checkout/*")
    await ada.tab_to("#email")
    await page.keyboard.type("ada@example.org")
    await ada.tab_to("#pay button[type=submit]")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/cinema/bookings/*")
    await expect(page.locator(".ticket-qr svg")).to_have_count(2)
    await ada.tab_to("[data-opens=cancel]")
    await page.keyboard.press("Enter")
    await ada.tab_to("#cancel button[type=submit]")
    await page.keyboard.press("Enter")
    await page.wait_for_selector(".refund-amount")
    await expect(page.locator(".refund-amount").first).to_have_text("€24.00", use_inner_text=True)
    assert await site.money() == (2400, 2400)


async def test_another_buyers_hold_appears_within_a_second(open_site: Any, visitor: Any) -> None:
    site = await open_site()
    show_id = await site.make_show(HALL)
    ada = await visitor(site)
    page = await ada.choose(show_id)
    seat, other = seat_ids(await site.seats(show_id), 3, 20)
    await ada.click_seats(seat)
    assert (await site.hold(show_id, [seat, other])).status_code == 201
    await page.wait_for_function(
        """([a, b]) => { const e = document.querySelector('seat-map');
        return [a, b].every((id) => e.lookOf(e.seats.get(id)).look === 'held'); }""",
        arg=[seat, other],
        timeout=SEEN_WITHIN_MS,
    )
    await expect(page.locator(".sm-notice").first).to_contain_text("just taken by someone else", use_inner_text=True)
    await expect(page.locator("[data-action=hold]").first).to_be_disabled()


async def test_a_declined_card_keeps_the_seats_and_another_one_pays(open_site: Any, visitor: Any) -> None:
    site = await open_site()
    show_id = await site.make_show(HALL)
    ada = await visitor(site)
    await hold(ada, site, show_id, 1)
    await pay(ada, method="pm_card_chargeDeclinedInsufficientFunds")
    page = ada.page
    await page.wait_for_selector(".notice.tone-bad")
    await expect(page.locator(".notice.tone-bad").first).to_contain_text("not enough money", use_inner_text=True)
    await expect(page.locator(".notice.tone-bad").first).to_contain_text("try another card", use_inner_text=True)
    await expect(page.locator("#email")).to_have_value("ada@example.org")
    await page.reload()
    await expect(page.locator(".notice.tone-bad")).to_have_count(1)
    await pay(ada)
    await page.wait_for_url("**/cinema/bookings/*")
    assert await site.money() == (1200, 0)


async def test_the_bank_asks_and_the_buyer_comes_back(open_site: Any, visitor: Any) -> None:
    site = await open_site(public_url="http://site.test")
    show_id = await site.make_show(HALL)
    ada = await visitor(site)
    page = ada.page

    async def home(route: Any) -> None:
        """The bank sends back to the public address, which here is the test's own."""
        parts = urlsplit(route.request.url)
        await route.fulfill(status=303, headers={"location": f"{site.url}{parts.path}?{parts.query}"})

    await page.route("http://site.test/**", home)
    hold_id = (await site.hold(show_id, seat_ids(await site.seats(show_id), 7))).json()["id"]
    await ada.go(f"/cinema/checkout/{hold_id}")
    await pay(ada, method="pm_card_threeDSecure2Required")
    await page.wait_for_selector("text=Confirm at your bank")
    await page.reload()
    await page.click("a:has-text('at your bank')")
    await page.click("button[value=approve]")
    await page.wait_for_selector(".ticket-qr")
    assert await site.money() == (1200, 0)


async def test_a_bank_that_refuses_leads_back_to_the_checkout(open_site: Any, visitor: Any) -> None:
    site = await open_site()
    show_id = await site.make_show(HALL)
    ada = await visitor(site)
    await hold(ada, site, show_id, 7)
    await pay(ada, method="pm_card_threeDSecure2Required")
    bank = await ada.page.get_attribute("a:has-text('at your bank')", "href")
    answer = await site.client.post(bank, data={"decision": "refuse"})
    assert answer.status_code == 303
    await ada.page.click("text=I have confirmed")
    await ada.page.wait_for_url("**/cinema/checkout/*")
    await expect(ada.page.locator(".notice.tone-bad").first).to_contain_text("nothing was charged", use_inner_text=True)


async def test_a_nervous_finger_pays_once(open_site: Any, visitor: Any) -> None:
    site = await open_site()
    show_id = await site.make_show(HALL)
    ada = await visitor(site)
    await hold(ada, site, show_id, 30)
    await ada.page.fill("#email", "ada@example.org")
    await ada.page.dblclick("#pay button[type=submit]", no_wait_after=True)
    await ada.page.wait_for_selector(".ticket-qr")
    assert await site.money() == (1200, 0)


async def test_seats_can_be_released_and_time_added(open_site: Any, visitor: Any) -> None:
    site = await open_site()
    show_id = await site.make_show(HALL)
    ada = await visitor(site)
    (seat,) = await hold(ada, site, show_id, 5)
    site.sql("update allocation.claims set expires_at = clock_timestamp() + interval '90 seconds'")
    site.sql("update allocation.units set expires_at = clock_timestamp() + interval '90 seconds' where state = 'held'")
    await ada.page.reload()
    await expect(ada.page.locator(".countdown").first).to_have_attribute("data-urgent", "true")
    await ada.page.click("text=More time")
    await ada.page.wait_for_selector(".countdown[data-urgent=false]")
    await ada.page.click("text=Release seats")
    await ada.page.wait_for_url("**/cinema/shows/*")
    await expect(ada.page.locator(".notice").first).to_contain_text("free again", use_inner_text=True)
    assert (await site.seats(show_id))[seat] == "available"


async def test_a_hold_whose_time_is_over_leads_back_to_the_map(open_site: Any, visitor: Any) -> None:
    site = await open_site()
    show_id = await site.make_show(HALL)
    ada = await visitor(site)
    await hold(ada, site, show_id, 5)
    await ada.page.fill("#email", "ada@example.org")
    site.sql("update allocation.claims set expires_at = clock_timestamp() - interval '1 second'")
    site.sql("update allocation.units set expires_at = clock_timestamp() - interval '1 second' where state = 'held'")
    await ada.page.click("#pay button[type=submit]")
    await ada.page.wait_for_selector("text=Your time is up")
    await ada.page.click("text=Choose seats again")
    await ada.page.wait_for_url("**/cinema/shows/*")
    assert await site.money() == (0, 0)
