"""The decisions behind the map, run in a real browser: versions and gaps, view maths, choice, countdown."""

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.browser

Pure = Callable[[str, str], Any]
START = (
    "m.applySnapshot(m.EMPTY, {version: 5, seats: [{id: 'A1', state: 'available'}, {id: 'A2', state: 'held'}]}).state"
)


@pytest.mark.parametrize(
    ("delta", "version", "state", "gap"),
    [
        ("{version: 6, changes: [{id: 'A1', state: 'booked'}]}", 6, "booked", False),
        ("{version: 5, changes: [{id: 'A1', state: 'booked'}]}", 5, "available", False),
        ("{version: 7, changes: [{id: 'A1', state: 'booked'}]}", 5, "available", True),
        ("{version: 9, previous: 5, changes: [{id: 'A1', state: 'held'}]}", 9, "held", False),
        ("{version: 9, previous: 4, changes: [{id: 'A1', state: 'held'}]}", 9, "held", False),
        ("{version: 9, previous: 6, changes: [{id: 'A1', state: 'held'}]}", 5, "available", True),
        ("{version: 6, changes: [{id: 'Z9', state: 'held'}]}", 5, "available", True),
    ],
    ids=["next", "old", "lost", "many-at-once", "overlapping", "lost-before-many", "unknown-seat"],
)
def test_a_delta_is_taken_ignored_or_reported_as_a_gap(
    pure: Pure, delta: str, version: int, state: str, gap: bool
) -> None:
    told = pure(
        "state.js",
        f"{{ const r = m.applyDelta({START}, {delta}); return [r.state.version, r.state.seats.get('A1'), r.gap]; }}",
    )
    assert told == [version, state, gap]


def test_a_delta_before_any_snapshot_is_a_gap_and_an_older_snapshot_is_ignored(pure: Pure) -> None:
    assert pure("state.js", "m.applyDelta(m.EMPTY, {version: 0, changes: []}).gap") is True
    older = "m.applySnapshot(s, {version: 4, seats: [{id: 'A1', state: 'booked'}]})"
    assert pure("state.js", f"{{ const s = {START}; return {older}.state === s; }}") is True


def test_zoom_keeps_the_point_under_the_pointer_and_respects_its_limits(pure: Pure) -> None:
    code = """{
      const limits = {min: 0.5, max: 4}, view = {scale: 1, x: 30, y: -20}, point = {x: 200, y: 120};
      const world = m.toWorld(view, point);
      const near = m.zoomAt(view, point, 2, limits), far = m.zoomAt(view, point, 100, limits);
      return [m.toWorld(near, point), world, near.scale, far.scale, m.zoomAt(view, point, 0.01, limits).scale];
    }"""
    kept, world, near, far, least = pure("geometry.js", code)
    assert kept == pytest.approx(world)
    assert (near, far, least) == (2, 4, 0.5)


def test_a_pinch_scales_by_the_distance_of_the_fingers_and_follows_their_middle(pure: Pure) -> None:
    code = """{
      const view = {scale: 1, x: 0, y: 0}, from = [{x: 100, y: 100}, {x: 200, y: 100}];
      const to = [{x: 80, y: 150}, {x: 280, y: 150}];
      const next = m.pinchView(view, from, to, {min: 0.1, max: 10});
      return [next.scale, m.toScreen(next, {x: 150, y: 100})];
    }"""
    scale, middle = pure("geometry.js", code)
    assert scale == pytest.approx(2)
    assert middle == pytest.approx({"x": 180, "y": 150})


def test_nothing_can_be_panned_out_of_sight(pure: Pure) -> None:
    code = """{
      const box = {x: 0, y: 0, width: 1000, height: 800};
      const clamped = m.clampView({scale: 1, x: 99999, y: -99999}, box, 400, 300);
      return [clamped, m.containView({scale: 1, x: 50, y: 900}, box, 400, 300)];
    }"""
    clamped, contained = pure("geometry.js", code)
    assert clamped == pytest.approx({"scale": 1, "x": 260, "y": -695})
    assert contained == {"scale": 1, "x": 0, "y": 0}


def test_the_index_finds_what_a_scan_finds(pure: Pure) -> None:
    code = """{
      let seed = 7; const rnd = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
      const points = Array.from({length: 500}, () => ({x: rnd() * 900 - 450, y: rnd() * 700 - 350}));
      const index = new m.PointIndex(points, 37);
      for (let i = 0; i < 300; i++) {
        const [x, y, reach] = [rnd() * 1000 - 500, rnd() * 800 - 400, rnd() * 60];
        const d = (p) => Math.hypot(p.x - x, p.y - y);
        const naive = points.filter((p) => d(p) <= reach).sort((a, b) => d(a) - d(b))[0] ?? null;
        if (index.nearest(x, y, reach) !== naive) return [x, y, reach];
        const rect = {x, y, width: reach * 3, height: reach * 2};
        const [right, bottom] = [x + rect.width, y + rect.height];
        const inside = points.filter((p) => p.x >= x && p.x <= right && p.y >= y && p.y <= bottom);
        if (index.within(rect).length !== inside.length) return rect;
      }
      return "equal";
    }"""
    assert pure("geometry.js", code) == "equal"


SEATS = "'123456'.split('').map((n, i) => ({id: n, row: 'A', number: n, x: i * 25 + (i > 3 ? 40 : 0), y: 0}))"


@pytest.mark.parametrize(
    ("selected", "taken", "orphans"),
    [
        (["2"], [], ["1"]),
        (["1"], [], []),
        (["1", "2", "3"], [], ["4"]),
        (["2", "3"], ["1"], ["4"]),
        (["5"], [], ["6"]),
        (["4"], ["2"], ["3"]),
        (["1"], ["3"], ["2"]),
        ([], ["1", "3"], []),
        (["5", "6"], ["1", "3"], []),
    ],
)
def test_a_seat_left_alone_by_this_choice_is_found(
    pure: Pure, selected: list[str], taken: list[str], orphans: list[str]
) -> None:
    code = f"""{{
      const rows = m.rowsOf({SEATS}), blocks = m.blocksOf(rows, 25);
      return m.orphansOf(blocks, (s) => !{taken}.includes(s.id), new Set({selected})).map((s) => s.id);
    }}"""
    assert pure("choice.js", code) == orphans


@pytest.mark.parametrize(
    ("money", "text"),
    [((1250, "EUR"), "€12.50"), ((1250, "JPY"), "JP¥1,250"), ((1250, "KWD"), "KWD 1.250"), ((0, "GBP"), "£0.00")],
)
def test_minor_units_are_shown_with_the_decimals_of_their_currency(
    pure: Pure, money: tuple[int, str], text: str
) -> None:
    shown = pure("choice.js", f"m.formatMoney({{amount: {money[0]}, currency: '{money[1]}'}}, 'en-GB')")
    assert shown.replace("\xa0", " ") == text


def test_the_countdown_speaks_at_few_moments_and_trusts_the_servers_clock(pure: Pure) -> None:
    code = """{
      const said = [];
      for (let left = 600; left > 0; left--) {
        const words = m.spokenAt(left, left - 1);
        if (words) said.push([left - 1, words]);
      }
      return [said.map(([at]) => at), said[2][1], said.at(-1)[1], m.secondsLeft(10_001, 1), m.secondsLeft(0, 5),
              m.clockText(605), m.clockOffset('Thu, 01 Jan 1970 00:02:00 GMT', 60_000), m.spokenAt(400, 20)];
    }"""
    moments, minute, end, ten, over, text, offset, slept = pure("../../checkout/countdown.js", code)
    assert moments == [300, 120, 60, 30, 10, 0]
    assert minute == "1 minute left to pay"
    assert end.startswith("Your hold has ended")
    assert (ten, over, text, offset) == (10, 0, "10:05", 60_000)
    assert slept == "30 seconds left to pay"


def test_waits_between_attempts_double_up_to_a_limit(pure: Pure) -> None:
    low, high, capped = pure("live.js", "[m.retryDelay(0, 0), m.retryDelay(3, 1), m.retryDelay(30, 1)]")
    assert (low, high, capped) == (250, 4000, 30_000)
