"""Writes docs/reference/claims.md from the table of moves, so that the drawing cannot lie. A test compares."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "src"))

from serai.mechanisms.allocation import external  # noqa: E402  # the same
from serai.mechanisms.allocation.claims import (  # noqa: E402  # the package may not be installed
    MOVES,
    NEEDS_ALL_UNITS,
    UNIT_AFTER,
    ClaimState,
    Move,
    diagram,
)

PAGE = ROOT / "docs" / "reference" / "claims.md"

OPENING = """# The life of a claim

A claim is somebody's right to scarce things: seats, numbers, places in a hall. It moves only along these lines; every
other move is refused with `illegal_claim_move`. This page is written by `python tools/write_claims_reference.py`.
"""

EXTERNAL = """## Lines that a provider keeps

A line of a claim may be at somebody else: a flight, a room of another chain. It is written before its provider hears of
it, each call carries the line's own id, and whoever finds a line whose call may have been made asks first. A line that
is refused ends its claim. `kept` means that the provider will not take it back: a person has to speak with it.
"""


def page() -> str:
    """The whole page."""
    return "\n".join(
        [
            OPENING,
            "```mermaid",
            diagram(),
            "```",
            "",
            "| move | from | to | its units become | needs all its units |",
            "|---|---|---|---|---|",
            *(_row(state, move, to) for (state, move), to in MOVES.items()),
            "",
            "A held unit whose time is over is free to the next buyer, swept or not. A move that needs all units fails",
            "with `claim_lost` if another buyer has taken one since; the others act on what the claim still has.",
            "",
            EXTERNAL,
            "```mermaid",
            external.diagram(),
            "```",
            "",
            "| move of the claim | all its external lines must be |",
            "|---|---|",
            *(f"| {move.value} | {state.value} |" for move, state in external.NEEDS.items()),
            *(f"| {move.value} | in any state; live ones go back |" for move in sorted(external.DROPS)),
            "",
        ]
    )


def _row(state: ClaimState, move: Move, to: ClaimState) -> str:
    needs = "yes" if move in NEEDS_ALL_UNITS else "no"
    return f"| {move.value} | {state.value} | {to.value} | {UNIT_AFTER[to].value} | {needs} |"


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page())
