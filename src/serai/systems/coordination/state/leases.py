"""Leases: keys that end together. Which there are is in the log; when one ends is the leader's clock alone.

It prevents a lease that ends at different entries on different members: nobody looks at a clock while applying. It
prevents three mistakes of clocks too: a new leader gives every lease what its last checkpoint says, or all of its time;
a leader that stood still (a paused process, a disk that hung) gives them all that time back before it ends any; and a
lease whose end is proposed cannot be renewed any more, so nobody holds one that is about to go.
"""

from collections.abc import Iterable
from heapq import heapify, heappop, heappush

import msgspec

from serai.systems.coordination.state import layout
from serai.systems.coordination.state.buffered import Buffered
from serai.systems.coordination.state.words import Checkpoint, Fault, Grant, LeaseResult

TTL_MAX_S = 9_000_000_000
PAUSE_MAX_S = 1.0
"""A leader that was not asked for longer has stood still."""
CHECKPOINT_EVERY_S = 60.0
"""How often what is left is written down; a lease whose time is shorter than this begins anew with a new leader."""
CHECKPOINTS_MAX = 1_000
"""Leases in one checkpoint."""


class Lease(msgspec.Struct, frozen=True, array_like=True):
    """As it was granted; `remaining_s` is what the last checkpoint left of it, 0 if there was none."""

    id: int
    ttl_s: int
    remaining_s: int = 0

    @property
    def left_s(self) -> int:
        """What a new leader gives it."""
        return self.remaining_s or self.ttl_s


_encode = msgspec.msgpack.Encoder().encode
_read: msgspec.msgpack.Decoder[Lease] = msgspec.msgpack.Decoder(Lease)


class Leases:
    """All that are granted, also in memory: there are far fewer of them than keys."""

    def __init__(self, records: Buffered) -> None:
        self._records = records
        self.granted: dict[int, Lease] = {}
        self.reload()

    def reload(self) -> None:
        """Knows what the map says."""
        found = self._records.scan(layout.LEASES, layout.after(layout.LEASES))
        leases = [_read.decode(record) for _, record in found]
        self.granted = {lease.id: lease for lease in leases}

    def grant(self, word: Grant) -> LeaseResult | Fault:
        """A new one."""
        if word.id in self.granted:
            return Fault("coordination_lease_exists", f"lease {word.id:x}")
        if word.ttl_s > TTL_MAX_S:
            return Fault("coordination_lease_too_long", f"{word.ttl_s} s; at most {TTL_MAX_S} s")
        assert word.id > 0 and word.ttl_s > 0, "whoever proposes a lease has chosen its id and rounded its time"
        self._keep(Lease(word.id, word.ttl_s))
        return LeaseResult(word.id, word.ttl_s, word.ttl_s)

    def forget(self, number: int) -> None:
        """It has ended."""
        del self.granted[number]
        self._records.delete(layout.lease(number))

    def checkpoint(self, word: Checkpoint) -> None:
        """What is left of some; those that have ended meanwhile are passed over."""
        for number, remaining_s in word.remaining_s:
            known = self.granted.get(number)
            if known is not None:
                self._keep(Lease(number, known.ttl_s, min(remaining_s, known.ttl_s)))

    def _keep(self, lease: Lease) -> None:
        self.granted[lease.id] = lease
        self._records.put(layout.lease(lease.id), _encode(lease))


class LeaseClock:
    """When leases end, as their leader sees it. Made anew with each lead, after the leader's own first entry."""

    def __init__(self, leases: Iterable[Lease], now_s: float) -> None:
        self._ends_s: dict[int, float] = {}
        self._due: list[tuple[float, int]] = []
        """A heap of ends, some of which are no longer true."""
        self._ending: set[int] = set()
        """Those whose end is proposed."""
        self._looked_s = now_s
        self._checkpoint_s = now_s + CHECKPOINT_EVERY_S
        for lease in leases:
            self.granted(lease.id, lease.left_s, now_s)

    def granted(self, number: int, ttl_s: float, now_s: float) -> None:
        """A new one, or one whose time begins anew."""
        self._ends_s[number] = now_s + ttl_s
        heappush(self._due, (now_s + ttl_s, number))

    def renew(self, lease: Lease, now_s: float) -> bool:
        """Gives it all of its time; False if its end is proposed already."""
        if lease.id in self._ending or lease.id not in self._ends_s:
            return False
        self.granted(lease.id, lease.ttl_s, now_s)
        return True

    def left_s(self, number: int, now_s: float) -> float | None:
        """What is left of it; None if it has ended or is about to."""
        if number in self._ending:
            return None
        end_s = self._ends_s.get(number)
        return None if end_s is None else max(0.0, end_s - now_s)

    def forget(self, number: int) -> None:
        """It has ended."""
        self._ends_s.pop(number, None)
        self._ending.discard(number)

    def spare(self, number: int) -> None:
        """Its end was proposed and did not come to be: it is due again."""
        if number in self._ending:
            self._ending.discard(number)
            heappush(self._due, (self._ends_s[number], number))

    def due(self, now_s: float, most: int) -> list[int]:
        """Leases whose time is over, each told once; their end is to be proposed."""
        self._notice_pause(now_s)
        found: list[int] = []
        while self._due and self._due[0][0] <= now_s and len(found) < most:
            end_s, number = heappop(self._due)
            if self._ends_s.get(number) == end_s and number not in self._ending:
                self._ending.add(number)
                found.append(number)
        return found

    def _notice_pause(self, now_s: float) -> None:
        paused_s, self._looked_s = now_s - self._looked_s, now_s
        if paused_s > PAUSE_MAX_S:
            self._ends_s = {number: end_s + paused_s for number, end_s in self._ends_s.items()}
            self._due = [(end_s, number) for number, end_s in self._ends_s.items() if number not in self._ending]
            heapify(self._due)

    def checkpoint(self, leases: Iterable[Lease], now_s: float) -> Checkpoint | None:
        """What is left of long leases, when it is time to write it down."""
        if now_s < self._checkpoint_s:
            return None
        self._checkpoint_s = now_s + CHECKPOINT_EVERY_S
        left = [(lease.id, self.left_s(lease.id, now_s)) for lease in leases if lease.ttl_s > CHECKPOINT_EVERY_S]
        known = [(number, int(left_s) + 1) for number, left_s in left if left_s is not None]
        return Checkpoint(tuple(known[:CHECKPOINTS_MAX])) if known else None
