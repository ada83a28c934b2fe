"""What changes under a buyer's eyes: seats that are exchanged, prices that are edited, a show that is called off."""

from typing import Any

import pytest

from serai.systems.cinema.plan import classic
from serai.systems.identity.api import IdentityApi

pytestmark = pytest.mark.browser

HALL = classic(rows=4, seats=8)
V1 = "/api/cinema/v1"


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


def meant(visitor: Any) -> None:
    """The browser complains of refusals; here they are what is tested."""
    visitor.complaints[:] = [said for said in visitor.complaints if not said.startswith("Failed to load resource")]


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
    assert await page.inner_text("[data-action=hold]") == "Pick 1 more"
    await ada.click_seats(seats[4])
    await page.click("text=Change to these seats")
    asked = await page.inner_text("#exchange .refund")
    assert "Row A, seat 3 and Row A, seat 4" in asked and "Row A, seat 4 and Row A, seat 5" in asked
    await page.click("[data-exchange=yes]")
    await page.wait_for_url(f"**/cinema/bookings/{booking}?swapped=1")
    assert "Your seats were exchanged" in await page.inner_text(".notice")
    assert await page.inner_text(".ticket-facts dd >> nth=0") == "A4A5"
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
    await ada.go(f"/cinema/bookings/{booking}/swap")
    page = await at_the_map(ada)
    await ada.click_seats(seats[dear])
    assert "yours €12.00" in await page.inner_text("[data-action=hold]")
    assert await page.is_disabled("[data-action=hold]")
    await ada.click_seats(seats[dear], seats[5])
    await page.click("text=Change to this seat")

    async def faster(route: Any) -> None:
        assert (await site.hold(show_id, [seats[5]])).status_code == 201
        await route.continue_()

    await page.route("**/swap", faster)
    await page.click("[data-exchange=yes]")
    await page.wait_for_selector("text=just taken by someone else")
    assert (await site.seats(show_id))[seats[2]] == "booked"
    meant(ada)


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
    assert await page.inner_text(".sm-total strong") == "€24.00"
    dearer = {name: {"amount": 1400, "currency": "EUR"} for name in {seat.category for seat in HALL.seats}}
    changes = {"prices": dearer, "cancel_fee_percent": 20}
    answer = await site.client.patch(f"{V1}/shows/{show_id}", json=changes, headers=await manager(site))
    assert answer.status_code == 200, answer.text
    await site.client.get(f"{V1}/shows/{show_id}/seats")
    await page.wait_for_selector("text=You see the new ones")
    assert await page.inner_text(".sm-total strong") == "€28.00", "the choice is kept, at the new price"
    await page.wait_for_selector("#terms:has-text('Cancelling costs 20 %')")
    await page.click("[data-action=hold]")
    await page.wait_for_url("**/cinema/checkout/*")
    assert await page.inner_text(".order-total strong") == "€28.00"


async def test_a_hold_at_old_prices_is_refused_kindly(open_site: Any, visitor: Any) -> None:
    site = await open_site()
    show_id = await site.make_show(HALL)
    seats = list(await site.seats(show_id))
    ada = await visitor(site)
    page = await ada.choose(show_id)
    await ada.click_seats(seats[0])
    # As another process edits it: this one does not know until somebody sells.
    site.sql(
        "update cinema.shows set edition = edition + 1, prices = (select jsonb_object_agg(key, 1700) from jsonb_each(prices))"
    )
    await page.click("[data-action=hold]")
    await page.wait_for_selector("text=You see the new ones")
    assert await page.inner_text(".sm-total strong") == "€17.00"
    assert (await site.seats(show_id))[seats[0]] == "available"
    await page.click("[data-action=hold]")
    await page.wait_for_url("**/cinema/checkout/*")
    meant(ada)


async def test_a_show_that_is_called_off_is_said_on_every_page(open_site: Any, visitor: Any) -> None:
    site = await open_site()
    show_id = await site.make_show(HALL)
    seats = list(await site.seats(show_id))
    booking = await booked(site, show_id, 10)
    hold_id = (await site.hold(show_id, [seats[12]])).json()["id"]
    ada, bob = await visitor(site), await visitor(site)
    page = await ada.choose(show_id)
    await ada.click_seats(seats[0])
    paying = await bob.go(f"/cinema/checkout/{hold_id}")
    assert (await site.client.post(f"{V1}/shows/{show_id}/cancel", headers=await manager(site))).status_code == 200
    await page.click("[data-action=hold]")
    await page.wait_for_selector(".sm-cover:has-text('does not take place')")
    assert await page.is_disabled("[data-action=hold]")
    await paying.fill("#email", "bob@example.org")
    await paying.click("#pay button[type=submit]")
    await paying.wait_for_selector("text=This show was called off")
    ticket = await bob.go(f"/cinema/bookings/{booking}")
    assert "goes back to your card by itself" in await ticket.inner_text(".notice")
    assert await ticket.locator("text=Change seat").count() == 0
    assert await bob.violations() == []
    await page.reload()
    await page.wait_for_selector("text=This show does not take place")
    await site.run_loops("cinema.settle_shows")
    await ticket.reload()
    assert "The show was called off" in await ticket.inner_text(".outcome")
    assert await site.money() == (1200, 1200)
    meant(ada)
