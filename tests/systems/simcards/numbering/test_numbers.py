"""The shuffle is a bijection, states follow the table, classes, cards, patterns and masks are what they say."""

import re
from itertools import pairwise, product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.doubles import SeededRandom

from serai.systems.simcards.numbering import states
from serai.systems.simcards.numbering.cards import BadCard, luhn_digit, masked_tail, parse_iccid, parse_imsi
from serai.systems.simcards.numbering.classes import NumberClass, class_of
from serai.systems.simcards.numbering.patterns import HIDDEN, HIDDEN_MIN, Pattern, candidates, masked, templates
from serai.systems.simcards.numbering.shuffle import Shuffle
from serai.systems.simcards.numbering.states import MOVES, IllegalNumberMove, NumberMove, NumberState

KEY = bytes(range(32))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 10, 99, 100, 101, 1000, 10_000])
def test_the_shuffle_of_a_small_pool_is_a_bijection(size: int) -> None:
    shuffle = Shuffle(size, KEY)
    keys = [shuffle.key_of(place) for place in range(size)]
    assert sorted(keys) == [*range(size)]
    assert [shuffle.place_of(key) for key in keys] == [*range(size)]


@given(st.integers(1, 10**8), st.binary(min_size=32, max_size=32), st.data())
def test_the_shuffle_of_any_pool_can_be_undone(size: int, key: bytes, data: st.DataObject) -> None:
    shuffle = Shuffle(size, key)
    place = data.draw(st.integers(0, size - 1))
    assert 0 <= shuffle.key_of(place) < size
    assert shuffle.place_of(shuffle.key_of(place)) == place


def test_neighbours_lie_apart_and_another_key_is_another_order() -> None:
    mine, other = Shuffle(10_000, KEY), Shuffle(10_000, bytes(32))
    steps = {mine.key_of(place + 1) - mine.key_of(place) for place in range(2000)}
    assert len(steps) > 1500
    assert sum(mine.key_of(place) == other.key_of(place) for place in range(10_000)) < 12


@pytest.mark.parametrize(("state", "move"), [*product(NumberState, NumberMove)])
def test_every_pair_of_state_and_move_is_in_the_table_or_refused(state: NumberState, move: NumberMove) -> None:
    if (state, move) in MOVES:
        assert states.after(state, move) is MOVES[state, move]
    else:
        with pytest.raises(IllegalNumberMove, match=f"that is {state.value} cannot"):
            states.after(state, move)


def test_what_was_somebodys_comes_back_only_through_quarantine() -> None:
    into_the_shop = {state for (state, _), to in MOVES.items() if to is NumberState.AVAILABLE}
    assert into_the_shop == {NumberState.PLANNED, NumberState.HELD, NumberState.QUARANTINE}
    assert states.diagram().count("-->") == len(MOVES) + 3


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (12125777777, NumberClass.GOLD),
        (12125123456, NumberClass.GOLD),
        (12125654321, NumberClass.GOLD),
        (12125121212, NumberClass.GOLD),
        (12125238888, NumberClass.PREMIUM),
        (12125945678, NumberClass.PREMIUM),
        (12125194194, NumberClass.PREMIUM),
        (12125193391, NumberClass.PREMIUM),
        (12125552368, NumberClass.PLAIN),
        (12125777701, NumberClass.PLAIN),
    ],
)
def test_the_end_of_a_number_decides_its_class(number: int, expected: NumberClass) -> None:
    assert class_of(number) is expected


def test_the_readme_shows_the_table() -> None:
    readme = Path(states.__file__).parents[1] / "README.md"
    assert states.diagram() in readme.read_text()


def test_luhns_digit_is_that_of_known_cards() -> None:
    assert luhn_digit("7992739871") == 3  # ISO/IEC 7812-1's own example
    assert parse_iccid("8944 1100 0000 0000 008") == "8944110000000000008"


@given(st.text("0123456789", min_size=16, max_size=17).map(lambda tail: "89" + tail), st.integers(0, 9), st.data())
def test_one_wrong_digit_of_an_iccid_is_found(start: str, other: int, data: st.DataObject) -> None:
    iccid = start + str(luhn_digit(start))
    assert parse_iccid(iccid) == iccid
    place = data.draw(st.integers(2, len(iccid) - 1))
    if iccid[place] != str(other):
        with pytest.raises(BadCard):
            parse_iccid(iccid[:place] + str(other) + iccid[place + 1 :])


@pytest.mark.parametrize(
    "text", ["", "89", "7944110000000000008", "894411000000000000x", "8944110000000000009", "٨٩" * 10]
)
def test_what_is_no_iccid_is_refused(text: str) -> None:
    with pytest.raises(BadCard):
        parse_iccid(text)


def test_an_imsi_has_fifteen_digits() -> None:
    assert parse_imsi("310150123456789") == "310150123456789"
    for text in ("31015012345678", "3101501234567890", "010150123456789", "31015012345678a"):
        with pytest.raises(BadCard):
            parse_imsi(text)
    assert masked_tail("310150123456789") == "•" * 11 + "6789"


tails = st.text("0123456789", max_size=2)


@given(st.builds(Pattern, prefix=tails, contains=tails, ends=tails, repeated=st.sampled_from([0, 0, 2, 3])))
def test_templates_are_all_that_matches_and_nothing_else(pattern: Pattern) -> None:
    expressions = [re.compile(form.replace("?", r"\d")) for form in templates(pattern, 4)]
    for number in range(10_000):
        tail = f"{number:04d}"
        assert pattern.matches(tail) == any(expression.fullmatch(tail) for expression in expressions), tail


@given(st.builds(Pattern, prefix=tails, contains=tails, ends=tails, repeated=st.sampled_from([0, 0, 3])))
def test_candidates_match_each_once_and_few_are_all_found(pattern: Pattern) -> None:
    found = list(candidates(pattern, 7, 2000, SeededRandom()))
    assert len(found) == len(set(found))
    assert all(pattern.matches(tail) for tail in found)
    few = list(candidates(pattern, 3, 1000, SeededRandom()))
    assert sorted(few) == [f"{number:03d}" for number in range(1000) if pattern.matches(f"{number:03d}")]


def test_candidates_come_in_no_order() -> None:
    found = list(candidates(Pattern(ends="7777"), 7, 2000, SeededRandom()))
    assert len(found) == 1000
    assert 300 < sum(a < b for a, b in pairwise(found)) < 700


@given(
    st.text("0123456789", min_size=3, max_size=9),
    st.builds(Pattern, prefix=st.text("0123456789", max_size=4), ends=st.text("0123456789", max_size=7)),
    st.integers(0, 99),
)
def test_a_mask_hides_three_digits_and_half_whatever_was_asked(tail: str, pattern: Pattern, seed: int) -> None:
    shown = masked("1212", tail, pattern, SeededRandom(seed))
    assert shown.startswith("1212")
    hidden = shown[4:].count(HIDDEN)
    assert hidden >= max(HIDDEN_MIN, len(tail) // 2)
    assert all(digit in (HIDDEN, true) for digit, true in zip(shown[4:], tail, strict=True))


def test_what_was_asked_for_is_what_is_shown() -> None:
    assert masked("1212", "5557788", Pattern(ends="88"), SeededRandom()).endswith("88")
    assert "777" in masked("1212", "1777654", Pattern(repeated=3), SeededRandom())
