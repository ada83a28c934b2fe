"""The numbers of a group, each with its unit, the reason of its default, and what goes wrong at the extremes.

A bound that nobody named is the failure prevented here: an unbounded queue to a slow follower, a vote every few
milliseconds on a busy machine.
"""

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class Settings:
    """How patient and how generous a member is. All members of a group should agree on the times."""

    heartbeat_s: float = 0.1
    """How often a leader is heard when it has nothing to say. About ten round trips of the network."""
    election_s: float = 1.0
    """A follower that heard nothing for this long, up to twice as long by chance, asks whether it may stand. Ten
    heartbeats: one that is lost, or a slow fsync, is no reason for an election."""
    append_bytes_max: int = 1 * MIB
    """Bytes of entries in one message; a single larger entry still travels alone."""
    inflight_messages_max: int = 64
    """Messages sent to one follower and not yet acknowledged: pipelining without flooding."""
    inflight_bytes_max: int = 8 * MIB
    """The same in bytes."""
    entry_bytes_max: int = 8 * MIB
    """A larger proposal is refused: it would hold up all others."""
    batch_bytes_max: int = 1 * MIB
    """Proposals that wait for the disk are admitted early when they come to this many bytes."""
    uncommitted_bytes_max: int = 64 * MIB
    """Proposals beyond this are refused as busy, so that a leader without a majority does not fill its memory."""
    client_wait_s: float = 2.0
    """A read that has waited so long for a majority, a leader's word or the entries that it must see, is given up; so
    is a hand-over whose outcome is not heard of."""
    disk_wait_s: float = 5.0
    """A leader whose disk has not finished a write for so long steps down: another member's disk may be well. Much
    longer than a slow fsync, since each change of the lead costs an election time."""
    snapshot_chunks_in_flight_max: int = 4
    """Chunks of a snapshot that are sent ahead of the receiver's acknowledgement."""
    snapshot_every_bytes: int = 64 * MIB
    """Log written since the last snapshot after which a new one is made. Smaller: quicker restarts, more writing."""
    segment_bytes_max: int = 16 * MIB
    """A segment of the log is closed at this size; only whole segments are removed."""
    keep_entries: int = 5_000
    """Entries kept in memory behind a snapshot, so that a follower a little late needs no snapshot."""
    learner_lag_max: int = 1_000
    """Entries that a learner may lack and still be made a voter; more would stall commits until it has them."""
    lease_reads: bool = False
    """Reads without asking the others while a lease holds. Saves a round trip; wrong if clocks run apart by more than
    clock_drift_s within an election time, so it is off unless chosen."""
    clock_drift_s: float = 0.2
    """Taken off the lease."""

    @property
    def tick_s(self) -> float:
        """How often deadlines are looked at."""
        return self.heartbeat_s / 2

    def validate(self) -> list[str]:
        """Every problem, in words; empty if there is none."""
        problems = [f"{name} must be positive" for name in self.__slots__ if not _fits(name, getattr(self, name))]
        if self.election_s < 3 * self.heartbeat_s:
            problems.append(f"election_s ({self.election_s}) must be at least three times heartbeat_s")
        if self.lease_reads and self.clock_drift_s >= self.election_s:
            problems.append(f"clock_drift_s ({self.clock_drift_s}) must be below election_s for lease reads")
        return problems


def _fits(name: str, value: float) -> bool:
    return value > 0 or name in {"lease_reads", "keep_entries", "learner_lag_max", "clock_drift_s"}
