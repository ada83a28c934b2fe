"""A copy in memory of all keys that begin so, which follows the store: reading it needs no network.

It is never older than the store's last word to it, and says how old that may be; while the store is away it keeps what
it has. After a gap it reads all anew, and tells what came and went as if nothing had been missed.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Self

from serai.systems.coordination.client.client import Client
from serai.systems.coordination.client.words import Gap, Item
from serai.systems.coordination.errors import Away, Compacted, Overloaded

Taken = Callable[[str, Item | None], None]
"""Told about a key: what it is now, None when it is gone. It must not fail."""


class Mirror:
    """`async with Mirror(store, "/app/") as mirror: mirror.items["/app/db_host"].value`."""

    def __init__(self, store: Client, prefix: str, taken: Taken | None = None) -> None:
        """`taken` is called for every key at the start, then for every change, in order."""
        self._store = store
        self.prefix = prefix
        self._taken = taken
        self._items: dict[str, Item] = {}
        self._task: asyncio.Task[None] | None = None
        self._turn = asyncio.Event()
        self.revision = 0
        """Up to which the copy has all."""

    @property
    def items(self) -> Mapping[str, Item]:
        """The keys as they are known."""
        return self._items

    async def __aenter__(self) -> Self:
        await self._read()
        self._task = asyncio.create_task(self._follow(), name=f"mirror {self.prefix}")
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None, "it was entered"
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def until(self, true: Callable[[], bool]) -> None:
        """Waits until something holds of the copy; looks again at each change. An error that ended it is raised."""
        assert self._task is not None, "it was entered"
        while not true():
            turn = asyncio.ensure_future(self._turn.wait())
            await asyncio.wait({turn, self._task}, return_when=asyncio.FIRST_COMPLETED)
            turn.cancel()
            if self._task.done():
                self._task.result()

    async def changed(self) -> None:
        """Waits for the next change."""
        before = self.revision
        await self.until(lambda: self.revision > before)

    async def _follow(self) -> None:
        while True:
            watching = self._store.watching(self.prefix, start_revision=self.revision + 1)
            async for told in watching.tell():
                if isinstance(told, Gap):
                    break
                self._take(told.key, None if told.deleted else told.item)
                self._at(told.revision)
            await self._read_again()

    async def _read_again(self) -> None:
        while True:
            try:
                await self._read()
            except (Away, Overloaded, Compacted):
                await asyncio.sleep(self._store.wire.deadlines.pause_s)
            else:
                return

    async def _read(self) -> None:
        items, revision = await self._store.all(self.prefix)
        for key in self._items.keys() - items.keys():
            self._take(key, None)
        for key, item in items.items():
            if self._items.get(key) != item:
                self._take(key, item)
        self._at(revision)

    def _take(self, key: str, item: Item | None) -> None:
        if item is None:
            self._items.pop(key, None)
        else:
            self._items[key] = item
        if self._taken is not None:
            self._taken(key, item)

    def _at(self, revision: int) -> None:
        self.revision = revision
        self._turn.set()
        self._turn = asyncio.Event()
