"""The watches of a member as its handlers see them: the hub of the state, with somebody who waits.

It prevents a watch that stays behind for ever: whenever a client has taken something, or a round of commands is done,
those that are behind go on, a bounded part of the history at a time, with everything else in between. And a watch that
outlives the right to read its range: rights are looked at again whenever they have changed.
"""

import asyncio

from serai.systems.coordination.errors import BY_CODE, Stopped, TooManyWatches, WatchIdInUse
from serai.systems.coordination.member import NOBODY, Caller
from serai.systems.coordination.state.machine import State
from serai.systems.coordination.state.streams import Stream
from serai.systems.coordination.state.words import Delivery, Fault, Range, WatchSpec

WATCHES_MAX = 200_000
"""Of one member."""


class Watchers:
    """All streams of a member. `look` is to be called after each round of commands, `close` at the end."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._waiting: dict[Stream, asyncio.Future[None]] = {}
        self._looking = False
        self.stopped = False

    def open(self) -> "Watching":
        """For one client connection."""
        return Watching(self, self._state)

    def look(self) -> None:
        """Wakes whoever was told something, and lets those that are behind go on."""
        hub = self._state.hub
        if hub.catch_up():
            self.look_soon()
        for stream in hub.ready:
            self._wake(stream)
        hub.ready.clear()

    def look_soon(self) -> None:
        """After what is under way now."""
        if not self._looking:
            self._looking = True
            asyncio.get_running_loop().call_soon(self._look)

    def _look(self) -> None:
        self._looking = False
        if not self.stopped:
            self.look()

    def _wake(self, stream: Stream) -> None:
        waiting = self._waiting.get(stream)
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    async def told(self, stream: Stream) -> None:
        """Waits until something is told to the stream. Stopped."""
        if self.stopped:
            raise Stopped
        assert stream not in self._waiting, "one reader a stream"
        self._waiting[stream] = waiting = asyncio.get_running_loop().create_future()
        try:
            await waiting
        finally:
            del self._waiting[stream]
        if self.stopped:
            raise Stopped

    def close(self) -> None:
        """Nobody is told anything any more."""
        self.stopped = True
        for stream in self._waiting:
            self._wake(stream)


class Watching:
    """Implements `member.WatchStream`."""

    def __init__(self, watchers: Watchers, state: State) -> None:
        self._watchers = watchers
        self._state = state
        self._stream = state.hub.open()
        self._free = 0
        self._users: dict[int, str] = {}
        """Who asked for a watch, by its id."""
        self._checked = state.door.access.revision
        """The revision of the rights by which all of them are allowed."""

    def create(self, spec: WatchSpec, watch_id: int = 0, caller: Caller = NOBODY) -> int:
        """As the port says."""
        self._check_again()
        refusal = self._refusal(spec, caller.user, caller.auth_revision)
        if refusal is not None:
            raise BY_CODE[refusal.code](refusal.detail)
        if watch_id in self._stream.watches and watch_id:
            raise WatchIdInUse(f"watch {watch_id} is there")
        if self._state.hub.watches >= WATCHES_MAX:
            raise TooManyWatches(f"this member has {WATCHES_MAX} watches; ask another")
        while not watch_id and self._free in self._stream.watches:
            self._free += 1
        number = watch_id or self._free
        self._state.hub.create(self._stream, number, spec)
        self._users[number] = caller.user
        self._watchers.look_soon()
        return number

    def _refusal(self, spec: WatchSpec, user: str, auth_revision: int) -> Fault | None:
        return self._state.door.refusal(user, auth_revision, Range(spec.key, spec.range_end))

    def _check_again(self) -> None:
        """Whoever may not read a range any more is told no more of it: rights have changed since the watch began."""
        revision = self._state.door.access.revision
        if revision == self._checked:
            return
        self._checked = revision
        for number, watch in list(self._stream.watches.items()):
            refusal = self._refusal(watch.spec, self._users.get(number, ""), revision)
            if refusal is not None:
                self.cancel(number)
                self._stream.tell(Delivery(number, self._state.space.revision, canceled=BY_CODE[refusal.code].etcd))

    def cancel(self, watch_id: int) -> bool:
        """As the port says."""
        there = self._state.hub.cancel(self._stream, watch_id)
        if there:
            self._users.pop(watch_id, None)
            self._stream.forget(watch_id)
            self._watchers.look_soon()
        return there

    def ask_progress(self) -> None:
        """As the port says."""
        self._state.hub.ask_progress(self._stream)
        self._watchers.look_soon()

    async def next(self) -> Delivery:
        """As the port says."""
        while (delivery := self.take()) is None:
            await self._watchers.told(self._stream)
        return delivery

    def take(self) -> Delivery | None:
        """As the port says."""
        self._check_again()
        if self._stream.full:
            self._watchers.look_soon()  # there is room now
        return self._stream.take()

    def close(self) -> None:
        """As the port says."""
        self._state.hub.close(self._stream)
