"""The house in a real Chromium: a hall is drawn, a show is put on sale, seats are blocked, and every page holds up."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import expect

from serai.kernel.ids import uuid7
from serai.runtime.world import SystemClock, SystemRandom
from serai.systems.cinema.plan import classic
from serai.systems.identity.api import IdentityApi, NewUser

pytestmark = pytest.mark.browser

HALL = classic(rows=5, seats=8)
EMAIL, PASSWORD = "manager@house.example", "a password for the tests"
WIDTHS = (390, 1280)
WRONG = "the server responded with a status of 422 ("


async def employ(site: Any) -> None:
    api = site.world.need(IdentityApi)
    password_hash = await api.hash_password(PASSWORD)
    async with site.world.database.transaction(site.tenant) as tx:
        await api.ensure_user(tx, NewUser(EMAIL, "Mina", password_hash, ("manager",)))


async def at_work(visitor: Any, site: Any, width: int = 1280, path: str = "/cinema/house") -> Any:
    """A manager who asked for a page, signed in, and was led back to it."""
    await employ(site)
    mina = await visitor(site, width=width)
    page = await mina.go(path)
    await page.fill("#email", EMAIL)
    await page.fill("#password", PASSWORD)
    await page.click("#sign-in button[type=submit]")
    await page.wait_for_url(f"**{path}")
    return mina


async def editor_ready(page: Any) -> None:
    await page.wait_for_function(
        "() => document.querySelector('plan-editor')?.stage?.renderer.width > 0 && document.querySelector('plan-editor').scene?.seats.length > 0"
    )


async def seats_in_editor(page: Any) -> int:
    count: int = await page.evaluate("document.querySelector('plan-editor').scene.seats.length")
    return count


async def test_a_house_is_built_from_nothing_to_the_programme(open_site: Any, visitor: Any) -> None:
    site = await open_site()
    mina = await at_work(visitor, site)
    page = mina.page
    await page.click("text=Add theater >> visible=true")
    await page.fill("#name", "Lantern Mitte")
    await page.fill("#city", "Berlin")
    await page.fill("#time_zone", "Europe/Berlin")
    await page.fill("#currency", "EUR")
    await page.click("button:has-text('Add theater')")
    await page.click("a:has-text('Add screen')")
    await page.fill("#name", "Parquet")
    await page.fill("#rows", "5")
    await page.fill("#seats", "10")
    await page.click("button:has-text('Add screen')")
    await page.wait_for_url("**/cinema/house/screens/*")
    await editor_ready(page)

    before = await seats_in_editor(page)
    await page.focus(".sm-canvas")
    await page.keyboard.press("Control+a")
    await page.keyboard.press("Delete")
    await page.fill("[name=block-rows]", "3")
    await page.fill("[name=block-seats]", "4")
    await page.click("text=Add this block")
    assert 0 < await seats_in_editor(page) != before
    await expect(page.locator(".sm-save-state").first).to_have_text("Unsaved changes", use_inner_text=True)
    await page.click("button:has-text('Save') >> visible=true")
    await page.wait_for_selector(".sm-save-state:has-text('Saved')")
    assert site.sql("select p.seats from cinema.screens join cinema.plans p using (plan_id)") == [(12,)]

    await mina.go("/cinema/house/movies/new")
    await page.fill("#title", "The Long Caravan")
    await page.fill("#duration_min", "100")
    await page.click("button:has-text('Add movie')")
    await page.wait_for_selector("text=is added")

    await mina.go("/cinema/house/shows/new")
    await page.select_option("#screen_id", label="Parquet (12 seats)")
    await page.select_option("#movie_id", label="The Long Caravan")
    there = datetime.now(UTC).astimezone(ZoneInfo("Europe/Berlin")) + timedelta(days=1)
    await page.fill("#starts_at", there.strftime("%Y-%m-%dT20:15"))
    await page.fill("#price-1", "12.50")
    await page.click("button:has-text('Put on sale')")
    await page.wait_for_selector("text=is on sale")
    await expect(page.locator(".tallies").first).to_contain_text("0 of 12", use_inner_text=True)

    guest = await visitor(site)
    programme = await guest.go(f"/cinema?city=Berlin&day={there.date()}")
    await expect(programme.locator(".movie-card h3").first).to_have_text("The Long Caravan", use_inner_text=True)
    chip = await programme.inner_text("a.time-chip")
    assert "20:15" in chip and "12 left" in chip


async def test_a_plan_that_was_not_saved_is_not_lost_unasked_and_a_refusal_names_each_place(
    open_site: Any, visitor: Any
) -> None:
    site = await open_site()
    await site.make_show(HALL)
    ((screen_id,),) = site.sql("select screen_id::text from cinema.screens")
    mina = await at_work(visitor, site, path=f"/cinema/house/screens/{screen_id}")
    mina.expects(WRONG)
    page = mina.page
    await editor_ready(page)
    asked: list[str] = []

    async def stay(dialog: Any) -> None:
        asked.append(dialog.type)
        await (dialog.dismiss() if len(asked) == 1 else dialog.accept())

    page.on("dialog", stay)
    await page.evaluate(
        """() => { const e = document.querySelector('plan-editor'); const plan = structuredClone(e.plan);
        plan.zones[0].rows[0].seats[1].seat_guid = plan.zones[0].rows[0].seats[0].seat_guid; e.commit(plan, 'Spoil'); }"""
    )
    await page.focus(".sm-canvas")
    await page.keyboard.press("Control+s")
    await page.wait_for_selector("text=Not saved.")
    await expect(page.locator(".sm-inspector").first).to_contain_text(
        "zones[0].rows[0].seats[1].seat_guid", use_inner_text=True
    )
    assert site.sql("select count(*) from cinema.plans") == [(1,)]
    await page.click("a:has-text('Add show')", no_wait_after=True)
    await page.wait_for_function("() => document.querySelector('plan-editor').dirty")
    assert asked == ["beforeunload"] and screen_id in page.url
    await page.click("nav.nav a:has-text('Shows')")
    await page.wait_for_url("**/cinema/house/shows")


async def test_seats_are_blocked_by_mouse_and_put_back_by_keyboard(open_site: Any, visitor: Any) -> None:
    site = await open_site()
    show_id = await site.make_show(HALL)
    seats = list(await site.seats(show_id))
    mina = await at_work(visitor, site, path=f"/cinema/house/shows/{show_id}")
    page = mina.page
    await page.wait_for_selector(".sm-connection[data-status=live]")
    await page.wait_for_function("() => document.querySelector('seat-map').map.stage.fitted")
    await page.locator("seat-map").scroll_into_view_if_needed()
    await mina.click_seats(*seats[:2])
    await page.keyboard.down("Shift")
    await mina.click_seats(seats[8])
    await page.keyboard.up("Shift")
    await page.click("[data-action=block]")
    await page.wait_for_selector("text=10 seats are off sale")
    states = await site.seats(show_id)
    assert {states[seat] for seat in (*seats[:2], *seats[8:16])} == {"blocked"}
    assert list(states.values()).count("blocked") == 10
    assert (await site.hold(show_id, seats[:1])).status_code == 409

    await page.click(".sm-switch [data-view=list]")
    await page.focus(f"[data-seat='{seats[0]}']")
    await page.keyboard.press("Enter")
    await mina.tab_to("[data-action=unblock]")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("text=1 seat is back on sale")
    assert (await site.hold(show_id, seats[:1])).status_code == 201


async def test_a_show_is_called_off_only_after_a_second_word(open_site: Any, visitor: Any) -> None:
    site = await open_site()
    show_id = await site.make_show(HALL)
    mina = await at_work(visitor, site, path=f"/cinema/house/shows/{show_id}")
    page = mina.page
    await page.click("[data-opens=call-off]")
    await page.click("#call-off >> text=Keep the show")
    assert site.sql("select cancelled_at from cinema.shows") == [(None,)]
    await page.click("[data-opens=call-off]")
    await page.click("#call-off button[type=submit]")
    await page.wait_for_selector("text=is called off")
    await expect(page.locator("seat-map")).to_have_count(0)


async def test_a_list_is_searched_and_sorted_in_place(open_site: Any, visitor: Any) -> None:
    site = await open_site()
    await site.make_show(HALL)
    site.sql("update cinema.movies set title = 'Zebra' where title = 'The Long Harvest'")
    await site.make_show(HALL, starts_in=timedelta(hours=50))
    mina = await at_work(visitor, site, path="/cinema/house/shows")
    page = mina.page
    await page.evaluate("window.stayed = true")
    await page.click("thead a:has-text('Movie')")
    await page.wait_for_url("**sort=movie*")
    await expect(page.locator("th[aria-sort]").first).to_have_attribute("aria-sort", "ascending")
    await expect(page.locator("tbody .row-link")).to_have_text(["The Long Harvest", "Zebra"], use_inner_text=True)
    await page.click("thead a:has-text('Movie')")
    await page.wait_for_url("**sort=-movie*")
    await expect(page.locator("tbody .row-link")).to_have_text(["Zebra", "The Long Harvest"], use_inner_text=True)
    await page.type("#q", "zeb")
    await page.wait_for_url("**q=zeb*")
    await expect(page.locator("tbody .row-link")).to_have_text(["Zebra"], use_inner_text=True)
    assert "sort=-movie" in page.url
    await page.wait_for_function("() => document.getElementById('announcer').textContent === '1 show'")
    await page.select_option("#state", "off")
    await page.wait_for_selector("text=Nothing fits")
    assert await page.evaluate("window.stayed")


async def every_page(site: Any) -> dict[str, str]:
    """A path of every page of a house that has sold, blocked, called off and retired something."""
    show_id = await site.make_show(HALL)
    off_id = await site.make_show(HALL, starts_in=timedelta(hours=3))
    seats = list(await site.seats(show_id))
    assert (await site.buy(show_id, seats[:3])).status_code == 201
    assert (await site.hold(show_id, seats[10:12])).status_code == 201
    site.sql("update cinema.shows set cancelled_at = clock_timestamp() where show_id = %s", off_id)
    ((screen_id, theater_id, movie_id),) = site.sql(
        "select c.screen_id::text, c.theater_id::text, s.movie_id::text from cinema.shows s"
        " join cinema.screens c using (screen_id) where s.show_id = %s",
        show_id,
    )
    retired = uuid7(SystemClock(), SystemRandom())
    site.sql(
        "insert into cinema.movies (tenant_id, movie_id, title, duration_min, retired_at) values (%s, %s, 'Gone', 90, now())",
        site.tenant,
        retired,
    )
    return {
        "overview": "",
        "movies": "/movies",
        "no movies": "/movies?q=zebra",
        "movie": f"/movies/{movie_id}",
        "new movie": "/movies/new",
        "theaters": "/theaters",
        "theater": f"/theaters/{theater_id}",
        "new theater": "/theaters/new",
        "new screen": f"/theaters/{theater_id}/screens/new",
        "screen": f"/screens/{screen_id}",
        "shows": "/shows",
        "called off": "/shows?state=off",
        "new show": "/shows/new",
        "new show there": f"/shows/new?screen_id={screen_id}",
        "show": f"/shows/{show_id}",
        "called-off show": f"/shows/{off_id}",
        "occupancy": "/occupancy",
        "by movie": "/occupancy?by=movie",
    }


@pytest.mark.parametrize("width", WIDTHS)
async def test_axe_finds_nothing_and_no_page_is_too_wide(open_site: Any, visitor: Any, width: int) -> None:
    site = await open_site()
    mina = await at_work(visitor, site, width)
    mina.expects(WRONG)
    page = mina.page
    found = {}
    for name, path in (await every_page(site)).items():
        await mina.go(f"/cinema/house{path}")
        if name == "screen":
            await editor_ready(page)
        if name == "show":
            await page.wait_for_selector(".sm-connection[data-status=live]")
            await page.click("[data-opens=call-off]")
            found["call off"] = await mina.violations()
            await page.keyboard.press("Escape")
        if name == "new movie":
            await page.click("button[type=submit]:has-text('Add movie')")
            await page.wait_for_selector(".field-error")
            await expect(page.locator("#title")).to_be_focused()
        found[name] = await mina.violations()
        assert await mina.overhang() == 0, f"{name} at {width} px"
    assert {name: wrong for name, wrong in found.items() if wrong} == {}
