"""Every page of the site as people meet it: accessible, whole at every width, steady, and of use without script."""

import mailbox
from typing import Any

import pytest
from playwright.async_api import expect

from serai.systems.cinema.mail import Envelope, cancellation_mail
from serai.systems.cinema.plan import classic

pytestmark = pytest.mark.browser

HALL = classic(rows=5, seats=8)
WIDTHS = (390, 1280)

SHIFT = """() => new Promise((resolve) => {
  let sum = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value;
  }).observe({ type: 'layout-shift', buffered: true });
  requestAnimationFrame(() => requestAnimationFrame(() => resolve(sum)));
})"""


async def a_hold(site: Any, show_id: str, key: int) -> str:
    seats = list(await site.seats(show_id))
    hold_id: str = (await site.hold(show_id, [seats[key - 1]])).json()["id"]
    return hold_id


async def a_booking(site: Any, show_id: str, key: int, method: str = "pm_card_visa") -> str:
    said = (await site.book(await a_hold(site, show_id, key), method=method, key=f"k{key}")).json()
    booking_id: str = said.get("booking_id") or said["id"]
    return booking_id


async def all_paths(site: Any) -> dict[str, str]:
    """A path of every page, by what it shows."""
    show_id = await site.make_show(HALL)
    (movie_id,) = site.sql("select movie_id::text from cinema.movies")[0]
    cancelled = await a_booking(site, show_id, 1)
    assert (await site.client.post(f"/api/cinema/v1/bookings/{cancelled}/cancel")).status_code == 200
    declined = await a_hold(site, show_id, 9)
    assert (await site.book(declined, method="pm_card_chargeDeclined")).status_code == 402
    released = await a_hold(site, show_id, 10)
    await site.client.delete(f"/api/cinema/v1/holds/{released}")
    return {
        "home": "/",
        "programme": "/cinema",
        "nothing found": "/cinema?q=zebra",
        "movie": f"/cinema/movies/{movie_id}",
        "show": f"/cinema/shows/{show_id}",
        "checkout": f"/cinema/checkout/{await a_hold(site, show_id, 2)}",
        "declined": f"/cinema/checkout/{declined}",
        "released": f"/cinema/checkout/{released}",
        "bank": f"/cinema/bookings/{await a_booking(site, show_id, 3, 'pm_card_threeDSecure2Required')}",
        "ticket": f"/cinema/bookings/{await a_booking(site, show_id, 4)}",
        "cancelled": f"/cinema/bookings/{cancelled}",
        "mailbox": "/mailbox",
        "api": "/docs/api",
        "errors": "/docs/errors",
        "sign-in": "/sign-in",
    }


@pytest.mark.parametrize("width", WIDTHS)
async def test_axe_finds_nothing_on_any_page_in_both_themes(open_site: Any, visitor: Any, width: int) -> None:
    site = await open_site(smtp_url="smtp://127.0.0.1:8427")
    await keep_a_mail(site)
    someone = await visitor(site, width=width)
    found = {}
    for name, path in (await all_paths(site)).items():
        page = await someone.go(path)
        if name == "show":
            await page.wait_for_selector(".sm-connection[data-status=live]")
        if name == "mailbox":
            await page.click(".mail-item")
            await page.wait_for_selector(".mail-head")
        if name == "ticket":
            await page.click("[data-opens=cancel]")
            found["cancel dialog"] = await someone.violations()
            await page.keyboard.press("Escape")
        found[name] = await someone.violations()
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize("width", [360, 768, 1600])
async def test_no_page_is_wider_than_its_window_or_moves_under_the_reader(
    open_site: Any, visitor: Any, width: int
) -> None:
    site = await open_site(smtp_url="smtp://127.0.0.1:8427")
    someone = await visitor(site, width=width)
    for name, path in (await all_paths(site)).items():
        page = await someone.go(path)
        if name == "show":
            await page.wait_for_selector(".sm-connection[data-status=live]")
        assert await someone.overhang() == 0, f"{name} at {width} px"
        assert await page.evaluate(SHIFT) < 0.1, f"{name} at {width} px moves"


async def test_the_programme_is_searched_and_turned_in_place(open_site: Any, visitor: Any) -> None:
    site = await open_site()
    await site.make_show(HALL)
    someone = await visitor(site)
    page = await someone.go("/cinema")
    await page.evaluate("window.stayed = true")
    await page.type("#q", "harv")
    await page.wait_for_url("**/cinema?*q=harv*")
    await expect(page.locator(".movie-card")).to_have_count(1)
    await page.fill("#q", "zebra")
    await page.wait_for_selector("text=No show matches")
    await expect(page.locator("#announcer")).to_contain_text("0 movies", use_inner_text=True)
    await page.fill("#q", "")
    await page.wait_for_selector(".movie-card")
    await page.click(".days a:nth-child(9)")
    await page.wait_for_selector(".days a:nth-child(9)[aria-current=date]")
    await expect(page.locator(".days a:nth-child(9)")).to_be_focused()
    await page.click("text=Go to")
    await page.wait_for_selector(".movie-card")
    await page.go_back()
    await page.wait_for_selector("text=Nothing plays on this day")


async def test_the_programme_works_without_script(open_site: Any, visitor: Any) -> None:
    site = await open_site()
    await site.make_show(HALL)
    someone = await visitor(site, script=False)
    page = await someone.go("/cinema")
    await page.fill("#q", "harv")
    await page.click("#filter button")
    await page.wait_for_url("**q=harv**")
    await expect(page.locator(".movie-card")).to_have_count(1)
    await page.click(".days a:nth-child(12)")
    await page.wait_for_selector(".days a:nth-child(12)[aria-current=date]")
    await page.go_back()
    await page.click("a.time-chip")
    await page.wait_for_url("**/cinema/shows/*")
    await expect(page.locator("main").first).to_contain_text("needs JavaScript", use_inner_text=True)


async def test_a_buyer_without_script_pays_and_gets_the_ticket(open_site: Any, visitor: Any) -> None:
    site = await open_site()
    show_id = await site.make_show(HALL)
    someone = await visitor(site, script=False)
    page = await someone.go(f"/cinema/checkout/{await a_hold(site, show_id, 6)}")
    await page.fill("#email", "ada@example.org")
    await page.click("#pay button[type=submit]")
    await page.wait_for_selector(".ticket-qr")
    assert await site.money() == (1200, 0)


async def test_a_mail_opens_its_booking_in_a_page_of_its_own(open_site: Any, visitor: Any) -> None:
    site = await open_site(smtp_url="smtp://127.0.0.1:8427")
    await keep_a_mail(site)
    someone = await visitor(site)
    page = await someone.go("/mailbox")
    await page.click(".mail-item")
    frame = page.frame_locator(".mail-body")
    await expect(frame.locator("h1")).to_have_text("The Long Harvest")


async def keep_a_mail(site: Any) -> None:
    """What the jobs process would have sent to the mailbox."""
    show_id = await site.make_show(HALL)
    await a_booking(site, show_id, 1)
    ((booking_id,),) = site.sql("select booking_id from cinema.bookings")
    cinema = next(each for each in site.built if each.system.name == "cinema")
    assert cinema.parts.jobs, "the cinema mails tickets"
    from serai.systems.cinema.system import make_cinema

    _, _, printed = await make_cinema(site.world).tickets.printed(site.tenant, booking_id)
    envelope = Envelope("Tickets <t@serai.example>", "ada@example.org", "<1@serai>", site.world.clock.now())
    box = mailbox.Maildir(site.world.data / "mail", create=True)
    box.add(cancellation_mail(envelope, printed, refund=None).as_bytes())
