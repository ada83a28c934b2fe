"""The life of an entry on a waiting list, as a table: what is not in it cannot happen.

    waiting ──offer──▶ offered ──take──▶ taken
       │ │                │ ├──lapse──▶ lapsed
       │ └──leave──▶ left ◀─┘ (leave)
       └──end──▶ over ◀──end── offered

Entries are served in the order in which they came. An offer is a hold with a longer life; one that is not paid in time
lapses, and its seats go to the next. Who lapsed may join again, at the end of the line: nobody blocks it twice.
"""

from collections.abc import Mapping
from enum import StrEnum

from serai.systems.allocation.api import ClaimState

OFFER_HOLDER = "waiting:"
"""How the holder of a claim begins that is an offer; the entry's id follows."""


class EntryState(StrEnum):
    """Where an entry stands."""

    WAITING = "waiting"
    OFFERED = "offered"
    TAKEN = "taken"
    LAPSED = "lapsed"
    LEFT = "left"
    OVER = "over"


class Move(StrEnum):
    """What can happen to an entry."""

    OFFER = "offer"
    TAKE = "take"
    LAPSE = "lapse"
    LEAVE = "leave"
    END = "end"


MOVES: Mapping[tuple[EntryState, Move], EntryState] = {
    (EntryState.WAITING, Move.OFFER): EntryState.OFFERED,
    (EntryState.WAITING, Move.LEAVE): EntryState.LEFT,
    (EntryState.WAITING, Move.END): EntryState.OVER,
    (EntryState.OFFERED, Move.TAKE): EntryState.TAKEN,
    (EntryState.OFFERED, Move.LAPSE): EntryState.LAPSED,
    (EntryState.OFFERED, Move.LEAVE): EntryState.LEFT,
    (EntryState.OFFERED, Move.END): EntryState.OVER,
}
"""Every legal move and where it leads."""

LIVE = frozenset({EntryState.WAITING, EntryState.OFFERED})
"""Entries that can still get seats; one of them an e-mail address and show."""


def after(state: EntryState, move: Move) -> EntryState | None:
    """The state that the move leads to, or None if there is no such move."""
    return MOVES.get((state, move))


def meaning(claim: ClaimState, expired: bool) -> Move | None:
    """What the claim behind an offer means for its entry; None while it is undecided.

    `expired`: the claim's time is over by the database's clock, swept or not.
    """
    if claim in (ClaimState.CONFIRMED, ClaimState.CANCELLED):
        return Move.TAKE  # a booking that was cancelled since had been bought
    if claim in (ClaimState.RELEASED, ClaimState.EXPIRED):
        return Move.LAPSE
    return Move.LAPSE if claim is ClaimState.HELD and expired else None


def diagram() -> str:
    """The table as a Mermaid state diagram, for the docs."""
    lines = ["stateDiagram-v2", "    [*] --> waiting"]
    lines += [f"    {state.value} --> {to.value}: {move.value}" for (state, move), to in MOVES.items()]
    return "\n".join([*lines, *(f"    {state.value} --> [*]" for state in EntryState if state not in LIVE)])
