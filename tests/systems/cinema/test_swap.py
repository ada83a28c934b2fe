"""Seats are exchanged for others of the same price, tickets replaced, nothing charged; in one step or not at all."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
from tests.systems.cinema.conftest import Site
from tests.systems.cinema.staff import V1, bearer, events, other_house
from tests.systems.cinema.test_doors import tokens_of
from tests.systems.cinema.verdict import verdict

from serai.kernel.ids import Capability


async def booked(site: Site, show_id: str, seats: list[str]) -> dict[str, Any]:
    hold = (await site.hold(show_id, seats)).json()
    answer = await site.book(hold["id"], key=hold["id"])
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def swap(site: Site, booking: dict[str, Any], seats: list[str], **headers: str) -> httpx.Response:
    body = {"seat_ids": seats}
    return await site.client.post(f"{V1}/bookings/{booking['id']}/swap", json=body, headers=headers)


def booking_id(booking: dict[str, Any]) -> UUID:
    capability = Capability.parse(booking["id"])
    assert capability is not None
    return capability.id


async def test_seats_and_tickets_are_exchanged_and_nothing_is_charged(site: Site) -> None:
    show_id = await site.make_show(starts_in=timedelta(minutes=30))
    a, b, c, *_ = list(await site.seats(show_id))
    booking = await booked(site, show_id, [a, b])
    old = tokens_of(site, booking_id(booking))
    answer = await swap(site, booking, [c, b])
    assert answer.status_code == 200, answer.text
    assert sorted(seat["id"] for seat in answer.json()["seats"]) == sorted([b, c])
    assert answer.json()["confirmation_code"] == booking["confirmation_code"]
    states = await site.seats(show_id)
    assert (states[a], states[b], states[c]) == ("available", "booked", "booked")
    assert await site.money() == (2400, 0)
    again = await swap(site, booking, [b, c])
    assert again.json() == answer.json()
    assert [kind for kind, _ in events(site, "serai.cinema.booking") if "swapped" in kind] == [
        "serai.cinema.booking.swapped.v1"
    ]
    jobs = site.sql("select count(*) from jobs.procrastinate_jobs where task_name = 'cinema.mail_ticket'")
    assert jobs == [(2,)]
    door = await bearer(site, "cinema:door")
    for token in old:
        refused = await site.client.post(f"{V1}/checkins", json={"token": token}, headers=door)
        assert refused.json()["code"] == "revoked"
    for token in tokens_of(site, booking_id(booking)):
        assert (await site.client.post(f"{V1}/checkins", json={"token": token}, headers=door)).status_code == 200
    used = await swap(site, booking, [a, b])
    assert (used.status_code, used.json()["code"]) == (409, "not_swappable")
    await verdict(site)


async def test_a_swap_that_cannot_be_leaves_everything_as_it_was(site: Site) -> None:
    show_id = await site.make_show()
    a, b, c, d, e, *_ = list(await site.seats(show_id))
    booking = await booked(site, show_id, [a, b])
    await booked(site, show_id, [c])
    before = site.sql("select serial, revoked_at from cinema.tickets order by serial")
    other = await site.make_show()
    foreign = next(iter(await site.seats(other)))
    table: list[tuple[list[str], int, str]] = [
        ([b, c], 409, "seats_unavailable"),
        ([d], 422, "invalid_request"),
        ([d, d], 422, "invalid_request"),
        ([], 422, "invalid_request"),
        ([d, foreign], 422, "invalid_request"),
        ([d, "nonsense"], 422, "invalid_request"),
    ]
    for seats, status, code in table:
        refused = await swap(site, booking, seats)
        assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert (await swap(site, booking, [b, c])).json()["seats"] == [c]
    assert site.sql("select serial, revoked_at from cinema.tickets order by serial") == before
    site.sql("update cinema.shows set cancelled_at = now() where show_id = %s", show_id)
    assert (await swap(site, booking, [d, e])).json()["code"] == "show_cancelled"
    site.sql("update cinema.shows set cancelled_at = null, starts_at = now() where show_id = %s", show_id)
    assert (await swap(site, booking, [d, e])).json()["code"] == "show_started"
    await verdict(site)


async def test_only_seats_of_the_same_price(site: Site) -> None:
    show_id = await site.make_show()
    document = (await site.client.get(f"{V1}/shows/{show_id}/seats")).json()["seats"]
    by_category: dict[str, list[str]] = {}
    for seat in document:
        by_category.setdefault(seat["category"], []).append(seat["id"])
    dear, cheap = list(by_category.values())[:2]
    name = next(iter(by_category))
    site.sql(
        "update cinema.shows set edition = edition + 1, prices = jsonb_set(prices, array[%s], to_jsonb(2000))", name
    )
    await site.hold(show_id, dear[:1])  # makes the process see the new edition
    booking = await booked(site, show_id, cheap[:1])
    refused = await swap(site, booking, dear[1:2])
    assert (refused.status_code, refused.json()["code"]) == (409, "price_differs")
    assert (refused.json()["total"]["amount"], refused.json()["paid"]["amount"]) == (2000, 1200)
    assert (await swap(site, booking, cheap[1:2])).status_code == 200


async def test_a_swap_and_a_cancellation_cannot_both_have_the_seats(site: Site) -> None:
    show_id = await site.make_show()
    seats = list(await site.seats(show_id))
    for turn in range(6):
        mine, other = seats[2 * turn], seats[2 * turn + 1]
        booking = await booked(site, show_id, [mine])
        swapped, cancelled = await asyncio.gather(
            swap(site, booking, [other]), site.client.post(f"{V1}/bookings/{booking['id']}/cancel")
        )
        assert cancelled.status_code == 200, cancelled.text
        assert swapped.status_code in (200, 409), swapped.text
        states = await site.seats(show_id)
        assert (states[mine], states[other]) == ("available", "available")
    await verdict(site)


async def test_swaps_across_each_other_and_buyers_deadlock_nobody(site: Site) -> None:
    show_id = await site.make_show()
    seats = list(await site.seats(show_id))[:8]
    bookings = [await booked(site, show_id, [seats[n], seats[n + 1]]) for n in (0, 2, 4)]
    for turn in range(4):
        wanted = seats[turn : turn + 5]
        answers = await asyncio.gather(
            *(swap(site, booking, [wanted[-1], wanted[n]]) for n, booking in enumerate(bookings)),
            *(site.hold(show_id, pair) for pair in ([seats[6], seats[7]], [seats[7], seats[6]])),
        )
        assert {answer.status_code for answer in answers} <= {200, 201, 409}, [answer.text for answer in answers]
    await verdict(site)


async def test_nobody_else_swaps(site: Site) -> None:
    show_id = await site.make_show()
    a, b, *_ = list(await site.seats(show_id))
    booking = await booked(site, show_id, [a])
    _, stranger = await other_house(site)
    assert (await swap(site, booking, [b], **stranger)).status_code == 404
    forged = dict(booking, id=booking["id"][:-6] + "BBBBBA")
    assert (await swap(site, forged, [b])).status_code == 404
    assert (await site.seats(show_id))[a] == "booked"
