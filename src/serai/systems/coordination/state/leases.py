"""Leases: keys that end together. Which there are is in the log; when one ends is the leader's clock alone.

It prevents a lease that ends at different entries on different members: nobody looks at a clock while applying. It
prevents these mistakes of clocks too: a new leader gives every lease what its last checkpoint says, or all of its time;
a leader that stood still (a paused process, a stopped machine) gives them all that time back before it ends any; a
lease whose end is proposed cannot be renewed any more, so nobody holds one that is about to go; and one that is renewed
after a checkpoint is not cut short by it under the next leader.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from heapq import heapify, heappop, heappush

import msgspec

from serai.systems.coordination.state import layout
from serai.systems.coordination.state.buffered import Buffered
from serai.systems.coordination.state.limits import USUAL, Limits
from serai.systems.coordination.state.words import Checkpoint, Fault, Grant, LeaseResult

TTL_MAX_S = 9_000_000_000
PAUSE_MAX_S = 1.0
"""A leader that was not asked for longer has stood still."""
CHECKPOINTS_MAX = 1_000
"""Leases in one checkpoint; what is over waits for the next look."""


class Lease(msgspec.Struct, frozen=True, array_like=True):
    """As it was granted; `remaining_s` is what the last checkpoint left of it, 0 if there was none."""

    id: int
    ttl_s: int
    remaining_s: int = 0

    @property
    def left_s(self) -> int:
        """What a new leader gives it."""
        return self.remaining_s or self.ttl_s

    @property
    def whole(self) -> Checkpoint:
        """Takes back what a checkpoint said of it."""
        return Checkpoint(((self.id, 0),))


_encode = msgspec.msgpack.Encoder().encode
_read: msgspec.msgpack.Decoder[Lease] = msgspec.msgpack.Decoder(Lease)


class Leases:
    """All that are granted, also in memory: there are far fewer of them than keys."""

    def __init__(self, records: Buffered) -> None:
        self._records = records
        self.granted: dict[int, Lease] = {}

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
        if not word.id:
            return Fault("coordination_lease_not_found", "0 is no lease; whoever proposes one chooses its id")
        ttl_s = max(1, word.ttl_s)
        self._keep(Lease(word.id, ttl_s))
        return LeaseResult(word.id, ttl_s, ttl_s)

    def forget(self, number: int) -> None:
        """It has ended."""
        self._records.delete(layout.lease(number), _encode(self.granted.pop(number)))

    def checkpoint(self, word: Checkpoint) -> None:
        """What is left of some, 0 for all of it; those that have ended meanwhile are passed over."""
        for number, remaining_s in word.remaining_s:
            known = self.granted.get(number)
            if known is not None:
                self._keep(Lease(number, known.ttl_s, max(0, min(remaining_s, known.ttl_s))))

    def _keep(self, lease: Lease) -> None:
        before = self.granted.get(lease.id)
        self.granted[lease.id] = lease
        self._records.put(layout.lease(lease.id), _encode(lease), None if before is None else _encode(before))


class LeaseClock:
    """When leases end, as their leader sees it. Made anew with each lead, after the leader's own first entry."""

    def __init__(self, leases: Iterable[Lease], now_s: float, limits: Limits = USUAL) -> None:
        self._ends_s: dict[int, float] = {}
        self._due: list[tuple[float, int]] = []
        """A heap of ends, some of which are no longer true."""
        self._ending: set[int] = set()
        """Those whose end is proposed."""
        self._looked_s = now_s
        self._every_s = limits.checkpoint_every_s
        self._checkpoint_s = now_s + self._every_s
        self._unwritten: deque[int] = deque()
        """Leases whose checkpoint is due."""
        self._written: set[int] = set()
        """Leases that this leader has put into a checkpoint, applied or not."""
        for lease in leases:
            self.granted(lease.id, lease.left_s, now_s)

    def granted(self, number: int, ttl_s: float, now_s: float) -> None:
        """A new one, or one whose time begins anew."""
        self._ends_s[number] = now_s + ttl_s
        heappush(self._due, (now_s + ttl_s, number))

    def renew(self, lease: Lease, now_s: float) -> bool:
        """Gives it all of its time; False if its end is proposed already. Before the client hears of it, its member
        makes sure that it still leads, by a read of the log, and that the lease is not `curtailed`."""
        if lease.id in self._ending or lease.id not in self._ends_s:
            return False
        self.granted(lease.id, lease.ttl_s, now_s)
        return True

    def curtailed(self, lease: Lease) -> bool:
        """Whether the next leader would give it less than a renewal promises: then `Lease.whole` is to be done first,
        and `made_whole` said."""
        return lease.id in self._written or 0 < lease.remaining_s < lease.ttl_s

    def made_whole(self, number: int) -> None:
        """What a checkpoint said of it was taken back."""
        self._written.discard(number)

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
        self._written.discard(number)

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

    def checkpoint(self, granted: Mapping[int, Lease], now_s: float) -> Checkpoint | None:
        """What is left of the next few long leases, when it is time to write it down."""
        if now_s >= self._checkpoint_s:
            self._checkpoint_s = now_s + self._every_s
            self._unwritten = deque(number for number, lease in granted.items() if lease.ttl_s > self._every_s)
        known: list[tuple[int, int]] = []
        while self._unwritten and len(known) < CHECKPOINTS_MAX:
            number = self._unwritten.popleft()
            left_s = self.left_s(number, now_s)
            if left_s is not None:
                known.append((number, int(left_s) + 1))
                self._written.add(number)
        return Checkpoint(tuple(known)) if known else None
