"""What changes under a buyer's eyes: seats that are exchanged, prices that are edited, a show that is called off."""

from typing import Any

import pytest
from playwright.async_api import expect

from serai.systems.cinema.plan import classic
from serai.systems.identity.api import IdentityApi

pytestmark = pytest.mark.browser

HALL = classic(rows=4, seats=8)
V1 = "/api/cinema/v1"
REFUSED = "the server responded with a status of 409 ("


async def manager(site: Any) -> dict[str, str]:
    """Headers of somebody who runs the house."""
    api = site.world.need(IdentityApi)
    async with site.world.database.transaction(site.tenant) as tx:
        made = await api.create_key(tx, name="manager", roles=("cinema:manage",), created_by="test")
    return {"Authorization": f"Bearer {made.text}"}


async def booked(site: Any, show_id: str, *keys: int) -> str:
    """A booking of the seats at these places; its id."""
    seats = list(await site.seats(show_id))
    hold = (await site.hold(show_id, [seats[key - 1] for key in keys])).json()
    booking_id: str = (await site.book(hold["id"], key=hold["id"])).json()["id"]
    return booking_id


async def at_the_map(visitor: Any) -> Any:
    page = visitor.page
    await page.wait_for_selector(".sm-connection[data-status=live]")
    await page.wait_for_function("document.querySelector('seat-map').map.stage.fitted")
    return page


async def test_seats_are_exchanged_and_the_old_codes_are_gone(open_site: Any, visitor: Any) -> None:
    site = await open_site()
    show_id = await site.make_show(HALL)
    booking = await booked(site, show_id, 3, 4)
    seats = list(await site.seats(show_id))
    ada = await visitor(site)
    page = await ada.go(f"/cinema/bookings/{booking}")
    before = await page.locator(".ticket-qr svg").first.inner_html()
    await page.click("text=Change seats")
    await at_the_map(ada)
    assert [await ada.look_of(seats[key]) for key in (2, 3)] == ["yours", "yours"]
    await ada.click_seats(seats[3])
    await expect(page.locator("[data-action=hold]").first).to_have_text("Pick 1 more", use_inner_text=True)
    await ada.click_seats(seats[4])
    await page.click("text=Change to these seats")
    asked = await page.inner_text("#exchange .refund")
    assert "Row A, seat 3 and Row A, seat 4" in asked and "Row A, seat 4 and Row A, seat 5" in asked
    await page.click("[data-exchange=yes]")
    await page.wait_for_url(f"**/cinema/bookings/{booking}?swapped=1")
    await expect(page.locator(".notice").first).to_contain_text("Your seats were exchanged", use_inner_text=True)
    await expect(page.locator(".ticket-facts dd >> nth=0").first).to_have_text("A4A5", use_inner_text=True)
    assert await page.locator(".ticket-qr svg").first.inner_html() != before
    assert [(await site.seats(show_id))[seats[key]] for key in (2, 3, 4)] == ["available", "booked", "booked"]
    assert await site.money() == (2400, 0)


async def test_an_exchange_says_what_it_lacks_and_survives_a_faster_buyer(open_site: Any, visitor: Any) -> None:
    site = await open_site()
    hall = classic(rows=6, seats=8)
    show_id = await site.make_show(hall)
    site.sql("update cinema.shows set prices = prices || '{\"Premium\": 1500}'")
    booking = await booked(site, show_id, 3)
    seats = list(await site.seats(show_id))
    dear = next(place for place, seat in enumerate(hall.seats) if seat.category == "Premium")
    ada = await visitor(site)
    ada.expects(REFUSED)
    await ada.go(f"/cinema/bookings/{booking}/swap")
    page = await at_the_map(ada)
    await ada.click_seats(seats[dear])
    await expect(page.locator("[data-action=hold]").first).to_contain_text("yours €12.00", use_inner_text=True)
    await expect(page.locator("[data-action=hold]").first).to_be_disabled()
    await ada.click_seats(seats[dear], seats[5])
    await page.click("text=Change to this seat")

    async def faster(route: Any) -> None:
        assert (await site.hold(show_id, [seats[5]])).status_code == 201
        await route.continue_()

    await page.route("**/swap", faster)
    await page.click("[data-exchange=yes]")
    await page.wait_for_selector("text=just taken by someone else")
    assert (await site.seats(show_id))[seats[2]] == "booked"


@pytest.mark.parametrize("width", [390, 1280])
async def test_axe_finds_nothing_where_seats_are_exchanged(open_site: Any, visitor: Any, width: int) -> None:
    site = await open_site()
    show_id = await site.make_show(HALL)
    booking = await booked(site, show_id, 3, 4)
    seats = list(await site.seats(show_id))
    ada = await visitor(site, width=width)
    await ada.go(f"/cinema/bookings/{booking}/swap")
    page = await at_the_map(ada)
    found = {"map": await ada.violations()}
    await page.evaluate("(ids) => document.querySelector('seat-map').select(ids)", seats[8:10])
    await page.click("text=Change to these seats")
    found["question"] = await ada.violations()
    assert await ada.overhang() == 0
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


async def test_prices_that_change_while_somebody_looks_are_shown_and_said(open_site: Any, visitor: Any) -> None:
    site = await open_site()
    show_id = await site.make_show(HALL)
    seats = list(await site.seats(show_id))
    ada = await visitor(site)
    page = await ada.choose(show_id)
    await ada.click_seats(seats[0], seats[1])
    await expect(page.locator(".sm-total strong").first).to_have_text("€24.00", use_inner_text=True)
    dearer = {name: {"amount": 1400, "currency": "EUR"} for name in {seat.category for seat in HALL.seats}}
    changes = {"prices": dearer, "cancel_fee_percent": 20}
    answer = await site.client.patch(f"{V1}/shows/{show_id}", json=changes, headers=await manager(site))
    assert answer.status_code == 200, answer.text
    await site.client.get(f"{V1}/shows/{show_id}/seats")
    await page.wait_for_selector("text=You see the new ones")
    await expect(page.locator(".sm-total strong").first, "the choice is kept, at the new price").to_have_text(
        "€28.00", use_inner_text=True
    )
    await page.wait_for_selector("#terms:has-text('Cancelling costs 20 %')")
    await page.click("[data-action=hold]")
    await page.wait_for_url("**/cinema/checkout/*")
    await expect(page.locator(".order-total strong").first).to_have_text("€28.00", use_inner_text=True)


async def test_a_hold_at_old_prices_is_refused_kindly(open_site: Any, visitor: Any) -> None:
    site = await open_site()
    show_id = await site.make_show(HALL)
    seats = list(await site.seats(show_id))
    ada = await visitor(site)
    ada.expects(REFUSED)
    page = await ada.choose(show_id)
    await ada.click_seats(seats[0])
    # As another process edits it: this one does not know until somebody sells.
    site.sql(
        "update cinema.shows set edition = edition + 1, prices = (select jsonb_object_agg(key, 1700) from jsonb_each(prices))"
    )
    await page.click("[data-action=hold]")
    await page.wait_for_selector("text=You see the new ones")
    await expect(page.locator(".sm-total strong").first).to_have_text("€17.00", use_inner_text=True)
    assert (await site.seats(show_id))[seats[0]] == "available"
    await page.click("[data-action=hold]")
    await page.wait_for_url("**/cinema/checkout/*")


async def test_a_show_that_is_called_off_is_said_on_every_page(open_site: Any, visitor: Any) -> None:
    site = await open_site()
    show_id = await site.make_show(HALL)
    seats = list(await site.seats(show_id))
    booking = await booked(site, show_id, 10)
    hold_id = (await site.hold(show_id, [seats[12]])).json()["id"]
    ada, bob = await visitor(site), await visitor(site)
    ada.expects(REFUSED)
    bob.expects(REFUSED)
    page = await ada.choose(show_id)
    await ada.click_seats(seats[0])
    paying = await bob.go(f"/cinema/checkout/{hold_id}")
    assert (await site.client.post(f"{V1}/shows/{show_id}/cancel", headers=await manager(site))).status_code == 200
    await page.click("[data-action=hold]")
    await page.wait_for_selector(".sm-cover:has-text('does not take place')")
    await expect(page.locator("[data-action=hold]").first).to_be_disabled()
    await paying.fill("#email", "bob@example.org")
    await paying.click("#pay button[type=submit]")
    await paying.wait_for_selector("text=This show was called off")
    ticket = await bob.go(f"/cinema/bookings/{booking}")
    await expect(ticket.locator(".notice").first).to_contain_text(
        "goes back to your card by itself", use_inner_text=True
    )
    await expect(ticket.locator("text=Change seat")).to_have_count(0)
    assert await bob.violations() == []
    await page.reload()
    await page.wait_for_selector("text=This show does not take place")
    await site.run_loops("cinema.settle_shows")
    await ticket.reload()
    await expect(ticket.locator(".outcome").first).to_contain_text("The show was called off", use_inner_text=True)
    assert await site.money() == (1200, 1200)
