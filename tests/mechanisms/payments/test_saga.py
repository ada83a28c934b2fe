"""The saga's table: nothing outside it happens, everything in it comes to rest, and the docs show it."""

from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serai.mechanisms.payments.saga import (
    MONEY_MOVED,
    RESTING,
    STEPS,
    TABLE,
    Outcome,
    PaymentState,
    Step,
    after,
    diagram,
    pause_s,
)

DOCS = Path(__file__).parents[3] / "docs" / "reference" / "payments.md"

ANSWERS = {
    Step.ASK: {Outcome.AUTHORISED, Outcome.ACTION, Outcome.DECLINED, Outcome.NOT_FOUND, Outcome.LOST},
    Step.CAPTURE: {Outcome.CAPTURED, Outcome.REFUSED, Outcome.LOST},
    Step.VOID: {Outcome.VOIDED, Outcome.LOST},
    Step.REFUND: {Outcome.REFUNDED, Outcome.LOST},
    Step.AUTHORISE: {Outcome.AUTHORISED, Outcome.ACTION, Outcome.DECLINED, Outcome.LOST},
}
"""What a step at the gateway can turn out, written down independently of the table."""

REST = "authorising awaiting_buyer in_doubt capturing voiding refunding"


@pytest.mark.parametrize(("state", "outcome"), sorted(set(product(PaymentState, Outcome)) - TABLE.keys()))
def test_what_is_not_in_the_table_cannot_happen(state: PaymentState, outcome: Outcome) -> None:
    with pytest.raises(AssertionError, match=f"a payment that is {state} cannot turn out {outcome}"):
        after(state, outcome)


@pytest.mark.parametrize("state", STEPS)
def test_every_answer_of_a_states_step_has_a_place_in_the_table(state: PaymentState) -> None:
    wanted = set(ANSWERS[STEPS[state]])
    if state is PaymentState.AUTHORISING:
        wanted |= ANSWERS[Step.AUTHORISE]
    assert wanted <= {outcome for known, outcome in TABLE if known is state}


def test_whoever_may_be_authorised_may_also_lose_the_goods() -> None:
    authorised = {state for state, outcome in TABLE if outcome is Outcome.AUTHORISED}
    assert authorised == {state for state, outcome in TABLE if outcome is Outcome.CLAIM_LOST}
    assert {TABLE[state, Outcome.CLAIM_LOST] for state in authorised} == {PaymentState.VOIDING}


def test_only_the_states_with_a_step_are_worked_on() -> None:
    assert {state.value for state in PaymentState if state not in RESTING} == set(REST.split())
    moved_on = {state for state, outcome in TABLE if outcome is not Outcome.REFUND}
    assert not moved_on & RESTING, "a resting payment moves only when somebody asks for a refund"


def test_a_lost_answer_never_ends_a_payment_nor_moves_money() -> None:
    for (state, outcome), to in TABLE.items():
        if outcome is Outcome.LOST:
            assert to in STEPS, f"{state} would rest without an answer"
            assert to in (state, PaymentState.IN_DOUBT)


def test_money_moves_only_by_capture() -> None:
    for (state, outcome), to in TABLE.items():
        if to in MONEY_MOVED and state not in MONEY_MOVED:
            assert (state, outcome) == (PaymentState.CAPTURING, Outcome.CAPTURED)
        if state in MONEY_MOVED:
            assert to in MONEY_MOVED, f"money taken in {state} would be forgotten in {to}"


@given(st.sampled_from(sorted(PaymentState)), st.lists(st.integers(0, 99), max_size=40))
def test_every_payment_comes_to_rest_once_the_gateway_answers(state: PaymentState, chances: list[int]) -> None:
    """The naive loop: any answers at all, lost ones included, then a gateway that answers, then rest."""
    for chance in chances:
        if state in RESTING:
            break
        possible = sorted(
            ANSWERS[STEPS[state]] | ({Outcome.CLAIM_LOST} if (state, Outcome.CLAIM_LOST) in TABLE else set())
        )
        state = after(state, possible[chance % len(possible)])
    for _ in range(3):
        if state in RESTING:
            return
        waiting = state is PaymentState.AWAITING_BUYER
        state = after(state, Outcome.TIMED_OUT if waiting else _clear(state))
    raise AssertionError(f"a payment is still {state}")


def _clear(state: PaymentState) -> Outcome:
    return sorted(ANSWERS[STEPS[state]] - {Outcome.LOST, Outcome.ACTION})[0]


def test_pauses_grow_to_ten_minutes() -> None:
    assert [pause_s(tries) for tries in range(10)] == [2, 4, 8, 16, 32, 64, 128, 256, 512, 600]
    assert pause_s(10_000) == 600
    with pytest.raises(AssertionError):
        pause_s(-1)


def test_the_docs_show_the_table() -> None:
    shown = DOCS.read_text().split("```mermaid\n")[1].split("\n```")[0]
    assert shown == diagram(), f"{DOCS.name} is out of date: put saga.diagram() in its place"
