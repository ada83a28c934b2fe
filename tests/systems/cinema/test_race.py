"""64 clients race for one show over HTTP: every seat is sold once, and the money is exactly that of the seats.

The control is the same race over the design's read-then-write: it must sell a seat twice, or the race proves nothing.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from random import Random

import httpx
from tests.systems.cinema.conftest import OpenSite, Site
from tests.systems.cinema.naive import NaiveAllocation
from tests.systems.cinema.seams import with_allocation
from tests.systems.cinema.verdict import verdict

from serai.systems.cinema.plan import classic

CLIENTS = 64
ATTEMPTS_MAX = 60
PRICE = 1150


@dataclass
class Tally:
    """What all the clients saw."""

    statuses: Counter[int] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    sold: list[str] = field(default_factory=list)

    def note(self, answer: httpx.Response) -> int:
        self.statuses[answer.status_code] += 1
        if answer.status_code >= 400:
            self.codes[answer.json()["code"]] += 1
        return answer.status_code


async def buyer(site: Site, show_id: str, seats: list[str], number: int, tally: Tally) -> None:
    """Takes 1 to 4 seats of those it believes free, pays, and goes on until it believes that none is left."""
    random, left = Random(number), set(seats)
    for attempt in range(ATTEMPTS_MAX):
        if not left:
            return
        wanted = random.sample(sorted(left), min(len(left), random.randint(1, 4)))
        held = await site.hold(show_id, wanted)
        if tally.note(held) != 201:
            left -= set(held.json().get("seats", []))
            continue
        hold = held.json()["id"]
        if random.random() < 0.15:
            tally.note(await site.book(hold, method="pm_card_chargeDeclined", key=f"declined {attempt}"))
        if tally.note(await site.book(hold, key=str(attempt))) == 201:
            tally.sold += wanted
        left -= set(wanted)


async def race(site: Site) -> tuple[str, list[str], Tally]:
    show_id = await site.make_show(classic(rows=10, seats=20), price=PRICE)
    seats, tally = list(await site.seats(show_id)), Tally()
    await asyncio.gather(*(buyer(site, show_id, seats, number, tally) for number in range(CLIENTS)))
    return show_id, seats, tally


def valid_tickets(site: Site) -> list[int]:
    return [key for (key,) in site.sql("select seat_key from cinema.tickets where revoked_at is null")]


async def test_64_clients_race_for_one_show_and_no_seat_is_sold_twice(site: Site) -> None:
    show_id, seats, tally = await race(site)
    assert set(tally.statuses) <= {201, 402, 409}, (tally.statuses, tally.codes)
    assert set(tally.codes) <= {"seats_unavailable", "payment_declined"}, tally.codes
    assert tally.codes["seats_unavailable"] > CLIENTS, "this was no race"
    assert sorted(tally.sold) == sorted(seats), "every seat is sold, to one buyer"
    assert len(valid_tickets(site)) == len(set(valid_tickets(site))) == len(seats)
    assert set((await site.seats(show_id)).values()) == {"booked"}
    assert await site.money() == (PRICE * len(seats), 0)
    await verdict(site)


async def test_the_designs_read_then_write_loses_the_same_race(open_site: OpenSite) -> None:
    site = await open_site(with_allocation(lambda world: NaiveAllocation(world.clock, world.random)))
    site.sql("drop index cinema.tickets_one_seat")  # the last guard of the real tables
    _, _seats, tally = await race(site)
    tickets = valid_tickets(site)
    assert len(tickets) > len(set(tickets)), f"no seat was sold twice: {tally}"
    assert (await site.money())[0] > PRICE * len(set(tickets))
    assert len(tally.sold) > len(set(tally.sold))


async def test_overlapping_requests_in_opposite_orders_never_deadlock(site: Site) -> None:
    show_id = await site.make_show()
    seats = list(await site.seats(show_id))
    for start in range(0, 120, 6):
        six = seats[start : start + 6]
        asked = [six, six[::-1], six[:4], six[3::-1], six[2:], six[:1:-1], six[1::2], six[::-2]]
        answers = await asyncio.gather(*(site.hold(show_id, wanted) for wanted in asked))
        won = [wanted for wanted, answer in zip(asked, answers, strict=True) if answer.status_code == 201]
        assert {answer.status_code for answer in answers} <= {201, 409}, [answer.text for answer in answers]
        assert won, "of overlapping requests for free seats one must win"
        taken = Counter(seat for wanted in won for seat in wanted)
        assert set(taken.values()) == {1}
        for wanted, answer in zip(asked, answers, strict=True):
            if answer.status_code == 409:
                assert answer.json()["code"] == "seats_unavailable"
                assert set(answer.json()["seats"]) <= set(wanted)
                assert answer.json()["seats"]
    await verdict(site)


async def test_paying_and_cancelling_overlapping_seats_never_deadlocks(site: Site) -> None:
    show_id = await site.make_show()
    seats = list(await site.seats(show_id))[:8]

    async def churn(number: int) -> list[int]:
        random, seen = Random(number), []
        for attempt in range(6):
            held = await site.hold(show_id, random.sample(seats, 3))
            seen.append(held.status_code)
            if held.status_code == 201:
                booked = await site.book(held.json()["id"], key=str(attempt))
                cancelled = await site.client.post(f"/api/cinema/v1/bookings/{booked.json()['id']}/cancel")
                seen += [booked.status_code, cancelled.status_code]
        return seen

    statuses = Counter(status for seen in await asyncio.gather(*(churn(n) for n in range(16))) for status in seen)
    assert set(statuses) <= {200, 201, 409}, statuses
    await site.recover()
    captured, refunded = await site.money()
    assert captured == refunded > 0
    assert set((await site.seats(show_id)).values()) == {"available"}
    await verdict(site)
