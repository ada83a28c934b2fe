"""The house's pages over HTTP: who may see them, what a form may do, and what is left of one that was refused."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import httpx
import pytest
from tests.systems.cinema.staff import bearer, built_house, csrf_of, other_house, post, signed_in

from serai.systems.cinema.plan import classic, export_plan

HALL = classic(rows=4, seats=8)
HTML = {"accept": "text/html"}
PAGES = ("", "/movies", "/movies/new", "/theaters", "/theaters/new", "/shows", "/shows/new", "/occupancy")
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
async def site(open_site: Any) -> Any:
    return await open_site()


async def sent(client: httpx.AsyncClient, path: str, **values: str) -> httpx.Response:
    """The page's form, filled and sent to where it stands."""
    page = await client.get(f"/cinema/house{path}")
    assert page.status_code == 200, page.text
    return await client.post(f"/cinema/house{path}", data={"csrf_token": csrf_of(page.text), **values})


async def followed(client: httpx.AsyncClient, answer: httpx.Response) -> str:
    """The page to which a form that was taken leads, with its message."""
    assert answer.status_code == 303, answer.text
    page = await client.get(answer.headers["location"])
    assert page.status_code == 200
    return page.text


def errors_in(page: str) -> dict[str, str]:
    """The sentence beside each input, by the input's id."""
    found = re.findall(r'<p class="field-error" id="([^"]+)-error"><svg.*?</svg>(.*?)</p>', page)
    return dict(found)


def value_in(page: str, name: str) -> str:
    found = re.search(rf'<input class="input" type="[\w-]+" value="([^"]*)" id="{name}"', page)
    assert found is not None, f"no input {name}"
    return found[1]


def tomorrow(hour: int = 20) -> str:
    """A time of tomorrow on a clock in Berlin, as the input writes it."""
    there = datetime.now(UTC).astimezone(BERLIN) + timedelta(days=1)
    return there.strftime(f"%Y-%m-%dT{hour:02}:00")


SHOW = {"cancel_until_min": "90", "cancel_fee_percent": "10", "prices.Standard": "12.50", "prices.Premium": "14"}


async def house(site: Any) -> dict[str, str]:
    """A movie, a theater and a screen of HALL without wheelchair places."""

    plan: Any = export_plan(classic(rows=6, seats=8, wheelchairs=0))
    return await built_house(site, await bearer(site, "cinema:manage"), plan)


@pytest.mark.parametrize("page", PAGES)
async def test_a_guest_signs_in_first_and_comes_back(site: Any, page: str) -> None:
    path = f"/cinema/house{page}?q=a&day=2026-11-24"
    answer = await site.client.get(path, headers=HTML)
    assert answer.status_code == 303
    there = urlsplit(answer.headers["location"])
    assert there.path == "/sign-in" and parse_qs(there.query)["next"] == [path]
    form = await site.client.get(answer.headers["location"], headers=HTML)
    assert 'name="next" value="/cinema/house' in form.text


async def test_a_program_is_told_and_a_part_of_a_page_leads_the_whole_page_to_sign_in(site: Any) -> None:
    assert (await site.client.get("/cinema/house")).status_code == 401
    part = await site.client.get("/cinema/house/shows?q=a", headers={"hx-request": "true", "accept": "*/*"})
    assert part.status_code == 204
    assert part.headers["hx-redirect"] == "/sign-in?next=%2Fcinema%2Fhouse%2Fshows%3Fq%3Da"


@pytest.mark.parametrize("page", PAGES)
async def test_the_role_opens_the_pages_and_no_other_does(site: Any, page: str) -> None:
    await house(site)
    assert (await (await signed_in(site)).get(f"/cinema/house{page}")).status_code == 200
    door = await (await signed_in(site, "door-staff")).get(f"/cinema/house{page}")
    assert door.status_code == 403 and "cinema:manage" in door.text and "<h1>Not allowed</h1>" in door.text


async def test_the_navigation_leads_there_only_who_may_go(site: Any) -> None:
    assert "/cinema/house" not in (await site.client.get("/cinema", headers=HTML)).text
    assert "/cinema/house/occupancy" in (await (await signed_in(site)).get("/cinema")).text


async def test_a_form_without_our_token_changes_nothing(site: Any) -> None:
    ids = await house(site)
    client = await signed_in(site)
    show_id = await site.make_show(HALL)
    for path in (
        "/movies/new", f"/movies/{ids['movie_id']}", "/theaters/new", f"/theaters/{ids['theater_id']}",
        f"/theaters/{ids['theater_id']}/screens/new", f"/screens/{ids['screen_id']}", "/shows/new",
        f"/shows/{show_id}", f"/shows/{show_id}/call-off",
    ):  # fmt: skip
        answer = await client.post(f"/cinema/house{path}", data={"title": "Forged", "name": "Forged"})
        assert answer.status_code == 403, path
    assert site.sql("select count(*) from cinema.movies where title = 'Forged'") == [(0,)]
    assert site.sql("select count(*) from cinema.shows where cancelled_at is not null") == [(0,)]


@pytest.mark.parametrize(
    "path", ["movies/x", "theaters/x", "theaters/x/screens/new", "screens/x", "shows/x", f"movies/{'0' * 32}"]
)
async def test_an_unknown_thing_is_a_page_that_says_so(site: Any, path: str) -> None:
    answer = await (await signed_in(site)).get(f"/cinema/house/{path}")
    assert answer.status_code == 404 and "<h1>Not found</h1>" in answer.text


async def test_another_houses_things_are_not_found(site: Any) -> None:
    _, stranger = await other_house(site)
    ids = await built_house(site, stranger)
    client = await signed_in(site)
    for path in (f"movies/{ids['movie_id']}", f"theaters/{ids['theater_id']}", f"screens/{ids['screen_id']}"):
        assert (await client.get(f"/cinema/house/{path}")).status_code == 404
    assert "Long Harvest" not in (await client.get("/cinema/house/movies")).text


async def test_a_movie_is_added_changed_and_retired(site: Any) -> None:
    client = await signed_in(site)
    page = await followed(client, await sent(client, "/movies/new", title="Low Tide", duration_min="95", rating="6"))
    assert "Low Tide is added" in page
    ((movie_id,),) = site.sql("select movie_id from cinema.movies")
    answer = await sent(client, f"/movies/{movie_id}", title="High Tide", duration_min="96", genre="", retired="yes")
    assert "High Tide is saved" in await followed(client, answer)
    facts = site.sql("select title, duration_min, rating, retired_at is not null from cinema.movies")
    assert facts == [("High Tide", 96, "6", True)]
    assert "High Tide" not in (await client.get("/cinema/house/movies?state=shown")).text
    await followed(client, await sent(client, f"/movies/{movie_id}", title="High Tide", duration_min="96"))
    assert site.sql("select retired_at from cinema.movies") == [(None,)]


async def test_bad_input_is_said_at_its_field_and_what_was_typed_stays(site: Any) -> None:
    client = await signed_in(site)
    answer = await sent(client, "/movies/new", title="<b>Tide", duration_min="long", rating="x" * 30)
    assert answer.status_code == 422
    assert errors_in(answer.text) == {"duration_min": "Write a whole number.", "rating": "At most 20 characters."}
    assert value_in(answer.text, "title") == "&lt;b&gt;Tide" and value_in(answer.text, "duration_min") == "long"
    assert site.sql("select count(*) from cinema.movies") == [(0,)]


async def test_movies_are_searched_filtered_sorted_and_turned(site: Any) -> None:
    headers = await bearer(site, "cinema:manage")
    for place in range(30):
        await post(site, "/movies", {"title": f"Part {place:02}", "duration_min": 60 + place % 7}, headers)
    client = await signed_in(site)

    async def titles(path: str) -> tuple[list[str], str]:
        page = (await client.get(path)).text
        return re.findall(r'class="row-link" href="[^"]+">([^<]+)<', page), page

    first, page = await titles("/cinema/house/movies?sort=-title")
    assert first == [f"Part {place:02}" for place in range(29, 4, -1)]
    onward = re.search(r'href="([^"]+)" rel="next"', page)
    assert onward is not None
    second, page = await titles(onward[1].replace("&amp;", "&"))
    assert second == [f"Part {place:02}" for place in range(4, -1, -1)]
    back = re.search(r'href="([^"]+)" rel="prev"', page)
    assert back is not None and (await titles(back[1].replace("&amp;", "&")))[0] == first
    assert (await titles("/cinema/house/movies?q=t+07"))[0] == ["Part 07"]
    assert (await titles("/cinema/house/movies?q=%25"))[0] == []
    assert "Nothing fits" in (await titles("/cinema/house/movies?state=retired"))[1]
    assert (await client.get("/cinema/house/movies?after=nonsense")).status_code == 422


async def test_a_theater_gets_a_screen_and_the_screen_a_name(site: Any) -> None:
    client = await signed_in(site)
    facts = {"name": "Odeon", "city": "Berlin", "time_zone": "Europe/Berlin", "currency": "EUR"}
    wrong = await sent(client, "/theaters/new", **facts | {"time_zone": "Berlin"})
    assert wrong.status_code == 422 and "Europe/Berlin" in errors_in(wrong.text)["time_zone"]
    answer = await sent(client, "/theaters/new", **facts)
    assert "give it a screen" in await followed(client, answer)
    place = answer.headers["location"].removeprefix("/cinema/house")
    few = await sent(client, f"{place}/screens/new", name="Screen 1", hall="studio", rows="99", seats="")
    assert errors_in(few.text) == {"rows": "At most 24.", "seats": "Write a whole number."}
    for hall, seats in (("classic", 8), ("stadium", 40), ("studio", 9)):
        made = await sent(client, f"{place}/screens/new", name=hall, hall=hall, rows="4", seats=str(seats))
        page = await followed(client, made)
        assert "<plan-editor src=" in page
    screen = made.headers["location"].removeprefix("/cinema/house")
    assert "is called Parquet now" in await followed(client, await sent(client, screen, name="Parquet"))
    assert (await sent(client, screen, name="")).status_code == 422
    renamed = await sent(client, place, name="Odeon Mitte", city="Berlin", address="Main Street 1")
    listed = await followed(client, renamed)
    assert "Odeon Mitte" in listed and "Parquet" in listed
    assert site.sql("select time_zone, currency::text from cinema.theaters") == [("Europe/Berlin", "EUR")]


async def test_a_show_is_made_at_the_theaters_time_and_prices(site: Any) -> None:
    ids = await house(site)
    client = await signed_in(site)
    first = (await client.get("/cinema/house/shows/new")).text
    assert "choose it first" in first and ids["screen_id"] in first
    form = f"/shows/new?screen_id={ids['screen_id']}"
    body = SHOW | {"screen_id": ids["screen_id"], "movie_id": ids["movie_id"], "starts_at": tomorrow()}
    page = await followed(client, await sent(client, form, **body))
    assert "is on sale" in page and "20:00" in page
    ((starts_at, prices, until, fee),) = site.sql(
        "select starts_at, prices, cancel_until_min, cancel_fee_percent from cinema.shows"
    )
    assert starts_at.astimezone(BERLIN).strftime("%Y-%m-%dT%H:%M") == tomorrow()
    assert (prices, until, fee) == ({"Standard": 1250, "Premium": 1400}, 90, 10)
    again = (await client.get(f"/cinema/house{form}")).text
    assert value_in(again, "price-1") == "12.50" and value_in(again, "cancel_until_min") == "90"
    clash = await sent(client, form, **body)
    assert clash.status_code == 409 and "starts_at" in errors_in(clash.text)
    assert value_in(clash.text, "starts_at") == tomorrow()
    assert "The Long Harvest" in (await client.get("/cinema")).text


async def test_every_field_of_a_show_says_what_is_wrong_with_it(site: Any) -> None:
    ids = await house(site)
    client = await signed_in(site)
    form = f"/shows/new?screen_id={ids['screen_id']}"
    body = {"screen_id": ids["screen_id"], "starts_at": "soon", "prices.Standard": "12.505"}
    answer = await sent(client, form, **body)
    assert answer.status_code == 422
    assert errors_in(answer.text) == {
        "movie_id": "Choose a movie.",
        "starts_at": "Choose a day and a time.",
        "price-1": "Write an amount such as 12.50.",
        "price-2": "Every category that has seats needs a price.",
    }
    assert value_in(answer.text, "price-1") == "12.505"
    whole = SHOW | body | {"movie_id": ids["movie_id"], "prices.Standard": "12"}
    late = await sent(client, form, **whole | {"starts_at": tomorrow(), "cancel_until_min": "99999"})
    assert errors_in(late.text) == {"cancel_until_min": "At most 10080."}
    spring = await sent(client, form, **whole | {"starts_at": "2027-03-28T02:30"})
    assert "skip this time" in errors_in(spring.text)["starts_at"]
    past = await sent(client, form, **whole | {"starts_at": "2020-01-01T20:00"})
    assert "is over" in errors_in(past.text)["starts_at"]
    free = await sent(client, form, **whole | {"starts_at": tomorrow(), "prices.Standard": "0"})
    assert errors_in(free.text) == {"price-1": "A price is more than 0."}
    nowhere = await sent(client, form, **whole | {"screen_id": "x"})
    assert nowhere.status_code == 422 and errors_in(nowhere.text) == {"screen_id": "Choose a screen."}
    assert site.sql("select count(*) from cinema.shows") == [(0,)]


async def test_shows_are_listed_by_day_theater_state_and_movie(site: Any) -> None:
    show_id = await site.make_show(HALL)
    ((theater, day),) = site.sql(
        "select c.theater_id::text, (s.starts_at at time zone 'Europe/Berlin')::date::text"
        " from cinema.shows s join cinema.screens c using (screen_id)"
    )
    client = await signed_in(site)
    link = f'href="/cinema/house/shows/{show_id}"'
    for query in ("", f"?day={day}", f"?theater={theater}&q=harv", "?sort=-movie", "?day=yesterday&theater=x"):
        assert link in (await client.get(f"/cinema/house/shows{query}")).text, query
    for query in ("?day=2020-01-01", "?state=past", "?state=off", "?q=zebra"):
        assert link not in (await client.get(f"/cinema/house/shows{query}")).text, query
    site.sql("update cinema.shows set starts_at = clock_timestamp() - interval '1 hour'")
    assert link in (await client.get("/cinema/house/shows?state=past")).text


async def test_terms_change_until_a_seat_is_held(site: Any) -> None:
    show_id = await site.make_show(HALL)
    client = await signed_in(site)
    prices = {f"prices.{category.name}": "15" for category in HALL.categories}
    answer = await sent(client, f"/shows/{show_id}", cancel_until_min="30", cancel_fee_percent="0", **prices)
    assert "terms are saved" in await followed(client, answer)
    wrong = await sent(client, f"/shows/{show_id}", cancel_until_min="30", cancel_fee_percent="101", **prices)
    assert errors_in(wrong.text) == {"cancel_fee_percent": "At most 100."}
    seat = next(iter(await site.seats(show_id)))
    page = await client.get(f"/cinema/house/shows/{show_id}")
    assert (await site.hold(show_id, [seat])).status_code == 201
    body = {"csrf_token": csrf_of(page.text), "cancel_until_min": "30", "cancel_fee_percent": "5", **prices}
    late = await client.post(f"/cinema/house/shows/{show_id}", data=body)
    assert late.status_code == 409 and "Somebody holds or has a seat" in late.text
    assert site.sql("select cancel_fee_percent from cinema.shows") == [(0,)]


async def test_calling_off_says_what_happens_and_returns_the_money(site: Any) -> None:
    show_id = await site.make_show(HALL, fee_percent=50)
    seats = list(await site.seats(show_id))
    assert (await site.buy(show_id, seats[:2])).status_code == 201
    client = await signed_in(site)
    page = (await client.get(f"/cinema/house/shows/{show_id}")).text
    dialog = page[page.index('id="call-off"') :]
    assert "1 booking is returned in full" in dialog and "€24.00" in dialog
    body = {"csrf_token": csrf_of(page)}
    answer = await client.post(f"/cinema/house/shows/{show_id}/call-off", data=body)
    assert "being returned" in await followed(client, answer)
    await site.run_loops("cinema.settle_shows")
    await site.recover()
    assert await site.money() == (2400, 2400)
    after = (await client.get(f"/cinema/house/shows/{show_id}")).text
    assert "All its bookings have been returned" in after and 'id="call-off"' not in after


async def test_a_shows_figures_add_up(site: Any) -> None:
    show_id = await site.make_show(HALL)
    seats = list(await site.seats(show_id))
    assert (await site.buy(show_id, seats[:3])).status_code == 201
    assert (await site.hold(show_id, seats[4:6])).status_code == 201
    headers = await bearer(site, "cinema:manage")
    await post(site, f"/shows/{show_id}/block", {"seat_ids": seats[8:9]}, headers, 200)
    page = (await (await signed_in(site)).get(f"/cinema/house/shows/{show_id}")).text
    plain = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert f"Sold 3 of {len(seats) - 1}" in plain and "Revenue €36.00 1 booking" in plain
    assert "Held now 2" in plain and "Blocked 1" in plain


async def test_the_overview_counts_today_where_each_theater_is(site: Any) -> None:
    client = await signed_in(site)
    assert "An empty house" in (await client.get("/cinema/house")).text
    show_id = await site.make_show(HALL)
    today = datetime.now(UTC).astimezone(BERLIN).replace(hour=23, minute=59, second=59)
    site.sql("update cinema.shows set starts_at = %s, ends_at = %s", today, today + timedelta(hours=2))
    page = (await client.get("/cinema/house")).text
    assert f"/cinema/house/shows/{show_id}" in page and "<strong>23:59</strong>" in page
    site.sql("update cinema.shows set starts_at = %s, ends_at = %s", today + timedelta(hours=1), today + timedelta(2))
    page = (await client.get("/cinema/house")).text
    assert f"/cinema/house/shows/{show_id}" not in page and "Nothing more today" in page


async def test_the_occupancy_page_and_its_file_tell_the_same(site: Any) -> None:
    show_id = await site.make_show(HALL)
    assert (await site.buy(show_id, list(await site.seats(show_id))[:4])).status_code == 201
    client = await signed_in(site)
    for kind in ("day", "theater", "movie", "nonsense"):
        page = (await client.get(f"/cinema/house/occupancy?by={kind}")).text
        plain = " ".join(re.sub(r"<[^>]+>", " ", page).split())
        assert f"4 of {len(HALL.seats)}" in plain and "€48.00" in plain
    link = re.search(r'href="(/api/cinema/v1/reports/occupancy[^"]+)" download', page)
    assert link is not None
    file = await client.get(link[1].replace("&amp;", "&"))
    assert file.headers["content-disposition"].startswith("attachment")
    (row,) = csv.DictReader(io.StringIO(file.text))
    assert (row["show_id"], row["sold"], row["revenue"]) == (show_id, "4", "48.00")


@pytest.mark.parametrize(("query", "said"), [("from=2026-11-24&to=2026-11-23", "before"), ("from=2020-01-01", "days")])
async def test_days_that_cannot_be_reported_are_said_on_the_page(site: Any, query: str, said: str) -> None:
    answer = await (await signed_in(site)).get(f"/cinema/house/occupancy?{query}")
    assert answer.status_code == 422 and said in answer.text and 'id="from"' in answer.text
