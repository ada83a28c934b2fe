"""The live seat map over HTTP: a snapshot, then what changes, and no gap for whoever comes back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import orjson
from tests.systems.cinema.conftest import Site

from serai.systems.cinema.service.live import DELTAS_MAX, LiveMaps

FIRST_S = 5.0
"""Far longer than a poll takes; a test that waits so long has failed."""


@dataclass
class Stream:
    """A browser's EventSource, by hand."""

    lines: AsyncIterator[str]

    async def event(self) -> tuple[str, int, Any]:
        """The next event: its name, its id, its data."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(FIRST_S):
            async for line in self.lines:
                if line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
                elif "data" in fields:
                    return fields["event"], int(fields["id"]), orjson.loads(fields["data"])
        raise AssertionError("the stream ended")


@asynccontextmanager
async def watching(site: Site, show_id: str, last_seen: int | None = None) -> AsyncIterator[Stream]:
    headers = {} if last_seen is None else {"Last-Event-ID": str(last_seen)}
    url = f"/api/cinema/v1/shows/{show_id}/events"
    async with httpx.AsyncClient(base_url=site.url) as client, client.stream("GET", url, headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Stream(answer.aiter_lines())


async def test_a_snapshot_comes_first_and_then_every_change_in_order(site: Site) -> None:
    show_id = await site.make_show()
    first, second = list(await site.seats(show_id))[:2]
    async with watching(site, show_id) as stream:
        name, version, snapshot = await stream.event()
        assert (name, snapshot["version"]) == ("snapshot", version)
        assert {seat["state"] for seat in snapshot["seats"]} == {"available"}
        hold = (await site.hold(show_id, [first])).json()
        name, after, delta = await stream.event()
        assert name == "seats"
        assert delta == {
            "version": after,
            "previous": version,
            "changes": [{"id": first, "state": "held"}],
        }
        assert (await site.book(hold["id"])).status_code == 201
        _, last, delta = await stream.event()
        assert (delta["previous"], delta["changes"]) == (after, [{"id": first, "state": "booked"}])
        await site.hold(show_id, [second])
        assert (await stream.event())[2]["previous"] == last


async def test_whoever_comes_back_gets_what_was_missed_and_nothing_twice(site: Site) -> None:
    show_id = await site.make_show()
    seats = list(await site.seats(show_id))
    async with watching(site, show_id) as stream:
        _, seen, _ = await stream.event()
    for seat in seats[:3]:
        await site.hold(show_id, [seat])
    async with watching(site, show_id, seen) as stream:
        missed: list[str] = []
        while len(missed) < 3:
            name, version, delta = await stream.event()
            assert name == "seats"
            assert delta["previous"] == seen
            missed += [change["id"] for change in delta["changes"]]
            seen = version
        assert missed == seats[:3]
    async with watching(site, show_id, seen) as stream:
        await site.hold(show_id, [seats[3]])
        assert [change["id"] for change in (await stream.event())[2]["changes"]] == [seats[3]]


async def test_whoever_was_away_too_long_or_comes_from_another_life_gets_a_snapshot(site: Site) -> None:
    show_id = await site.make_show()
    for unknown in (0, 10_000_000):
        async with watching(site, show_id, unknown) as stream:
            assert (await stream.event())[0] == "snapshot"


def live_maps(site: Site) -> LiveMaps:
    """The very maps that the site serves from."""
    found = [each.parts for each in site.built if each.system.name == "cinema"]
    poll = next(loop for loop in found[0].background if loop.name == "cinema.live").run
    maps: LiveMaps = poll.__self__  # type: ignore[attr-defined]  # a bound method of the object that we look for
    return maps


async def test_all_who_come_at_once_are_sent_the_same_bytes(site: Site) -> None:
    show_id = await site.make_show()
    maps = live_maps(site)
    async with watching(site, show_id) as stream:
        await stream.event()
        live = maps._maps[UUID(show_id)]
        before = live.snapshot().encoded
        assert live.snapshot().encoded is before, "ten thousand watchers would each keep thirty kilobytes"
        await site.hold(show_id, [next(iter(await site.seats(show_id)))])
        await stream.event()
        assert live.snapshot().encoded is not before
        assert live.deltas.maxlen == DELTAS_MAX
