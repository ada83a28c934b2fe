"""The one life of a claim on scarce things, as a table: what is not in it cannot happen.

It prevents the double sale: a seat is sold only by a claim that still holds it, and claims move only along these lines.

    held ──pay──▶ paying ──confirm──▶ confirmed ──cancel──▶ cancelled
     │ ▲            │ │ └──doubt──▶ unknown ──confirm──▶ confirmed
     │ └──decline───┘ │               └──release──▶ released
     ├──release──▶ released ◀──release──┤
     └──expire───▶ expired  ◀──expire───┘

A hold expires by itself: from its `expires_at` on, its units are free to the next buyer, swept or not. While it is
being paid, the payment's deadline stands in its place. A claim in doubt (the gateway's answer was lost) keeps its units
until the gateway has said what happened.
"""

from collections.abc import Mapping
from enum import StrEnum

from serai.kernel.errors import Conflict


class ClaimState(StrEnum):
    """Where a claim stands."""

    HELD = "held"
    PAYING = "paying"
    UNKNOWN = "unknown"
    CONFIRMED = "confirmed"
    RELEASED = "released"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class Move(StrEnum):
    """What can happen to a claim."""

    EXTEND = "extend"
    PAY = "pay"
    DECLINE = "decline"
    DOUBT = "doubt"
    CONFIRM = "confirm"
    RELEASE = "release"
    EXPIRE = "expire"
    CANCEL = "cancel"


class UnitState(StrEnum):
    """Where one sellable thing stands. A held unit past its expiry counts as free."""

    FREE = "free"
    HELD = "held"
    SOLD = "sold"
    BLOCKED = "blocked"


MOVES: Mapping[tuple[ClaimState, Move], ClaimState] = {
    (ClaimState.HELD, Move.EXTEND): ClaimState.HELD,
    (ClaimState.HELD, Move.PAY): ClaimState.PAYING,
    (ClaimState.HELD, Move.RELEASE): ClaimState.RELEASED,
    (ClaimState.HELD, Move.EXPIRE): ClaimState.EXPIRED,
    (ClaimState.PAYING, Move.DECLINE): ClaimState.HELD,
    (ClaimState.PAYING, Move.CONFIRM): ClaimState.CONFIRMED,
    (ClaimState.PAYING, Move.RELEASE): ClaimState.RELEASED,
    (ClaimState.PAYING, Move.EXPIRE): ClaimState.EXPIRED,
    (ClaimState.PAYING, Move.DOUBT): ClaimState.UNKNOWN,
    (ClaimState.UNKNOWN, Move.CONFIRM): ClaimState.CONFIRMED,
    (ClaimState.UNKNOWN, Move.RELEASE): ClaimState.RELEASED,
    (ClaimState.CONFIRMED, Move.CANCEL): ClaimState.CANCELLED,
}
"""Every legal move and where it leads."""

UNIT_AFTER: Mapping[ClaimState, UnitState] = {
    ClaimState.HELD: UnitState.HELD,
    ClaimState.PAYING: UnitState.HELD,
    ClaimState.UNKNOWN: UnitState.HELD,
    ClaimState.CONFIRMED: UnitState.SOLD,
    ClaimState.RELEASED: UnitState.FREE,
    ClaimState.EXPIRED: UnitState.FREE,
    ClaimState.CANCELLED: UnitState.FREE,
}
"""What the units of a claim in this state are."""

NEEDS_ALL_UNITS = frozenset({Move.EXTEND, Move.PAY, Move.DECLINE, Move.CONFIRM, Move.CANCEL, Move.DOUBT})
"""Moves that promise something about every unit: they fail if another claim has taken one over.
Releasing and expiring free only the units that the claim still has."""


class IllegalMove(Conflict):
    """The claim is in a state from which this move does not lead anywhere."""

    code = "illegal_claim_move"
    title = "The hold cannot do that any more"


def after(state: ClaimState, move: Move) -> ClaimState:
    """The state that the move leads to; raises IllegalMove if the table has none."""
    to = MOVES.get((state, move))
    if to is None:
        raise IllegalMove(f"A claim that is {state.value} cannot {move.value}.")
    return to


def diagram() -> str:
    """The table as a Mermaid state diagram, for the docs."""
    lines = ["stateDiagram-v2", "    [*] --> held"]
    lines += [f"    {state.value} --> {to.value}: {move.value}" for (state, move), to in MOVES.items()]
    final = [state for state in ClaimState if not any(source is state for source, _ in MOVES)]
    return "\n".join([*lines, *(f"    {state.value} --> [*]" for state in final)])
