"""The demo's programme: the same tomorrow, true to each city's clock, and possible in each hall."""

from collections import defaultdict
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serai.kernel.money import known_currency
from serai.systems.cinema.demo_data import CITIES, MOVIES, Show, programme

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SHOWS = programme(NOW).shows


def wall(show: Show) -> datetime:
    return show.starts_at.astimezone(ZoneInfo(show.city.time_zone))


def test_there_is_enough_to_look_at() -> None:
    screens = [screen for city in CITIES for theater in city.theaters for screen in theater.screens]
    assert (len(CITIES), len({city.currency for city in CITIES}), len({city.time_zone for city in CITIES})) == (4, 4, 4)
    assert (sum(len(city.theaters) for city in CITIES), len(screens), len(MOVIES)) == (8, 24, 16)
    assert {show.movie.slug for show in SHOWS} == {movie.slug for movie in MOVIES}
    assert {show.screen.slug for show in SHOWS} == {screen.slug for screen in screens}
    assert len(SHOWS) > 1_000
    assert all(known_currency(city.currency) for city in CITIES)


def test_every_city_has_shows_on_each_of_its_days() -> None:
    dates = defaultdict(set)
    for show in SHOWS:
        dates[show.city.name].add(wall(show).date())
    assert {len(found) for found in dates.values()} == {14}


@settings(max_examples=15)
@given(
    now=st.integers(0, 3 * 365 * 24).map(lambda hours: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hours)),
    later=st.timedeltas(timedelta(0), timedelta(days=2)),
    seed=st.integers(0, 3),
)
def test_asking_later_gives_the_same_shows_for_the_days_in_common(now: datetime, later: timedelta, seed: int) -> None:
    today, afterwards = programme(now, 3, seed).shows, programme(now + later, 3, seed).shows
    missed = {show.id for show in today if show.starts_at > now + later} - {show.id for show in afterwards}
    assert missed == set()
    by_id = {show.id: show for show in today}
    assert all(by_id[show.id] == show for show in afterwards if show.id in by_id)
    for city in CITIES:
        last = (now.astimezone(ZoneInfo(city.time_zone)) + timedelta(days=2)).date()
        shared = [show for show in afterwards if show.city == city and wall(show).date() <= last]
        assert {show.id for show in shared} <= set(by_id)


def test_another_seed_is_another_programme() -> None:
    assert {show.id for show in programme(NOW, 3, 1).shows} != {show.id for show in programme(NOW, 3, 2).shows}


def test_ids_are_unique_and_stay_for_ever() -> None:
    assert len({show.id for show in SHOWS}) == len(SHOWS)
    assert str(CITIES[0].theaters[0].id) == "0a35181f-b2c3-5629-83ae-d10319d63c1f"
    assert str(MOVIES[0].id) == "78df5e03-2610-5fc4-863d-53dfd6ef33eb"


def test_no_screen_plays_two_films_at_once() -> None:
    by_screen = defaultdict(list)
    for show in SHOWS:
        by_screen[show.screen.slug].append(show)
    for shows in by_screen.values():
        for before, after in pairwise(shows):
            assert before.ends_at < after.starts_at


def test_shows_start_when_people_go() -> None:
    for show in SHOWS:
        local = wall(show)
        first = time(11) if local.weekday() >= 5 else time(14)
        assert first <= local.time() <= time(22, 30)
        assert local.minute % 15 == 0
        assert show.starts_at > NOW


@pytest.mark.parametrize(
    ("now", "zone"),
    [
        (datetime(2026, 10, 23, tzinfo=UTC), "Europe/Berlin"),
        (datetime(2026, 3, 27, tzinfo=UTC), "Europe/London"),
        (datetime(2026, 10, 30, tzinfo=UTC), "America/New_York"),
        (datetime(2026, 3, 6, tzinfo=UTC), "America/New_York"),
    ],
)
def test_the_wall_clock_holds_when_summer_time_changes(now: datetime, zone: str) -> None:
    shows = [show for show in programme(now, 5).shows if show.city.time_zone == zone]
    assert len({wall(show).utcoffset() for show in shows}) == 2
    for show in shows:
        first = time(11) if wall(show).weekday() >= 5 else time(14)
        assert first <= wall(show).time() <= time(22, 30)


def test_prices_fit_the_hall_the_hour_and_the_purse() -> None:
    for show in SHOWS:
        assert set(show.prices) == {category.name for category in show.screen.plan.categories}
        for name, price in show.prices.items():
            evening = show.city.prices[name]
            assert price.currency == show.city.currency
            assert price.minor % show.city.step == 0
            assert 0.7 * evening <= price.minor <= 1.2 * evening
            if wall(show).time() < time(17):
                assert price.minor < evening


def test_films_for_children_do_not_start_at_night() -> None:
    late = [show for show in SHOWS if show.movie.rating == "0+" and wall(show).time() > time(18, 30)]
    assert len(late) < len(SHOWS) / 50
