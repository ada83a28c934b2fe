"""Streams of clients that want a leader (`hasleader`) end when there is none for longer than an election takes.

It prevents a watcher on a member that is cut off from being told nothing for ever: it is to go and ask another.
"""

import asyncio
from collections.abc import Awaitable

from serai.runtime.grpc.calls import Call
from serai.systems.coordination.errors import NoLeader
from serai.systems.coordination.member import Member

LOOKS = 3
"""In a row at which nobody led."""


class Leads:
    """Looks at the lead every `every_s` while somebody wants to know; one timer for all streams."""

    def __init__(self, member: Member, every_s: float) -> None:
        self._member = member
        self._every_s = every_s
        self._wanting: set[asyncio.Future[None]] = set()
        self._looks_without = 0
        self._timer: asyncio.TimerHandle | None = None

    async def while_led(self, call: Call, work: Awaitable[None]) -> None:
        """Does it; NoLeader, if the call wants a leader and there is none any more."""
        if b"hasleader" not in call.metadata:
            await work
            return
        lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        working = asyncio.ensure_future(work)
        self._wanting.add(lost)
        self._look_later()
        try:
            await asyncio.wait((working, lost), return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                raise NoLeader
            working.result()
        finally:
            self._wanting.discard(lost)
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)

    def _look_later(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._every_s, self.look)

    def look(self) -> None:
        """Once; goes on while somebody wants to know."""
        self._timer = None
        self._looks_without = 0 if self._member.leader else self._looks_without + 1
        if self._looks_without >= LOOKS:
            for lost in self._wanting:
                if not lost.done():
                    lost.set_result(None)
        elif self._wanting:
            self._look_later()
