"""The waiting list: first come, first served; an offer is a hold; what lapses goes to the next; nobody gets two."""

import asyncio
from copy import copy
from datetime import timedelta
from email.message import EmailMessage
from itertools import product
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.systems.cinema.conftest import OpenSite, Site
from tests.systems.cinema.staff import V1, bearer, other_house, post
from tests.systems.cinema.verdict import verdict

import serai.systems.cinema
from serai.runtime.mail import Mailer
from serai.systems.allocation.api import ClaimState
from serai.systems.cinema.http.waiting import EntryOut
from serai.systems.cinema.plan import classic
from serai.systems.cinema.service.waiting import Waiting
from serai.systems.cinema.store import waiting as waiting_store
from serai.systems.cinema.waiting import LIVE, MOVES, EntryState, Move, after, diagram, meaning

SMALL = classic(rows=3, seats=6)


def test_every_move_that_is_not_in_the_table_is_refused() -> None:
    for state, move in product(EntryState, Move):
        assert (after(state, move) is None) == ((state, move) not in MOVES)
        if state not in LIVE:
            assert after(state, move) is None, "what is over stays over"
    assert "waiting --> offered: offer" in diagram()


@pytest.mark.parametrize("expired", [False, True])
@pytest.mark.parametrize("claim", ClaimState)
def test_each_claim_says_what_became_of_the_offer(claim: ClaimState, expired: bool) -> None:
    expected = {
        ClaimState.HELD: Move.LAPSE if expired else None,
        ClaimState.PAYING: None,
        ClaimState.UNKNOWN: None,
        ClaimState.CONFIRMED: Move.TAKE,
        ClaimState.CANCELLED: Move.TAKE,
        ClaimState.RELEASED: Move.LAPSE,
        ClaimState.EXPIRED: Move.LAPSE,
    }
    assert meaning(claim, expired) is expected[claim]


async def full_show(site: Site) -> tuple[str, list[dict[str, Any]]]:
    """A small show, sold out by single holds of everything but two bookings of two seats each."""
    show_id = await site.make_show(SMALL)
    seats = list(await site.seats(show_id))
    bookings = []
    for pair in (seats[:2], seats[2:4]):
        hold = (await site.hold(show_id, pair)).json()
        bookings.append((await site.book(hold["id"], key=pair[0])).json())
    manager = await bearer(site, "cinema:manage")
    await post(site, f"/shows/{show_id}/block", {"seat_ids": seats[4:]}, manager, 200)
    return show_id, bookings


async def join(site: Site, show_id: str, name: str, count: int = 2, **more: Any) -> dict[str, Any]:
    return await post(site, f"/shows/{show_id}/waiting", {"count": count, "email": f"{name}@example.org", **more}, {})


async def look(site: Site, entry: dict[str, Any]) -> dict[str, Any]:
    answer = await site.client.get(f"{V1}/waiting/{entry['id']}")
    assert EntryOut.model_validate_json(answer.content)
    document: dict[str, Any] = answer.json()
    return document


async def cancel(site: Site, booking: dict[str, Any]) -> None:
    assert (await site.client.post(f"{V1}/bookings/{booking['id']}/cancel")).status_code == 200


async def lapse(site: Site, hold_id: str) -> None:
    """The offer's time is over, and swept."""
    site.sql("update allocation.claims set expires_at = now() - interval '1 s' where state = 'held'")
    site.sql("update allocation.units set expires_at = now() - interval '1 s' where state = 'held'")
    await site.run_loops("allocation.sweep")
    assert (await site.client.get(f"{V1}/holds/{hold_id}")).json()["state"] == "expired"


async def test_the_first_in_line_is_offered_what_comes_free_and_buys_it(site: Site) -> None:
    show_id, (booking, _) = await full_show(site)
    ada, bob = await join(site, show_id, "ada"), await join(site, show_id, "bob")
    assert (ada["state"], ada["place"], bob["place"]) == ("waiting", 1, 2)
    await site.run_loops("cinema.waiting")
    assert (await look(site, ada))["state"] == "waiting"
    await cancel(site, booking)
    await site.run_loops("cinema.waiting")
    offered, waits = await look(site, ada), await look(site, bob)
    assert (offered["state"], waits["state"], waits["place"]) == ("offered", "waiting", 1)
    hold = (await site.client.get(f"{V1}/holds/{offered['offer']['hold_id']}")).json()
    assert sorted(seat["id"] for seat in hold["seats"]) == sorted(seat["id"] for seat in booking["seats"])
    lives = site.sql(
        "select extract(epoch from expires_at - clock_timestamp()) from allocation.claims where state = 'held'"
    )
    assert 1700 < lives[0][0] <= 1800
    extended = await site.client.post(f"{V1}/holds/{hold['id']}/extend")
    assert extended.json()["expires_at"] == hold["expires_at"], "others wait behind it"
    assert (await site.book(hold["id"], key="offer")).status_code == 201
    assert (await look(site, ada))["state"] == "taken"
    await site.run_loops("cinema.waiting")
    assert (await look(site, bob))["state"] == "waiting"
    await verdict(site)


async def test_an_offer_that_is_not_taken_goes_to_the_next(site: Site) -> None:
    show_id, (booking, _) = await full_show(site)
    ada, bob = await join(site, show_id, "ada"), await join(site, show_id, "bob")
    await cancel(site, booking)
    await site.run_loops("cinema.waiting")
    offer = (await look(site, ada))["offer"]
    await lapse(site, offer["hold_id"])
    await site.run_loops("cinema.waiting")
    assert ((await look(site, ada))["state"], (await look(site, bob))["state"]) == ("lapsed", "offered")
    again = await join(site, show_id, "ada")
    assert again["place"] == 1, "who lapsed may join again, behind those who waited"
    released = (await look(site, bob))["offer"]["hold_id"]
    assert (await site.client.delete(f"{V1}/holds/{released}")).status_code == 204
    await site.run_loops("cinema.waiting")
    assert ((await look(site, bob))["state"], (await look(site, again))["state"]) == ("lapsed", "offered")


async def test_who_leaves_gives_the_offer_to_the_next(site: Site) -> None:
    show_id, (booking, _) = await full_show(site)
    ada, bob, eve = [await join(site, show_id, name) for name in ("ada", "bob", "eve")]
    assert (await site.client.delete(f"{V1}/waiting/{bob['id']}")).status_code == 204
    await cancel(site, booking)
    await site.run_loops("cinema.waiting")
    assert (await site.client.delete(f"{V1}/waiting/{ada['id']}")).status_code == 204
    assert (await site.client.delete(f"{V1}/waiting/{ada['id']}")).status_code == 204, "leaving twice is leaving"
    await site.run_loops("cinema.waiting")
    states = [(await look(site, entry))["state"] for entry in (ada, bob, eve)]
    assert states == ["left", "left", "offered"]


async def test_a_large_party_keeps_its_place_while_a_smaller_one_is_served(site: Site) -> None:
    show_id, (first, second) = await full_show(site)
    large, small = await join(site, show_id, "large", 4), await join(site, show_id, "small", 1)
    await cancel(site, first)
    await site.run_loops("cinema.waiting")
    assert ((await look(site, large))["state"], (await look(site, small))["state"]) == ("waiting", "offered")
    assert (await site.client.delete(f"{V1}/waiting/{small['id']}")).status_code == 204
    await cancel(site, second)
    await site.run_loops("cinema.waiting")
    assert (await look(site, large))["state"] == "offered"


def another_process(site: Site) -> Waiting:
    """The waiting list as a second jobs process has it: with nothing remembered."""
    loop = next(loop for each in site.built for loop in each.parts.loops if loop.name == "cinema.waiting")
    twin = copy(loop.run.__self__)  # type: ignore[attr-defined]  # the bound method's object
    assert isinstance(twin, Waiting)
    twin._seen = {}
    return twin


async def test_a_process_that_reads_the_line_late_makes_no_second_offer(site: Site) -> None:
    show_id = await site.make_show(SMALL)
    entry = await join(site, show_id, "ada", 2)
    one, other = another_process(site), another_process(site)
    async with site.world.database.transaction(site.tenant) as tx:
        show = await one._shows.reload(tx, UUID(show_id))
        (read,) = await waiting_store.live(tx, UUID(show_id), EntryState.WAITING, 10)
    assert await one._offer(site.tenant, show, read, [1, 2])
    assert not await other._offer(site.tenant, show, read, [3, 4]), "the entry is not as it was read"
    assert site.sql("select count(*) from allocation.claims") == [(1,)], "and the second claim is undone"
    assert site.sql("select key from allocation.units where state = 'held' order by key") == [(1,), (2,)]
    assert (await look(site, entry))["state"] == "offered"


async def test_rounds_of_many_processes_and_buyers_make_one_offer_an_entry(site: Site) -> None:
    show_id = await site.make_show(SMALL)
    seats = list(await site.seats(show_id))
    twins = [another_process(site) for _ in range(6)]
    entries = [await join(site, show_id, f"n{n}", 2) for n in range(12)]
    await asyncio.gather(*(twin.serve() for twin in twins), *(site.hold(show_id, [seat]) for seat in seats[::4]))
    for twin in twins:
        await twin.serve()
    offers = [entry["offer"]["hold_id"] for entry in [await look(site, entry) for entry in entries] if entry["offer"]]
    assert offers and len(set(offers)) == len(offers)
    holders = site.sql("select holder, count(*) from allocation.claims where holder like 'waiting:%%' group by 1")
    assert {count for _, count in holders} == {1}, "one offer an entry"
    taken = site.sql("select count(*), count(distinct (pool_no, key)) from allocation.units where state = 'held'")
    assert taken[0][0] == taken[0][1] >= 2 * len(offers)
    await verdict(site)


async def test_an_offer_that_is_being_paid_does_not_lapse(site: Site) -> None:
    show_id, (booking, _) = await full_show(site)
    ada, bob = await join(site, show_id, "ada"), await join(site, show_id, "bob")
    await cancel(site, booking)
    await site.run_loops("cinema.waiting")
    hold_id = (await look(site, ada))["offer"]["hold_id"]
    asked = await site.book(hold_id, method="pm_card_authenticationRequired")
    assert asked.status_code == 402
    site.sql("update allocation.claims set held_until = now() - interval '1 s' where state = 'paying'")
    await site.run_loops("cinema.waiting")
    assert ((await look(site, ada))["state"], (await look(site, bob))["state"]) == ("offered", "waiting")


async def test_a_show_that_is_called_off_or_begins_ends_its_line(site: Site) -> None:
    manager = await bearer(site, "cinema:manage")
    off, begun = await site.make_show(SMALL), await site.make_show(SMALL)
    offered = await join(site, off, "ada", 1)
    await site.run_loops("cinema.waiting")
    assert (await look(site, offered))["state"] == "offered"
    site.sql("update cinema.shows set starts_at = now() - interval '1 min' where show_id = %s", begun)
    late = await site.client.post(f"{V1}/shows/{begun}/waiting", json={"count": 1, "email": "a@example.org"})
    assert late.json()["code"] == "show_started"
    await post(site, f"/shows/{off}/cancel", None, manager, 200)
    await site.run_loops("cinema.waiting")
    assert (await look(site, offered))["state"] == "over"
    assert site.sql("select state from allocation.claims") == [("released",)]
    jobs = site.sql("select task_name from jobs.procrastinate_jobs where task_name like 'cinema.mail%%' order by id")
    assert jobs == [("cinema.mail_offer",), ("cinema.mail_called_off",)]


async def test_the_offer_is_mailed_with_its_link_and_the_way_out(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[EmailMessage] = []

    async def keep(self: Mailer, message: EmailMessage) -> None:
        sent.append(message)

    monkeypatch.setattr(Mailer, "send", keep)
    manager = await bearer(site, "cinema:manage")
    show_id = await site.make_show(SMALL)
    entry = await join(site, show_id, "ada", 2)
    await site.run_loops("cinema.waiting")
    await site.world.queue.drain()
    offer = (await look(site, entry))["offer"]
    (letter,) = sent
    body = letter.get_body(("plain",))
    assert body is not None
    text = body.get_content()
    assert letter["To"] == "ada@example.org"
    assert f"/cinema/checkout/{offer['hold_id']}" in text.replace("\n", "")
    assert f"/cinema/waiting/{entry['id']}" in text.replace("\n", "")
    await post(site, f"/shows/{show_id}/cancel", None, manager, 200)
    await site.run_loops("cinema.waiting")
    await site.world.queue.drain()
    assert [mail["Subject"].partition(":")[0] for mail in sent] == ["Seats for you", "Cancelled"]


async def test_one_place_an_address_and_no_endless_line(open_site: OpenSite) -> None:
    site = await open_site(cinema_waiting_per_show_max=3)
    show_id, _ = await full_show(site)
    await join(site, show_id, "ada")
    twice = await post(site, f"/shows/{show_id}/waiting", {"count": 1, "email": "Ada@example.org"}, {}, 409)
    assert twice["code"] == "already_waiting"
    answers = await asyncio.gather(
        *(
            site.client.post(f"{V1}/shows/{show_id}/waiting", json={"count": 1, "email": f"n{n}@example.org"})
            for n in range(8)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [201] * 2 + [409] * 6
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"waiting_list_full"}


async def test_bad_input_names_its_field(site: Site) -> None:
    show_id = await site.make_show(SMALL)
    good = {"count": 2, "email": "ada@example.org"}
    table: list[tuple[dict[str, Any], str]] = [
        (good | {"count": 0}, "count"),
        (good | {"count": 11}, "count"),
        (good | {"count": "2"}, "count"),
        (good | {"email": "nobody"}, "email"),
        (good | {"category": "Throne"}, "category"),
        (good | {"phone": "1"}, "phone"),
        ({"count": 2}, "email"),
    ]
    for body, field in table:
        refused = await post(site, f"/shows/{show_id}/waiting", body, {}, 422)
        assert refused["errors"][0]["field"] == field
    for unknown in ("nonsense", "018f0000-0000-7000-8000-00000000ffff"):
        await post(site, f"/shows/{unknown}/waiting", good, {}, 404)
    for entry in ("nonsense", "A" * 43):
        assert (await site.client.get(f"{V1}/waiting/{entry}")).status_code == 404
    assert site.sql("select count(*) from cinema.waiting") == [(0,)]


async def test_another_house_sees_no_entry_of_ours(site: Site) -> None:
    _, stranger = await other_house(site)
    show_id = await site.make_show(SMALL, starts_in=timedelta(hours=3))
    entry = await join(site, show_id, "ada")
    for method in ("GET", "DELETE"):
        assert (await site.client.request(method, f"{V1}/waiting/{entry['id']}", headers=stranger)).status_code == 404
    await post(site, f"/shows/{show_id}/waiting", {"count": 1, "email": "a@example.org"}, stranger, 404)
    forged = entry["id"][:-6] + ("AAAAAA" if entry["id"][-6:] != "AAAAAA" else "BBBBBA")
    assert (await site.client.get(f"{V1}/waiting/{forged}")).status_code == 404
    assert (await look(site, entry))["state"] == "waiting"


def test_the_readme_shows_the_table_as_it_is() -> None:
    readme = Path(serai.systems.cinema.__file__).with_name("README.md").read_text()
    assert diagram() in readme
