"""What a leader knows of one follower, and how much it may send before it hears back.

It prevents two failures: a slow follower that is flooded until the leader's memory is full, and a lost message after
which a leader waits for an acknowledgement that will never come.

    PROBE      where the logs part is unknown: one message, then wait for the answer or the next heartbeat's
    REPLICATE  it is known: messages are pipelined, up to a window of messages and bytes
    SNAPSHOT   what it needs is no longer in the log: chunks of a snapshot, up to a window of chunks
"""

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum

from serai.mechanisms.consensus.messages import Image
from serai.mechanisms.consensus.settings import Settings

NEVER_S = float("-inf")


class Flow(StrEnum):
    """How entries are sent."""

    PROBE = "probe"
    REPLICATE = "replicate"
    SNAPSHOT = "snapshot"


@dataclass(slots=True)
class Sending:
    """A snapshot on its way to one follower."""

    image: Image
    acknowledged: int = 0
    """Chunks that the follower says it holds."""
    sent: int = 0
    """Chunks that were sent; never below `acknowledged`."""
    acknowledged_at_beat: int = -1
    """`acknowledged` when the follower's last heartbeat came: if nothing moved in between, chunks were lost."""

    def look_after(self) -> None:
        """A heartbeat came back. If nothing moved since the last, send again what is not acknowledged, or the last
        chunk if all are: a follower that has restarted and lost them then says so."""
        if self.acknowledged == self.acknowledged_at_beat:
            self.sent = self.acknowledged = min(self.acknowledged, len(self.image.chunks) - 1)
        self.acknowledged_at_beat = self.acknowledged


@dataclass(slots=True)
class Progress:
    """One follower. match < next; match never goes back within a term."""

    next: int
    """The entry to send next."""
    heard_s: float
    """When it was last heard, by the leader's clock."""
    match: int = 0
    """The last entry that is known to be on its disk."""
    flow: Flow = Flow.PROBE
    probing: bool = False
    """In PROBE: a message is out."""
    window: deque[tuple[int, int]] = field(default_factory=deque)
    """In REPLICATE: messages that are out, as (last entry, bytes)."""
    window_bytes: int = 0
    commit_sent: int = 0
    """The commit index that it was last told with entries."""
    stamp_s: float = NEVER_S
    """The leader's clock when it sent the newest heartbeat that was answered: what a lease is counted from."""
    round: int = 0
    """The newest round of reads that it answered."""
    sending: Sending | None = None

    def may_send(self, settings: Settings) -> bool:
        """Whether the window has room."""
        if self.flow is Flow.PROBE:
            return not self.probing
        return len(self.window) < settings.inflight_messages_max and self.window_bytes < settings.inflight_bytes_max

    def sent(self, last: int, size: int) -> None:
        """Entries up to `last` are out."""
        assert last >= self.next, "a message takes the follower forward"
        if self.flow is Flow.PROBE:
            return
        self.window.append((last, size))
        self.window_bytes += size
        self.next = last + 1

    def acknowledge(self, index: int) -> bool:
        """It has everything up to `index`. Whether that is news."""
        while self.window and self.window[0][0] <= index:
            self.window_bytes -= self.window.popleft()[1]
        news = index > self.match
        self.match = max(self.match, index)
        self.next = max(self.next, self.match + 1) if self.flow is Flow.REPLICATE else self.match + 1
        if self.flow is not Flow.SNAPSHOT or self._arrived():
            self._turn(Flow.REPLICATE)
        return news

    def _arrived(self) -> bool:
        return self.sending is not None and self.match >= self.sending.image.index

    def back_to(self, index: int) -> None:
        """Its log parts from ours after `index` at the latest: look there."""
        self.next = max(self.match + 1, min(index + 1, self.next))
        self._turn(Flow.PROBE)

    def send_snapshot(self, image: Image) -> None:
        """From here on, chunks."""
        self._turn(Flow.SNAPSHOT)
        self.sending = Sending(image)

    def _turn(self, flow: Flow) -> None:
        if (self.flow, flow) == (Flow.REPLICATE, Flow.REPLICATE):
            return
        self.window.clear()
        self.window_bytes = 0
        self.flow, self.probing = flow, False
        if flow is not Flow.SNAPSHOT:
            self.sending = None

    def make_room(self, settings: Settings) -> None:
        """A heartbeat came back over a full window: what is out may be lost, so let one more message go."""
        if self.window and not self.may_send(settings):
            self.window_bytes -= self.window.popleft()[1]
