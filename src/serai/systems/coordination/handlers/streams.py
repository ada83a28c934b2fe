"""When streams end that would go on for ever: when the member stops, and, of clients that want a leader (`hasleader`),
when there is none for longer than an election takes.

It prevents a watcher on a member that is cut off from being told nothing for ever (it is to go and ask another), and a
stop that waits for streams which nobody ends.
"""

import asyncio
from collections.abc import Awaitable

from serai.runtime.grpc.calls import Call
from serai.systems.coordination.errors import CoordinationError, NoLeader, Stopped
from serai.systems.coordination.member import Member

LOOKS = 3
"""In a row at which nobody led."""


class Streams:
    """Those that are open. One timer looks at the lead every `every_s` while somebody wants to know."""

    def __init__(self, member: Member, every_s: float) -> None:
        self._member = member
        self._every_s = every_s
        self._open: dict[asyncio.Future[CoordinationError], bool] = {}
        """What ends each, and whether it wants a leader."""
        self._wanting = 0
        """Those that want a leader."""
        self._looks_without = 0
        self._timer: asyncio.TimerHandle | None = None
        self._stopped = False

    async def run(self, call: Call, work: Awaitable[None]) -> None:
        """Does what a stream is for. Stopped, NoLeader."""
        end: asyncio.Future[CoordinationError] = asyncio.get_running_loop().create_future()
        working = asyncio.ensure_future(work)
        wants = b"hasleader" in call.metadata
        self._open[end] = wants
        self._wanting += wants
        if self._stopped:
            end.set_result(Stopped())
        self._look_later()
        try:
            await asyncio.wait((working, end), return_when=asyncio.FIRST_COMPLETED)
            if end.done():
                raise end.result()
            working.result()
        finally:
            del self._open[end]
            self._wanting -= wants
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)

    def _look_later(self) -> None:
        if self._timer is None and self._wanting:
            self._timer = asyncio.get_running_loop().call_later(self._every_s, self._look)

    def _look(self) -> None:
        self._timer = None
        self._looks_without = 0 if self._member.leader else self._looks_without + 1
        if self._looks_without >= LOOKS:
            self._end(NoLeader(), [end for end, wants in self._open.items() if wants])
        self._look_later()

    def stop(self) -> None:
        """All of them end, and so does whichever comes."""
        self._stopped = True
        self._end(Stopped(), list(self._open))
        if self._timer is not None:
            self._timer.cancel()

    def _end(self, why: CoordinationError, ends: list[asyncio.Future[CoordinationError]]) -> None:
        for end in ends:
            if not end.done():
                end.set_result(why)
