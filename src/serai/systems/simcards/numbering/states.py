"""The life of a number as a table: what is not in it cannot happen.

It prevents a number from being sold while its last owner's accounts still hang on it: what comes back rests in
quarantine, and only time leads from there to the shop (a study of US carriers found most of the numbers on offer
recycled, and open to taking over somebody's accounts).
"""

from collections.abc import Mapping
from enum import StrEnum

from serai.kernel.errors import Conflict


class NumberState(StrEnum):
    """Where a number stands."""

    PLANNED = "planned"
    AVAILABLE = "available"
    HELD = "held"
    SOLD = "sold"
    ACTIVE = "active"
    PORTED_OUT = "ported_out"
    QUARANTINE = "quarantine"
    RETIRED = "retired"


class NumberMove(StrEnum):
    """What can happen to a number."""

    OPEN = "open"
    HOLD = "hold"
    LET_GO = "let_go"
    SELL = "sell"
    ACTIVATE = "activate"
    RETURN = "return"
    PORT_OUT = "port_out"
    PORT_BACK = "port_back"
    REST = "rest"
    RELEASE = "release"
    RETIRE = "retire"


_S, _M = NumberState, NumberMove

MOVES: Mapping[tuple[NumberState, NumberMove], NumberState] = {
    (_S.PLANNED, _M.OPEN): _S.AVAILABLE,
    (_S.AVAILABLE, _M.HOLD): _S.HELD,
    (_S.AVAILABLE, _M.RETIRE): _S.RETIRED,
    (_S.HELD, _M.LET_GO): _S.AVAILABLE,
    (_S.HELD, _M.SELL): _S.SOLD,
    (_S.SOLD, _M.ACTIVATE): _S.ACTIVE,
    (_S.SOLD, _M.RETURN): _S.QUARANTINE,
    (_S.ACTIVE, _M.RETURN): _S.QUARANTINE,
    (_S.ACTIVE, _M.PORT_OUT): _S.PORTED_OUT,
    (_S.PORTED_OUT, _M.PORT_BACK): _S.ACTIVE,
    (_S.PORTED_OUT, _M.REST): _S.QUARANTINE,
    (_S.QUARANTINE, _M.RELEASE): _S.AVAILABLE,
    (_S.QUARANTINE, _M.RETIRE): _S.RETIRED,
}
"""Every legal move and where it leads. Until a number is sold, its unit at allocation is its state."""


class IllegalNumberMove(Conflict):
    """The number is in a state from which this does not lead anywhere."""

    code = "illegal_number_move"
    title = "The number cannot do that now"


def after(state: NumberState, move: NumberMove) -> NumberState:
    """The state that the move leads to; raises IllegalNumberMove if the table has none."""
    to = MOVES.get((state, move))
    if to is None:
        raise IllegalNumberMove(f"A number that is {state.value} cannot {move.value.replace('_', ' ')}.")
    return to


def diagram() -> str:
    """The table as a Mermaid state diagram, for the docs."""
    lines = ["stateDiagram-v2", "    [*] --> planned", "    [*] --> active: port_in"]
    lines += [f"    {state.value} --> {to.value}: {move.value}" for (state, move), to in MOVES.items()]
    return "\n".join([*lines, "    retired --> [*]"])
