"""<plan-editor> in Chromium: draw, number, turn, undo, check, import and export of the public plan format."""

import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import expect

from serai.systems.cinema.plan import classic, export_plan, import_plan, stadium, studio

pytestmark = pytest.mark.browser

Visit = Callable[..., Any]
Pure = Callable[[str, str], Any]
IDS = "((n) => () => `id-${n++}`)(0)"
BLOCK = "{at: {x: 300, y: 100}, rows: 3, seats: 4, gap: 25, rowGap: 30, arc: 0, aisles: [], category: 'Standard'}"


def plan(page: Any) -> dict[str, Any]:
    """The document that the editor would save."""
    return page.evaluate("document.querySelector('plan-editor').document")


def rows(page: Any) -> dict[str, list[str]]:
    """Seat numbers by row name."""
    return {
        row["row_number"]: [seat["seat_number"] for seat in row["seats"]]
        for zone in plan(page)["zones"]
        for row in zone["rows"]
    }


def ready(page: Any) -> None:
    """Wait for the editor to have a size and a plan."""
    page.wait_for_function(
        "document.querySelector('plan-editor')?.stage?.renderer.width > 0 && document.querySelector('.sm-inspector h2')"
    )


def drag(page: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag between two points of the plan."""

    def on_screen(point: tuple[float, float]) -> tuple[float, float]:
        x, y = page.evaluate(
            """([x, y]) => { const e = document.querySelector('plan-editor'), v = e.stage.view;
            const b = e.canvas.getBoundingClientRect(); return [b.x + x * v.scale + v.x, b.y + y * v.scale + v.y]; }""",
            list(point),
        )
        return x, y

    page.mouse.move(*on_screen(start))
    page.mouse.down()
    page.mouse.move(*on_screen(end), steps=8)
    page.mouse.up()


def test_a_block_is_drawn_by_dragging_and_taken_back(visit: Visit, halls: Any) -> None:
    page = visit(halls.FakeShow([]), "/editor")
    ready(page)
    page.click("[data-tool=block]")
    drag(page, (200, 200), (400, 350))
    assert rows(page) == {name: [str(n) for n in range(1, 10)] for name in "ABCDEF"}
    page.keyboard.press("Control+z")
    assert rows(page) == {}
    page.keyboard.press("Control+Shift+z")
    assert len(rows(page)) == 6


def test_a_row_is_drawn_from_the_first_seat_to_the_last(visit: Visit, halls: Any) -> None:
    page = visit(halls.FakeShow([]), "/editor")
    ready(page)
    page.click("[data-tool=row]")
    drag(page, (200, 300), (300, 400))
    (row,) = plan(page)["zones"][0]["rows"]
    first, last = row["seats"][0]["position"], row["seats"][-1]["position"]
    assert len(row["seats"]) == 7
    assert last["x"] - first["x"] == pytest.approx(last["y"] - first["y"])


def test_a_marquee_selects_and_a_drag_moves_onto_the_lines_of_others(visit: Visit, halls: Any) -> None:
    page = visit(halls.FakeShow([]), "/editor")
    ready(page)
    page.click("text=Add this block")
    page.click("[data-tool=row]")
    drag(page, (100, 600), (200, 600))
    before = page.evaluate("document.querySelector('plan-editor').selectedSeats()[0].x")
    xs = page.evaluate(
        "[...new Set(document.querySelector('plan-editor').scene.seats.filter((s) => s.row === 'A').map((s) => s.x))]"
    )
    target = min(xs)
    drag(page, (150, 600), (150 + target - before + 4, 640))
    moved = page.evaluate("document.querySelector('plan-editor').selectedSeats().map((s) => s.x)")
    assert min(moved) == pytest.approx(target)
    page.keyboard.press("Escape")
    drag(page, (20, 560), (990, 720))
    assert page.evaluate("document.querySelector('plan-editor').selection.size") == 5


def test_rows_and_seats_are_numbered_anew(visit: Visit, halls: Any) -> None:
    page = visit(halls.FakeShow([]), "/editor")
    ready(page)
    page.fill("[name=block-rows]", "3")
    page.fill("[name=block-seats]", "4")
    page.click("text=Add this block")
    page.select_option("[name=row-scheme]", "numbers")
    page.select_option("[name=row-order]", "back")
    page.fill("[name=row-from]", "5")
    page.click("button:has-text('Name rows')")
    assert list(rows(page)) == ["7", "6", "5"]
    page.select_option("[name=seat-scheme]", "odd-even")
    page.click("button:has-text('Number seats')")
    assert rows(page)["5"] == ["3", "1", "2", "4"]


def test_wheelchair_places_and_categories_are_set_on_the_selection(visit: Visit, halls: Any) -> None:
    page = visit(halls.FakeShow([]), "/editor")
    ready(page)
    page.fill("[name=block-rows]", "1")
    page.fill("[name=block-seats]", "3")
    page.click("text=Add this block")
    page.check("[name=wheelchair]")
    document = plan(page)
    assert {s["category"] for s in document["zones"][0]["rows"][0]["seats"]} == {"Standard (wheelchair)"}
    assert [c["name"] for c in document["categories"]] == ["Standard", "Standard (wheelchair)"]
    page.uncheck("[name=wheelchair]")
    assert {s["category"] for s in plan(page)["zones"][0]["rows"][0]["seats"]} == {"Standard"}


def test_a_plan_is_saved_in_the_public_format_and_loaded_again(visit: Visit, halls: Any) -> None:
    show = halls.FakeShow([])
    page = visit(show, "/editor")
    ready(page)
    page.click("text=Add this block")
    page.click("[data-tool=screen]")
    drag(page, (300, 40), (700, 90))
    expect(page.locator(".sm-save-state").first).to_have_text("Unsaved changes", use_inner_text=True)
    page.keyboard.press("Control+s")
    page.locator(".sm-save-state", has_text="Saved").wait_for()
    document = plan(page)
    assert show.saved == [document]
    assert document["zones"][0]["areas"][0]["text"]["text"] == "Screen"
    page.reload()
    ready(page)
    page.wait_for_function("document.querySelector('plan-editor').scene.seats.length === 160")
    assert plan(page) == document


def test_the_server_reads_what_the_editor_draws(visit: Visit, halls: Any) -> None:
    page = visit(halls.FakeShow([]), "/editor")
    ready(page)
    page.fill("[name=arc]", "24")
    page.fill("[name=block-aisles]", "4, 12")
    page.click("text=Add this block")
    page.check("[name=wheelchair]")
    for tool in ("screen", "ellipse"):
        page.click(f"[data-tool={tool}]")
        drag(page, (300, 40), (700, 90))
    page.click("[data-tool=text]")
    page.mouse.click(400, 500)
    read = import_plan(plan(page))
    assert len(read.seats) == 160
    assert all(seat.accessible for seat in read.seats)
    assert [area.shape for area in read.zones[0].areas] == ["rectangle", "ellipse", "text"]


@pytest.mark.parametrize("made", [classic, stadium, studio])
def test_the_servers_halls_pass_through_the_editor_unchanged(visit: Visit, halls: Any, made: Any) -> None:
    hall = made()
    page = visit(halls.FakeShow([], saved=[export_plan(hall)]), "/editor")
    ready(page)
    page.wait_for_function("document.querySelector('plan-editor').scene.seats.length > 0")
    through = import_plan(plan(page))
    assert [(s.guid, s.row, s.number, s.category, s.x, s.y) for s in through.seats] == [
        (s.guid, s.row, s.number, s.category, s.x, s.y) for s in hall.seats
    ]
    expect(page.locator(".sm-messages [data-level=error]")).to_have_count(0)


def test_a_refused_save_keeps_the_plan_dirty_and_lists_the_faults(visit: Visit, halls: Any) -> None:
    page = visit(halls.FakeShow([]), "/editor")
    ready(page)
    problem = {
        "detail": "The seating plan is not valid.",
        "errors": [{"field": "zones[0]", "code": "bad", "message": "is odd"}],
    }
    page.route("**/plan.json", lambda route: route.fulfill(status=422, json=problem))
    page.click("text=Add this block")
    page.click("button:has-text('Save')")
    page.locator(".sm-messages", has_text="zones[0]: is odd").wait_for()
    assert page.evaluate("document.querySelector('plan-editor').dirty") is True


def test_leaving_with_unsaved_changes_asks_first(visit: Visit, halls: Any) -> None:
    page = visit(halls.FakeShow([]), "/editor")
    ready(page)
    page.click("text=Add this block")
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.reload()
    assert asked == ["beforeunload"]


def test_the_keyboard_selects_rows_moves_turns_duplicates_and_deletes(visit: Visit, halls: Any) -> None:
    page = visit(halls.FakeShow([]), "/editor")
    ready(page)
    page.click("text=Add this block")
    page.focus(".sm-canvas")
    page.keyboard.press("Escape")
    page.keyboard.press(".")
    assert page.evaluate("document.querySelector('plan-editor').selectedSeats().every((s) => s.row === 'A')")
    y = page.evaluate("document.querySelector('plan-editor').selectedSeats()[0].y")
    page.keyboard.press("Shift+ArrowUp")
    assert page.evaluate("document.querySelector('plan-editor').selectedSeats()[0].y") == y - 10
    page.keyboard.press("Control+d")
    assert list(rows(page))[-1] == "K"
    page.keyboard.press("Delete")
    assert len(rows(page)) == 10
    page.keyboard.press("?")
    expect(page.locator("dialog.sm-help")).to_be_visible()


def test_a_message_leads_to_its_place(visit: Visit, halls: Any) -> None:
    page = visit(halls.FakeShow([]), "/editor")
    ready(page)
    page.fill("[name=block-rows]", "2")
    page.click("text=Add this block")
    page.fill("[name=row-from]", "A")
    page.evaluate(
        "{ const e = document.querySelector('plan-editor'); e.select(e.scene.seats.slice(0, 2).map((s) => s.id)); }"
    )
    page.fill("[name=seat-start]", "9")
    page.click("button:has-text('Number seats')")
    page.click(".sm-messages button:has-text('Row A has 2 seats with the number 9')")
    assert page.evaluate("document.querySelector('plan-editor').selection.size") == 2


# ---- the pure model


def test_exporting_and_importing_gives_the_same_plan(pure: Pure) -> None:
    code = f"""Promise.all([import('/cinema/seatmap/plan-format.js'), import('/cinema/seatmap/plan-model.js')]).then(([f, p]) => {{
      const ids = {IDS};
      let plan = p.addBlock(p.emptyPlan(ids), {BLOCK}, ids).plan;
      const round = {{shape: 'ellipse', position: {{x: 9, y: 9}}, ellipse: {{radius: {{x: 5, y: 3}}}}, rotation: 20}};
      plan = p.addArea(plan, null, round, ids).plan;
      const written = JSON.stringify(f.exportPlan(plan));
      const read = f.importPlan(JSON.parse(written), () => 'never');
      return [written === JSON.stringify(f.exportPlan(read.plan)), read.errors, read.warnings];
    }})"""
    assert pure("plan-format.js", code) == [True, [], []]


def test_a_bad_document_is_refused_with_the_path_of_each_fault(pure: Pure) -> None:
    bad = {
        "name": 3,
        "categories": [{"name": "A"}],
        "zones": [
            {
                "position": {"x": 0, "y": "0"},
                "rows": [{"row_number": "A", "seats": [{"seat_number": "1", "category": "A"}]}],
            }
        ],
        "extra": 1,
    }
    found = pure("plan-format.js", f"m.importPlan({json.dumps(bad)}, () => 'u')")
    assert found["plan"] is None
    assert found["errors"] == [
        "zones[0].position must be a position {x, y} with numbers",
        "zones[0].rows[0].seats[0].seat_guid must be a text",
        "zones[0].rows[0].seats[0].position must be a position {x, y} with numbers",
        "name must be a text",
    ]
    assert found["warnings"] == ["plan: extra is not part of the format and was left out"]


@pytest.mark.parametrize(
    "junk",
    [
        "null",
        "[]",
        "3",
        "{}",
        "{name: 'x', zones: {}, categories: null}",
        "{name: 'x', zones: [null], categories: [4]}",
    ],
)
def test_junk_is_refused_without_an_exception(pure: Pure, junk: str) -> None:
    found = pure("plan-format.js", f"m.importPlan({junk}, () => 'u')")
    assert found["plan"] is None
    assert found["errors"]


def test_every_operation_leaves_the_old_plan_as_it_was_and_shares_the_rest(pure: Pure) -> None:
    code = f"""{{
      const ids = {IDS}, one = m.addBlock(m.emptyPlan(ids), {BLOCK}, ids).plan, before = JSON.stringify(one);
      const picked = new Set([m.seatsOf(one)[0].id]);
      const made = [m.moveBy(one, picked, 5, 5), m.rotateBy(one, picked, 30, {{x: 0, y: 0}}), m.remove(one, picked),
        m.setCategory(one, picked, 'B'), m.setAccessible(one, picked, true), m.insertAisle(one, picked, 0, 40),
        m.renumberRows(one, picked, {{scheme: 'numbers', from: '9'}}), m.duplicate(one, picked, 9, 9, ids).plan,
        m.renumberSeats(one, picked, {{scheme: 'rtl', start: 7}})];
      const third = (plan) => plan.zones[0].rows[2];
      const shared = made.every((plan) => third(plan) === third(one));
      return [JSON.stringify(one) === before, made.every((plan) => plan !== one), shared];
    }}"""
    assert pure("plan-model.js", code) == [True, True, True]


def test_a_full_turn_brings_every_seat_back(pure: Pure) -> None:
    code = f"""{{
      const ids = {IDS}; let plan = m.addBlock(m.emptyPlan(ids), {BLOCK}, ids).plan;
      const start = m.seatsOf(plan), picked = new Set(start.map((s) => s.id));
      for (let i = 0; i < 24; i++) plan = m.rotateBy(plan, picked, 15, {{x: 333, y: 77}});
      return Math.max(...m.seatsOf(plan).map((s, i) => Math.hypot(s.x - start[i].x, s.y - start[i].y)));
    }}"""
    assert pure("plan-model.js", code) < 0.3


def test_an_arc_bends_the_ends_towards_the_screen_and_keeps_the_spacing(pure: Pure) -> None:
    shape = pure("plan-model.js", "m.rowShape({count: 9, gap: 25, arc: 60})")
    assert shape[4] == pytest.approx({"x": 0, "y": 0})
    assert shape[0]["y"] == pytest.approx(shape[8]["y"])
    assert shape[0]["y"] < -20
    gaps = {round(((a["x"] - b["x"]) ** 2 + (a["y"] - b["y"]) ** 2) ** 0.5, 2) for a, b in pairwise(shape)}
    assert len(gaps) == 1
    assert gaps.pop() == pytest.approx(25, abs=0.1)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("[0, 25, 26, 51, 52].map((n) => m.rowLabel(n))", ["A", "Z", "AA", "AZ", "BA"]),
        ("[0, 1].map((n) => m.rowLabel(n, {from: 'Z'}))", ["Z", "AA"]),
        ("[0, 2].map((n) => m.rowLabel(n, {scheme: 'numbers', from: '8'}))", ["8", "10"]),
        ("m.seatNumbers(5, {scheme: 'rtl', start: 3})", ["7", "6", "5", "4", "3"]),
        ("m.seatNumbers(5, {scheme: 'odd-even'})", ["3", "1", "2", "4", "6"]),
        (
            "m.snap([{x: 10, y: 50}], [{x: 13, y: 90}, {x: 40, y: 51}], 4)",
            {"dx": 3, "dy": 1, "guides": [{"axis": "x", "at": 13}, {"axis": "y", "at": 51}]},
        ),
    ],
)
def test_labels_numbers_and_snapping(pure: Pure, code: str, expected: Any) -> None:
    assert pure("plan-model.js", code) == expected


def test_the_check_finds_what_would_hurt_on_the_evening(pure: Pure) -> None:
    code = f"""import('/cinema/seatmap/plan-model.js').then((p) => {{
      const ids = {IDS}; let plan = p.addBlock(p.emptyPlan(ids, ''), {BLOCK}, ids).plan;
      const [a, b] = p.seatsOf(plan);
      plan = p.moveBy(plan, new Set([a.id]), 25, 0);
      plan = p.renumberSeats(plan, new Set([b.id]), {{scheme: 'ltr', start: 1}});
      plan.categories[0].name = 'Other';
      plan.size = {{width: 200, height: 200}};
      return m.checkPlan(plan).map((one) => one.text);
    }})"""
    told = "\n".join(pure("plan-format.js", code))
    for words in (
        "no name",
        "unknown category “Standard”",
        "Row A has 2 seats with the number 1",
        "on top of each other",
        "outside the plan's size",
    ):
        assert words in told
