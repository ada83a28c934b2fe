"""What consensus refuses, and whose fault it is. Nothing here is retried blindly: each says what to do.

ConsensusError
├── RefusedMessage       a peer's fault: it sent what no correct member sends; the message is dropped
├── BadFrame             a peer's or the wire's fault: bytes that do not add up; the connection is closed
├── ChangeRefused        the caller's: this change of members cannot be made now
├── DamagedLog           the disk's: a record that was durable is no longer readable; the member does not start
├── DamagedSnapshot      the disk's: likewise for a snapshot
└── SafetyBroken         ours or a doubled member's: two leaders in one term; the process ends
"""

from serai.kernel.errors import Conflict, Invalid, Misconfigured, SeraiError

REPAIR = (
    "Do not delete the file alone: this member may have promised what it says. Remove the member from its group, empty "
    "its data directory and let it join anew under another name; a group of one is restored from a backup."
)


class ConsensusError(SeraiError):
    """The root of what consensus refuses."""


class RefusedMessage(ConsensusError, Invalid):
    """A message that no correct member of this group sends."""

    code = "consensus_message_refused"
    title = "A peer sent a message that makes no sense"


class BadFrame(ConsensusError, Invalid):
    """Bytes from a peer whose checksum, length or content is wrong."""

    code = "consensus_bad_frame"
    title = "A peer sent bytes that cannot be read"


class ChangeRefused(ConsensusError, Conflict):
    """A change of the members that cannot be made now."""

    code = "consensus_change_refused"
    title = "The members cannot be changed so"


class DamagedLog(ConsensusError, Misconfigured):
    """A part of the log that was durable is missing or altered."""

    code = "consensus_log_damaged"
    title = "The log on the disk is damaged"

    @classmethod
    def at(cls, file: str, offset: int, what: str) -> "DamagedLog":
        """Names the file, the byte and what is wrong there, and the way to repair."""
        return cls(f"{file} is damaged at byte {offset}: {what}. {REPAIR}", extra={"file": file, "offset": offset})


class DamagedSnapshot(ConsensusError, Misconfigured):
    """A snapshot that the log counts on is missing or altered."""

    code = "consensus_snapshot_damaged"
    title = "A snapshot on the disk is damaged"

    @classmethod
    def at(cls, file: str, what: str) -> "DamagedSnapshot":
        """Names the file and what is wrong with it, and the way to repair."""
        return cls(f"{file} is damaged: {what}. {REPAIR}", extra={"file": file})


class SafetyBroken(ConsensusError):
    """What Raft makes impossible was seen: going on could answer two clients differently."""

    code = "consensus_safety_broken"
    title = "The group contradicts itself"
