"""What the world of a machine cannot do.

WorldError
├── DiskFailed      a write or a sync failed: nobody knows what is there, so the process ends
│   └── DiskFull    there was no room
├── MachineHalted   the machine gave up and said why
└── PeerGone        a peer did not answer: it may or may not have done what it was asked
    └── PeerAway    it was not even asked
"""

from serai.kernel.errors import SeraiError, Unavailable


class WorldError(SeraiError):
    """The root."""


class DiskFailed(WorldError):
    """A write or a sync failed. What it left is found out by the next start, from the log."""

    code = "disk_failed"
    title = "The disk refuses"


class DiskFull(DiskFailed):
    """There is no room on the disk."""

    code = "disk_full"
    title = "The disk is full"


class MachineHalted(WorldError):
    """The machine gave up."""

    code = "machine_halted"
    title = "A member cannot go on"


class PeerGone(WorldError, Unavailable):
    """A peer did not answer."""

    code = "peer_gone"
    title = "Another member does not answer"


class PeerAway(PeerGone):
    """A peer was not asked: nothing was done."""

    code = "peer_away"
