"""The life of a request to bring a number along or take it away, as a table."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from serai.kernel.errors import Conflict
from serai.kernel.ids import Capability


class Direction(StrEnum):
    """Whither the number goes, seen from us."""

    IN = "in"
    OUT = "out"


class PortingState(StrEnum):
    """Where a request stands."""

    REQUESTED = "requested"
    ACCEPTED = "accepted"
    COMPLETED = "completed"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class PortingMove(StrEnum):
    """What can happen to it."""

    ACCEPT = "accept"
    COMPLETE = "complete"
    REJECT = "reject"
    WITHDRAW = "withdraw"


MOVES: Mapping[tuple[PortingState, PortingMove], PortingState] = {
    (PortingState.REQUESTED, PortingMove.ACCEPT): PortingState.ACCEPTED,
    (PortingState.REQUESTED, PortingMove.REJECT): PortingState.REJECTED,
    (PortingState.REQUESTED, PortingMove.WITHDRAW): PortingState.WITHDRAWN,
    (PortingState.ACCEPTED, PortingMove.COMPLETE): PortingState.COMPLETED,
    (PortingState.ACCEPTED, PortingMove.REJECT): PortingState.REJECTED,
    (PortingState.ACCEPTED, PortingMove.WITHDRAW): PortingState.WITHDRAWN,
}
"""Every legal move and where it leads. The number itself moves when the request is completed."""


class IllegalPortingMove(Conflict):
    """The request is in a state from which this does not lead anywhere."""

    code = "illegal_porting_move"
    title = "The porting request cannot do that now"


def after(state: PortingState, move: PortingMove) -> PortingState:
    """The state that the move leads to; raises IllegalPortingMove if the table has none."""
    to = MOVES.get((state, move))
    if to is None:
        raise IllegalPortingMove(f"A porting request that is {state.value} cannot be moved on by {move.value}.")
    return to


@dataclass(frozen=True, slots=True)
class Porting:
    """A request as the table has it."""

    porting_id: UUID
    key: bytes
    direction: Direction
    number: int
    state: PortingState
    carrier: str
    name: str
    reason: str
    created_at: datetime

    @property
    def capability(self) -> Capability:
        """Opens and withdraws it."""
        return Capability(self.porting_id, self.key)
