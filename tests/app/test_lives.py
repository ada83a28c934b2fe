"""A child's life has only the moves of the table, and the pauses between tries are bounded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serai.app.lives import ENDED, MOVES, SERVING, Backoff, Silence, State


def test_every_state_can_be_reached_and_left_unless_it_is_an_end() -> None:
    reachable = {State.WAITING}.union(*MOVES.values())
    assert reachable == set(State) == set(MOVES)
    assert {state for state, moves in MOVES.items() if not moves} == ENDED


def test_what_serves_was_started() -> None:
    assert {state for state, moves in MOVES.items() if moves & SERVING} == {State.STARTING}


def test_pauses_double_up_to_their_bound_and_then_it_is_given_up() -> None:
    backoff = Backoff(first_s=1, pause_max_s=5, quick_s=10, deaths_max=6)
    assert [backoff.after_death(0.1) for _ in range(6)] == [1, 2, 4, 5, 5, None]


def test_who_lived_long_starts_anew() -> None:
    backoff = Backoff(first_s=1, quick_s=10, deaths_max=3)
    assert [backoff.after_death(lived_s) for lived_s in (0, 0, 11, 0, 0)] == [1, 2, 1, 2, None]


@given(st.lists(st.floats(min_value=0, max_value=100)))
def test_every_pause_is_within_its_bounds(lives_s: list[float]) -> None:
    backoff = Backoff()
    pauses = [backoff.after_death(lived_s) for lived_s in lives_s]
    assert all(pause is None or backoff.first_s <= pause <= backoff.pause_max_s for pause in pauses)


@pytest.mark.parametrize("state", sorted(ENDED))
def test_an_end_is_final(state: State) -> None:
    assert MOVES[state] == frozenset()


@pytest.mark.parametrize(
    ("signs", "hangs"),
    [
        ([0] * 50, False),
        ([1, 1, 1], False),
        ([1, 1, 1, 1], True),
        ([1, 1, 1, 2, 2, 2, 3, 3, 3], False),
        ([1, 9, 9, 9, 9], True),
        ([1, 1, 1, 0, 0, 0, 0], False),
    ],
    ids=["never spoke", "not yet", "fell silent", "slow", "fell silent later", "started anew"],
)
def test_who_spoke_and_says_nothing_for_some_looks_hangs(signs: list[int], hangs: bool) -> None:
    silence = Silence(looks_max=3)
    assert [silence.too_long(count) for count in signs][-1] is hangs
