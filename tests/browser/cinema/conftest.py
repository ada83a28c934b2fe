"""The real site and a real Chromium in one event loop, and buyers who each have a browser of their own."""

import importlib.util
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright, expect

TESTS = Path(__file__).parents[2]
AXE = (TESTS / "browser" / "vendor" / "axe-core-4.14.1" / "axe.min.js").read_text()
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run", "--use-fake-device-for-media-stream",
]  # fmt: skip
WAIT_MS = 15_000
expect.set_options(timeout=WAIT_MS)
FAILED = "Failed to load resource: "
CUT_OFF = f"{FAILED}net::ERR_INTERNET_DISCONNECTED"


def _cinema() -> ModuleType:
    """The fixtures of a whole cinema; test folders are no packages, so they are loaded by their path."""
    name = "serai_test_cinema"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, TESTS / "systems" / "cinema" / "conftest.py")
        assert spec is not None and spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


open_site = _cinema().open_site


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        await browser.close()


class Visitor:
    """One person at a browser: goes to pages of the site, and remembers what the browser complained of."""

    def __init__(self, page: Page, url: str, complaints: list[str]) -> None:
        self.page = page
        self.url = url
        self.complaints = complaints
        self.allowed: set[str] = set()
        page.set_default_timeout(WAIT_MS)
        page.on("console", self._hear)
        page.on("pageerror", lambda error: complaints.append(str(error)))

    def _hear(self, said: ConsoleMessage) -> None:
        if said.type == "error" and not said.text.startswith(tuple(self.allowed)):
            self.complaints.append(said.text)

    def expects(self, *failures: str) -> None:
        """The browser itself complains of calls that fail, in words that begin so; here that is what is tested."""
        self.allowed.update(FAILED + failure for failure in failures)

    async def cut_off(self) -> None:
        """Take the network away; until `connecting` the browser may complain of that, and of nothing else."""
        self.allowed.add(CUT_OFF)
        await self.page.context.set_offline(True)

    @asynccontextmanager
    async def connecting(self) -> AsyncIterator[None]:
        """Give the network back; the body waits until the page has noticed."""
        await self.page.context.set_offline(False)
        yield
        self.allowed.remove(CUT_OFF)

    async def go(self, path: str) -> Page:
        await self.page.goto(self.url + path)
        return self.page

    async def choose(self, show_id: str) -> Page:
        """At the show's map, once it is live."""
        page = await self.go(f"/cinema/shows/{show_id}")
        await page.wait_for_selector(".sm-connection[data-status=live]")
        await page.wait_for_function("document.querySelector('seat-map').map.stage.fitted")
        return page

    async def click_seats(self, *ids: str) -> None:
        for seat in ids:
            x, y = await self.page.evaluate(
                """(id) => { const e = document.querySelector('seat-map'), s = e.seats.get(id), v = e.map.stage.view;
                const b = e.map.element.getBoundingClientRect();
                return [b.x + s.x * v.scale + v.x, b.y + s.y * v.scale + v.y]; }""",
                seat,
            )
            await self.page.mouse.click(x, y)

    async def look_of(self, seat: str) -> str:
        found: str = await self.page.evaluate(
            "(id) => { const e = document.querySelector('seat-map'); return e.lookOf(e.seats.get(id)).look; }", seat
        )
        return found

    async def tab_to(self, selector: str) -> None:
        """By the Tab key alone."""
        for _ in range(80):
            if await self.page.evaluate("(s) => document.activeElement.matches(s)", selector):
                return
            await self.page.keyboard.press("Tab")
        raise AssertionError(f"Tab never reaches {selector}")

    async def violations(self) -> list[str]:
        """What axe finds in the light and in the dark, each with the elements it stands on."""
        found = []
        for theme in ("light", "dark"):
            await self.page.emulate_media(color_scheme=theme)
            await self.page.wait_for_selector(f"html[data-theme={theme}]", state="attached")
            await self.page.evaluate(AXE)
            result = await self.page.evaluate("axe.run({ iframes: false })")
            for one in result["violations"]:
                found.append(f"{theme} {one['id']}: {[node['html'][:160] for node in one['nodes']]}")
        return found

    async def overhang(self) -> int:
        """By how many pixels the page is wider than its window."""
        px: int = await self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        return px


@pytest.fixture
async def visitor(chromium: Browser) -> AsyncIterator[Callable[..., Any]]:
    """visitor(site, width=) is a person with a browser of their own; the test fails if a browser complained."""
    complaints: list[str] = []
    async with AsyncExitStack() as stack:

        async def arrives(site: Any, *, width: int = 1280, script: bool = True) -> Visitor:
            context = await chromium.new_context(
                viewport={"width": width, "height": 844},
                locale="en-GB",
                reduced_motion="reduce",
                has_touch=width < 600,
                is_mobile=width < 600,
                java_script_enabled=script,
            )
            stack.push_async_callback(context.close)
            return Visitor(await context.new_page(), site.url, complaints)

        yield arrives
    assert complaints == []
