"""A real Chromium and the gallery's console behind a real socket.

Browser and server live for one module: Playwright's loop must not stand in the way of another module's async tests.
"""

import importlib.util
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
]  # fmt: skip
START_TIMEOUT_S = 10
WAIT_MS = 15_000
expect.set_options(timeout=WAIT_MS)


@pytest.fixture(scope="module")
def gallery_module() -> ModuleType:
    """tests/web/gallery.py; test folders are no packages, so it is loaded by its path."""
    name = "serai_test_gallery"
    if name not in sys.modules:
        path = Path(__file__).parents[1] / "web" / "gallery.py"
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


class Announcing(uvicorn.Server):
    """A server that says when it listens, so that nobody has to ask again and again."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = threading.Event()

    async def startup(self, sockets=None) -> None:
        await super().startup(sockets)
        self.listening.set()


@pytest.fixture(scope="module")
def gallery(gallery_module):
    return gallery_module.Gallery()


@pytest.fixture(scope="module")
def site(gallery_module, gallery) -> Iterator[str]:
    app, _ = gallery_module.build(gallery)
    server = Announcing(uvicorn.Config(app, port=0, ws="none", log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    assert server.listening.wait(START_TIMEOUT_S)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium, site, gallery, gallery_module):
    """open_page(path, theme=, width=): a page in a context of its own; fails the test if the browser complained."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []
    gallery.__dict__.update(gallery_module.Gallery().__dict__)

    def go(path: str, *, theme: str = "light", width: int = 1280, motion: str = "reduce"):
        context = chromium.new_context(
            viewport={"width": width, "height": 844},
            color_scheme=theme,
            reduced_motion=motion,
            has_touch=width < 600,
            is_mobile=width < 600,
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(site + path)
        return page

    go.complaints = complaints
    yield go
    for context in contexts:
        context.close()
    assert complaints == []
