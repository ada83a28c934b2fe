"""A page and a show for each of the seat-map tests."""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

HERE = Path(__file__).parent


def _beside(name: str) -> ModuleType:
    """A module of this folder; tests are imported one by one, without packages."""
    spec = importlib.util.spec_from_file_location(f"seatmap_{name}", HERE / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


hall = _beside("hall")
site = _beside("site")


@pytest.fixture
def halls() -> ModuleType:
    """The test's halls and the show in memory."""
    return hall


@pytest.fixture
def visit(chromium: Any) -> Iterator[Callable[..., Any]]:
    """visit(show, path) opens a page of a site that serves `show`; a script error on it fails the test."""
    faults: list[str] = []
    with ExitStack() as stack:

        def opened(show: Any, path: str = "/map", **context: Any) -> Any:
            running = stack.enter_context(site.serving(show))
            made = chromium.new_context(**{"viewport": {"width": 1200, "height": 800}, "locale": "en-GB", **context})
            stack.callback(made.close)
            page = made.new_page()
            page.set_default_timeout(8_000)
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.goto(running.url + path)
            return page

        yield opened
    assert not faults


@pytest.fixture
def pure(visit: Callable[..., Any]) -> Callable[[str, str], Any]:
    """pure(module, expression) evaluates `expression` in the browser with the module's exports as `m`."""
    page = visit(hall.FakeShow([]), "/blank")

    def evaluate(module: str, expression: str) -> Any:
        return page.evaluate(f"import('/cinema/seatmap/{module}').then((m) => {expression})")

    return evaluate
