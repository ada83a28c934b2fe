"""A seat is held, paid, booked, cancelled and refunded, over HTTP."""

from uuid import uuid4

import pytest
from tests.systems.cinema.conftest import OpenSite, Site

from serai.systems.cinema.plan import classic


async def test_a_seat_is_sold_from_the_list_to_the_refund(site: Site) -> None:
    show_id = await site.make_show()
    listed = (await site.client.get("/api/cinema/v1/shows", params={"city": "berlin"})).json()
    seats = await site.seats(show_id)
    assert [(show["id"], show["seats_free"]) for show in listed["items"]] == [(show_id, len(seats))]
    seat_ids = list(seats)[:2]

    held = await site.hold(show_id, seat_ids)
    assert held.status_code == 201, held.text
    hold = held.json()
    assert hold["total"] == {"amount": 2400, "currency": "EUR"}
    assert {state for seat, state in (await site.seats(show_id)).items() if seat in seat_ids} == {"held"}

    booked = await site.book(hold["id"])
    assert booked.status_code == 201, booked.text
    booking = booked.json()
    assert booking["state"] == "confirmed"
    assert len(booking["confirmation_code"]) == 8
    assert await site.money() == (2400, 0)
    assert {state for seat, state in (await site.seats(show_id)).items() if seat in seat_ids} == {"booked"}

    pdf = await site.client.get(f"/api/cinema/v1/bookings/{booking['id']}/ticket.pdf")
    assert pdf.content.startswith(b"%PDF")

    cancelled = await site.client.post(f"/api/cinema/v1/bookings/{booking['id']}/cancel")
    assert cancelled.status_code == 200, cancelled.text
    assert cancelled.json()["refund"] == {"amount": 2400, "currency": "EUR"}
    assert cancelled.json()["state"] == "cancelled"
    assert await site.money() == (2400, 2400)
    assert set((await site.seats(show_id)).values()) == {"available"}
    again = await site.client.post(f"/api/cinema/v1/bookings/{booking['id']}/cancel")
    assert again.json() == cancelled.json()
    gone = await site.client.get(f"/api/cinema/v1/bookings/{booking['id']}/ticket.pdf")
    assert gone.json()["code"] == "no_valid_ticket"


@pytest.mark.parametrize("rule", [True, False])
async def test_a_seat_left_alone_is_refused_only_where_the_house_wants_that(open_site: OpenSite, rule: bool) -> None:
    site = await open_site(cinema_orphan_rule=rule)
    show_id = await site.make_show(classic(rows=4, seats=8))
    seats = list(await site.seats(show_id))
    answer = await site.hold(show_id, seats[3:4])
    if not rule:
        assert answer.status_code == 201
        return
    refused = answer.json()
    assert (answer.status_code, refused["code"]) == (422, "orphan_seat")
    assert refused["seats"] == seats[2:3] and refused["errors"][0]["field"] == "seat_ids"
    assert set((await site.seats(show_id)).values()) == {"available"}
    assert (await site.hold(show_id, seats[2:4])).status_code == 201


async def test_the_second_buyer_is_told_which_seats_are_gone(site: Site) -> None:
    show_id = await site.make_show()
    first, second, third = list(await site.seats(show_id))[:3]
    assert (await site.hold(show_id, [first, second])).status_code == 201
    refused = await site.hold(show_id, [second, third])
    assert refused.status_code == 409
    assert refused.json()["code"] == "seats_unavailable"
    assert refused.json()["seats"] == [second]
    assert (await site.seats(show_id))[third] == "available"


async def test_a_declined_card_keeps_the_hold_and_another_card_pays(site: Site) -> None:
    show_id = await site.make_show()
    seat = next(iter(await site.seats(show_id)))
    hold = (await site.hold(show_id, [seat])).json()
    declined = await site.book(hold["id"], method="pm_card_chargeDeclined", key="one")
    assert declined.status_code == 402, declined.text
    assert declined.json()["code"] == "payment_declined"
    assert (await site.client.get(f"/api/cinema/v1/holds/{hold['id']}")).json()["state"] == "held"
    again = await site.book(hold["id"], method="pm_card_chargeDeclined", key="one")
    assert again.status_code == 402
    paid = await site.book(hold["id"], key="two")
    assert paid.status_code == 201, paid.text
    assert await site.money() == (1200, 0)


async def test_the_same_key_gets_the_same_answer_and_pays_once(site: Site) -> None:
    show_id = await site.make_show()
    seat = next(iter(await site.seats(show_id)))
    hold = (await site.hold(show_id, [seat])).json()
    first = await site.book(hold["id"], key="k")
    twin = await site.book(hold["id"], key="k")
    assert (first.status_code, first.content) == (twin.status_code, twin.content)
    other_body = await site.book(hold["id"], method="pm_card_mastercard", key="k")
    assert (other_body.status_code, other_body.json()["code"]) == (422, "idempotency_key_reused")
    second_key = await site.book(hold["id"], key=str(uuid4()))
    assert (second_key.status_code, second_key.json()["code"]) == (409, "hold_expired")
    assert await site.money() == (1200, 0)
