"""Live seat maps: one poll a process for all watched shows, one encoding for all watchers of a show.

A pool's version rises with every change of its units and is read with them in one statement, so a snapshot and its
version cannot disagree, and a client that missed a delta can tell. There is no NOTIFY: it would take a lock on the
whole server at every booking's commit.
"""

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson

from serai.kernel.ports import Clock
from serai.runtime.postgres.database import Database
from serai.systems.allocation.api import PoolView, UnitState, pool_versions, pool_views
from serai.systems.cinema.model import SeatState, Show
from serai.systems.cinema.plan import export_plan
from serai.web.live import Channel, Event, Subscriber

DELTAS_MAX = 1_000
"""Deltas of a show that a reconnecting client may still ask for; older ones get a snapshot."""

IDLE_S = 30.0
"""How long a show that nobody watches stays in memory after it was last asked for."""

MAPS_MAX = 300
"""Seat maps in memory; above that a map is read for its request alone."""

CHECK_EVERY_S = 0.005
"""Checks of one map for requests are at least so far apart; requests that come between share the next one."""

SHOWN: Mapping[UnitState, SeatState] = {
    UnitState.FREE: SeatState.AVAILABLE,
    UnitState.HELD: SeatState.HELD,
    UnitState.SOLD: SeatState.BOOKED,
    UnitState.BLOCKED: SeatState.BLOCKED,
}


def seats_json(show: Show, view: PoolView) -> list[dict[str, Any]]:
    """Every seat of a show with its place, price and state."""
    return [
        {
            "id": show.seat_id(seat.key),
            "row": seat.row,
            "number": seat.number,
            "category": seat.category,
            "price": show.price(seat).json(),
            "x": seat.x,
            "y": seat.y,
            "accessible": seat.accessible,
            "state": SHOWN[view.states[seat.key]],
        }
        for seat in show.plan.seats
    ]


def plan_json(show: Show) -> dict[str, Any]:
    """What is drawn around the seats."""
    document: Any = export_plan(show.plan)
    return {
        "width": show.plan.width,
        "height": show.plan.height,
        "categories": document["categories"],
        "areas": [_shifted(area, zone["position"]) for zone in document["zones"] for area in zone["areas"]],
    }


def _shifted(area: dict[str, Any], zone: dict[str, float]) -> dict[str, Any]:
    """An area with its position in the plan; the document counts from its zone's corner."""
    at = area["position"]
    return area | {"position": {"x": at["x"] + zone["x"], "y": at["y"] + zone["y"]}}


@dataclass
class LiveMap:
    """One show's seats as this process last saw them."""

    tenant: UUID
    show: Show
    view: PoolView
    asked_s: float
    checked_s: float
    told: int
    """The version of the last visible change: what watchers know. The pool's own may be ahead of it."""
    channel: Channel = field(default_factory=Channel)
    deltas: deque[tuple[int, Event]] = field(default_factory=lambda: deque(maxlen=DELTAS_MAX))
    checking: asyncio.Lock = field(default_factory=asyncio.Lock)
    next_check: asyncio.Future[None] | None = None
    """A check that has not begun yet: whoever asks now may share it."""
    _body: bytes | None = None
    _snapshot: Event | None = None

    def body(self) -> bytes:
        """The JSON answer, encoded once a version."""
        if self._body is None:
            document = {
                "version": self.told,
                "seats": seats_json(self.show, self.view),
                "plan": plan_json(self.show),
            }
            self._body = orjson.dumps(document)
        return self._body

    def accept(self, view: PoolView) -> Event | None:
        """Takes a newer view; the delta from the one before, or None if nothing visible changed."""
        assert view.version > self.view.version, "a map only goes forward"
        changes = [
            {"id": self.show.seat_id(key), "state": SHOWN[state]}
            for key, state in view.states.items()
            if self.view.states[key] is not state
        ]
        self.view = view
        if not changes:
            return None
        before, self.told = self.told, view.version
        self._body = self._snapshot = None
        body = orjson.dumps({"version": view.version, "previous": before, "changes": changes}).decode()
        event = Event(body, "seats", str(view.version))
        self.deltas.append((before, event))
        return event

    def adopt(self, show: Show) -> None:
        """Takes the show with its new prices, and shows all of it to the watchers."""
        self.show = show
        self._body = self._snapshot = None
        self.channel.publish(self.snapshot())

    def first(self, last_seen: str | None) -> Iterator[Event]:
        """What a new subscriber gets: the deltas behind `last_seen` if all are here, else a snapshot."""
        if last_seen is not None and last_seen.isdecimal():
            missed = self._missed(int(last_seen))
            if missed is not None:
                yield from missed
                return
        yield self.snapshot()

    def snapshot(self) -> Event:
        """All of it, made once a version: thousands who come at once are sent the same bytes."""
        if self._snapshot is None:
            self._snapshot = Event(self.body().decode(), "snapshot", str(self.told))
        return self._snapshot

    def _missed(self, version: int) -> list[Event] | None:
        if version == self.told:
            return []
        for place, (before, _) in enumerate(self.deltas):
            if before == version:
                return [event for _, event in list(self.deltas)[place:]]
        return None


class LiveMaps:
    """The watched shows of one web process."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._maps: dict[UUID, LiveMap] = {}

    async def map_of(self, tenant: UUID, show: Show) -> LiveMap:
        """The show's map, checked after this call began: a buyer always sees the own hold."""
        now_s = self._clock.monotonic()
        known = self._maps.get(show.show_id)
        if known is not None:
            known.asked_s = now_s
            if show.edition > known.show.edition:
                known.adopt(show)
            await self._check(known)
            return known
        async with self._database.transaction(tenant) as tx:
            view = (await pool_views(tx, [show.pool_no]))[0]
        fresh = LiveMap(tenant, show, view, now_s, now_s, view.version)
        if len(self._maps) < MAPS_MAX:
            return self._maps.setdefault(show.show_id, fresh)
        return fresh

    async def _check(self, live: LiveMap) -> None:
        """Returns after a check that began after this call."""
        if live.next_check is None:
            live.next_check = asyncio.ensure_future(self._check_next(live))
        await asyncio.shield(live.next_check)

    async def _check_next(self, live: LiveMap) -> None:
        async with live.checking:
            wait_s = live.checked_s + CHECK_EVERY_S - self._clock.monotonic()
            await asyncio.sleep(max(0.0, wait_s))
            live.next_check = None
            await self._refresh(live.tenant, [live])

    async def subscribe(self, tenant: UUID, show: Show, last_seen: str | None) -> tuple[Channel, Subscriber]:
        """A stream of a show's changes, from `last_seen` (the browser's Last-Event-ID) on."""
        live = await self.map_of(tenant, show)
        live = self._maps.setdefault(show.show_id, live)  # a watched map is polled even above MAPS_MAX
        return live.channel, live.channel.subscribe(live.first(last_seen))

    async def poll(self) -> None:
        """One round: forgets idle maps, asks for versions, reads what changed, tells the watchers."""
        self._forget_idle()
        for tenant in {live.tenant for live in self._maps.values()}:
            await self._refresh(tenant, [live for live in self._maps.values() if live.tenant == tenant])

    async def _refresh(self, tenant: UUID, maps: Sequence[LiveMap]) -> None:
        """Reads those of the maps that changed, and tells their watchers."""
        by_pool = {live.show.pool_no: live for live in maps}
        now_s = self._clock.monotonic()
        async with self._database.transaction(tenant) as tx:
            versions = await pool_versions(tx, list(by_pool))
            changed = [pool_no for pool_no, version in versions.items() if version > by_pool[pool_no].view.version]
            views = await pool_views(tx, changed) if changed else []
        for live in maps:
            live.checked_s = now_s
        for view in views:
            self._tell(by_pool[view.pool_no], view)

    def close(self) -> None:
        """Ends all streams: the process is stopping."""
        for live in self._maps.values():
            live.channel.close()

    @staticmethod
    def _tell(live: LiveMap, view: PoolView) -> None:
        if view.version <= live.view.version:
            return  # a poll and a request read at the same time, and the other was faster
        if event := live.accept(view):
            live.channel.publish(event)

    def _forget_idle(self) -> None:
        now_s = self._clock.monotonic()
        idle = [
            show_id for show_id, live in self._maps.items() if not len(live.channel) and now_s - live.asked_s > IDLE_S
        ]
        for show_id in idle:
            del self._maps[show_id]
