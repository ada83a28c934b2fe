"""The life of an external line: complete, drawn from the table, and never a call that may have been made before."""

import runpy
from itertools import product
from pathlib import Path

import pytest

from serai.mechanisms.allocation.claims import Move
from serai.mechanisms.allocation.external import (
    BY_ANSWER,
    CALLS,
    DROPS,
    LIVE,
    NEEDS,
    RESTING,
    Answer,
    LineState,
    after,
    call_after_asking,
    diagram,
    pause_s,
)

ROOT = Path(__file__).parents[3]
IMPOSSIBLE = sorted(set(product(LineState, Answer)) - set(BY_ANSWER))


@pytest.mark.parametrize(("state", "answer"), IMPOSSIBLE)
def test_an_answer_outside_the_table_is_a_mistake_of_ours(state: LineState, answer: Answer) -> None:
    with pytest.raises(AssertionError, match=f"{state} cannot be told {answer}"):
        after(state, answer)


@pytest.mark.parametrize("state", CALLS)
def test_whoever_waits_can_be_told_that_nothing_is_known_and_waits_on(state: LineState) -> None:
    assert after(state, Answer.LOST) is state
    assert call_after_asking(state, Answer.LOST) is None, "what may be under way is never called again blindly"


@pytest.mark.parametrize("state", CALLS)
def test_every_call_can_come_to_rest(state: LineState) -> None:
    ends = {to for (source, _), to in BY_ANSWER.items() if source is state}
    assert ends & RESTING and ends <= RESTING | {state}


@pytest.mark.parametrize(("state", "answer"), BY_ANSWER)
def test_a_call_is_repeated_only_where_the_provider_says_that_nothing_changed(state: LineState, answer: Answer) -> None:
    call = call_after_asking(state, answer)
    assert (call is not None) == (answer is not Answer.LOST and after(state, answer) is state)
    assert call in (None, CALLS[state])


def test_what_is_live_is_dropped_when_the_claim_ends_and_nothing_else_is() -> None:
    assert LIVE | {LineState.RETURNING, LineState.RETURNED, LineState.REFUSED, LineState.KEPT} == set(LineState)
    assert {Move.RELEASE, Move.EXPIRE, Move.CANCEL} == DROPS
    assert not DROPS & set(NEEDS)


def test_waits_double_up_to_ten_minutes() -> None:
    assert [pause_s(tries) for tries in (0, 1, 2, 9, 100)] == [2, 4, 8, 600, 600]


def test_the_drawing_is_the_one_in_the_documentation() -> None:
    page = runpy.run_path(str(ROOT / "tools" / "write_claims_reference.py"))["page"]()
    assert diagram() in page
    assert (ROOT / "docs" / "reference" / "claims.md").read_text() == page
