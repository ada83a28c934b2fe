"""Ranges hold exactly what phonenumbers accepts, less what is set aside; each number has one place."""

import re

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneMetadata

from serai.systems.simcards.numbering.language import matching
from serai.systems.simcards.numbering.plans import (
    Kind,
    NoSuchPlan,
    Wanted,
    is_valid,
    numbers_of,
    parse_number,
    shown,
)
from serai.systems.simcards.numbering.ranges import Ranges

pairs = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 12)).map(lambda pair: (pair[0], pair[0] + pair[1])))


@given(pairs, pairs)
def test_ranges_are_sets(mine: list[tuple[int, int]], theirs: list[tuple[int, int]]) -> None:
    a, b = Ranges.of(mine), Ranges.of(theirs)
    twin_a, twin_b = ({n for low, high in each for n in range(low, high + 1)} for each in (mine, theirs))
    assert (set(a), a.size) == (twin_a, len(twin_a))
    assert set(a & b) == twin_a & twin_b
    assert set(a - b) == twin_a - twin_b
    assert [a.at(place) for place in range(a.size)] == sorted(twin_a)
    assert [a.place(number) for number in a] == [*range(a.size)]
    assert {number for number in range(-1, 80) if number in a} == twin_a


atoms = st.sampled_from([r"\d", "0", "7", "[2-9]", "[13-57]", "(?:1|23)", r"(?:4\d|5)"])
counted = st.tuples(atoms, st.sampled_from(["", "?", "{2}", "{0,2}", "{1,3}"])).map("".join)
patterns = st.lists(st.lists(counted, min_size=1, max_size=4).map("".join), min_size=1, max_size=3).map("|".join)


@given(patterns, st.integers(1, 4))
def test_a_patterns_numbers_are_those_that_the_regular_expression_matches(pattern: str, length: int) -> None:
    expression = re.compile(f"(?:{pattern})")
    assert set(matching(pattern, length)) == {n for n in range(10**length) if expression.fullmatch(f"{n:0{length}d}")}


@pytest.mark.parametrize("pattern", ["1+", "a", "(1", "1)", "[^2]", "{3}", r"\w"])
def test_a_pattern_of_anything_else_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        matching(pattern, 3)


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_every_countrys_plan_can_be_read_and_agrees_with_phonenumbers(region: str) -> None:
    metadata = PhoneMetadata.metadata_for_region(region)
    for description in (metadata.general_desc, metadata.mobile, metadata.fixed_line):
        if description is None or not description.national_number_pattern:
            continue
        expression = re.compile(f"(?:{description.national_number_pattern})")
        for length in description.possible_length:
            if length > 15:
                continue
            numbers = matching(description.national_number_pattern, length)
            ends = [place for first, last in numbers.pairs[:20] for place in (first - 1, first, last, last + 1)]
            for number in ends:
                if 0 <= number < 10**length:
                    text = f"{number:0{length}d}"
                    assert (number in numbers) == bool(expression.fullmatch(text)), (region, text)


def test_an_area_code_has_seven_point_nine_million_numbers() -> None:
    numbers, length = numbers_of(Wanted("US", Kind.MOBILE, "212"))
    assert (numbers.size, length) == (792 * 10_000 - 100, 10)
    for number in (12125550123, 12129112345, 12121112345, 12120002345):
        assert number not in numbers, number
    assert 12125550223 in numbers


@given(st.data())
@settings(max_examples=200)
def test_every_number_of_a_pool_is_valid_for_phonenumbers(data: st.DataObject) -> None:
    wanted = data.draw(
        st.sampled_from(
            [
                Wanted("US", Kind.MOBILE, "212"),
                Wanted("GB", Kind.MOBILE, "77"),
                Wanted("DE", Kind.MOBILE, "1512"),
                Wanted("FR", Kind.MOBILE, "6"),
                Wanted("IT", Kind.FIXED, "06", 10),
                Wanted("IN", Kind.MOBILE, "98"),
            ]
        )
    )
    numbers, length = numbers_of(wanted)
    number = numbers.at(data.draw(st.integers(0, numbers.size - 1)))
    parsed = phonenumbers.parse(f"+{number}")
    assert phonenumbers.is_valid_number(parsed)
    assert is_valid(number)
    national = phonenumbers.national_significant_number(parsed)
    assert (len(national), national[: len(wanted.prefix)]) == (length, wanted.prefix)
    assert parse_number(shown(number)) == number


@pytest.mark.parametrize(
    "number", [12125550123, 12129112345, 447700900123, 33639980000, 442079460000, 1212, 61491570156]
)
def test_what_is_set_aside_is_not_valid(number: int) -> None:
    assert not is_valid(number)


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        (Wanted("XX", Kind.MOBILE, ""), "region"),
        (Wanted("US", Kind.MOBILE, "21a"), "prefix"),
        (Wanted("US", Kind.MOBILE, "119"), "prefix"),
        (Wanted("IT", Kind.FIXED, "06"), "length"),
        (Wanted("US", Kind.MOBILE, "212", 9), "length"),
        (Wanted("US", Kind.MOBILE, ""), "prefix"),
        (Wanted("GB", Kind.MOBILE, "7700900"), "prefix"),
    ],
)
def test_a_range_that_is_in_no_plan_names_what_to_change(wanted: Wanted, field: str) -> None:
    with pytest.raises(NoSuchPlan) as refusal:
        numbers_of(wanted)
    assert refusal.value.field == field


@pytest.mark.parametrize(
    ("text", "number"),
    [("+1 212-555-2368", 12125552368), ("12125552368", 12125552368), ("hello", None), ("", None), ("+1 23", None)],
)
def test_numbers_are_read_as_people_write_them(text: str, number: int | None) -> None:
    assert parse_number(text) == number
