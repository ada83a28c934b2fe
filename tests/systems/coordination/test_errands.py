"""What is done after a call's client has gone: it is done, it is bounded, and nobody hears of its failures."""

import asyncio
import logging

import pytest

from serai.systems.coordination.errors import NoLeader
from serai.systems.coordination.handlers import errands
from serai.systems.coordination.handlers.errands import Errands


async def test_a_stop_waits_for_what_is_under_way_and_not_for_ever() -> None:
    running = Errands()
    go, done = asyncio.Event(), []

    async def errand() -> None:
        await go.wait()
        done.append(True)

    running.run(errand())
    await running.done(0.01)
    assert not done
    running.run(errand())
    go.set()
    await running.done(5.0)
    assert done == [True]


async def test_a_failure_is_logged_and_left_to_the_lease(caplog: pytest.LogCaptureFixture) -> None:
    async def errand() -> None:
        raise NoLeader

    running = Errands()
    with caplog.at_level(logging.INFO):
        running.run(errand())
        await running.done(5.0)
    assert "the lease's end does it" in caplog.text


async def test_beyond_the_limit_nothing_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errands, "ERRANDS_MAX", 1)
    begun = []

    async def errand() -> None:
        begun.append(True)

    running = Errands()
    running.run(errand())
    running.run(errand())
    await running.done(5.0)
    assert begun == [True]
