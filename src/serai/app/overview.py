"""What the home page says: each system's figure, and how the parts of the platform are.

Every open home page asks every few seconds, so one reading serves all of them.
"""

import asyncio
from collections.abc import Sequence
from urllib.parse import urlsplit

import psycopg
from starlette.requests import Request

from serai.app.assembly import Built
from serai.app.lives import ENDED, SERVING, State
from serai.app.status import ChildStatus, running_status
from serai.kernel.errors import SeraiError
from serai.runtime.system import Figure, World
from serai.web.tiles import Health, Home, Tile, TileState

FRESH_S = 2.0
"""A reading is at most so old."""

CHILDREN = {
    "gateway": ("Gateway", "wallet"),
    "mailbox": ("Mailbox", "inbox"),
    "coordination": ("Coordination", "network"),
    "jobs": ("Jobs", "layers"),
    "web": ("Web", "globe"),
}
"""The supervisor's children that people care about: title and icon. PostgreSQL is asked itself."""


class Overview:
    """Reads the home page's content, at most every FRESH_S."""

    def __init__(self, world: World, built: Sequence[Built]) -> None:
        self._world = world
        self._built = built
        self._read_s = float("-inf")
        self._home = Home((), ())
        self._reading = asyncio.Lock()

    async def read(self, _request: Request) -> Home:
        """The latest reading."""
        async with self._reading:
            now_s = self._world.clock.monotonic()
            if now_s - self._read_s > FRESH_S:
                self._home = await self._look()
                self._read_s = now_s
        return self._home

    async def _look(self) -> Home:
        database = await self._database()
        answers = database.state is TileState.READY
        figures = await asyncio.gather(*(_figure(each) if answers else _nothing() for each in self._built))
        running = await asyncio.to_thread(running_status, self._world.data)
        state = TileState.READY if answers else TileState.DOWN
        tiles = tuple(
            Tile(one.system.name, one.system.title, one.system.summary, one.system.icon, one.system.home, state, figure)
            for one, figure in zip(self._built, figures, strict=True)
        )
        return Home(_products_first(self._built, tiles), (database, *_parts(running.children if running else ())))

    async def _database(self) -> Health:
        """PostgreSQL, by a query, whoever runs it."""
        clock = self._world.clock
        before_s = clock.monotonic()
        try:
            async with self._world.database.transaction(None) as tx:
                await tx.fetch("select 1")
        except (SeraiError, psycopg.Error):
            return Health("PostgreSQL", TileState.DOWN, "does not answer", "database")
        took_ms = max(1, round((clock.monotonic() - before_s) * 1000))
        return Health("PostgreSQL", TileState.READY, f"answers in {took_ms} ms", "database")


async def _figure(built: Built) -> Figure | None:
    if built.parts.figure is None:
        return None
    try:
        return await built.parts.figure()
    except (SeraiError, psycopg.Error):
        return None  # the tile stays, without its number


async def _nothing() -> None:
    return None


def _products_first(built: Sequence[Built], tiles: Sequence[Tile]) -> tuple[Tile, ...]:
    """Systems with a design of their own before those that carry them."""
    ranked = sorted(zip(built, tiles, strict=True), key=lambda pair: pair[0].system.design is None)
    return tuple(tile for _, tile in ranked)


def _parts(children: Sequence[ChildStatus]) -> list[Health]:
    found = []
    for name, (title, icon) in CHILDREN.items():
        group = [child for child in children if child.name.partition("-")[0] == name]
        if group:
            state = next((each for each in _WORST_FIRST if each in {_state(child) for child in group}), TileState.READY)
            found.append(Health(title, state, _detail(group), icon))
    return found


_WORST_FIRST = (TileState.DOWN, TileState.STARTING)


def _state(child: ChildStatus) -> TileState:
    if child.state in SERVING:
        return TileState.READY
    return TileState.DOWN if child.state in ENDED | {State.RESTARTING} else TileState.STARTING


def _detail(group: Sequence[ChildStatus]) -> str:
    restarts = sum(child.restarts for child in group)
    if restarts:
        return f"restarted {restarts} times" if restarts > 1 else "restarted once"
    if len(group) > 1:
        return f"{len(group)} processes"
    return urlsplit(group[0].url).netloc or "runs"
