"""Watches of one client, and what waits for it: bounded in bytes, in order, several revisions in one delivery.

It prevents a client that does not read from filling the memory, and one that reads slowly from being sent a message for
every revision while many wait.
"""

from collections import deque
from dataclasses import dataclass, field

import msgspec

from serai.systems.coordination.state.limits import Limits
from serai.systems.coordination.state.words import Delivery, EventKind, KeyEvent, WatchSpec

EVENT_OVERHEAD_BYTES = 96


@dataclass(slots=True, eq=False)
class Watch:
    """One watch. It has been told of everything before `next_revision`, and, while it is not behind, of everything."""

    id: int
    spec: WatchSpec
    stream: "Stream"
    first: bytes
    end: bytes
    next_revision: int
    behind: bool = True
    """It must catch up from the history before it is told of what happens."""
    warned: bool = False
    """A notice that a compaction is near waits in its queue, or was the last that it was told."""

    def wants(self, kind: EventKind, key: bytes) -> bool:
        """Whether a change is one of those that it was made for."""
        unwanted = self.spec.no_put if kind is EventKind.PUT else self.spec.no_delete
        return not unwanted and self.first <= key and (not self.end or key < self.end)


@dataclass(slots=True, eq=False)
class Stream:
    """The watches of one client, and what waits for it."""

    limits: Limits
    watches: dict[int, Watch] = field(default_factory=dict)
    queue: deque[tuple[Delivery, int]] = field(default_factory=deque)
    """Each with its bytes."""
    queued_bytes: int = 0

    @property
    def full(self) -> bool:
        """No more is queued until some was taken."""
        return self.queued_bytes >= self.limits.stream_bytes_max

    @property
    def behind(self) -> bool:
        """Whether one of its watches is."""
        return any(watch.behind for watch in self.watches.values())

    def tell(self, delivery: Delivery) -> None:
        """Queues it, behind all before."""
        size = EVENT_OVERHEAD_BYTES + sum([_bytes(event) for event in delivery.events])
        self.queue.append((delivery, size))
        self.queued_bytes += size

    def take(self) -> Delivery | None:
        """The next that is to be sent: what waits for the same watch goes along."""
        if not self.queue:
            return None
        delivery, size = self._pop()
        if not _plain(delivery):
            return delivery
        events = [delivery.events]
        while self.queue:
            other, more = self.queue[0]
            if other.watch_id != delivery.watch_id or not _plain(other) or size + more > self.limits.delivery_bytes_max:
                break
            self._pop()
            delivery, size = other, size + more
            events.append(other.events)
        if len(events) == 1:
            return delivery
        return msgspec.structs.replace(delivery, events=tuple([event for some in events for event in some]))

    def forget(self, number: int) -> None:
        """What waits of one watch is sent no more."""
        waiting = [kept for kept in self.queue if kept[0].watch_id != number]
        self.queue = deque(waiting)
        self.queued_bytes = sum(size for _, size in waiting)

    def _pop(self) -> tuple[Delivery, int]:
        delivery, size = self.queue.popleft()
        self.queued_bytes -= size
        assert self.queued_bytes >= 0, "what is taken was queued"
        return delivery, size


def _plain(delivery: Delivery) -> bool:
    """Whole revisions, and nothing else."""
    return bool(delivery.events)


def _bytes(event: KeyEvent) -> int:
    size = EVENT_OVERHEAD_BYTES + len(event.kv.key) + len(event.kv.value)
    return size + len(event.prev.key) + len(event.prev.value) if event.prev else size
