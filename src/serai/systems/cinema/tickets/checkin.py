"""Whether the door lets a ticket in: one table, so that every case was thought of once.

A ticket admits once. A scanner whose answer was lost asks again with the same nonce and gets the same yes, which must
not be taken for a second visitor; the same nonce with another ticket is a replayed or broken request.
"""

from dataclasses import dataclass
from enum import StrEnum

from serai.systems.cinema.tickets.token import Verification


class TicketState(StrEnum):
    """What the database, or the revocation list at a door without a network, says of the serial."""

    VALID = "valid"
    REVOKED = "revoked"
    """Its booking was cancelled, or it was replaced by a swap of seats."""
    UNKNOWN = "unknown"
    """Signed by us, but never issued, or of a booking that was erased."""


class Use(StrEnum):
    """What is known of earlier scans."""

    FRESH = "fresh"
    SAME_SCAN = "same_scan"
    """This nonce has admitted this very ticket: the answer was lost on its way."""
    OTHER_SCAN = "other_scan"
    """Another scan has admitted this ticket."""
    NONCE_TAKEN = "nonce_taken"
    """This nonce has admitted another ticket."""


class Outcome(StrEnum):
    """What the door is told; the same words are the error codes of the HTTP contract."""

    ADMITTED = "admitted"
    ALREADY_USED = "already_used"
    REVOKED = "revoked"
    WRONG_SHOW = "wrong_show"
    NOT_YET = "not_yet"
    BAD_SIGNATURE = "bad_signature"


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do, a stable code of why, and what the person at the door reads."""

    outcome: Outcome
    reason: str
    message: str

    @property
    def admitted(self) -> bool:
        """Whether the visitor may enter."""
        return self.outcome is Outcome.ADMITTED


@dataclass(frozen=True, slots=True)
class _Rule:
    """One line of the table; None stands for any value."""

    verification: Verification | None
    state: TicketState | None
    use: Use | None
    decision: Decision


_V, _S, _U = Verification, TicketState, Use

TABLE: tuple[_Rule, ...] = (
    # What the token itself proves comes first: of a token that is not ours, no state is even looked up.
    _Rule(
        _V.BAD_SIGNATURE, None, None, Decision(Outcome.BAD_SIGNATURE, "bad_signature", "This is not a ticket of ours.")
    ),
    _Rule(
        _V.UNKNOWN_KEY,
        None,
        None,
        Decision(
            Outcome.BAD_SIGNATURE, "unknown_key", "Signed with a key that this door does not know; load the list again."
        ),
    ),
    # Revoked comes before the wrong show or time: a cancelled ticket must not be sent on to another door.
    _Rule(None, _S.REVOKED, None, Decision(Outcome.REVOKED, "revoked", "This ticket was cancelled or replaced.")),
    _Rule(None, _S.UNKNOWN, None, Decision(Outcome.REVOKED, "unknown_ticket", "This ticket is not on record.")),
    _Rule(_V.WRONG_SHOW, None, None, Decision(Outcome.WRONG_SHOW, "wrong_show", "This ticket is for another show.")),
    _Rule(_V.EXPIRED, None, None, Decision(Outcome.WRONG_SHOW, "expired", "This ticket is for a show that is over.")),
    # A repeated scan of an admitted ticket stays admitted even if the clock of its device went back.
    _Rule(None, None, _U.SAME_SCAN, Decision(Outcome.ADMITTED, "repeated", "Admitted by this same scan.")),
    _Rule(_V.NOT_YET, None, None, Decision(Outcome.NOT_YET, "not_yet", "The doors for this show are not open yet.")),
    _Rule(None, None, _U.OTHER_SCAN, Decision(Outcome.ALREADY_USED, "already_used", "This ticket was used before.")),
    _Rule(
        None,
        None,
        _U.NONCE_TAKEN,
        Decision(Outcome.ALREADY_USED, "nonce_taken", "This scan was sent before for another ticket."),
    ),
    _Rule(_V.OK, _S.VALID, _U.FRESH, Decision(Outcome.ADMITTED, "admitted", "Welcome.")),
)


def decide(verification: Verification, state: TicketState, use: Use) -> Decision:
    """The first line of the table that fits. Every combination has one."""
    for rule in TABLE:
        fits = rule.verification in (None, verification), rule.state in (None, state), rule.use in (None, use)
        if all(fits):
            return rule.decision
    raise AssertionError(f"no rule for {verification}, {state}, {use}")
