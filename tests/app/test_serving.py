"""The demo is loaded once a day for a site, and again for another version, day or set of systems."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.doubles import ManualClock
from tests.systems.cinema.conftest import Site, open_site, site

import serai
from serai.app.assembly import Built
from serai.app.serving import _load_demo
from serai.runtime.system import Parts, Progress, System

__all__ = ["open_site", "site"]


async def test_the_demo_is_loaded_once_a_day(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[str] = []

    async def demo(progress: Progress) -> None:
        loads.append("loaded")

    clock = ManualClock()
    world = replace(site.world, clock=clock)
    built = [Built(System("toys", "Toys", "", lambda _: Parts()), Parts(demo=demo))]
    for _ in range(2):
        await _load_demo(world, built)
    assert len(loads) == 1
    clock.advance(timedelta(days=1).total_seconds())
    for _ in range(2):
        await _load_demo(world, built)
    assert len(loads) == 2
    monkeypatch.setattr(serai, "__version__", "99.0.0")
    await _load_demo(world, built)
    assert len(loads) == 3
