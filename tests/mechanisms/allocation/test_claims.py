"""The table of moves is complete, its drawing is the documentation's, and what is not in it is refused."""

import runpy
from itertools import product
from pathlib import Path

import pytest

from serai.mechanisms.allocation.claims import (
    MOVES,
    NEEDS_ALL_UNITS,
    UNIT_AFTER,
    ClaimState,
    IllegalMove,
    Move,
    UnitState,
    after,
    diagram,
)

ROOT = Path(__file__).parents[3]
ILLEGAL = sorted(set(product(ClaimState, Move)) - set(MOVES))


@pytest.mark.parametrize(("state", "move"), ILLEGAL)
def test_every_pair_outside_the_table_is_refused_by_name(state: ClaimState, move: Move) -> None:
    with pytest.raises(IllegalMove, match=rf"{state.value} cannot {move.value}"):
        after(state, move)


def test_the_table_is_the_one_of_the_specification() -> None:
    said = {f"{state} {move} {to}" for (state, move), to in MOVES.items()}
    assert said == {
        "held extend held",
        "held pay paying",
        "held release released",
        "held expire expired",
        "paying decline held",
        "paying confirm confirmed",
        "paying release released",
        "paying expire expired",
        "paying doubt unknown",
        "unknown confirm confirmed",
        "unknown release released",
        "confirmed cancel cancelled",
    }
    assert all(after(state, move) is to for (state, move), to in MOVES.items())


def test_every_state_is_reached_and_says_what_its_units_are() -> None:
    reached = {ClaimState.HELD}
    for _ in ClaimState:
        reached |= {to for (state, _), to in MOVES.items() if state in reached}
    assert reached == set(ClaimState) == set(UNIT_AFTER)
    assert {state for state in ClaimState if UNIT_AFTER[state] is UnitState.SOLD} == {ClaimState.CONFIRMED}


def test_only_giving_up_is_content_with_a_part() -> None:
    assert set(Move) - NEEDS_ALL_UNITS == {Move.RELEASE, Move.EXPIRE}


def test_a_final_state_leads_nowhere() -> None:
    finals = {line.split()[0] for line in diagram().splitlines() if line.endswith("--> [*]")}
    assert finals == {"released", "expired", "cancelled"}


def test_the_reference_page_is_what_its_generator_writes() -> None:
    tool = runpy.run_path(str(ROOT / "tools" / "write_claims_reference.py"))
    assert tool["PAGE"].read_text() == tool["page"](), "run python tools/write_claims_reference.py"
