"""Keeps a set of children running: starts them in the order of their needs, and stops them in reverse.

It prevents half a system: nothing starts on what does not serve yet, nothing stops under what still runs, and when one
that matters is given up, all of it stops and says why.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from serai.app.keeper import Child, Keeper
from serai.app.lives import Backoff
from serai.app.status import Status, judged, read_status, write_status
from serai.kernel.errors import SeraiError
from serai.kernel.ports import Clock
from serai.runtime.files import DirectoryLock
from serai.runtime.logfiles import LogFile
from serai.runtime.processes import stop_leftovers

LEFTOVERS_GRACE_S = 10.0
"""How long the children of a killed supervisor may take to end."""

Changed = Callable[[Status], None]


def take_over(data: Path) -> DirectoryLock:
    """Takes the data directory for this process and stops what a killed supervisor left running on it."""
    lock = DirectoryLock(data)
    if status := read_status(data):
        stop_leftovers(status.leftovers(), LEFTOVERS_GRACE_S)
    return lock


class Supervisor:
    """Runs `children` over `data`, whose lock the caller holds (`take_over`)."""

    def __init__(
        self,
        children: Sequence[Child],
        data: Path,
        clock: Clock,
        *,
        pid: int,
        version: str = "",
        url: str = "",
        changed: Changed | None = None,
        backoff: Callable[[], Backoff] = Backoff,
    ) -> None:
        assert len({child.name for child in children}) == len(children), "two children of one name"
        self._data = data
        self._clock = clock
        self._head = (pid, version, url)
        self._changed = changed
        self._started_at = _stamp(clock)
        self._ready_at = ""
        self._stopping = False
        self._given_up = asyncio.Event()
        self._written: object = None
        self._keepers = {
            child.name: Keeper(child, LogFile(data / "logs", child.name, clock), clock, backoff(), self._publish)
            for child in _in_order(children)
        }

    async def run(self, stop: asyncio.Event, ready: Callable[[], None] = lambda: None) -> None:
        """Starts everything, calls `ready` once all serve, and returns after `stop` is set and all have ended.

        Raises what made it give up: Misconfigured or ChildFailed.
        """
        lives = [asyncio.create_task(keeper.live(self._needs(keeper))) for keeper in self._keepers.values()]
        # A mistake of ours in one of the lives must end the others too, hence the third.
        over = [
            asyncio.create_task(stop.wait()),
            asyncio.create_task(self._given_up.wait()),
            asyncio.create_task(_first_mistake(lives)),
        ]
        started = asyncio.create_task(self._all_serve())
        try:
            await asyncio.wait({started, *over}, return_when=asyncio.FIRST_COMPLETED)
            if not any(task.done() for task in over):
                self._ready_at = _stamp(self._clock)
                self._publish()
                ready()
                await asyncio.wait(over, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (started, *over):
                task.cancel()
            await self._stop_all()
            await asyncio.gather(*lives)
        if failure := self._failure():
            raise failure

    def kill(self) -> None:
        """Ends every child at once, without grace. PostgreSQL recovers at its next start."""
        for keeper in self._keepers.values():
            keeper.kill()

    def status(self) -> Status:
        """Everything at this moment."""
        children = tuple(keeper.status() for keeper in self._keepers.values())
        state = judged(children, was_ready=bool(self._ready_at), stopping=self._stopping)
        pid, version, url = self._head
        return Status(state, pid, version, url, self._started_at, self._ready_at, children)

    def _needs(self, keeper: Keeper) -> list[Keeper]:
        return [self._keepers[name] for name in keeper.child.after]

    async def _all_serve(self) -> None:
        for keeper in self._keepers.values():
            await keeper.serving.wait()

    def _failure(self) -> SeraiError | None:
        """Why all must stop: one that matters was given up, or any before all of them once served."""
        found = [keeper for keeper in self._keepers.values() if keeper.failure]
        return next((keeper.failure for keeper in found if keeper.child.vital or not self._ready_at), None)

    async def _stop_all(self) -> None:
        self._stopping = True
        self._publish()
        await asyncio.gather(*(self._stop_after_its_users(keeper) for keeper in self._keepers.values()))
        self._publish()

    async def _stop_after_its_users(self, keeper: Keeper) -> None:
        for user in self._users(keeper.child.name):
            await user.ended.wait()
        keeper.ask_to_stop()
        await keeper.ended.wait()

    def _users(self, name: str) -> list[Keeper]:
        """All that stand on it, through others too: a task in between has long ended, what it prepared is in use."""
        found = {name}
        for keeper in self._keepers.values():  # in the order of needs, so one pass finds all
            if found & {*keeper.child.after}:
                found.add(keeper.child.name)
        return [self._keepers[other] for other in found - {name}]

    def _publish(self) -> None:
        """Tells the display of every change, and the file of every change of state."""
        status = self.status()
        shape = (status.state, [(child.state, child.pid) for child in status.children])
        if shape != self._written:
            self._written = shape
            with suppress(OSError):  # a full disk must not take down what runs; the display still tells
                write_status(self._data, status)
        if self._changed:
            self._changed(status)
        if self._failure():
            self._given_up.set()


async def _first_mistake(lives: Sequence[asyncio.Task[None]]) -> None:
    await asyncio.wait(lives, return_when=asyncio.FIRST_EXCEPTION)


def _in_order(children: Sequence[Child]) -> list[Child]:
    """Each after those that it needs; the given order among equals."""
    placed: dict[str, Child] = {}
    left = list(children)
    while left:
        free = [child for child in left if placed.keys() >= {*child.after}]
        assert free, f"children wait for each other or for none of these: {[child.name for child in left]}"
        placed |= {child.name: child for child in free}
        left = [child for child in left if child.name not in placed]
    return list(placed.values())


def _stamp(clock: Clock) -> str:
    return clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
