"""The shell in a real browser: accessible in both themes, whole at every width, usable without a mouse."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from serai.web.shell import Flash

pytestmark = pytest.mark.browser

AXE = (Path(__file__).parent / "vendor" / "axe-core-4.14.1" / "axe.min.js").read_text()
PAGES = (
    "/",
    "/gallery",
    "/sign-in",
    "/sign-in-failed",
    "/account",
    "/account/keys-made",
    "/account/keys-none",
    "/mailbox",
    "/mailbox-list",
)
THEMES = ("light", "dark")
WIDTHS = {"phone": 390, "desktop": 1280}

TABBABLE = """() => {
  const modal = document.querySelector('dialog[open]');
  const all = (modal || document).querySelectorAll('a[href], button, input, select, textarea, [tabindex="0"]');
  const seen = (one) => one.checkVisibility({ visibilityProperty: true }) && one.tabIndex >= 0 && !one.disabled;
  const groups = new Set();
  const first = (one) => {
    if (one.type !== 'radio') return true;
    if (one.name && !one.checked) return false;
    return !groups.has(one.name) && groups.add(one.name);
  };
  const found = [...all].filter(seen).filter(first);
  found.forEach((one, at) => one.dataset.stop = at);
  return found.map((one) => one.outerHTML.slice(0, 120));
}"""
FOCUSED = """() => {
  const one = document.activeElement;
  const tile = one.closest('.tile');
  const drawn = [one, tile].some((each) => each && getComputedStyle(each).outlineStyle !== 'none');
  return { stop: one.dataset.stop ?? null, drawn, html: one.outerHTML.slice(0, 120) };
}"""


def violations(page) -> list[str]:
    """What axe finds, each with the elements it stands on."""
    page.evaluate(AXE)
    found = page.evaluate("axe.run({ iframes: false })")["violations"]
    return [f"{one['id']}: {[node['html'][:160] for node in one['nodes']]}" for one in found]


def violations_by_theme(page) -> dict[str, list[str]]:
    """What axe finds in the light and in the dark; the page follows the system's theme."""
    found = {}
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)
        page.wait_for_selector(f"html[data-theme={theme}]", state="attached")
        found[theme] = violations(page)
    return found


CLEAN: dict[str, list[str]] = {theme: [] for theme in THEMES}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_in_both_themes(open_page, path, width):
    assert violations_by_theme(open_page(path, width=WIDTHS[width])) == CLEAN


@pytest.mark.parametrize(
    ("path", "opener", "opened"),
    [
        ("/", "button[popovertarget=systems-menu]", "#systems-menu"),
        ("/", "button[popovertarget=account-menu]", "#account-menu"),
        ("/account/keys", "text=Create key", "#create-key"),
        ("/account/keys", "[data-opens=revoke-k1]", "#revoke-k1"),
    ],
)
def test_axe_finds_nothing_in_menus_and_dialogs(open_page, path, opener, opened):
    page = open_page(path)
    page.click(opener)
    page.wait_for_selector(opened, state="visible")
    assert violations_by_theme(page) == CLEAN
    page.keyboard.press("Escape")
    page.wait_for_selector(opened, state="hidden")


def test_axe_finds_nothing_on_the_problem_page(open_page):
    page = open_page("/missing")
    assert violations_by_theme(page) == CLEAN
    assert "404" in open_page.complaints.pop()


@pytest.mark.parametrize("path", PAGES)
def test_nothing_stands_out_of_the_page(open_page, path):
    page = open_page(path)
    wide = []
    for width in (360, 390, 640, 834, 1024, 1280, 1600):
        page.set_viewport_size({"width": width, "height": 844})
        if page.evaluate("document.documentElement.scrollWidth") > width:
            wide.append(width)
    assert wide == []


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("path", PAGES)
def test_tab_reaches_every_control_and_shows_where_it_is(open_page, path, width):
    page = open_page(path, width=WIDTHS[width])
    page.evaluate("document.activeElement.blur()")
    stops = page.evaluate(TABBABLE)
    reached = walk(page, len(stops))
    missed = [html for at, html in enumerate(stops) if str(at) not in reached]
    assert missed == []


def walk(page, count: int) -> set[str]:
    """The stops that Tab comes to in one round; each must show its focus."""
    reached: set[str] = set()
    for _ in range(count + 12):
        page.keyboard.press("Tab")
        focus = page.evaluate(FOCUSED)
        assert focus["stop"] is None or focus["drawn"], f"no focus ring on {focus['html']}"
        reached.add(focus["stop"])
    return reached


def test_the_first_tab_offers_to_skip_to_the_content(open_page):
    page = open_page("/account")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def test_a_refused_form_is_taken_up_at_its_first_wrong_field(open_page):
    page = open_page("/gallery")
    expect(page.locator("#email")).to_be_focused()
    expect(page.locator("#email")).to_have_attribute("aria-describedby", "email-error email-hint")


def test_a_dialog_keeps_the_keyboard_and_gives_it_back(open_page):
    page = open_page("/account/keys")
    page.focus("text=Create key")
    page.keyboard.press("Enter")
    stops = page.evaluate(TABBABLE)
    assert len(stops) == 5
    reached = walk(page, len(stops))
    assert {str(at) for at in range(len(stops))} <= reached
    page.keyboard.press("Escape")
    expect(page.locator("button:has-text('Create key')").first).to_be_focused()


def test_tabs_move_by_arrows(open_page):
    page = open_page("/gallery")
    page.focus("#tab-seats")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#tab-history")).to_be_focused()
    expect(page.locator("#panel-history")).to_be_visible()
    expect(page.locator("#panel-seats")).to_be_hidden()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#tab-seats")).to_be_focused()


def test_a_chosen_theme_is_remembered_and_stands_before_the_first_paint(open_page):
    page = open_page("/", theme="light")
    toggle = page.locator("[data-theme-toggle]")
    expect(toggle).to_have_attribute("aria-pressed", "false")
    toggle.click()
    expect(toggle).to_have_attribute("aria-pressed", "true")
    page.add_init_script(
        "document.addEventListener('readystatechange', () => window.early ??= document.documentElement.dataset.theme)"
    )
    page.reload()
    assert page.evaluate("window.early") == "dark"
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(21, 19, 16)"


def test_without_a_choice_the_page_follows_the_system(open_page):
    page = open_page("/", theme="light")
    page.emulate_media(color_scheme="dark")
    page.wait_for_selector("html[data-theme=dark]", state="attached")


def test_home_shows_new_figures_without_losing_the_reader_s_place(open_page, gallery, gallery_module):
    page = open_page("/")
    page.focus("#tile-cinema .tile-link")
    tile = gallery_module.HOME.tiles[0]
    figure = gallery_module.Figure(4711, "bookings / min", (1, 2, 3))
    now = gallery_module.Tile(tile.system, tile.title, tile.sentence, tile.icon, tile.href, tile.state, figure)
    gallery.home = gallery_module.Home((now, *gallery_module.HOME.tiles[1:]), gallery_module.HOME.health)
    page.evaluate("document.querySelector('[data-live]').dispatchEvent(new CustomEvent('every'))")
    page.wait_for_selector("text=4,711")
    expect(page.locator("#tile-cinema .tile-link")).to_be_focused()


def test_a_poll_that_fails_leaves_the_last_figures_standing(open_page, gallery):
    page = open_page("/")
    gallery.broken = True
    with page.expect_response("**/fragments/home") as answer:
        page.evaluate("document.querySelector('[data-live]').dispatchEvent(new CustomEvent('every'))")
    assert answer.value.status == 500
    page.wait_for_selector("[data-live]:not(.htmx-request)")
    expect(page.locator(".tile")).to_have_count(6)
    expect(page.locator("#leak")).to_have_count(0)
    assert "500" in open_page.complaints.pop()


def test_a_message_can_be_dismissed(open_page, gallery, site):
    page = open_page("/")
    gallery.flashes = (Flash("bad", "The card was declined."),)
    page.goto(site + "/")
    page.click(".notices [data-dismiss]")
    expect(page.locator("text=The card was declined.")).to_have_count(0)


def test_somebody_elses_mail_cannot_run_or_reach_the_page(open_page):
    page = open_page("/mailbox-hostile")
    frame = page.frame_locator("iframe")
    expect(frame.locator("h1")).to_have_text("You have won")
    assert page.title() == "Mailbox · Serai"
    assert "sandboxed" in open_page.complaints.pop()


def test_a_demo_user_signs_in_with_one_press(open_page, site):
    page = open_page("/sign-in")
    with page.expect_request(site + "/sign-in") as sent:
        page.click("text=Jonas Weber")
    assert "email=jonas%40lantern.example" in (sent.value.post_data or "")
    page.wait_for_url(site + "/")


def test_moments_are_told_in_the_reader_s_zone(chromium, site):
    context = chromium.new_context(timezone_id="Asia/Tehran", locale="en")
    page = context.new_page()
    page.goto(site + "/mailbox")
    expect(page.locator(".mail-head time")).to_have_text("Nov 23, 2026, 10:58 PM")
    context.close()


def test_a_chart_is_drawn_and_said(open_page):
    page = open_page("/gallery")
    page.wait_for_selector("[data-chart] canvas")
    expect(page.locator("[data-chart] > .visually-hidden > table tbody tr")).to_have_count(60)


def test_who_asked_for_less_motion_gets_none(open_page):
    shimmer = "getComputedStyle(document.querySelector('.skeleton-line')).animationName"
    assert open_page("/gallery", motion="reduce").evaluate(shimmer) == "none"
    assert open_page("/gallery", motion="no-preference").evaluate(shimmer) == "shimmer"
