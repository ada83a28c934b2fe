"""The house is built, changed and refused over HTTP: movies, theaters, screens, plans, shows, blocked seats."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from tests.systems.cinema.conftest import Site
from tests.systems.cinema.staff import (
    EUR,
    V1,
    bearer,
    built_house,
    events,
    other_house,
    plan_document,
    post,
    seat_count,
)

from serai.systems.cinema.http.admin_models import MovieFull, ScreenOut, ShowFull, TheaterFull


def soon(hours: float = 30) -> str:
    return (datetime.now(UTC).replace(microsecond=0) + timedelta(hours=hours)).isoformat()


def show_body(ids: dict[str, str], plan: dict[str, Any], **changes: Any) -> dict[str, Any]:
    body = {
        "movie_id": ids["movie_id"],
        "screen_id": ids["screen_id"],
        "starts_at": soon(),
        "prices": {category["name"]: EUR for category in plan["categories"]},
    }
    return body | changes


async def test_a_house_is_built_and_sells_a_seat(site: Site) -> None:
    manager = await bearer(site, "cinema:manage")
    plan = plan_document()
    ids = await built_house(site, manager, plan)
    show = await post(site, "/shows", show_body(ids, plan, cancel_fee_percent=10), manager)
    for path, model in (
        (f"/movies/{ids['movie_id']}", MovieFull),
        (f"/theaters/{ids['theater_id']}", TheaterFull),
        (f"/screens/{ids['screen_id']}", ScreenOut),
        (f"/shows/{show['id']}", ShowFull),
    ):
        answer = await site.client.get(f"{V1}{path}", headers=manager)
        assert model.model_validate_json(answer.content)
    assert (show["seats"], show["cancel_fee_percent"]) == (seat_count(plan), 10)
    listed = (await site.client.get(f"{V1}/shows")).json()["items"]
    assert [(item["id"], item["seats_free"]) for item in listed] == [(show["id"], seat_count(plan))]
    seat = next(iter(await site.seats(show["id"])))
    hold = (await site.hold(show["id"], [seat])).json()
    assert (await site.book(hold["id"])).status_code == 201
    topics = [
        kind for noun in ("movie", "theater", "screen", "show") for kind, _ in events(site, f"serai.cinema.{noun}")
    ]
    assert topics == [f"serai.cinema.{noun}.created.v1" for noun in ("movie", "theater", "screen", "show")]
    assert all(data["actor"].startswith("key:") for _, data in events(site, "serai.cinema.show"))


async def test_a_merge_patch_changes_what_it_names_and_null_empties_a_text(site: Site) -> None:
    manager = await bearer(site, "cinema:manage")
    ids = await built_house(site, manager)
    path = f"{V1}/movies/{ids['movie_id']}"
    await site.client.patch(path, json={"rating": "12", "genre": "Drama"}, headers=manager)
    patched = await site.client.patch(
        path, content=b'{"genre": null}', headers=manager | {"Content-Type": "application/merge-patch+json"}
    )
    assert patched.status_code == 200, patched.text
    assert (patched.json()["rating"], patched.json()["genre"], patched.json()["title"]) == (
        "12",
        "",
        "The Long Harvest",
    )
    again = await site.client.patch(path, json={"rating": "12"}, headers=manager)
    assert again.json() == patched.json()
    changed = [data["changes"] for kind, data in events(site, "serai.cinema.movie") if kind.endswith("changed.v1")]
    assert changed == [{"rating": "12", "genre": "Drama"}, {"genre": ""}], "what changes nothing leaves no event"
    theater = f"{V1}/theaters/{ids['theater_id']}"
    assert (await site.client.patch(theater, json={"city": "Bonn"}, headers=manager)).json()["city"] == "Bonn"
    assert (await site.client.patch(theater, json={"currency": "USD"}, headers=manager)).status_code == 422
    screen = f"{V1}/screens/{ids['screen_id']}"
    assert (await site.client.patch(screen, json={"name": "Blue"}, headers=manager)).json()["name"] == "Blue"


async def test_a_renamed_movie_is_seen_by_browsers_of_the_show(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serai.systems.cinema.service.shows.FRESH_S", 0.0)
    manager = await bearer(site, "cinema:manage")
    plan = plan_document()
    ids = await built_house(site, manager, plan)
    show = await post(site, "/shows", show_body(ids, plan), manager)
    await site.client.patch(f"{V1}/movies/{ids['movie_id']}", json={"title": "Short Harvest"}, headers=manager)
    seen = (await site.client.get(f"{V1}/shows/{show['id']}")).json()
    assert seen["movie"]["title"] == "Short Harvest"


async def test_an_edited_plan_is_a_new_one_and_sold_seats_keep_their_place(site: Site) -> None:
    manager = await bearer(site, "cinema:manage")
    small, large = plan_document(3, 6), plan_document(4, 8)
    ids = await built_house(site, manager, small)
    path = f"{V1}/screens/{ids['screen_id']}"
    before = (await site.client.get(path, headers=manager)).json()["plan"]
    show = await post(site, "/shows", show_body(ids, small), manager)
    assert (await site.client.get(f"{path}/plan", headers=manager)).json() == small
    same = await site.client.put(f"{path}/plan", json=small, headers=manager)
    assert same.json()["plan"] == before, "an equal plan is no change"
    put = await site.client.put(f"{path}/plan", json=large, headers=manager)
    assert put.status_code == 200, put.text
    assert put.json()["plan"]["id"] != before["id"]
    assert (await site.client.get(f"{path}/plan", headers=manager)).json() == large
    assert len(await site.seats(show["id"])) == seat_count(small)
    later = await post(site, "/shows", show_body(ids, large, starts_at=soon(60)), manager)
    assert len(await site.seats(later["id"])) == seat_count(large)


async def test_two_shows_of_a_screen_never_overlap(site: Site) -> None:
    manager = await bearer(site, "cinema:manage")
    plan = plan_document()
    ids = await built_house(site, manager, plan)
    answers = await asyncio.gather(
        *(
            site.client.post(f"{V1}/shows", json=show_body(ids, plan, starts_at=soon(30 + n / 10)), headers=manager)
            for n in range(8)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    refused = next(answer for answer in answers if answer.status_code == 409).json()
    assert (refused["code"], refused["errors"][0]["field"]) == ("show_overlaps", "starts_at")
    made = next(answer for answer in answers if answer.status_code == 201).json()
    assert site.sql("select count(*) from allocation.pools") == [(1,)], "a refused show leaves no pool behind"
    called_off = await site.client.post(f"{V1}/shows/{made['id']}/cancel", headers=manager)
    assert called_off.json()["cancelled"] is True
    again = await site.client.post(
        f"{V1}/shows", json=show_body(ids, plan, starts_at=made["starts_at"]), headers=manager
    )
    assert again.status_code == 201, "a show that was called off leaves its screen to another"


async def test_prices_change_only_while_nobody_holds_a_seat(site: Site) -> None:
    manager = await bearer(site, "cinema:manage")
    plan = plan_document()
    ids = await built_house(site, manager, plan)
    show = await post(site, "/shows", show_body(ids, plan), manager)
    path = f"{V1}/shows/{show['id']}"
    dearer = {"prices": {name: {"amount": 1500, "currency": "EUR"} for name in show["prices"]}}
    edited = await site.client.patch(path, json=dearer | {"cancel_until_min": 30}, headers=manager)
    assert edited.status_code == 200, edited.text
    seat = next(iter(await site.seats(show["id"])))
    hold = (await site.hold(show["id"], [seat])).json()
    assert hold["total"]["amount"] == 1500
    refused = await site.client.patch(path, json={"cancel_fee_percent": 50}, headers=manager)
    assert (refused.status_code, refused.json()["code"]) == (409, "show_sold")
    await site.client.delete(f"{V1}/holds/{hold['id']}")
    assert (await site.client.patch(path, json={"cancel_fee_percent": 50}, headers=manager)).status_code == 200


async def test_nobody_is_sold_a_seat_by_prices_of_an_earlier_edition(site: Site) -> None:
    """Another process changed the prices a moment ago; ours still remembers the old ones."""
    show_id = await site.make_show()
    seats = list(await site.seats(show_id))
    site.sql("update cinema.shows set prices = '{\"Standard\": 1}', edition = edition + 1")
    site.sql(
        "update cinema.shows set prices = (select jsonb_object_agg(c->>'name', 2000) from cinema.plans p,"
        " jsonb_array_elements(p.document->'categories') c)"
    )
    refused = await site.hold(show_id, seats[:1])
    assert (refused.status_code, refused.json()["code"]) == (409, "show_changed")
    assert set((await site.seats(show_id)).values()) == {"available"}
    held = await site.hold(show_id, seats[:1])
    assert held.json()["total"]["amount"] == 2000
    document = (await site.client.get(f"{V1}/shows/{show_id}/seats")).json()
    assert {seat["price"]["amount"] for seat in document["seats"]} == {2000}


async def test_a_hold_and_an_edit_of_the_prices_cannot_both_pass(site: Site) -> None:
    manager = await bearer(site, "cinema:manage")
    plan = plan_document()
    ids = await built_house(site, manager, plan)
    show = await post(site, "/shows", show_body(ids, plan), manager)
    path = f"{V1}/shows/{show['id']}"
    seats = list(await site.seats(show["id"]))
    for turn, seat in enumerate(seats[:6]):
        price = {"prices": {name: {"amount": 1300 + turn, "currency": "EUR"} for name in show["prices"]}}
        held, edited = await asyncio.gather(
            site.hold(show["id"], [seat]), site.client.patch(path, json=price, headers=manager)
        )
        now = (await site.client.get(path)).json()["prices"]
        assert {held.status_code, edited.status_code} <= {200, 201, 409}
        if held.status_code == 201:
            assert held.json()["total"]["amount"] in {each["amount"] for each in now.values()}
            await site.client.delete(f"{V1}/holds/{held.json()['id']}")


async def test_seats_are_blocked_and_unblocked_all_or_none(site: Site) -> None:
    manager = await bearer(site, "cinema:manage")
    show_id = await site.make_show()
    first, second, third = list(await site.seats(show_id))[:3]
    await post(site, f"/shows/{show_id}/block", {"seat_ids": [second, first]}, manager, 200)
    states = await site.seats(show_id)
    assert (states[first], states[second], states[third]) == ("blocked", "blocked", "available")
    assert (await site.hold(show_id, [first])).json()["code"] == "seats_unavailable"
    refused = await post(site, f"/shows/{show_id}/block", {"seat_ids": [third, first]}, manager, 409)
    assert refused["seats"] == [first]
    refused = await post(site, f"/shows/{show_id}/unblock", {"seat_ids": [first, third]}, manager, 409)
    assert refused["seats"] == [third]
    await post(site, f"/shows/{show_id}/unblock", {"seat_ids": [first, second]}, manager, 200)
    assert set((await site.seats(show_id)).values()) == {"available"}
    assert [kind for kind, _ in events(site, "serai.cinema.show")] == [
        "serai.cinema.show.blocked.v1",
        "serai.cinema.show.unblocked.v1",
    ]


async def test_a_show_that_is_called_off_returns_every_booking_in_full(site: Site) -> None:
    manager = await bearer(site, "cinema:manage")
    show_id = await site.make_show()
    site.sql("update cinema.shows set cancel_fee_percent = 50, cancel_until_min = 9999")
    seats = list(await site.seats(show_id))
    bookings = []
    for seat in seats[:3]:
        hold = (await site.hold(show_id, [seat])).json()
        bookings.append((await site.book(hold["id"], key=seat)).json())
    waiting = (await site.hold(show_id, [seats[3]])).json()
    declined = (await site.hold(show_id, [seats[4]])).json()
    assert (await site.book(declined["id"], method="pm_card_chargeDeclined")).status_code == 402
    await post(site, f"/shows/{show_id}/cancel", None, manager, 200)
    refused = await site.book(waiting["id"], key="late")
    assert (refused.status_code, refused.json()["code"]) == (409, "show_cancelled")
    assert (await site.hold(show_id, [seats[5]])).json()["code"] == "show_cancelled"
    await site.run_loops("cinema.settle_shows")
    await site.run_loops("cinema.settle_shows")
    assert await site.money() == (3600, 3600)
    for booking in bookings:
        now = (await site.client.get(f"{V1}/bookings/{booking['id']}")).json()
        assert (now["state"], now["refund"]["amount"], now["refunded"]) == ("cancelled", 1200, True)
    assert site.sql("select count(*) from cinema.shows where settled_at is not null") == [(1,)]
    assert site.sql("select count(*) from cinema.tickets where revoked_at is null") == [(0,)]
    again = await post(site, f"/shows/{show_id}/cancel", None, manager, 200)
    assert again["cancelled"] is True
    assert [kind for kind, _ in events(site, "serai.cinema.show")] == ["serai.cinema.show.cancelled.v1"]


async def test_money_that_comes_while_the_show_is_called_off_is_given_back(site: Site) -> None:
    """The bank is asked to confirm; meanwhile the show is cancelled; then the buyer comes back."""
    manager = await bearer(site, "cinema:manage")
    show_id = await site.make_show()
    seat = next(iter(await site.seats(show_id)))
    hold = (await site.hold(show_id, [seat])).json()
    asked = await site.book(hold["id"], method="pm_card_authenticationRequired")
    assert asked.status_code == 402, asked.text
    await post(site, f"/shows/{show_id}/cancel", None, manager, 200)
    await site.run_loops("cinema.settle_shows")
    assert site.sql("select state from cinema.bookings") == [("pending",)], "somebody is paying: it waits"
    page = urlsplit(asked.json()["next_action"]["url"])
    async with httpx.AsyncClient(base_url=site.gateway_url) as bank:
        approved = await bank.post(f"{page.path}?{page.query}", data={"decision": "approve"})
        assert approved.status_code == 303, approved.text
    await site.client.post(f"{V1}/bookings/{asked.json()['booking_id']}/continue")
    await site.run_loops("cinema.settle_shows")
    assert site.sql("select state from payments.payments") == [("voided",)]
    assert site.sql("select state from cinema.bookings") == [("failed",)]
    assert await site.money() == (0, 0)
    assert site.sql("select count(*) from cinema.tickets where revoked_at is null") == [(0,)]


BAD: list[tuple[str, str, dict[str, Any], str]] = [
    ("/movies", "title", {"title": "", "duration_min": 90}, "title"),
    ("/movies", "line break", {"title": "a\nb", "duration_min": 90}, "title"),
    ("/movies", "no length", {"title": "A", "duration_min": 0}, "duration_min"),
    ("/movies", "text for a number", {"title": "A", "duration_min": "90"}, "duration_min"),
    ("/movies", "unknown field", {"title": "A", "duration_min": 90, "stars": 5}, "stars"),
    ("/theaters", "zone", {"name": "A", "city": "B", "time_zone": "Mars/Base", "currency": "EUR"}, "time_zone"),
    ("/theaters", "currency", {"name": "A", "city": "B", "time_zone": "UTC", "currency": "ABC"}, "currency"),
    ("/screens", "theater", {"theater_id": "x", "name": "A", "plan": {}}, "theater_id"),
]


@pytest.mark.parametrize(("path", "what", "body", "field"), BAD, ids=[f"{path} {what}" for path, what, _, _ in BAD])
async def test_bad_input_names_its_field(site: Site, path: str, what: str, body: dict[str, Any], field: str) -> None:
    manager = await bearer(site, "cinema:manage")
    refused = await post(site, path, body, manager, 422)
    assert refused["errors"][0]["field"] == field, what
    assert site.sql("select count(*) from cinema.movies") == [(0,)]
    assert site.sql("select count(*) from cinema.theaters") == [(0,)]


async def test_a_show_that_cannot_be_is_refused_by_the_name_of_its_field(site: Site) -> None:
    manager = await bearer(site, "cinema:manage")
    plan = plan_document()
    ids = await built_house(site, manager, plan)
    whole = {category["name"]: EUR for category in plan["categories"]}
    name = next(iter(whole))
    nobody = "018f0000-0000-7000-8000-00000000ffff"
    table: list[tuple[dict[str, Any], str]] = [
        ({"movie_id": nobody}, "movie_id"),
        ({"movie_id": "nonsense"}, "movie_id"),
        ({"screen_id": nobody}, "screen_id"),
        ({"starts_at": soon(-1)}, "starts_at"),
        ({"starts_at": soon(24 * 800)}, "starts_at"),
        ({"starts_at": "2030-01-01T20:00:00"}, "starts_at"),
        ({"starts_at": "tomorrow"}, "starts_at"),
        ({"prices": {}}, "prices"),
        ({"prices": whole | {name: {"amount": 0, "currency": "EUR"}}}, f"prices.{name}.amount"),
        ({"prices": whole | {name: {"amount": -5, "currency": "EUR"}}}, f"prices.{name}.amount"),
        ({"prices": whole | {name: {"amount": 5, "currency": "USD"}}}, f"prices.{name}.currency"),
        ({"prices": whole | {"Throne": EUR}}, "prices.Throne"),
        ({"prices": {"Throne": EUR}}, f"prices.{sorted({c['name'] for c in plan['categories']})[0]}"),
        ({"cancel_fee_percent": 101}, "cancel_fee_percent"),
        ({"cancel_until_min": -1}, "cancel_until_min"),
    ]
    for change, field in table:
        refused = await post(site, "/shows", show_body(ids, plan, **change), manager, 422)
        assert refused["errors"][0]["field"] == field, (change, refused)
    assert site.sql("select count(*) from cinema.shows") == [(0,)]
    await site.client.patch(f"{V1}/movies/{ids['movie_id']}", json={"retired": True}, headers=manager)
    refused = await post(site, "/shows", show_body(ids, plan), manager, 422)
    assert refused["errors"][0]["code"] == "retired_movie"


async def test_a_malformed_plan_is_refused_by_the_path_of_each_wrong_value(site: Site) -> None:
    manager = await bearer(site, "cinema:manage")
    ids = await built_house(site, manager)
    broken = plan_document()
    broken["zones"][0]["rows"][0]["seats"][0]["category"] = "Throne"
    answer = await site.client.put(f"{V1}/screens/{ids['screen_id']}/plan", json=broken, headers=manager)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_plan")
    assert answer.json()["errors"][0]["field"] == "zones[0].rows[0].seats[0].category"
    body = {"theater_id": ids["theater_id"], "name": "Second", "plan": broken}
    refused = await post(site, "/screens", body, manager, 422)
    assert refused["errors"][0]["field"] == "plan.zones[0].rows[0].seats[0].category"
    for nonsense in (b"{", b"[]", b"null", b'"plan"'):
        answer = await site.client.put(
            f"{V1}/screens/{ids['screen_id']}/plan",
            content=nonsense,
            headers=manager | {"Content-Type": "application/json"},
        )
        assert answer.status_code == 422
    assert site.sql("select count(*) from cinema.plans") == [(1,)]


async def test_lists_are_read_page_by_page(site: Site) -> None:
    manager = await bearer(site, "cinema:manage")
    titles = [f"Movie {n:02}" for n in range(7)] + ["Movie 03"]
    for title in titles:
        await post(site, "/movies", {"title": title, "duration_min": 90}, manager)
    seen: list[str] = []
    cursor = None
    for _ in range(10):
        params = {"limit": "3"} | ({"cursor": cursor} if cursor else {})
        page = (await site.client.get(f"{V1}/movies", params=params)).json()
        seen += [movie["title"] for movie in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert seen == sorted(titles)
    assert [m["title"] for m in (await site.client.get(f"{V1}/movies", params={"q": "05"})).json()["items"]] == [
        "Movie 05"
    ]
    refused = await site.client.get(f"{V1}/movies", params={"cursor": "nonsense"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "cursor")


async def test_only_those_who_run_the_house_change_it(site: Site) -> None:
    viewer = await bearer(site, "cinema:view", "cinema:door")
    for headers, status in (({}, 401), (viewer, 403)):
        answer = await site.client.post(f"{V1}/movies", json={"title": "A", "duration_min": 9}, headers=headers)
        assert answer.status_code == status
        show_id = "018f0000-0000-7000-8000-00000000ffff"
        assert (await site.client.post(f"{V1}/shows/{show_id}/cancel", headers=headers)).status_code == status
        assert (await site.client.get(f"{V1}/screens", headers=headers)).status_code == status


async def test_another_house_finds_nothing_of_ours(site: Site) -> None:
    manager = await bearer(site, "cinema:manage")
    plan = plan_document()
    ids = await built_house(site, manager, plan)
    show = await post(site, "/shows", show_body(ids, plan), manager)
    _, stranger = await other_house(site)
    seat = {"seat_ids": [f"{site.sql('select pool_no from cinema.shows')[0][0]}-1"]}
    movie, theater, screen = (f"/{noun}s/{ids[f'{noun}_id']}" for noun in ("movie", "theater", "screen"))
    walk: list[tuple[str, str, Any]] = [
        ("GET", movie, None),
        ("PATCH", movie, {"rating": "18"}),
        ("GET", theater, None),
        ("PATCH", theater, {"city": "X"}),
        ("GET", screen, None),
        ("PATCH", screen, {"name": "X"}),
        ("GET", f"{screen}/plan", None),
        ("PUT", f"{screen}/plan", plan_document(4, 8)),
        ("GET", f"/shows/{show['id']}", None),
        ("PATCH", f"/shows/{show['id']}", {"cancel_fee_percent": 1}),
        ("POST", f"/shows/{show['id']}/cancel", None),
        ("POST", f"/shows/{show['id']}/block", seat),
        ("POST", f"/shows/{show['id']}/unblock", seat),
    ]
    for method, path, body in walk:
        answer = await site.client.request(method, f"{V1}{path}", json=body, headers=stranger)
        assert answer.status_code == 404, (method, path, answer.text)
    for path in ("/movies", "/theaters", "/screens"):
        assert (await site.client.get(f"{V1}{path}", headers=stranger)).json()["items"] == []
    refused = await site.client.post(f"{V1}/shows", json=show_body(ids, plan), headers=stranger)
    assert refused.status_code == 422, "an id in a body is an unknown id"
    assert (await site.client.get(f"{V1}/shows/{show['id']}")).json() == show
